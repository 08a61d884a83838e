// A new configuration while commands are queued and calls are on their way: decision 14.
#include "tests/unit/queue/yard_tools.hpp"

using namespace switchyard;
using namespace std::chrono_literals;
using test::Bench;

TEST_CASE_METHOD(Bench, "a target that means something else: unsent commands are cancelled, the others go on")
{
    add_device("a").attempts = 100;
    add_device("b");
    add_target("srv", {{"a", ""}});
    start();
    dead("a");
    auto const unsent = send("srv", Action::off);
    auto const direct = send("a:1", Action::off);
    pass(5s);
    add_target("srv", {{"b", ""}});
    yard->reload(config);
    auto const report = wait(unsent);
    CHECK(report.state == CommandState::cancelled);
    CHECK(report.error->detail.find("target changed") != std::string::npos);
    dead("a", false);
    CHECK(wait(direct).state == CommandState::done);
    CHECK(run("srv", Action::off).outlets.at(0).device == "b");
}

TEST_CASE_METHOD(Bench, "a removed device refuses new commands, serves its queue and goes")
{
    add_device("a");
    add_device("b");
    start();
    hardware("a").latency = 1s;
    std::vector<CommandId> queue;
    for (int i = 0; i < 4; ++i)
        queue.push_back(send("a:1", Action::reset));
    auto const kept = config;
    config.devices.erase("a");
    yard->reload(config);
    CHECK(info("a").status == "draining");
    CHECK(refused(request("a:1", Action::reset)) == Errc::unknown_target);
    for (auto const id : queue)
        CHECK(wait(id).state == CommandState::done);
    pass(1s);
    CHECK_FALSE(yard->device("a").has_value());
    CHECK(yard->devices("", 10).devices.size() == 1);
    yard->reload(kept);
    CHECK(run("a:1", Action::reset).state == CommandState::done);
}

TEST_CASE_METHOD(Bench, "after drain_timeout what was not sent is cancelled, and the device goes")
{
    config.daemon.drain_timeout = 1min;
    add_device("a").attempts = 1000;
    start();
    dead("a");
    auto const id = send(with_deadline(request("a", Action::off), 10h));
    hardware("a").latency = 5s;
    auto const delayed = [&] {
        auto wanted = request("a:2", Action::off);
        wanted.delay = 5h;
        return send(wanted);
    }();
    config.devices.erase("a");
    yard->reload(config);
    pass(50s);
    CHECK_FALSE(is_end(state_of(id)));
    yard->reload(config); // a second reload gives no second drain
    pass(30s);
    CHECK(state_of(id) == CommandState::cancelled);
    CHECK(state_of(delayed) == CommandState::cancelled);
    CHECK_FALSE(yard->device("a").has_value());
}

TEST_CASE_METHOD(Bench, "a reader whose device goes meanwhile is answered")
{
    add_device("a");
    start();
    hardware("a").latency = 2s;
    std::optional<Result<TargetState>> answer;
    auto ask = [&]() -> asio::awaitable<void> {
        answer = co_await yard->state(who, "a", std::nullopt, 0ms, Clock::now() + 1min);
    };
    clients.spawn(ask());
    pass(1ms);
    config.devices.erase("a");
    config.daemon.drain_timeout = 1ms;
    yard->reload(config);
    pass(5s);
    REQUIRE(answer.has_value());
    CHECK(answer->has_value());
    yard->reload(config);
    CHECK_FALSE(yard->device("a").has_value());
}

TEST_CASE_METHOD(
    Bench, "a device that a reload breaks fails what waits with its reason, and works again later")
{
    add_device("a").attempts = 100;
    add_target("srv", {{"a", ""}});
    start();
    dead("a");
    auto const waiting = send("srv", Action::off);
    hardware("a").faults.lost_command = 1;
    pass(100ms);
    auto broken = config;
    auto& device = broken.devices.at("a");
    device.fault = "no such password file";
    device.drivers.clear();
    yard->reload(broken);
    auto const report = wait(waiting);
    CHECK(report.state == CommandState::failed);
    CHECK(report.error->code == Errc::unreachable);
    CHECK(report.error->detail.find("no such password file") != std::string::npos);
    CHECK(refused(request("a", Action::on)) == Errc::unreachable);
    CHECK(refused(request("srv", Action::on)) == Errc::unreachable);
    CHECK(info("a").status == "failed");
    CHECK(yard->health().failed_devices == 1);
    hardware("a").faults = {};
    yard->reload(config);
    CHECK(run("srv", Action::off).state == CommandState::done);
}

TEST_CASE_METHOD(Bench, "a reload at any moment of a call changes nothing under it")
{
    add_device("a", test::SimWorld::everything(), 2);
    auto one = config;
    one.devices.at("a").drivers.pop_back();
    auto broken = config;
    broken.devices.at("a").drivers.clear();
    broken.devices.at("a").fault = "gone";
    auto paced = config;
    paced.devices.at("a").min_gap = 15ms;
    start();
    hardware("a").second_faults = test::SimFaults();
    dead("a"); // so that the second driver is in use
    for (int ms = 0; ms < 60; ++ms)
        for (auto const* const other : {&one, &broken, &paced}) {
            yard->reload(paced);
            auto const id = send("a:" + std::to_string(ms % 3), Action::off);
            std::vector<PowerState> none;
            pass(std::chrono::milliseconds(ms));
            yard->reload(*other);
            yard->reload(*other);
            pass(std::chrono::milliseconds(ms));
            yard->reload(config);
            INFO("after " << ms << " ms");
            CHECK(is_end(wait(id).state));
        }
    CHECK(run("a", Action::on).state == CommandState::done);
}

TEST_CASE_METHOD(Bench, "a reload that is taken back during a call leaves the old configuration")
{
    add_device("a");
    start();
    hardware("a").latency = 2s;
    auto const id = send("a", Action::off);
    pass(1ms);
    auto other = config;
    other.devices.at("a").queue_limit = 1;
    yard->reload(other);
    yard->reload(config);
    CHECK(wait(id).state == CommandState::done);
    send("a", Action::reset);
    send("a", Action::reset); // would be busy
}

TEST_CASE_METHOD(Bench, "a device moves to another queue when nothing of it waits, and back")
{
    for (auto const* const name : {"a", "b"}) {
        add_device(name);
        hardware(name).latency = 1s;
    }
    start();
    auto const alone = config;
    auto on_bus = config;
    for (auto const* const name : {"a", "b"})
        on_bus.devices.at(name).bus = "serial";
    auto const busy = send("a", Action::reset);
    for (int round = 0; round < 3; ++round) {
        yard->reload(on_bus);
        wait(busy);
        pass(5s);
        for (auto const* const name : {"a", "b"})
            hardware(name).queue = "serial";
        world.most_in_flight_in_a_queue = 0;
        std::vector<CommandId> all;
        for (int i = 0; i < 3; ++i)
            for (auto const* const name : {"a:1", "b:1", "a:2"})
                all.push_back(send(name, Action::reset));
        for (auto const id : all)
            CHECK(wait(id).state == CommandState::done);
        CHECK(world.most_in_flight_in_a_queue == 1);
        yard->reload(alone);
        CHECK(run("a:1", Action::off).state == CommandState::done);
        CHECK(run("b:3", Action::off).state == CommandState::done);
    }
    CHECK(info("a").bus.empty());
    yard->reload(on_bus);
    on_bus.devices.erase("a");
    yard->reload(on_bus);
    CHECK(run("b:1", Action::off).state == CommandState::done);
    CHECK_FALSE(yard->device("a").has_value());
}

TEST_CASE_METHOD(Bench, "a device that waits for a permit may go")
{
    GroupConfig rack;
    rack.name = "rack";
    rack.stagger = 1h;
    config.groups["rack"] = rack;
    config.daemon.drain_timeout = 1s;
    for (auto const* const name : {"a", "b"}) {
        add_device(name).group = "rack";
        outlet(name).on = false;
    }
    start();
    run("a", Action::on);
    auto const waiting = send(with_deadline(request("b", Action::on), 5h));
    pass(1s);
    auto without = config;
    without.devices.erase("b");
    yard->reload(without);
    pass(5s);
    CHECK(state_of(waiting) == CommandState::cancelled);
    CHECK_FALSE(yard->device("b").has_value());
    without.groups["rack"].stagger = 0ms;
    yard->reload(without); // the line is served
    pass(2h);
    CHECK(run("a", Action::on).state == CommandState::done);
}
