#include "tests/support/driver_contract.hpp"

#include <catch2/catch.hpp>

#include <fstream>

using namespace switchyard;
using namespace switchyard::test;
using namespace std::chrono_literals;

namespace {

DriverConfig fake(std::string device = "pdu")
{
    return DriverConfig(*find_driver("fake"), std::move(device));
}

struct Fixture {
    Result<> write(Driver& driver, Action action, std::string const& outlet = "")
    {
        ContractAttempt attempt(5s);
        return bench.write(driver, attempt, outlet, action);
    }
    Result<PowerState> read(Driver& driver, std::string const& outlet = "")
    {
        ContractAttempt attempt(5s);
        return bench.read(driver, attempt, outlet);
    }
    // The witness without its times.
    std::vector<std::string> testimony() const
    {
        auto lines = lines_of(directory / "witness");
        for (auto& line : lines)
            line = line.substr(line.find(' ') + 1);
        return lines;
    }

    DriverBench bench;
    TemporaryDirectory directory;
};

} // namespace

TEST_CASE("the fake driver keeps the contract")
{
    TemporaryDirectory directory;
    int number = 0;
    Contract contract;
    contract.driver = "fake";
    contract.outlet = "2";
    contract.unsupported = Action::cycle;
    auto const witness = [&] { return directory / std::to_string(number); };
    contract.device = [&](Trouble trouble) -> std::optional<DriverConfig> {
        static constexpr std::array<char const*, 6> faults{
            "none", "unreachable", "auth_failed", "protocol", "timed_out", "lost_reply"};
        ++number;
        auto config = fake();
        config.set("outlets", std::int64_t{3});
        config.set("fail", std::string(faults.at(static_cast<std::size_t>(trouble))));
        config.set("witness", witness());
        return config;
    };
    contract.executed = [&] { return static_cast<int>(lines_of(witness()).size()); };
    check_contract(contract);
}

TEST_CASE_METHOD(Fixture, "every executed action has its line in the witness")
{
    auto config = fake();
    config.set("outlets", std::int64_t{2});
    config.set("cycle", true);
    config.set("witness", directory / "witness");
    auto const driver = bench.make(config);
    for (auto const action :
        {Action::on, Action::on, Action::reset, Action::cycle, Action::soft, Action::diag})
        CHECK(write(*driver, action, "2"));
    CHECK(testimony()
        == std::vector<std::string>{"pdu 2 on off->on", "pdu 2 on on->on", "pdu 2 reset on->on",
            "pdu 2 cycle on->on", "pdu 2 soft on->off", "pdu 2 diag off->off"});
    CHECK(read(*driver, "1") == PowerState::off);
    auto const single = bench.make([&] {
        auto one = fake("bmc");
        one.set("witness", directory / "witness");
        return one;
    }());
    CHECK(write(*single, Action::on));
    CHECK(testimony().back() == "bmc - on off->on");
}

TEST_CASE_METHOD(Fixture, "a device that toggles does so at each on and off")
{
    auto config = fake();
    config.set("absolute", false);
    auto const driver = bench.make(config);
    CHECK_FALSE(driver->capabilities().absolute);
    CHECK(write(*driver, Action::on));
    CHECK(read(*driver) == PowerState::on);
    CHECK(write(*driver, Action::on));
    CHECK(read(*driver) == PowerState::off);
}

TEST_CASE_METHOD(Fixture, "the state survives the driver in its file, each outlet its own")
{
    auto config = fake();
    config.set("outlets", std::int64_t{3});
    config.set("initial", std::string("on"));
    config.set("state", directory / "state");
    CHECK(write(*bench.make(config), Action::off, "3"));
    auto const later = bench.make(config);
    CHECK(read(*later, "1") == PowerState::on);
    CHECK(read(*later, "3") == PowerState::off);
    CHECK(write(*later, Action::off, "1"));
    auto const last = bench.make(config);
    CHECK(read(*last, "1") == PowerState::off);
    CHECK(read(*last, "2") == PowerState::on);
    CHECK(read(*last, "3") == PowerState::off);
}

TEST_CASE_METHOD(Fixture, "killed between state and witness: the line is added, once")
{
    auto config = fake();
    config.set("state", directory / "state");
    config.set("witness", directory / "witness");
    CHECK(write(*bench.make(config), Action::on));
    auto state = lines_of(directory / "state").at(0);
    auto const at = state.find("witnessed");
    REQUIRE(at != std::string::npos);
    state.replace(at, 9, "due      ");
    auto const rewind = [&] { std::ofstream(directory / "state") << state << "\n"; };

    rewind(); // killed after the line was written: it is found there
    CHECK(read(*bench.make(config)) == PowerState::on);
    CHECK(testimony() == std::vector<std::string>{"pdu - on off->on"});

    rewind(); // killed before
    auto const line = lines_of(directory / "witness").at(0);
    std::ofstream(directory / "witness", std::ios::trunc) << "1 other 1 on off->on\n";
    CHECK(read(*bench.make(config)) == PowerState::on);
    CHECK(lines_of(directory / "witness") == std::vector<std::string>{"1 other 1 on off->on", line});
    CHECK(read(*bench.make(config)) == PowerState::on);
    CHECK(lines_of(directory / "witness").size() == 2);
}

TEST_CASE_METHOD(Fixture, "a damaged state file is told, not guessed")
{
    auto config = fake();
    config.set("state", directory / "state");
    std::ofstream(directory / "state") << std::string(63, '?') << "\n";
    auto const state = read(*bench.make(config));
    REQUIRE_FALSE(state);
    CHECK(state.error().detail == "the state file " + directory / "state" + " is damaged at record 1");
}

TEST_CASE_METHOD(Fixture, "faults strike the calls, the number and the share that were asked for")
{
    auto config = fake();
    config.set("fail", std::string("refused"));
    config.set("fail_on", std::vector<std::string>{"on"});
    config.set("fail_first", std::int64_t{2});
    auto const few = bench.make(config);
    CHECK(write(*few, Action::off));
    CHECK(write(*few, Action::on).error() == Error(Errc::refused, "the fake device said no"));
    CHECK_FALSE(write(*few, Action::on));
    CHECK(write(*few, Action::on));

    auto rate = fake();
    rate.set("fail", std::string("unreachable"));
    rate.set("fail_rate", std::int64_t{30});
    auto const failures = [&] {
        auto const driver = bench.make(rate);
        std::string pattern;
        for (int i = 0; i < 200; ++i)
            pattern += read(*driver) ? '.' : 'x';
        return pattern;
    };
    auto const first = failures();
    CHECK(first == failures());
    auto const count = std::ranges::count(first, 'x');
    CHECK(count > 30);
    CHECK(count < 90);
    rate.set("seed", std::int64_t{2});
    CHECK(first != failures());
}

TEST_CASE("latency and the delayed state pass in the clock's time")
{
    VirtualTime time;
    Loop loop;
    loop.use(time);
    NullSink sink;
    Log log(sink, LogLevel::error);
    Toolbox toolbox{loop.timers, log};
    auto config = fake();
    config.set("latency", 300ms);
    config.set("switch_delay", 2000ms);
    auto const driver = std::move(*config.spec().make(toolbox, config));
    ContractAttempt attempt(1h);
    auto const start = Clock::now();
    std::string const outlet;
    Clock::time_point sent;
    attempt.on_intent = [&] { sent = Clock::now(); };
    CHECK(loop.run(driver->write(attempt, outlet, Action::on)));
    CHECK(sent - start == 100ms);
    CHECK(Clock::now() - start == 300ms);
    CHECK(loop.run(driver->read(attempt, outlet)) == PowerState::off);
    loop.run(loop.timers.wait_until(start + 3s));
    CHECK(loop.run(driver->read(attempt, outlet)) == PowerState::on);
    ContractAttempt hurried(150ms);
    auto const late = loop.run(driver->write(hurried, outlet, Action::off));
    REQUIRE_FALSE(late);
    CHECK(late.error() == Error(Errc::timed_out, "no answer before the deadline", Effect::possible));
}

TEST_CASE_METHOD(Fixture, "operations answer with what they were told")
{
    auto const driver = bench.make(fake());
    auto const invoke = [&](std::string name, json::object params) {
        ContractAttempt attempt(5s);
        Operation const operation(std::move(name), std::move(params));
        auto result = bench.invoke(*driver, attempt, "", operation);
        CHECK(attempt.intents == (result ? 1 : 0));
        return result;
    };
    CHECK(invoke("identify", {{"seconds", 30}})->at("seconds") == 30);
    CHECK(invoke("echo", {{"a", 1}})->at("a") == 1);
    CHECK(invoke("bootdev", {{"device", "pxe"}})->at("device") == "pxe");
    CHECK(invoke("identify", {{"seconds", 256}}).error().code == Errc::bad_request);
    CHECK(invoke("bootdev", {}).error().code == Errc::bad_request);
}

TEST_CASE("outlet names have one spelling")
{
    auto config = fake();
    auto const& spec = config.spec();
    CHECK(spec.canonical_outlet(config, "") == "");
    CHECK(spec.canonical_outlet(config, "1").error().code == Errc::unknown_target);
    config.set("outlets", std::int64_t{8});
    CHECK(spec.canonical_outlet(config, "05") == "5");
    CHECK(spec.canonical_outlet(config, "8") == "8");
    for (auto const* const wrong : {"", "0", "9", "-1", "x", "1 "})
        CHECK(spec.canonical_outlet(config, wrong).error().detail.ends_with("it has 1 to 8"));
}
