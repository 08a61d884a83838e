// What is accepted and what is told: limits, names, requests, lists, events, the store's failures.
#include "tests/unit/queue/yard_tools.hpp"

using namespace switchyard;
using namespace std::chrono_literals;
using test::Bench;

TEST_CASE_METHOD(Bench, "requests that make no sense are refused with the field's name")
{
    add_device("d");
    start();
    auto bad = [&](auto change, std::string const& field) {
        auto wanted = request("d", Action::on);
        change(wanted);
        auto const accepted = submit(wanted);
        REQUIRE_FALSE(accepted.has_value());
        CHECK(accepted.error().code == Errc::bad_request);
        CHECK(accepted.error().detail.find("'" + field + "'") != std::string::npos);
    };
    bad([](Request& r) { r.delay = -1ms; }, "delay");
    bad([](Request& r) { r.delay = std::chrono::hours(24 * 366); }, "delay");
    bad([](Request& r) { r.deadline = 0ms; }, "deadline");
    bad([](Request& r) { r.deadline = std::chrono::hours(25); }, "deadline");
    bad([](Request& r) { r.off_time = 1s; }, "off_time");
    bad(
        [](Request& r) {
            r.action = Action::reset;
            r.ensure = true;
        },
        "ensure");
    bad([](Request& r) { r.operation = "identify"; }, "operation");
    bad([](Request& r) { r.action = Action::invoke; }, "operation");
    CHECK(info("d").queued == 0);
}

TEST_CASE_METHOD(Bench, "names: targets, devices, outlets of devices, and a suggestion for the rest")
{
    add_device("pdu1");
    add_target("srv1", {{"pdu1", "4"}});
    start();
    CHECK(run("srv1", Action::off).outlets.at(0).outlet == "4");
    CHECK(run("pdu1", Action::off).outlets.at(0).outlet == "");
    CHECK(run("pdu1:7", Action::off).outlets.at(0).outlet == "7");
    auto with_port = request("pdu1", Action::off);
    with_port.outlet = "9";
    CHECK(run(with_port).outlets.at(0).outlet == "9");
    with_port.target = "srv1";
    CHECK(refused(with_port) == Errc::unknown_target);
    auto const unknown = submit("srv2", Action::off);
    CHECK(unknown.error().code == Errc::unknown_target);
    CHECK(unknown.error().detail.find("srv1") != std::string::npos);
    CHECK(refused(request("nobody:1", Action::off)) == Errc::unknown_target);
    CHECK(yard->target("srv1")->outlets == std::vector<std::string>{"pdu1:4"});
    CHECK_FALSE(yard->target("pdu1").has_value());
    CHECK(yard->targets("", 10).targets.size() == 1);
}

TEST_CASE_METHOD(Bench, "a device cannot do what none of its drivers can")
{
    Capabilities poor;
    poor.actions = {Action::on, Action::off};
    poor.read = true;
    add_device("d", poor);
    Capabilities native;
    native.actions = {Action::cycle};
    native.atomic_cycle = true;
    add_device("n", native);
    start();
    CHECK(refused(request("d", Action::soft)) == Errc::unsupported_action);
    CHECK(refused(request("n", Action::off)) == Errc::unsupported_action);
    CHECK(run("d", Action::cycle).state == CommandState::done);
    CHECK(run("n", Action::cycle).state == CommandState::done); // by the device itself
}

TEST_CASE_METHOD(Bench, "a full queue answers busy, of a device and in all, and recovers")
{
    config.daemon.queue_limit = 5;
    add_device("a").queue_limit = 2;
    add_device("b");
    start();
    hardware("a").latency = 10s;
    auto later = request("a:1", Action::off);
    later.delay = 1h;
    auto const delayed = send(later);
    send("a:2", Action::off);
    CHECK(refused(request("a:3", Action::off)) == Errc::busy);
    for (int i = 0; i < 3; ++i)
        send("b", Action::reset);
    CHECK(refused(request("b", Action::off)) == Errc::busy);
    CHECK(yard->health().open_commands == 5);
    CHECK(yard->depth()[static_cast<std::size_t>(CommandState::delayed)] == 1);
    cancel(delayed);
    pass(2min);
    CHECK(yard->open_commands() == 0);
    CHECK(info("a").queued == 0);
    CHECK(run("a:3", Action::off).state == CommandState::done);
}

TEST_CASE_METHOD(Bench, "a store that refuses leaves no trace, and one that is lost says commit_unknown")
{
    add_device("d");
    faults.latency_min = faults.latency_max = 5ms;
    start();
    store->set_full("the disk is full");
    CHECK(refused(request("d", Action::off)) == Errc::store_unavailable);
    CHECK(info("d").queued == 0);
    CHECK_FALSE(yard->health().ready);
    CHECK(yard->health().reason == "the disk is full");
    store->set_full("");
    CHECK(run("d", Action::off).state == CommandState::done);
    std::optional<Errc> told;
    auto ask = [&]() -> asio::awaitable<void> {
        auto const accepted = co_await yard->submit(who, request("d", Action::on));
        told = accepted ? Errc::internal : accepted.error().code;
    };
    clients.spawn(ask());
    pass(1ms);
    faults.kept = 1;
    store->crash();
    pass(1ms);
    CHECK(told == Errc::commit_unknown);
    crash();
    start();
    pass(10s);
    CHECK((outlet("d").on == (disk.commands.rbegin()->second.request.find("\"on\"") != std::string::npos)));
}

TEST_CASE_METHOD(Bench, "when the store dies with an intent, nothing is sent")
{
    add_device("d");
    faults.latency_min = faults.latency_max = 50ms;
    start();
    hardware("d").latency = 1us;
    auto const id = send("d", Action::reset);
    pass(10ms); // the intent is on its way
    store->crash();
    pass(10s);
    CHECK(outlet("d").resets == 0);
    crash();
    start();
    CHECK(is_end(wait(id).state));
    CHECK(outlet("d").resets <= 1);
}

TEST_CASE_METHOD(Bench, "every transition of a command is told once, in order, after it is durable")
{
    faults.latency_min = faults.latency_max = 2ms;
    add_device("d").off_time = 1s;
    start();
    auto const reader = yard->watch({});
    auto wanted = request("d", Action::cycle);
    wanted.delay = 1s;
    auto const id = send(wanted);
    wait(id);
    std::vector<CommandState> states;
    std::optional<EventId> last;
    while (states.empty() || !is_end(states.back())) {
        auto const event = loop.run(reader->next());
        REQUIRE(event.has_value());
        CHECK(event->command == id);
        CHECK(event->target == "d");
        CHECK((!last || *last < event->id));
        last = event->id;
        states.push_back(event->state);
    }
    CHECK(states
        == std::vector{CommandState::delayed, CommandState::queued, CommandState::running,
            CommandState::waiting, CommandState::running, CommandState::done});
    auto const old = *last;
    restart();
    auto const resumed = yard->watch(old);
    CHECK(loop.run(resumed->next())->reset);
}

TEST_CASE_METHOD(Bench, "commands are listed newest first, page by page, open ones as they are now")
{
    add_device("a");
    add_device("b").off_time = 1h;
    start();
    for (int i = 0; i < 5; ++i)
        run("a", Action::off);
    auto const open = send("b", Action::cycle);
    pass(1s);
    CommandFilter filter;
    filter.limit = 4;
    auto page = *loop.run(yard->list(filter));
    REQUIRE(page.commands.size() == 4);
    CHECK(page.commands.front().id == open);
    CHECK(page.commands.front().state == CommandState::waiting);
    REQUIRE(page.next);
    filter.before = page.next;
    page = *loop.run(yard->list(filter));
    CHECK(page.commands.size() == 2);
    CHECK_FALSE(page.next);
    CommandFilter only_open;
    only_open.open = true;
    CHECK(loop.run(yard->list(only_open))->commands.size() == 1);
    CommandFilter of_a;
    of_a.device = "a";
    of_a.state = CommandState::done;
    CHECK(loop.run(yard->list(of_a))->commands.size() == 5);
    config.daemon.store.keep = 0ms;
    crash();
    start();
    CHECK(loop.run(yard->prune()) == 5u);
    CHECK(loop.run(yard->look(CommandId{1})).error().code == Errc::not_found);
}

TEST_CASE_METHOD(Bench, "whoever waits is told in time, and late askers find the report")
{
    add_device("d");
    start();
    hardware("d").latency = 5s;
    auto const id = send("d", Action::off);
    CHECK(wait(id, 0s).state == CommandState::queued);
    CHECK_FALSE(is_end(wait(id, 1ms).state));
    std::vector<CommandState> told;
    auto ask = [&]() -> asio::awaitable<void> {
        auto const report = co_await yard->wait(id, Clock::time_point::max());
        told.push_back(report->state);
    };
    for (int i = 0; i < 3; ++i)
        clients.spawn(ask());
    pass(1min);
    CHECK(told == std::vector(3, CommandState::done));
    CHECK(yard->oldest_open() == std::nullopt);
    restart();
    auto const report = wait(id); // from the store
    CHECK(report.state == CommandState::done);
    CHECK(report.principal == "test");
    CHECK(report.ended.has_value());
}
