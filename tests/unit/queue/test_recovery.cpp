// Crash, stop, restart: decisions 4, 5, 14 and 17.
#include "tests/unit/queue/yard_tools.hpp"

using namespace switchyard;
using namespace std::chrono_literals;
using test::Bench;

TEST_CASE("after a crash at any moment of a cycle it goes on, and comes on once")
{
    for (int ms = 1; ms < 260; ms += 6) {
        Bench b;
        b.faults.latency_min = b.faults.latency_max = 3ms;
        b.add_device("d").off_time = 100ms;
        b.start();
        auto const id = b.send("d", Action::cycle);
        b.pass(std::chrono::milliseconds(ms));
        b.restart();
        INFO("crash after " << ms << " ms, " << name(b.state_of(id)));
        CHECK(b.wait(id).state == CommandState::done);
        CHECK(b.outlet("d").on);
        CHECK(b.outlet("d").switched_off == 1);
        CHECK(b.outlet("d").switched_on == 1);
        CHECK(b.disk.commands.at(id.value).ended.has_value());
    }
}

TEST_CASE(
    "after a crash at any moment of a reset it was done once at most, and it says when it does not know")
{
    unsigned unknown = 0;
    for (int ms = 1; ms < 70; ms += 2) {
        Bench b;
        b.faults.latency_min = b.faults.latency_max = 3ms;
        b.add_device("d");
        b.start();
        auto const id = b.send("d", Action::reset);
        b.pass(std::chrono::milliseconds(ms));
        b.restart();
        auto const state = b.wait(id).state;
        INFO("crash after " << ms << " ms");
        CHECK((state == CommandState::done || state == CommandState::indeterminate));
        CHECK(b.outlet("d").resets <= 1);
        if (state == CommandState::done)
            CHECK(b.outlet("d").resets == 1);
        unknown += state == CommandState::indeterminate;
    }
    CHECK(unknown > 0);
}

TEST_CASE("a dual feed cycle survives a crash at any moment, and a second one soon after")
{
    for (int ms = 1; ms < 260; ms += 13) {
        Bench b;
        b.faults.latency_min = b.faults.latency_max = 3ms;
        b.add_device("a").off_time = 80ms;
        b.add_device("b");
        b.config.devices.at("b").off_time = 80ms;
        b.add_target("srv", {{"a", "1"}, {"b", "1"}});
        b.start();
        auto const id = b.send("srv", Action::cycle);
        b.pass(std::chrono::milliseconds(ms));
        b.restart();
        b.pass(std::chrono::milliseconds(ms / 2));
        b.restart();
        INFO("crash after " << ms << " ms");
        CHECK(b.wait(id).state == CommandState::done);
        CHECK(b.outlet("a", "1").on);
        CHECK(b.outlet("b", "1").on);
    }
}

TEST_CASE_METHOD(Bench, "what an earlier life sent is settled before anything newer")
{
    add_device("d");
    start();
    hardware("d").faults.lost_command = 1;
    auto const off = send("d", Action::off);
    pass(100ms);
    auto const on = send("d", Action::on);
    crash();
    hardware("d").faults = {};
    start();
    CHECK(wait(off).state == CommandState::done);
    CHECK(wait(on).state == CommandState::done);
    CHECK(outlet("d").on);
}

TEST_CASE_METHOD(Bench, "deadlines count on while the daemon is down")
{
    add_device("d").attempts = 100;
    start();
    dead("d");
    auto const id = send(with_deadline(request("d", Action::off), 10min));
    auto const other = send(with_deadline(request("d:2", Action::off), 2h));
    auto later = request("d:3", Action::off);
    later.delay = 1h;
    auto const delayed = send(later);
    crash();
    dead("d", false);
    pass(30min);
    start();
    CHECK(wait(id).state == CommandState::expired);
    CHECK(wait(other).state == CommandState::done);
    CHECK(state_of(delayed) == CommandState::delayed);
    auto const began = Clock::now();
    CHECK(wait(delayed).state == CommandState::done);
    CHECK(Clock::now() - began <= 31min);
}

TEST_CASE_METHOD(Bench, "a clock that went back leaves of a deadline what was left of it")
{
    add_device("d").off_time = 20s;
    start();
    run("d:1", Action::on); // the journal knows this time
    auto wanted = with_deadline(request("d:2", Action::off), 10min);
    wanted.delay = 5min;
    auto const delayed = send(wanted);
    auto const cycle = send("d:3", Action::cycle);
    pass(2s);
    crash();
    time.jump_utc(-48h);
    start();
    auto const began = Clock::now();
    CHECK(wait(cycle).state == CommandState::done);
    CHECK(Clock::now() - began <= 25s); // not longer dark than it was meant to be
    CHECK(wait(delayed).state == CommandState::done);
    CHECK(Clock::now() - began <= 6min);
}

TEST_CASE_METHOD(Bench, "a key stands for its first command after a restart, too")
{
    add_device("d");
    start();
    auto wanted = request("d", Action::cycle);
    wanted.key = "k1";
    auto const first = submit(wanted);
    CHECK_FALSE(first->repeated);
    auto const again = submit(wanted);
    CHECK(again->repeated);
    CHECK(again->id == first->id);
    auto other = wanted;
    other.off_time = 77s;
    CHECK(refused(other) == Errc::key_conflict);
    other = wanted;
    other.action = Action::off;
    CHECK(refused(other) == Errc::key_conflict);
    wait(first->id);
    restart();
    CHECK(submit(wanted)->id == first->id);
    CHECK(refused(other) == Errc::key_conflict);
    who.name = "somebody else";
    CHECK_FALSE(submit(wanted)->repeated);
    CHECK(info("d").queued == 1);
}

TEST_CASE_METHOD(Bench, "a target that means something else after a restart: unsent commands are cancelled")
{
    add_device("a").attempts = 100;
    add_device("b");
    add_target("srv", {{"a", ""}});
    start();
    dead("a");
    auto const unsent = send("srv", Action::off);
    auto const direct = send("a:1", Action::off);
    crash();
    add_target("srv", {{"b", ""}});
    dead("a", false);
    start();
    auto const report = wait(unsent);
    CHECK(report.state == CommandState::cancelled);
    CHECK(report.error->detail.find("target changed") != std::string::npos);
    CHECK(wait(direct).state == CommandState::done);
    CHECK(outlet("b").on);
}

TEST_CASE_METHOD(Bench, "a cycle that is off finishes on its frozen outlets whatever its target means now")
{
    add_device("a");
    add_device("b");
    add_target("srv", {{"a", ""}});
    start();
    auto const id = send("srv", Action::cycle);
    pass(1s);
    add_target("srv", {{"b", ""}});
    SECTION("reload")
    {
        yard->reload(config);
    }
    SECTION("restart")
    {
        restart();
    }
    CHECK(wait(id).state == CommandState::done);
    CHECK(outlet("a").on);
    CHECK(outlet("b").switched_off == 0);
}

TEST_CASE_METHOD(Bench, "a device that is gone after a restart: unsent is cancelled, sent is indeterminate")
{
    add_device("a");
    add_device("b");
    start();
    hardware("a").faults.lost_command = 1;
    auto const sent = send("a:1", Action::off);
    auto const unsent = send("a:1", Action::on);
    pass(500ms);
    crash();
    auto const device = config.devices.at("a");
    config.devices.erase("a");
    start();
    CHECK(wait(sent).state == CommandState::indeterminate);
    CHECK(wait(unsent).state == CommandState::cancelled);
    yard->reload(config);
    CHECK(yard->open_commands() == 0);
}

TEST_CASE_METHOD(Bench, "a broken row does not keep the others from going on")
{
    add_device("d").attempts = 100;
    start();
    dead("d");
    auto const broken = send("d:1", Action::off);
    auto const fine = send("d:2", Action::off);
    crash();
    disk.commands.at(broken.value).request = "{";
    dead("d", false);
    start();
    CHECK(wait(fine).state == CommandState::done);
}

TEST_CASE_METHOD(Bench, "a stop shortens a cycle's wait to min_off and switches on")
{
    auto& device = add_device("d");
    device.off_time = 1h;
    device.min_off = 4s;
    GroupConfig rack;
    rack.name = "rack";
    rack.stagger = 1h;
    config.groups["rack"] = rack;
    device.group = "rack";
    outlet("d", "1").on = false;
    start();
    run("d:1", Action::on); // the stagger would make it wait for an hour
    auto const id = send("d:2", Action::cycle);
    pass(1s);
    auto const began = Clock::now();
    stop(10s);
    CHECK(Clock::now() - began >= 2s);
    CHECK(Clock::now() - began < 6s);
    CHECK(outlet("d", "2").on);
    CHECK(disk.commands.at(id.value).state == CommandState::done);
}

TEST_CASE_METHOD(Bench, "what does not fit into a stop resumes at the next start")
{
    auto& device = add_device("d");
    device.off_time = 1h;
    device.min_off = 30s;
    start();
    auto const id = send("d:2", Action::cycle);
    auto const queued = send("d:2", Action::off);
    pass(1s);
    auto const began = Clock::now();
    stop(10s);
    CHECK(Clock::now() - began <= 11s);
    CHECK_FALSE(outlet("d", "2").on);
    start();
    CHECK(state_of(id) == CommandState::waiting);
    cancel(queued);
    cancel(id);
    wait(id);
    CHECK(outlet("d", "2").on);
}

TEST_CASE_METHOD(
    Bench, "a stop keeps what has not begun, refuses what comes, and does not wait for the hopeless")
{
    add_device("d").attempts = 100;
    start();
    dead("d");
    auto const id = send("d", Action::off);
    pass(5s);
    TaskGroup aside(loop.timers);
    auto stopping = [&]() -> asio::awaitable<void> { co_await yard->stop(Clock::now() + 10s); };
    auto const began = Clock::now();
    aside.spawn(stopping());
    CHECK(refused(request("d", Action::on)) == Errc::shutting_down);
    CHECK(read("d").error().code == Errc::shutting_down);
    CHECK_FALSE(yard->health().ready);
    loop.run(aside.drain(Clock::now() + 1h));
    CHECK(Clock::now() - began < 2s);
    yard.reset();
    store.reset();
    dead("d", false);
    start();
    CHECK(wait(id).state == CommandState::done);
}

TEST_CASE_METHOD(Bench, "waiters and readers are told at a stop")
{
    add_device("d").attempts = 100;
    start();
    dead("d");
    hardware("d").latency = 25s;
    auto const id = send("d", Action::off);
    std::vector<std::string> told;
    auto waiter = [&]() -> asio::awaitable<void> {
        auto const report = co_await yard->wait(id, Clock::time_point::max());
        told.emplace_back(report ? name(report->state) : name(report.error().code));
    };
    auto reader = [&]() -> asio::awaitable<void> {
        auto const state = co_await yard->state(who, "d:2", std::nullopt, 0ms, Clock::now() + 1h);
        told.emplace_back(state ? "state" : std::string(name(state.error().code)));
    };
    clients.spawn(waiter());
    clients.spawn(reader());
    pass(1ms);
    loop.run(yard->stop(Clock::now() + 1s));
    pass(1s);
    CHECK(told == std::vector<std::string>{"queued", "shutting_down"});
    yard.reset();
    store.reset();
    CHECK(clients.empty());
    hardware("d").latency = 20ms;
    start();
}

TEST_CASE_METHOD(Bench, "nothing is taken before the journal is read")
{
    add_device("d");
    store = std::make_unique<test::MemoryStore>(loop.timers, disk, faults);
    yard = std::make_unique<Dispatcher>(
        Dispatcher::Parts{loop.timers, tools, *store, observer, log, seed}, config);
    CHECK(refused(request("d", Action::on)) == Errc::store_unavailable);
    CHECK(yard->health().reason == "starting");
    CHECK(loop.run(yard->recover()).has_value());
    CHECK(run("d", Action::on).state == CommandState::done);
}
