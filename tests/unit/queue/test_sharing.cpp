// One wire write or read for many who want the same: decisions 7 and 11, and coalesce = "latest".
#include "tests/unit/queue/yard_tools.hpp"

using namespace switchyard;
using namespace std::chrono_literals;
using test::Bench;

namespace {

struct Sharing : Bench {
    void occupy(std::string const& name) { send(name + ":busy", Action::reset); }
    unsigned writes(std::string const& name) { return hardware(name).calls - hardware(name).reads; }
    Request latest(std::string target, Action action)
    {
        auto wanted = request(std::move(target), action);
        wanted.coalesce = Coalesce::latest;
        return wanted;
    }
    asio::awaitable<void> ask(std::string target, std::vector<PowerState>& answers)
    {
        auto const state =
            co_await yard->state(who, std::move(target), std::nullopt, 0ms, Clock::now() + 1min);
        answers.push_back(state ? state->power : PowerState::unknown);
    }
};

} // namespace

TEST_CASE_METHOD(Sharing, "equal writes that wait next to each other are one write, and all get its result")
{
    add_device("d");
    start();
    occupy("d");
    std::vector<CommandId> all;
    for (int i = 0; i < 5; ++i)
        all.push_back(send("d:1", Action::off));
    for (auto const id : all) {
        auto const report = wait(id);
        CHECK(report.state == CommandState::done);
        CHECK(report.confirmed);
        CHECK(report.outlets.at(0).attempts == 1);
        CHECK(report.outlets.at(0).driver == "sim");
        CHECK(report.started.has_value());
    }
    CHECK(writes("d") == 2);
}

TEST_CASE_METHOD(Sharing, "only equal, absolute neighbours are merged")
{
    add_device("d");
    start();
    occupy("d");
    SECTION("something else is between them")
    {
        send("d:1", Action::off);
        send("d:1", Action::on);
        wait(send("d:1", Action::off));
        CHECK(writes("d") == 4);
    }
    SECTION("resets are each meant")
    {
        send("d:1", Action::reset);
        wait(send("d:1", Action::reset));
        CHECK(outlet("d", "1").resets == 2);
    }
    SECTION("a toggle is not absolute")
    {
        hardware("d").capabilities.absolute = false;
        hardware("d").capabilities.read = false;
        crash();
        start();
        occupy("d");
        send("d:1", Action::off);
        wait(send("d:1", Action::off));
        CHECK(writes("d") >= 3);
    }
}

TEST_CASE_METHOD(Sharing, "one that is cancelled or expires leaves, and the write is made for the others")
{
    add_device("d");
    start();
    occupy("d");
    auto const first = send("d:1", Action::off);
    auto const brief = send(with_deadline(request("d:1", Action::off), 5ms));
    auto const third = send("d:1", Action::off);
    CHECK(cancel(first).state == CommandState::cancelled);
    CHECK(wait(third).state == CommandState::done);
    auto const report = wait(brief);
    CHECK((report.state == CommandState::expired || report.state == CommandState::done));
    CHECK(writes("d") == 2);
}

TEST_CASE_METHOD(Sharing, "the first of merged writes runs out of time: the others try on")
{
    add_device("d").attempts = 50;
    start();
    dead("d");
    auto const brief = send(with_deadline(request("d", Action::off), 3s));
    auto const patient = send("d", Action::off);
    CHECK(wait(brief).state == CommandState::expired);
    CHECK_FALSE(is_end(state_of(patient)));
    dead("d", false);
    CHECK(wait(patient).state == CommandState::done);
}

TEST_CASE_METHOD(Sharing, "a member's own deadline counts while its leader cannot send")
{
    add_device("d").attempts = 50;
    start();
    dead("d");
    auto const patient = send("d", Action::off);
    auto const brief = send(with_deadline(request("d", Action::off), 3s));
    auto const began = Clock::now();
    CHECK(wait(brief).state == CommandState::expired);
    CHECK(Clock::now() - began <= 4s);
    CHECK_FALSE(is_end(state_of(patient)));
}

TEST_CASE_METHOD(Sharing, "a merged write whose answer is lost is settled for all, whoever leaves meanwhile")
{
    add_device("d").attempts = 50;
    start();
    occupy("d");
    hardware("d").faults.lost_command = 1;
    hardware("d").faults.unreadable = 1;
    auto const leader = send(with_deadline(request("d:1", Action::off), 40s));
    auto const member = send("d:1", Action::off);
    auto const brief = send(with_deadline(request("d:1", Action::off), 50s));
    CHECK(wait(leader).state == CommandState::indeterminate);
    CHECK(wait(brief).state == CommandState::indeterminate);
    CHECK_FALSE(is_end(state_of(member)));
    hardware("d").faults = {};
    CHECK(wait(member).state == CommandState::done);
}

TEST_CASE_METHOD(Sharing, "one attempt only: those who were merged do not hang when the first one leaves")
{
    auto& device = add_device("d");
    device.attempts = 1;
    device.confirm_timeout = 3s;
    start();
    hardware("d").capabilities.read = false;
    crash();
    start();
    occupy("d");
    hardware("d").faults.lost_command = 1;
    auto const leader = send(with_deadline(request("d:1", Action::off), 1s));
    auto const member = send("d:1", Action::off);
    CHECK(is_end(wait(leader).state));
    CHECK(wait(member).state == CommandState::indeterminate);
    CHECK(yard->open_commands() == 0);
}

TEST_CASE_METHOD(Sharing, "the intent of a merged write survives a crash for all of them, and none is lost")
{
    for (int after = 1; after <= 60; after += 3) {
        if (yard == nullptr) {
            add_device("d");
            start();
        }
        occupy("d");
        std::vector<CommandId> all;
        for (int i = 0; i < 3; ++i)
            all.push_back(send("d:1", i % 2 == 0 ? Action::off : Action::off));
        pass(std::chrono::milliseconds(after));
        restart();
        for (auto const id : all)
            CHECK(wait(id).state == CommandState::done);
        CHECK_FALSE(outlet("d", "1").on);
        CHECK(run("d:1", Action::on).state == CommandState::done);
    }
}

TEST_CASE_METHOD(Sharing, "coalesce latest: the newest on or off replaces unsent ones, delayed ones too")
{
    add_device("d");
    start();
    occupy("d");
    auto const on = send("d:1", Action::on);
    auto delayed_off = request("d:1", Action::off);
    delayed_off.delay = 1h;
    auto const delayed = send(std::move(delayed_off));
    auto const reset = send("d:1", Action::reset);
    auto const elsewhere = send("d:2", Action::on);
    auto const newest = send(latest("d:1", Action::off));
    for (auto const id : {on, delayed}) {
        auto const report = wait(id);
        CHECK(report.state == CommandState::superseded);
        CHECK(report.replaced_by == newest);
    }
    for (auto const id : {reset, elsewhere, newest})
        CHECK(wait(id).state == CommandState::done);
    CHECK(acts() == "d:busy reset d:1 reset d:2 on d:1 off");
}

TEST_CASE_METHOD(Sharing, "latest replaces a command that could not be sent yet, not one that was")
{
    add_device("d").attempts = 50;
    start();
    SECTION("it is between two tries")
    {
        dead("d");
        auto const old = send("d", Action::off);
        pass(500ms);
        auto const newest = send(latest("d", Action::on));
        CHECK(wait(old).state == CommandState::superseded);
        dead("d", false);
        CHECK(wait(newest).state == CommandState::done);
    }
    SECTION("it may have acted")
    {
        hardware("d").faults.lost_command = 1;
        auto const old = send("d", Action::off);
        pass(500ms);
        auto const newest = send(latest("d", Action::on));
        hardware("d").faults = {};
        CHECK(wait(old).state == CommandState::done);
        CHECK(wait(newest).state == CommandState::done);
    }
    SECTION("never a cycle")
    {
        auto const cycle = send("d", Action::cycle);
        pass(1s);
        auto const newest = send(latest("d", Action::off));
        CHECK(wait(cycle).state == CommandState::done);
        CHECK(wait(newest).state == CommandState::done);
    }
}

TEST_CASE_METHOD(Sharing, "latest may be the device's default, and only replaces what it covers whole")
{
    add_device("a").coalesce = Coalesce::latest;
    add_device("b").coalesce = Coalesce::latest;
    add_target("both", {{"a", ""}, {"b", ""}});
    start();
    for (auto const* const name : {"a", "b"})
        occupy(name);
    auto const both = send("both", Action::off);
    auto const one = send("a", Action::on);
    auto const newer = send("a", Action::off);
    CHECK(wait(one).state == CommandState::superseded);
    CHECK(wait(both).state == CommandState::done);
    CHECK(wait(newer).state == CommandState::done);
}

TEST_CASE_METHOD(
    Sharing, "waiting readers of an outlet share one read, those who come later get the next one")
{
    add_device("d");
    start();
    occupy("d");
    std::vector<PowerState> answers;
    for (int i = 0; i < 10; ++i)
        clients.spawn(ask("d:1", answers));
    pass(1s);
    CHECK(answers == std::vector<PowerState>(10, PowerState::on));
    CHECK(hardware("d").reads == 1);
    hardware("d").latency = 2s;
    answers.clear();
    clients.spawn(ask("d:1", answers));
    pass(1ns); // the first is on the wire
    clients.spawn(ask("d:1", answers));
    clients.spawn(ask("d:1", answers));
    pass(10s);
    CHECK(answers.size() == 3);
    CHECK(hardware("d").reads == 3);
}

TEST_CASE_METHOD(Sharing, "a fresh state is answered from memory, and an intent makes it stale")
{
    add_device("d");
    start();
    CHECK(read("d", 10s)->power == PowerState::on);
    pass(3s);
    auto const remembered = read("d", 10s);
    CHECK(remembered->power == PowerState::on);
    CHECK(remembered->age >= 3s);
    CHECK(hardware("d").reads == 1);
    CHECK(read("d")->age == 0ms); // without max_age the device is asked
    CHECK(hardware("d").reads == 2);
    pass(11s);
    CHECK(read("d", 10s)->power == PowerState::on);
    CHECK(hardware("d").reads == 3);
    hardware("d").faults.lost_command = 1;
    hardware("d").faults.unreadable = 1;
    send("d", Action::off);
    pass(1s);
    CHECK_FALSE(read("d", 10s).has_value()); // what was known before the intent is not told any more
}

TEST_CASE_METHOD(Sharing, "a known state never makes a write unnecessary")
{
    add_device("d").max_age = 1h;
    start();
    (void)read("d");
    auto const report = run("d", Action::on);
    CHECK(report.changed);
    CHECK(writes("d") == 1);
}

TEST_CASE_METHOD(Sharing, "ensure does nothing when the device reports the state")
{
    add_device("d");
    start();
    auto wanted = request("d", Action::on);
    wanted.ensure = true;
    auto const report = run(wanted);
    CHECK(report.state == CommandState::done);
    CHECK_FALSE(report.changed);
    CHECK(writes("d") == 0);
    outlet("d").on = false;
    CHECK(run(wanted).changed);
    CHECK(writes("d") == 1);
}

TEST_CASE_METHOD(Sharing, "readers do not keep writes from being sent, and a reader's patience ends")
{
    add_device("d");
    start();
    hardware("d").latency = 1s;
    std::vector<PowerState> answers;
    bool enough = false;
    auto poll = [&](std::string target) -> asio::awaitable<void> {
        while (!enough)
            co_await ask(target, answers);
    };
    for (auto const* const name : {"d:1", "d:2", "d:3"})
        clients.spawn(poll(name));
    pass(5s);
    CHECK(run(with_deadline(request("d:4", Action::off), 1min)).state == CommandState::done);
    enough = true;
    pass(1min);
    hardware("d").latency = 20s;
    auto const impatient = read("d:5", 0ms, 1us);
    REQUIRE_FALSE(impatient.has_value());
    CHECK(impatient.error().code == Errc::timed_out);
}
