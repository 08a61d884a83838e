// Cancel and debts: decisions 2 and 3.
#include "tests/unit/queue/yard_tools.hpp"

using namespace switchyard;
using namespace std::chrono_literals;
using test::Bench;

TEST_CASE_METHOD(Bench, "cancel before anything was sent wins and is durable")
{
    add_device("d").attempts = 50;
    start();
    SECTION("while it waits behind another")
    {
        hardware("d").latency = 1s;
        send("d:1", Action::reset);
        auto const id = send("d:1", Action::off);
        CHECK(cancel(id).state == CommandState::cancelled);
        CHECK(disk.commands.at(id.value).state == CommandState::cancelled);
        pass(1min);
        CHECK(outlet("d", "1").on);
    }
    SECTION("while it is delayed")
    {
        auto wanted = request("d:1", Action::off);
        wanted.delay = 1h;
        auto const id = send(wanted);
        CHECK(cancel(id).state == CommandState::cancelled);
        pass(2h);
        CHECK(outlet("d", "1").on);
        CHECK(info("d").queued == 0);
    }
    SECTION("between two tries")
    {
        dead("d");
        auto const id = send("d:1", Action::off);
        pass(1s);
        auto const began = Clock::now();
        CHECK(cancel(id).state == CommandState::cancelled);
        CHECK(Clock::now() - began < 1s);
    }
    SECTION("while the driver logs in, and then fails to: it is not tried again")
    {
        hardware("d").latency = 10s;
        dead("d");
        auto const id = send("d:1", Action::off);
        pass(1ms);
        auto const began = Clock::now();
        CHECK(cancel(id).state == CommandState::cancelled);
        CHECK(Clock::now() - began <= 10s);
        CHECK(hardware("d").calls == 1);
    }
    SECTION("while the driver logs in, before it may send")
    {
        hardware("d").latency = 10s;
        auto const id = send("d:1", Action::off);
        pass(1ms);
        CHECK(cancel(id).state == CommandState::cancelled);
        pass(1min);
        CHECK(outlet("d", "1").on);
    }
    CHECK(yard->open_commands() == 0);
}

TEST_CASE_METHOD(
    Bench, "cancel after it was sent changes nothing, and a command that has ended is told as it is")
{
    add_device("d");
    start();
    auto const done = run("d", Action::off);
    CHECK(cancel(done.id).state == CommandState::done);
    hardware("d").faults.lost_command = 1;
    auto const id = send("d", Action::on);
    pass(200ms);
    CHECK_FALSE(is_end(cancel(id).state));
    hardware("d").faults = {};
    auto const report = wait(id);
    CHECK((report.state == CommandState::failed || report.state == CommandState::done));
    CHECK(loop.run(yard->cancel(who, CommandId{999}, CancelMode::restore)).error().code == Errc::not_found);
}

TEST_CASE_METHOD(Bench, "cancel in a cycle skips the rest of its wait and switches on")
{
    add_device("d").off_time = 1h;
    start();
    auto const id = send("d", Action::cycle);
    pass(10s);
    CHECK(state_of(id) == CommandState::waiting);
    SECTION("at once")
    {
        cancel(id);
    }
    SECTION("asked again after a crash, and a second time")
    {
        restart();
        cancel(id);
        cancel(id);
    }
    auto const report = wait(id);
    CHECK(report.state == CommandState::cancelled);
    CHECK(report.power == PowerState::on);
    CHECK(outlet("d").on);
}

TEST_CASE_METHOD(Bench, "leave_off ends a cycle where it is")
{
    add_device("d").off_time = 1h;
    start();
    auto const id = send("d", Action::cycle);
    pass(10s);
    auto const report = cancel(id, CancelMode::leave_off);
    CHECK(wait(id).state == CommandState::cancelled);
    CHECK(wait(id).power == PowerState::off);
    CHECK_FALSE(outlet("d").on);
    CHECK(run("d", Action::on).state == CommandState::done);
}

TEST_CASE_METHOD(Bench, "a cancel that was durable is honoured after a crash")
{
    faults.latency_min = faults.latency_max = 2ms;
    add_device("d").off_time = 1h;
    start();
    auto const id = send("d", Action::cycle);
    pass(10s);
    auto cancel_it = [&]() -> asio::awaitable<void> {
        (void)co_await yard->cancel(who, id, CancelMode::restore);
    };
    clients.spawn(cancel_it());
    faults.kept = 1;
    pass(1ms); // on its way to the disk
    crash();
    disk.commands.at(id.value).progress.insert(1, "\"cancelled\":\"restore\",");
    start();
    auto const began = Clock::now();
    CHECK(wait(id).state == CommandState::cancelled);
    CHECK(Clock::now() - began < 10s);
    CHECK(outlet("d").on);
}

TEST_CASE_METHOD(Bench, "a cycle whose off cannot be sent is cancelled without a trace")
{
    add_device("d").attempts = 50;
    start();
    dead("d");
    auto const id = send("d", Action::cycle);
    pass(1s);
    CHECK(cancel(id).state == CommandState::cancelled);
    CHECK(acts() == "");
}

TEST_CASE_METHOD(Bench, "a cycle that is cancelled while its off is being retried switches on again")
{
    add_device("d").attempts = 50;
    start();
    hardware("d").faults.lost_reply = 1;
    hardware("d").faults.unreadable = 1;
    auto const id = send("d", Action::cycle);
    pass(5s);
    CHECK_FALSE(outlet("d").on);
    cancel(id);
    hardware("d").faults = {};
    CHECK(wait(id).state == CommandState::cancelled);
    CHECK(outlet("d").on);
}

namespace {

struct Debt : Bench {
    // A cycle whose off worked and whose device then went away.
    CommandId owed(std::string const& target = "d", milliseconds deadline = 1min)
    {
        auto const id = send(with_deadline(request(target, Action::cycle), deadline));
        while (state_of(id) != CommandState::waiting)
            pass(50ms);
        for (auto& [name, device] : world.devices())
            device->faults.unreachable = 1;
        return id;
    }
    void mend()
    {
        for (auto& [name, device] : world.devices())
            device->faults = {};
    }
};

} // namespace

TEST_CASE_METHOD(
    Debt, "an off that was sent is owed: the client is told at its deadline, the on goes on for hours")
{
    add_device("d");
    start();
    auto const id = owed();
    auto const began = Clock::now();
    auto const told = wait(id);
    CHECK(told.state == CommandState::restoring);
    CHECK(told.power == PowerState::off);
    CHECK(Clock::now() - began <= 1min);
    pass(5h);
    CHECK(state_of(id) == CommandState::restoring);
    auto const calls = hardware("d").calls;
    pass(1h);
    CHECK(hardware("d").calls - calls > 20); // it is tried, with a capped pause
    CHECK(hardware("d").calls - calls < 200);
    mend();
    pass(5min);
    CHECK(look(id).state == CommandState::done);
    CHECK(outlet("d").on);
}

TEST_CASE_METHOD(Debt, "a debt survives crashes and a stop")
{
    add_device("d");
    start();
    auto const id = owed();
    SECTION("crash")
    {
        crash();
    }
    SECTION("stop")
    {
        stop(1s);
    }
    pass(3h); // past its deadline
    start();
    pass(1min);
    CHECK(state_of(id) == CommandState::restoring);
    CHECK(wait(id, 1h).state == CommandState::restoring);
    mend();
    pass(5min);
    CHECK(look(id).state == CommandState::done);
}

TEST_CASE_METHOD(Debt, "a newer off takes the debt over, a newer on waits behind it")
{
    add_device("d");
    start();
    auto const id = owed();
    pass(2min);
    SECTION("off")
    {
        auto const off = send("d", Action::off);
        CHECK(wait(id).state == CommandState::superseded);
        CHECK(look(id).replaced_by == off);
        mend();
        CHECK(wait(off).state == CommandState::done);
        CHECK_FALSE(outlet("d").on);
    }
    SECTION("on")
    {
        auto const on = send("d", Action::on);
        pass(1s);
        CHECK(state_of(id) == CommandState::restoring);
        mend();
        CHECK(wait(on).state == CommandState::done);
        CHECK(look(id).state == CommandState::done);
        CHECK(outlet("d").on);
    }
    SECTION("a cancel that wants it left off")
    {
        cancel(id, CancelMode::leave_off);
        CHECK(wait(id).state == CommandState::cancelled);
        mend();
        pass(10min);
        CHECK_FALSE(outlet("d").on);
    }
}

TEST_CASE_METHOD(Debt, "an off that came before the first try of the on failed takes over, too")
{
    add_device("d").attempts = 100;
    start();
    auto const id = owed("d", 10min);
    auto const off = send("d", Action::off); // the cycle still waits
    pass(3min);
    CHECK(look(id).state == CommandState::superseded);
    mend();
    CHECK(wait(off).state == CommandState::done);
    CHECK_FALSE(outlet("d").on);
}

TEST_CASE_METHOD(Debt, "an off for one feed takes over that feed, the other is still owed")
{
    add_device("a");
    add_device("b");
    add_target("srv", {{"a", ""}, {"b", ""}});
    start();
    auto const id = owed("srv");
    pass(2min);
    auto const off = send("a", Action::off);
    pass(1min);
    CHECK(state_of(id) == CommandState::restoring);
    mend();
    CHECK(wait(off).state == CommandState::done);
    pass(5min);
    CHECK(is_end(state_of(id)));
    CHECK_FALSE(outlet("a").on);
    CHECK(outlet("b").on);
}

TEST_CASE_METHOD(Debt, "a debt waits out a device that a reload broke, and one whose password is wrong")
{
    add_device("d");
    start();
    auto const id = owed();
    SECTION("broken")
    {
        auto broken = config;
        broken.devices.at("d").fault = "the password file is gone";
        broken.devices.at("d").drivers.clear();
        yard->reload(broken);
        pass(1h);
        CHECK(state_of(id) == CommandState::restoring);
        SECTION("and a restart finds it broken")
        {
            auto const whole = std::exchange(config, broken);
            restart();
            pass(1h);
            CHECK(state_of(id) == CommandState::restoring);
            config = whole;
        }
    }
    SECTION("wrong password")
    {
        hardware("d").faults.wrong_password = true;
        pass(1h);
        CHECK_FALSE(is_end(state_of(id)));
    }
    mend();
    yard->reload(config);
    pass(5min);
    CHECK(look(id).state == CommandState::done);
    CHECK(outlet("d").on);
}

TEST_CASE_METHOD(Debt, "a deadline that passes in the wait does not shorten it")
{
    add_device("d").off_time = 5min;
    start();
    auto const id = send(with_deadline(request("d", Action::cycle), 1min));
    auto const began = Clock::now();
    CHECK(wait(id).state == CommandState::restoring);
    CHECK(Clock::now() - began <= 1min);
    pass(3min);
    CHECK_FALSE(outlet("d").on);
    pass(3min);
    CHECK(look(id).state == CommandState::done);
    CHECK(outlet("d").on);
}
