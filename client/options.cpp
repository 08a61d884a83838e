#include "client/options.hpp"

#include "core/base/text.hpp"

#include <cxxopts.hpp>

#include <algorithm>
#include <array>
#include <cstdlib>

namespace switchyard::client {
namespace {

constexpr std::array<OptionSpec, 32> specs{{
    {"connect", "ADDRESS",
        "the daemon: a host, HOST:PORT, a socket's path, or an endpoint; default: $SWITCHYARD_CONNECT, else "
        "the local socket, then tcp"},
    {"events", "ADDRESS", "where the daemon publishes, when it is not beside its socket or at its next port"},
    {"curve-server", "KEY", "the daemon's public CURVE key (Z85), for tcp"},
    {"curve-secret", "FILE", "the file with this client's secret CURVE key (Z85)"},
    {"json", "", "one JSON object a line, as docs/protocol.md describes it"},
    {"help", "", "this text; with a verb, about the verb"},
    {"version", "", "the version"},
    {"wait", "", "wait for the end (the default)"},
    {"no-wait", "", "return as soon as the daemon has recorded the command"},
    {"timeout", "SECONDS", "stop waiting after this time; the command goes on (exit 5)"},
    {"parallel", "N", "targets at a time, 1 to 1000 (default 64)"},
    {"delay", "SECONDS", "wait in the daemon before it acts"},
    {"off-time", "SECONDS", "how long a cycle stays off"},
    {"deadline", "SECONDS", "do not begin later than this after the due time"},
    {"priority", "CLASS", "bulk, normal or interactive (default: interactive on a terminal, else normal)"},
    {"key", "KEY",
        "idempotency key: the same key never acts twice; with several targets each gets KEY/TARGET"},
    {"coalesce", "MODE", "latest: replace on and off commands that were not sent yet; none: never"},
    {"ensure", "", "read first and do nothing when the state is there already"},
    {"reason", "TEXT", "for the log and the report"},
    {"max-age", "SECONDS", "accept a state from memory up to this age"},
    {"leave-off", "", "do not switch a cycle that is off back on"},
    {"all", "", "commands that have ended, too"},
    {"device", "NAME", "only commands of this device"},
    {"target", "NAME", "only commands of this target"},
    {"state", "STATE", "only commands in this state"},
    {"limit", "N", "at most so many, 1 to 500 (default 50)"},
    {"before", "ID", "only commands older than this one"},
    {"daemon", "HOST", "PDUDaemon's way: the daemon's host, line protocol on port 16421"},
    {"http", "", "PDUDaemon's way: HTTP on port 16421"},
    {"hostname", "NAME", "PDUDaemon's way: the PDU, device or target"},
    {"port", "PORT", "PDUDaemon's way: the outlet"},
    {"command", "COMMAND",
        "PDUDaemon's way: on, off, reboot; without --daemon also cycle, reset, soft, diag, status"},
}};

constexpr std::array<std::string_view, 7> common{
    "connect", "curve-server", "curve-secret", "json", "timeout", "help", "version"};

Error wrong(std::string detail)
{
    return Error(Errc::bad_request, std::move(detail));
}

std::string flag(std::string_view name)
{
    return "--" + std::string(name);
}

// cxxopts says which option does not exist; this says which was meant.
Result<> check_names(std::vector<std::string> const& arguments)
{
    std::array<std::string, specs.size()> flags; // with their dashes, as people see them
    std::ranges::transform(specs, flags.begin(), [](OptionSpec const& spec) { return flag(spec.name); });
    std::array<std::string_view, specs.size()> names;
    std::ranges::copy(flags, names.begin());
    for (auto const& argument : arguments) {
        if (argument == "--")
            break;
        if (!argument.starts_with("--"))
            continue;
        auto const name = std::string_view(argument).substr(0, argument.find('='));
        if (std::ranges::find(names, name) != names.end())
            continue;
        auto const hint = did_you_mean(name, names);
        return std::unexpected(wrong("there is no option " + std::string(name)
            + (hint.empty() ? "; 'pduclient --help' lists them" : hint)));
    }
    return {};
}

// Reads option values into Options, remembering the first mistake.
class Reader {
public:
    explicit Reader(Options& options) : options_(options) {}

    std::optional<Error> take(std::string const& name, std::string const& value)
    {
        options_.given.push_back(name);
        if (!read_switch(name) && !read_text(name, value) && !read_duration(name, value)
            && !read_choice(name, value))
            read_number(name, value);
        return std::exchange(error_, std::nullopt);
    }

private:
    bool read_switch(std::string_view name)
    {
        if (name == "wait" || name == "no-wait")
            return options_.wait = name == "wait", true;
        std::array<std::pair<std::string_view, bool*>, 7> const switches{{{"json", &options_.json},
            {"help", &options_.help}, {"version", &options_.version}, {"ensure", &options_.ensure},
            {"leave-off", &options_.leave_off}, {"all", &options_.all}, {"http", &options_.http}}};
        for (auto const& [known, place] : switches)
            if (known == name)
                return *place = true, true;
        return false;
    }
    bool read_text(std::string_view name, std::string const& value)
    {
        std::array<std::pair<std::string_view, std::optional<std::string>*>, 7> const texts{
            {{"daemon", &options_.daemon}, {"hostname", &options_.hostname}, {"port", &options_.port},
                {"command", &options_.command}, {"key", &options_.key}, {"device", &options_.filter.device},
                {"target", &options_.filter.target}}};
        for (auto const& [known, place] : texts)
            if (known == name)
                return *place = value, true;
        if (name == "connect")
            return options_.address.endpoints = {power_endpoint(value)}, true;
        if (name == "events")
            return options_.events = power_endpoint(value), true;
        if (name == "curve-server")
            return options_.address.curve_server = value, true;
        if (name == "curve-secret")
            return options_.address.curve_secret = SecretRef(SecretRef::Kind::file, value), true;
        if (name == "reason")
            return options_.reason = value, true;
        return false;
    }
    bool read_duration(std::string_view name, std::string const& value)
    {
        std::array<std::pair<std::string_view, std::optional<milliseconds>*>, 5> const durations{
            {{"timeout", &options_.timeout}, {"delay", &options_.delay}, {"off-time", &options_.off_time},
                {"deadline", &options_.deadline}, {"max-age", &max_age_}}};
        for (auto const& [known, place] : durations) {
            if (known != name)
                continue;
            *place = parse_duration(value);
            if (!*place)
                error_ = wrong(
                    flag(name) + ": '" + value + "' is no time: use seconds (5, 1.5) or 500ms, 5s, 2m, 1h");
            options_.max_age = max_age_.value_or(milliseconds{0});
            return true;
        }
        return false;
    }
    bool read_choice(std::string_view name, std::string const& value)
    {
        if (name == "priority") {
            options_.priority = priority_from(value);
            return check(options_.priority.has_value(), name, value, "bulk, normal, interactive");
        }
        if (name == "coalesce") {
            options_.coalesce = coalesce_from(value);
            return check(options_.coalesce.has_value(), name, value, "none, latest");
        }
        if (name == "state") {
            options_.filter.state = command_state_from(value);
            return check(options_.filter.state.has_value(), name, value,
                "delayed, queued, running, waiting, restoring, done, failed, expired, cancelled, superseded, "
                "indeterminate");
        }
        return false;
    }
    void read_number(std::string_view name, std::string const& value)
    {
        auto const number = parse_integer(value);
        std::int64_t const most = name == "parallel" ? 1'000 : name == "limit" ? 500 : std::int64_t{1} << 53U;
        if (!number || *number < 1 || *number > most) {
            error_ =
                wrong(flag(name) + ": '" + value + "' is not a number from 1 to " + std::to_string(most));
            return;
        }
        auto const positive = static_cast<std::uint64_t>(*number);
        if (name == "parallel")
            options_.parallel = positive;
        else if (name == "limit")
            options_.filter.limit = positive;
        else
            options_.filter.before = CommandId{positive};
    }
    bool check(bool good, std::string_view name, std::string const& value, std::string_view allowed)
    {
        if (!good)
            error_ = wrong(flag(name) + ": '" + value + "' is none of " + std::string(allowed));
        return true;
    }

    Options& options_;
    std::optional<milliseconds> max_age_;
    std::optional<Error> error_;
};

} // namespace

std::span<OptionSpec const> all_options() noexcept
{
    return specs;
}

OptionSpec const& option(std::string_view name)
{
    return *std::ranges::find(specs, name, &OptionSpec::name);
}

std::span<std::string_view const> common_options() noexcept
{
    return common;
}

Result<Options> parse_options(std::vector<std::string> const& arguments)
{
    if (auto const checked = check_names(arguments); !checked)
        return std::unexpected(checked.error());
    cxxopts::Options grammar("pduclient");
    for (auto const& spec : specs) {
        std::string const shorts = spec.name == "help" ? "h," : spec.name == "http" ? "H," : "";
        grammar.add_options()(shorts + std::string(spec.name), "",
            spec.value.empty() ? std::static_pointer_cast<cxxopts::Value>(cxxopts::value<bool>())
                               : std::static_pointer_cast<cxxopts::Value>(cxxopts::value<std::string>()));
    }
    grammar.add_options()("words", "", cxxopts::value<std::vector<std::string>>());
    grammar.parse_positional("words");
    std::vector<char const*> argv{"pduclient"};
    for (auto const& argument : arguments)
        argv.push_back(argument.c_str());
    Options out;
    if (char const* const address = std::getenv("SWITCHYARD_CONNECT"); address != nullptr && *address != '\0')
        out.address.endpoints = {power_endpoint(address)};
    Reader reader(out);
    try {
        auto const parsed = grammar.parse(static_cast<int>(argv.size()), argv.data());
        for (auto const& item : parsed.arguments()) {
            if (item.key() == "words") {
                out.words.push_back(item.value());
                continue;
            }
            if (auto error = reader.take(item.key(), item.value()))
                return std::unexpected(std::move(*error));
        }
    } catch (cxxopts::exceptions::exception const& error) {
        return std::unexpected(wrong(error.what()));
    }
    bool const server = !out.address.curve_server.empty();
    if (server == out.address.curve_secret.value.empty())
        return std::unexpected(wrong("--curve-server and --curve-secret belong together"));
    return out;
}

} // namespace switchyard::client
