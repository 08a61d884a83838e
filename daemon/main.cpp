#include "core/base/version.hpp"
#include "daemon/application.hpp"

#include <cxxopts.hpp>
#include <fmt/format.h>

#include <cstdio>
#include <exception>

namespace {

switchyard::LogLevel log_level(std::string const& text)
{
    using switchyard::LogLevel;
    for (auto const level : {LogLevel::error, LogLevel::warning, LogLevel::info, LogLevel::debug})
        if (text == name(level))
            return level;
    throw cxxopts::exceptions::exception("--log-level must be one of error, warning, info, debug");
}

int serve(cxxopts::ParseResult const& given)
{
    switchyard::ApplicationOptions options;
    options.config_file = given["conf"].as<std::string>();
    options.foreground = given.count("foreground") > 0;
    if (given.count("log-level") > 0)
        options.log_level = log_level(given["log-level"].as<std::string>());
    return switchyard::Application(std::move(options)).run();
}

} // namespace

int main(int argc, char** argv)
try {
    cxxopts::Options options(
        "switchyardd", "Switchyard's daemon: queues power commands and sends them one at a time.");
    options.add_options()("c,conf", "configuration file",
        cxxopts::value<std::string>()->default_value("/etc/switchyard/switchyard.toml"),
        "FILE")("foreground", "log to standard error, under systemd too")("log-level",
        "error, warning, info or debug; overrides the configuration", cxxopts::value<std::string>(),
        "LEVEL")("check-config", "check FILE, name all its errors, and exit", cxxopts::value<std::string>(),
        "FILE")("dump-schema", "print the JSON Schema of the configuration and exit")(
        "list-drivers", "print the drivers and exit")("version", "print the version and exit")(
        "h,help", "print this and exit");
    auto const given = options.parse(argc, argv);
    if (!given.unmatched().empty())
        throw cxxopts::exceptions::exception("unexpected argument '" + given.unmatched().front() + "'");
    if (given.count("help") > 0)
        return fmt::print("{}", options.help()), 0;
    if (given.count("version") > 0)
        return fmt::print("switchyardd {}\n", switchyard::version), 0;
    if (given.count("dump-schema") > 0)
        return switchyard::dump_schema();
    if (given.count("list-drivers") > 0)
        return switchyard::list_drivers();
    if (given.count("check-config") > 0)
        return switchyard::check_config(given["check-config"].as<std::string>());
    return serve(given);
} catch (cxxopts::exceptions::exception const& error) {
    fmt::print(stderr, "switchyardd: {}; try --help\n", error.what());
    return 2;
} catch (std::exception const& error) {
    fmt::print(stderr, "switchyardd: {}\n", error.what());
    return 1;
}
