#include "tests/support/yard_fixture.hpp"

#include <catch2/catch.hpp>

using namespace switchyard;
using namespace std::chrono_literals;
using test::SimWorld;
using test::YardFixture;

TEST_CASE_METHOD(YardFixture, "an on is accepted, sent, confirmed and reported")
{
    add_device("bmc1");
    world.outlet("bmc1", "").on = false;
    start();
    auto const report = run("bmc1", Action::on);
    CHECK(report.state == CommandState::done);
    CHECK(report.power == PowerState::on);
    CHECK(report.confirmed);
    CHECK(report.outlets.at(0).driver == "sim");
    CHECK(report.outlets.at(0).attempts == 1);
    CHECK(world.outlet("bmc1", "").on);
    CHECK(disk.commands.at(report.id.value).state == CommandState::done);
    CHECK(yard->open_commands() == 0);
}

TEST_CASE_METHOD(YardFixture, "a cycle goes off, waits and comes on again")
{
    add_device("bmc1").off_time = 7s;
    start();
    auto const began = Clock::now();
    auto const report = run("bmc1", Action::cycle);
    CHECK(report.state == CommandState::done);
    CHECK(report.power == PowerState::on);
    CHECK(Clock::now() - began > 7s);
    CHECK(world.outlet("bmc1", "").switched_off == 1);
    CHECK(world.outlet("bmc1", "").switched_on == 1);
}

TEST_CASE_METHOD(YardFixture, "while a cycle waits the device serves its other outlets, but not that one")
{
    add_device("pdu");
    start();
    auto const cycle = submit("pdu:1", Action::cycle);
    pass(1s);
    auto const other = run("pdu:2", Action::off);
    CHECK(other.state == CommandState::done);
    auto const behind = submit("pdu:1", Action::off);
    CHECK(wait(cycle->id, 0s).state == CommandState::waiting);
    CHECK(wait(cycle->id).state == CommandState::done);
    CHECK(wait(behind->id).state == CommandState::done);
    CHECK_FALSE(world.outlet("pdu", "1").on);
    CHECK(world.outlet("pdu", "1").switched_off == 2);
}

TEST_CASE_METHOD(YardFixture, "after a crash a cycle goes on at its step")
{
    add_device("bmc1");
    start();
    auto const cycle = submit("bmc1", Action::cycle);
    pass(2s);
    CHECK_FALSE(world.outlet("bmc1", "").on);
    crash();
    pass(1min);
    start();
    auto const report = wait(cycle->id);
    CHECK(report.state == CommandState::done);
    CHECK(world.outlet("bmc1", "").on);
    CHECK(world.outlet("bmc1", "").switched_off == 1);
}
