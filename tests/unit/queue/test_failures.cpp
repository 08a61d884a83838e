// What devices do wrong, and what comes of it: decisions 1, 6, 8, 13 and 19.
#include "tests/unit/queue/yard_tools.hpp"

using namespace switchyard;
using namespace std::chrono_literals;
using test::Bench;
using test::SimWorld;

TEST_CASE_METHOD(Bench, "an unreachable device is tried again, and comes back")
{
    add_device("d");
    start();
    dead("d");
    auto const id = send("d", Action::off);
    pass(300ms);
    dead("d", false);
    auto const report = wait(id);
    CHECK(report.state == CommandState::done);
    CHECK(report.outlets.at(0).attempts == 2);
}

TEST_CASE_METHOD(Bench, "after its attempts a command fails and says why")
{
    add_device("d");
    start();
    dead("d");
    auto const report = run("d", Action::off);
    CHECK(report.state == CommandState::failed);
    CHECK(report.error->code == Errc::unreachable);
    CHECK(report.error_device == "d");
    CHECK(report.outlets.at(0).attempts == 3);
    CHECK(info("d").last_error.find("no answer") != std::string::npos);
}

TEST_CASE_METHOD(Bench, "the second driver goes on when the first could not act, and only then")
{
    add_device("d", SimWorld::everything(), 2);
    start();
    hardware("d").second_faults = test::SimFaults();
    SECTION("the first cannot be reached")
    {
        dead("d");
        auto const report = run("d", Action::off);
        CHECK(report.state == CommandState::done);
        CHECK(report.outlets.at(0).driver == "sim2");
        CHECK(report.outlets.at(0).attempts == 2);
    }
    SECTION("the first was refused")
    {
        hardware("d").faults.refused = 1;
        CHECK(run("d", Action::off).outlets.at(0).driver == "sim2");
    }
    SECTION("the first may have acted")
    {
        hardware("d").faults.lost_command = 1;
        auto const report = run("d", Action::reset);
        CHECK(report.state == CommandState::indeterminate);
        CHECK(outlet("d").resets == 0);
        CHECK(report.outlets.at(0).driver == "sim");
    }
}

TEST_CASE_METHOD(Bench, "what a lost answer left open a read settles")
{
    add_device("d");
    start();
    hardware("d").faults.lost_reply = 1;
    auto const report = run("d", Action::off);
    CHECK(report.state == CommandState::done);
    CHECK(report.confirmed);
    CHECK(outlet("d").switched_off == 1);
    CHECK(run("d", Action::reset).state == CommandState::indeterminate);
    CHECK(outlet("d").resets == 1);
}

TEST_CASE_METHOD(Bench, "a wrong password is tried once, latches, and a reload tries again")
{
    add_device("d");
    start();
    hardware("d").faults.wrong_password = true;
    CHECK(run("d", Action::off).error->code == Errc::auth_failed);
    auto const calls = hardware("d").calls;
    CHECK(calls == 1);
    auto const report = run("d", Action::on);
    CHECK(report.state == CommandState::failed);
    CHECK(report.error->code == Errc::auth_failed);
    CHECK_FALSE(read("d").has_value());
    CHECK(hardware("d").calls == calls);
    CHECK(info("d").auth_latched);
    hardware("d").faults = {};
    yard->reload(config);
    CHECK(run("d", Action::off).state == CommandState::done);
}

TEST_CASE_METHOD(Bench, "auth_retry_after asks again by itself")
{
    auto& device = add_device("d");
    device.auth_retry_after = 10min;
    device.attempts = 5;
    start();
    hardware("d").faults.wrong_password = true;
    CHECK(run("d", Action::off).error->code == Errc::auth_failed);
    hardware("d").faults = {};
    pass(5min);
    auto const id = send("d", Action::off);
    pass(4min);
    CHECK_FALSE(is_end(state_of(id)));
    CHECK(wait(id).state == CommandState::done);
}

TEST_CASE_METHOD(
    Bench, "an open breaker ends an interactive command at once, and lets others wait for the probe")
{
    auto& device = add_device("d");
    device.breaker_after = 3;
    device.breaker_delay = 1min;
    device.breaker_delay_max = 1min;
    device.attempts = 3;
    start();
    dead("d");
    CHECK(run("d", Action::off).state == CommandState::failed);
    CHECK(info("d").breaker == Breaker::open);
    CHECK(yard->open_breakers() == 1);
    auto urgent = with_deadline(request("d", Action::on), 10s);
    urgent.priority = Priority::interactive;
    auto const began = Clock::now();
    auto const report = run(urgent);
    CHECK(report.state == CommandState::failed);
    CHECK(report.error->code == Errc::unreachable);
    CHECK(Clock::now() - began < 1s);
    urgent.deadline = 5min;
    auto const patient = send(urgent);
    pass(10s);
    CHECK_FALSE(is_end(state_of(patient)));
    dead("d", false);
    CHECK(wait(patient).state == CommandState::done);
    CHECK(info("d").breaker == Breaker::closed);
}

TEST_CASE_METHOD(Bench, "a half-open breaker reads before it switches")
{
    auto& device = add_device("d");
    device.breaker_after = 1;
    device.attempts = 50;
    start();
    dead("d");
    auto const id = send("d", Action::reset);
    pass(1s);
    dead("d", false);
    hardware("d").faults.unreadable = 1;
    CHECK(hardware("d").reads == 0);
    pass(10s);
    CHECK(hardware("d").reads > 0);
    CHECK(outlet("d").resets == 0);
    hardware("d").faults = {};
    CHECK(wait(id).state == CommandState::done);
}

TEST_CASE_METHOD(Bench, "a command that is cancelled as the probe does not block the device for ever")
{
    auto& device = add_device("d");
    device.breaker_after = 1;
    device.attempts = 50;
    device.breaker_delay = 1s;
    device.breaker_delay_max = 1s;
    start();
    hardware("d").capabilities.read = false;
    restart();
    hardware("d").latency = 4s;
    dead("d");
    auto const probe = send("d", Action::reset);
    while (info("d").breaker != Breaker::open)
        pass(10ms);
    dead("d", false);
    while (info("d").breaker != Breaker::half_open)
        pass(10ms);
    CHECK(cancel(probe).state == CommandState::cancelled);
    CHECK(run(with_deadline(request("d", Action::reset), 1min)).state == CommandState::done);
}

TEST_CASE_METHOD(Bench, "a device without read-back ends done and not confirmed")
{
    auto able = SimWorld::everything();
    able.read = false;
    add_device("d", able);
    start();
    auto const report = run("d", Action::off);
    CHECK(report.state == CommandState::done);
    CHECK_FALSE(report.confirmed);
    CHECK(report.power == PowerState::off);
    CHECK(read("d").error().code == Errc::unsupported_action);
}

TEST_CASE_METHOD(Bench, "a soft shutdown that does not come is timed_out and forces nothing")
{
    add_device("d").soft_timeout = 20s;
    start();
    hardware("d").faults.lost_command = 0;
    CHECK(run("d", Action::soft).state == CommandState::done);
    outlet("d").on = true;
    hardware("d").faults.lost_command = 1;
    auto const report = run("d", Action::soft);
    CHECK(report.state == CommandState::indeterminate);
    CHECK(outlet("d").on);
}

TEST_CASE_METHOD(Bench, "both feeds of a machine go off before either comes on again")
{
    add_device("a");
    add_device("b").off_time = 9s;
    add_target("srv", {{"a", "1"}, {"b", "2"}});
    start();
    auto const report = run("srv", Action::cycle);
    CHECK(report.state == CommandState::done);
    CHECK(report.power == PowerState::on);
    REQUIRE(report.outlets.size() == 2);
    CHECK(world.trace.size() == 4);
    auto const story = acts();
    CHECK(story.rfind(" off") < story.find(" on"));
    CHECK(report.request.off_time == 9s); // the longest of its devices
}

TEST_CASE_METHOD(Bench, "when one feed cannot go off the other is switched on again and the cycle fails")
{
    add_device("a");
    add_device("b");
    add_target("srv", {{"a", "1"}, {"b", "2"}});
    start();
    hardware("b").faults.refused = 1;
    auto const report = run("srv", Action::cycle);
    CHECK(report.state == CommandState::failed);
    CHECK(report.error->code == Errc::refused);
    CHECK(report.error_device == "b");
    CHECK(outlet("a", "1").on);
    CHECK(outlet("b", "2").on);
    CHECK(outlet("b", "2").switched_off == 0);
}

TEST_CASE_METHOD(Bench, "a plain off of two feeds is not rolled back, the report lists each")
{
    add_device("a");
    add_device("b");
    add_target("srv", {{"a", ""}, {"b", ""}});
    start();
    dead("b");
    auto const report = run("srv", Action::off);
    CHECK(report.state == CommandState::failed);
    CHECK(report.outlets.at(0).power == PowerState::off);
    CHECK(report.outlets.at(1).error->code == Errc::unreachable);
    CHECK_FALSE(outlet("a").on);
    dead("b", false);
    CHECK(read("srv")->power == PowerState::partial);
    dead("b");
    auto const half = read("srv");
    REQUIRE(half.has_value());
    CHECK(half->power == PowerState::unknown);
    CHECK(half->outlets.at(1).error->code == Errc::unreachable);
    dead("b", false);
    run("srv", Action::off);
    CHECK(read("srv")->power == PowerState::off);
    run("srv", Action::on);
    CHECK(read("srv")->power == PowerState::on);
}

TEST_CASE_METHOD(Bench, "soft, reset, diag and operations need one system")
{
    add_device("a");
    add_device("b");
    add_target("srv", {{"a", ""}, {"b", ""}});
    start();
    for (auto const action : {Action::soft, Action::reset, Action::diag})
        CHECK(refused(request("srv", action)) == Errc::unsupported_action);
    auto operation = request("srv", Action::invoke);
    operation.operation = "identify";
    CHECK(refused(operation) == Errc::unsupported_action);
    operation.target = "a";
    auto const report = run(operation);
    CHECK(report.state == CommandState::done);
    CHECK(report.result.at("done") == true);
}

TEST_CASE_METHOD(Bench, "a device's own cycle is used when configured, and never repeated")
{
    add_device("d").native_cycle = true;
    start();
    CHECK(run("d", Action::cycle).state == CommandState::done);
    CHECK(acts() == "d: cycle");
    hardware("d").faults.lost_reply = 1;
    CHECK(run("d", Action::cycle).state == CommandState::indeterminate);
    CHECK(acts() == "d: cycle d: cycle");
}

TEST_CASE_METHOD(Bench, "an indeterminate command holds its device when asked for, until it is released")
{
    add_device("d").on_indeterminate = OnIndeterminate::hold;
    add_device("free");
    start();
    for (auto const* const name : {"d", "free"}) {
        hardware(name).faults.lost_command = 1;
        CHECK(run(name, Action::reset).state == CommandState::indeterminate);
        hardware(name).faults = {};
    }
    CHECK(info("free").status == "ok");
    CHECK(info("d").status == "held");
    auto const blocked = send("d", Action::off);
    auto const brief = send(with_deadline(request("d", Action::off), 10s));
    pass(1min);
    CHECK(state_of(blocked) == CommandState::queued);
    CHECK(state_of(brief) == CommandState::expired);
    CHECK(read("d").has_value());
    restart();
    CHECK(info("d").status == "held");
    CHECK(loop.run(yard->release(who, "d")).has_value());
    CHECK(wait(blocked).state == CommandState::done);
    CHECK(loop.run(yard->release(who, "d")).has_value());
    CHECK(loop.run(yard->release(who, "nobody")).error().code == Errc::unknown_target);
    restart();
    CHECK(info("d").status == "ok");
}

TEST_CASE_METHOD(Bench, "a call that hangs is ended by attempt_timeout, and the device serves on")
{
    add_device("d").attempt_timeout = 5s;
    start();
    hardware("d").faults.hang = 1;
    auto const id = send("d", Action::reset);
    pass(6s);
    CHECK(state_of(id) == CommandState::indeterminate);
    hardware("d").faults = {};
    CHECK(run("d", Action::off).state == CommandState::done);
}
