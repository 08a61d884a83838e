// Who goes first, and when: decisions 9, 10, 12 and the limits of a device.
#include "tests/unit/queue/yard_tools.hpp"

using namespace switchyard;
using namespace std::chrono_literals;
using test::Bench;

namespace {

struct Order : Bench {
    // A device that is busy for a while, so that what comes next has to wait.
    void occupy(std::string const& name)
    {
        hardware(name).latency = 500ms;
        clients.spawn(wait_for(send(name + ":busy", Action::reset)));
    }
    asio::awaitable<void> wait_for(CommandId id) { (void)co_await yard->wait(id, Clock::time_point::max()); }
    CommandId send_as(std::string target, Action action, Priority priority)
    {
        auto wanted = request(std::move(target), action);
        wanted.priority = priority;
        return send(std::move(wanted));
    }
    CommandId send_later(std::string target, Action action, milliseconds delay)
    {
        auto wanted = request(std::move(target), action);
        wanted.delay = delay;
        return send(std::move(wanted));
    }
};

} // namespace

TEST_CASE_METHOD(Order, "an outlet does what it was told in the order of acceptance")
{
    add_device("d");
    start();
    std::vector<CommandId> all;
    for (auto const action : {Action::off, Action::on, Action::reset, Action::off, Action::on})
        all.push_back(send("d:1", action));
    for (auto const id : all)
        CHECK(wait(id).state == CommandState::done);
    CHECK(acts() == "d:1 off d:1 on d:1 reset d:1 off d:1 on");
}

TEST_CASE_METHOD(Order, "an interactive command overtakes bulk ones of other outlets, never of its own")
{
    add_device("d");
    start();
    occupy("d");
    auto const bulk = send_as("d:1", Action::reset, Priority::bulk);
    auto const normal = send_as("d:2", Action::reset, Priority::normal);
    auto const urgent = send_as("d:3", Action::reset, Priority::interactive);
    for (auto const id : {bulk, normal, urgent})
        wait(id);
    CHECK(acts() == "d:busy reset d:3 reset d:2 reset d:1 reset");
}

TEST_CASE_METHOD(Order, "the head of an outlet inherits the urgency of what waits behind it")
{
    add_device("d");
    start();
    occupy("d");
    auto const other = send_as("d:2", Action::reset, Priority::normal);
    auto const head = send_as("d:1", Action::diag, Priority::bulk);
    auto const urgent = send_as("d:1", Action::reset, Priority::interactive);
    for (auto const id : {other, head, urgent})
        wait(id);
    CHECK(acts() == "d:busy reset d:1 diag d:1 reset d:2 reset");
}

TEST_CASE_METHOD(Order, "a command that has waited for minutes goes before a fresh urgent one")
{
    auto& device = add_device("d");
    device.on_indeterminate = OnIndeterminate::hold;
    start();
    hardware("d").faults.lost_command = 1;
    wait(send("d:x", Action::reset)); // now the device is held
    hardware("d").faults = {};
    auto const old = send_as("d:1", Action::reset, Priority::bulk);
    pass(3min);
    auto const fresh = send_as("d:2", Action::diag, Priority::interactive);
    CHECK(loop.run(yard->release(who, "d")).has_value());
    wait(old);
    wait(fresh);
    CHECK(acts() == "d:1 reset d:2 diag");
}

TEST_CASE_METHOD(Order, "a delayed command waits outside the queue, and its deadline runs from its due time")
{
    add_device("d");
    start();
    auto const late = send_later("d:1", Action::off, 1h);
    CHECK(state_of(late) == CommandState::delayed);
    CHECK(run("d:1", Action::on).state == CommandState::done);
    CHECK(info("d").queued == 1); // it counts
    pass(59min);
    CHECK(state_of(late) == CommandState::delayed);
    auto const report = wait(late);
    CHECK(report.state == CommandState::done);
    CHECK(report.deadline - report.due == config.daemon.deadline);
    CHECK(report.due - report.accepted == 1h);
}

TEST_CASE_METHOD(Order, "the due time decides before the number does")
{
    add_device("d");
    start();
    occupy("d");
    auto const later = send_later("d:1", Action::off, 200ms);
    auto const sooner = send_later("d:1", Action::reset, 100ms);
    wait(later);
    wait(sooner);
    CHECK(acts() == "d:busy reset d:1 reset d:1 off");
}

TEST_CASE_METHOD(Order, "after a long outage stale commands expire instead of firing")
{
    add_device("d").attempts = 100;
    start();
    dead("d");
    auto const id = send(with_deadline(request("d", Action::reset), 2min));
    pass(3min);
    dead("d", false);
    auto const report = wait(id);
    CHECK(report.state == CommandState::expired);
    CHECK(report.error->code == Errc::expired);
    CHECK(acts() == "");
    CHECK(run("d", Action::reset).state == CommandState::done);
}

TEST_CASE_METHOD(Order, "the deadline is looked at again right before sending")
{
    add_device("d");
    start();
    hardware("d").latency = 20s; // the login alone may take so long
    unsigned expired = 0;
    for (int i = 0; i < 10; ++i) {
        auto const report = run(with_deadline(request("d", Action::reset), 2s));
        expired += report.state == CommandState::expired;
        CHECK((report.state == CommandState::expired || report.state == CommandState::done));
    }
    CHECK(expired > 0);
    CHECK(outlet("d").resets == 10 - expired);
}

TEST_CASE_METHOD(Order, "a command waiting behind another expires at its deadline, not when its turn comes")
{
    add_device("d").off_time = 60s;
    start();
    auto const cycle = send("d", Action::cycle);
    auto const id = send(with_deadline(request("d", Action::reset), 5s));
    auto const began = Clock::now();
    CHECK(wait(id).state == CommandState::expired);
    CHECK(Clock::now() - began <= 6s);
    CHECK(wait(cycle).state == CommandState::done);
}

TEST_CASE_METHOD(Order, "a pause between two calls is kept")
{
    add_device("d").min_gap = 3s;
    start();
    for (auto const action : {Action::off, Action::on, Action::reset})
        run("d", action);
    (void)read("d");
    CHECK(hardware("d").shortest_gap >= 3s);
}

TEST_CASE_METHOD(Order, "devices run in parallel, those of one bus one at a time")
{
    for (auto const* const name : {"a", "b", "c", "d"}) {
        auto& device = add_device(name);
        hardware(name).latency = 5s;
        if (*name >= 'c') {
            device.bus = "serial";
            hardware(name).queue = "serial";
        }
    }
    start();
    std::vector<CommandId> all;
    for (int i = 0; i < 5; ++i)
        for (auto const* const name : {"a", "b", "c", "d"})
            all.push_back(send(name, Action::reset));
    bool together = false;
    for (int i = 0; i < 200; ++i) {
        pass(100ms);
        together = together || (hardware("a").in_flight > 0 && hardware("b").in_flight > 0);
    }
    CHECK(together);
    for (auto const id : all)
        CHECK(wait(id).state == CommandState::done);
    CHECK(world.most_in_flight_in_a_queue == 1);
}

TEST_CASE_METHOD(Order, "a group caps what switches at one time, and spaces out what comes on")
{
    GroupConfig rack;
    rack.name = "rack";
    rack.max_in_flight = 2;
    rack.stagger = 4s;
    config.groups["rack"] = rack;
    std::vector<std::string> const names{"a", "b", "c", "d"};
    for (auto const& name : names) {
        add_device(name).group = "rack";
        outlet(name).on = false;
        hardware(name).latency = 1s;
        hardware(name).queue = "rack"; // counts what is in flight in all of them
        hardware(name).capabilities.read = false;
    }
    start();
    std::vector<CommandId> all;
    auto const began = Clock::now();
    for (auto const& name : names)
        all.push_back(send(name, Action::on));
    for (auto const id : all)
        CHECK(wait(id).state == CommandState::done);
    CHECK(Clock::now() - began >= 12s);
    CHECK(Clock::now() - began < 20s);
    CHECK(world.most_in_flight_in_a_queue <= 2);
}

TEST_CASE_METHOD(Order, "a step that the group blocks lets its device serve other outlets")
{
    GroupConfig rack;
    rack.name = "rack";
    rack.stagger = 1min;
    config.groups["rack"] = rack;
    add_device("d").group = "rack";
    for (auto const* const name : {"1", "2"})
        outlet("d", name).on = false;
    start();
    run("d:1", Action::on);
    auto const blocked = send("d:2", Action::on);
    auto const began = Clock::now();
    CHECK(run("d:3", Action::off).state == CommandState::done);
    CHECK(read("d:3").has_value());
    CHECK(Clock::now() - began < 5s);
    CHECK(state_of(blocked) == CommandState::queued);
    CHECK(wait(blocked).state == CommandState::done);
}
