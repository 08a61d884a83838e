#include "core/base/text.hpp"
#include "tests/support/driver_contract.hpp"

#include <catch2/catch.hpp>

#include <filesystem>

using namespace switchyard;
using namespace switchyard::test;
using namespace std::chrono_literals;

namespace {

using Texts = std::vector<std::string>;
using Map = std::vector<std::pair<std::string, std::string>>;

struct Fixture {
    // A device whose program is a line of shell.
    static DriverConfig shell(std::string script)
    {
        DriverConfig config(*find_driver("exec"), "relay");
        config.set("program", std::string("sh"));
        config.set("args", Texts{"-c", std::move(script)});
        return config;
    }
    Result<> write(DriverConfig const& config, Action action = Action::on, std::string const& outlet = "")
    {
        auto const driver = bench.make(config);
        ContractAttempt attempt(10s);
        return bench.write(*driver, attempt, outlet, action);
    }
    Result<PowerState> read(DriverConfig const& config)
    {
        auto const driver = bench.make(config);
        ContractAttempt attempt(10s);
        return bench.read(*driver, attempt, "");
    }
    std::string refusal(DriverConfig const& config)
    {
        NullSink sink;
        Log log(sink, LogLevel::error);
        Loop loop;
        Toolbox toolbox{loop.timers, log};
        auto const driver = config.spec().make(toolbox, config);
        REQUIRE_FALSE(driver);
        CHECK(driver.error().code == Errc::bad_request);
        return driver.error().detail;
    }

    DriverBench bench;
    TemporaryDirectory directory;
};

} // namespace

TEST_CASE("the exec driver keeps the contract")
{
    TemporaryDirectory directory;
    int number = 0;
    Contract contract;
    contract.driver = "exec";
    contract.outlet = "A1";
    contract.unsupported = Action::diag;
    contract.secret = "exec-secret";
    auto const place = [&] { return directory / std::to_string(number); };
    contract.device = [&](Trouble trouble) -> std::optional<DriverConfig> {
        static constexpr std::array<char const*, 6> names{
            "none", "unreachable", "none", "garbage", "stuck", "lost_reply"};
        ++number;
        std::filesystem::create_directory(place());
        DriverConfig config(*find_driver("exec"), "relay");
        config.set("program", std::string(SWITCHYARD_PROGRAMS "/exec_device.sh"));
        config.set("outlets", Texts{"A1", "A2"});
        config.set(
            "params", Map{{"directory", place()}, {"trouble", names.at(static_cast<std::size_t>(trouble))}});
        auto const* const password =
            trouble == Trouble::wrong_password ? "exec-secret-of-old" : "exec-secret";
        config.set("secret", SecretRef(SecretRef::Kind::literal, password));
        config.set("grace", std::chrono::milliseconds(200));
        return config;
    };
    contract.executed = [&] { return static_cast<int>(lines_of(place() + "/witness").size()); };
    check_contract(contract);
}

TEST_CASE_METHOD(Fixture, "a program gets its call by environment and arguments")
{
    auto config = shell("printf '%s|' \"$0\" \"$@\" >" + directory / "args" + "; env >" + directory / "env");
    auto args = config.list("args");
    for (auto const* const word :
        {"name", "{action}", "{outlet}", "{device}", "x{action}", "{operation}", "$HOME"})
        args.emplace_back(word);
    config.set("args", args);
    config.set("outlets", Texts{"7"});
    config.set("params", Map{{"serial", "/dev/ttyUSB0"}, {"Baud_1", "9600 8N1"}});
    CHECK(write(config, Action::off, "7"));
    CHECK(lines_of(directory / "args") == Texts{"name|off|7|relay|x{action}||$HOME|"});
    auto env = lines_of(directory / "env");
    std::erase_if(
        env, [](auto const& line) { return line.starts_with("PATH=") || line.starts_with("PWD="); });
    std::ranges::sort(env);
    auto const left =
        std::ranges::find_if(env, [](auto const& line) { return line.starts_with("SWITCHYARD_DEADLINE="); });
    REQUIRE(left != env.end());
    auto const seconds = parse_duration(left->substr(20));
    REQUIRE(seconds);
    CHECK(*seconds > 5s);
    CHECK(*seconds <= 10s);
    env.erase(left);
    CHECK(env
        == Texts{"LANG=C", "SWITCHYARD_ACTION=off", "SWITCHYARD_CONTRACT=1", "SWITCHYARD_DEVICE=relay",
            "SWITCHYARD_OUTLET=7", "SWITCHYARD_PARAM_BAUD_1=9600 8N1",
            "SWITCHYARD_PARAM_SERIAL=/dev/ttyUSB0"});
}

TEST_CASE_METHOD(Fixture, "each exit status has its code and effect")
{
    struct Row {
        char const* script;
        Errc code;
        Effect effect;
        char const* detail;
    };
    for (auto const& row : {
             Row{"exit 10", Errc::refused, Effect::none, "sh ended with status 10"},
             Row{"echo locked >&2; exit 10", Errc::refused, Effect::none, "sh ended with status 10: locked"},
             Row{"exit 11", Errc::auth_failed, Effect::none, "sh ended with status 11"},
             Row{"exit 12", Errc::unreachable, Effect::none, "sh ended with status 12"},
             Row{"exit 13", Errc::unsupported_action, Effect::none, "sh ended with status 13"},
             Row{"exit 14", Errc::timed_out, Effect::none, "sh ended with status 14"},
             Row{"exit 15", Errc::protocol, Effect::none, "sh ended with status 15"},
             Row{"exit 20", Errc::timed_out, Effect::possible, "sh ended with status 20"},
             Row{"exit 1", Errc::protocol, Effect::possible, "sh ended with status 1"},
             Row{"printf 'a\\n b \\n\\n' >&2; exit 127", Errc::protocol, Effect::possible,
                 "sh ended with status 127: b"},
             Row{"kill -9 $$", Errc::protocol, Effect::possible, "sh was killed by signal 9"},
             Row{"echo '{\"detail\":\"stuck relay\",\"effect\":\"none\"}'; exit 1", Errc::protocol,
                 Effect::none, "sh ended with status 1: stuck relay"},
             Row{"echo '{\"effect\":\"possible\"}'; exit 10", Errc::refused, Effect::possible,
                 "sh ended with status 10"},
             Row{"echo done", Errc::protocol, Effect::possible,
                 "sh ended with status 0: its output is not a JSON object: done"},
             Row{"echo '{}'; echo '{}'", Errc::protocol, Effect::possible,
                 "sh ended with status 0: it wrote more than one line to its output"},
             Row{"echo '{\"state\":\"dim\"}'", Errc::protocol, Effect::possible,
                 "sh ended with status 0: the state in its output is none of on, off and unknown"},
         }) {
        CAPTURE(row.script);
        auto const result = write(shell(row.script));
        REQUIRE_FALSE(result);
        CHECK(result.error() == Error(row.code, row.detail, row.effect));
    }
    CHECK(write(shell("true")));
    CHECK(write(shell("echo '{\"unknown\": [1]}'")));
}

TEST_CASE_METHOD(Fixture, "a read has no effect, whatever its exit status")
{
    CHECK(read(shell("echo '{\"state\":\"on\"}'")) == PowerState::on);
    CHECK(read(shell("echo '{\"state\":\"unknown\"}'")) == PowerState::unknown);
    CHECK(read(shell("exit 20")).error() == Error(Errc::timed_out, "sh ended with status 20"));
    CHECK(read(shell("kill -9 $$")).error().effect == Effect::none);
    CHECK(read(shell("true")).error() == Error(Errc::protocol, "sh told no state"));
    auto blind = shell("true");
    blind.set("reads", false);
    CHECK(read(blind).error().code == Errc::unsupported_action);
    CHECK_FALSE(blind.spec().capabilities(blind).read);
}

TEST_CASE_METHOD(Fixture, "a program that does not exist did nothing")
{
    auto config = shell("");
    config.set("program", std::string("/no/such/program"));
    CHECK(write(config).error()
        == Error(Errc::internal, "cannot start /no/such/program: No such file or directory"));
}

TEST_CASE_METHOD(
    Fixture, "a secret that the program prints is hidden, one that cannot be read stops before the intent")
{
    auto config = shell("cat /dev/fd/3 >&2; exit 1");
    config.set("secret", SecretRef(SecretRef::Kind::literal, "hunter2"));
    CHECK(write(config).error().detail == "sh ended with status 1: ***");
    CHECK(bench.book.text.find("hunter2") == std::string::npos);
    CHECK(bench.book.text.find("***") != std::string::npos);
    config.set("secret", SecretRef(SecretRef::Kind::file, directory / "missing"));
    auto const driver = bench.make(config);
    ContractAttempt attempt(10s);
    CHECK_FALSE(bench.write(*driver, attempt, "", Action::on));
    CHECK(attempt.intents == 0);
}

TEST_CASE_METHOD(Fixture, "operations go to the program with their parameters")
{
    auto config = shell("read -r line; echo \"{\\\"result\\\": {\\\"name\\\": \\\"$SWITCHYARD_OPERATION\\\", "
                        "\\\"input\\\": $line}}\"");
    config.set("operations", Texts{"blink"});
    CHECK(config.spec().capabilities(config).actions.contains(Action::invoke));
    auto const driver = bench.make(config);
    ContractAttempt attempt(10s);
    json::object params{{"times", 3}};
    Operation const operation("blink", std::move(params));
    auto const result = bench.invoke(*driver, attempt, "", operation);
    REQUIRE(result);
    CHECK(
        json::serialize(*result) == R"({"name":"blink","input":{"operation":"blink","params":{"times":3}}})");
    CHECK(attempt.intents == 1);
}

TEST_CASE_METHOD(Fixture, "actions and toggles are what the configuration says")
{
    auto config = shell("true");
    config.set("actions", Texts{"on", "reboot", "soft"});
    config.set("absolute", false);
    auto const can = config.spec().capabilities(config);
    CHECK(can.actions.contains(Action::cycle));
    CHECK(can.atomic_cycle);
    CHECK(can.actions.contains(Action::soft));
    CHECK_FALSE(can.actions.contains(Action::off));
    CHECK_FALSE(can.absolute);
    CHECK(write(config, Action::cycle));
    CHECK(write(config, Action::off).error()
        == Error(Errc::unsupported_action, "this program has no action off"));
}

TEST_CASE_METHOD(Fixture, "a configuration that cannot work is refused with the place")
{
    auto config = shell("true");
    config.set("actions", Texts{"on", "of"});
    CHECK(refusal(config) == "actions: 'of' is none of on, off, cycle, reset, soft, diag");
    config = shell("true");
    config.set("args", Texts{"{port}"});
    CHECK(refusal(config) == "args: '{port}' is none of {action}, {outlet}, {device}, {operation}");
    config = shell("true");
    config.set("params", Map{{"a-b", "x"}});
    CHECK(refusal(config) == "params: 'a-b' is not a word of letters, digits and _");
    config.set("program", std::string());
    CHECK(refusal(config) == "program must name a program");
}

TEST_CASE("names of outlets are those of the configuration, numbers in any spelling")
{
    DriverConfig config(*find_driver("exec"), "relay");
    auto const& spec = config.spec();
    CHECK(spec.canonical_outlet(config, "") == "");
    CHECK(spec.canonical_outlet(config, "1").error().code == Errc::unknown_target);
    config.set("outlets", Texts{"01", "AA1"});
    CHECK(spec.canonical_outlet(config, "1") == "01");
    CHECK(spec.canonical_outlet(config, "AA1") == "AA1");
    CHECK(spec.canonical_outlet(config, "aa1").error().detail
        == "device relay has no outlet 'aa1'; it has 01, AA1");
}
