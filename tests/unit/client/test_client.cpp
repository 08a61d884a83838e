#include "client/client.hpp"
#include "core/base/version.hpp"
#include "tests/unit/zmq/yard.hpp"

#include <boost/json/parse.hpp>

#include <sstream>

using namespace switchyard;
using namespace switchyard::client;
using namespace std::chrono_literals;
using test::Yard;

namespace {

struct Ran {
    ExitCode code;
    std::string out;
    std::string err;
};

// pduclient in this process, against the yard unless the arguments say otherwise.
Ran run(Yard& yard, std::vector<std::string> arguments, bool connect = true)
{
    std::ostringstream out, err;
    auto code = ExitCode::failed;
    {
        Terminal terminal(out, err, false);
        Client client(yard.loop.timers, terminal);
        if (connect)
            arguments.insert(arguments.end(), {"--connect", yard.ipc()});
        code = yard.loop.run(client.run(std::move(arguments)));
    }
    return {code, out.str(), err.str()};
}

std::string usage_error(std::vector<std::string> arguments)
{
    test::Loop loop;
    std::ostringstream out, err;
    Terminal terminal(out, err, false);
    Client client(loop.timers, terminal);
    CHECK(loop.run(client.run(std::move(arguments))) == ExitCode::usage);
    CHECK(out.str().empty());
    return err.str();
}

} // namespace

TEST_CASE("a command line that is wrong says what is right")
{
    CHECK(usage_error({}) == "pduclient: a verb is missing; 'pduclient --help' lists them\n");
    CHECK(usage_error({"onn", "srv1"}) == "pduclient: there is no verb 'onn' - did you mean 'on'?\n");
    CHECK(usage_error({"xyzzy"}) == "pduclient: there is no verb 'xyzzy'; 'pduclient --help' lists them\n");
    CHECK(usage_error({"on"}) == "pduclient: usage: pduclient on TARGET...\n");
    CHECK(usage_error({"show"}) == "pduclient: usage: pduclient show ID\n");
    CHECK(usage_error({"on", "srv1", "--dely", "5"})
        == "pduclient: there is no option --dely - did you mean '--delay'?\n");
    CHECK(usage_error({"on", "srv1", "--xyzzy"})
        == "pduclient: there is no option --xyzzy; 'pduclient --help' lists them\n");
    CHECK(usage_error({"off", "srv1", "--off-time", "5"})
        == "pduclient: 'off' takes no --off-time; 'pduclient off --help' lists its options\n");
    CHECK(usage_error({"on", "srv1", "--delay", "soon"})
        == "pduclient: --delay: 'soon' is no time: use seconds (5, 1.5) or 500ms, 5s, 2m, 1h\n");
    CHECK(usage_error({"on", "srv1", "--priority", "high"})
        == "pduclient: --priority: 'high' is none of bulk, normal, interactive\n");
    CHECK(usage_error({"on", "srv1", "--coalesce", "all"})
        == "pduclient: --coalesce: 'all' is none of none, latest\n");
    CHECK(usage_error({"on", "srv1", "--parallel", "0"})
        == "pduclient: --parallel: '0' is not a number from 1 to 1000\n");
    CHECK(usage_error({"queue", "--state", "gone"})
        == "pduclient: --state: 'gone' is none of delayed, queued, running, waiting, restoring, done, "
           "failed, expired, "
           "cancelled, superseded, indeterminate\n");
    CHECK(usage_error({"on", "srv1", "--curve-server", "x"})
        == "pduclient: --curve-server and --curve-secret belong together\n");
}

TEST_CASE("help and version need no daemon")
{
    Yard yard;
    auto const version_text = run(yard, {"--version"});
    CHECK(version_text.out == "pduclient " + std::string(version) + "\n");
    auto const help = run(yard, {"--help"});
    CHECK(help.code == ExitCode::done);
    CHECK(
        help.out.find("  cycle TARGET...       Switch targets off, wait, and switch them on (also: reboot)\n")
        != std::string::npos);
    auto const verb = run(yard, {"cancel", "--help"});
    CHECK(verb.out.find("usage: pduclient cancel ID\n") == 0);
    CHECK(verb.out.find("--leave-off") != std::string::npos);
}

TEST_CASE("targets are switched, one line each, with a summary of several")
{
    Yard yard;
    auto const one = run(yard, {"on", "srv1"});
    CHECK(one.code == ExitCode::done);
    CHECK(one.out == "srv1: done, power on\n");
    CHECK(one.err.empty());
    auto const two = run(yard, {"off", "srv[1-2]"});
    CHECK(two.code == ExitCode::done);
    CHECK(two.out == "srv1: done, power off\nsrv2: done, power off\n");
    CHECK(two.err == "2 targets: 2 done\n");
    auto const some = run(yard, {"cycle", "srv[1-3]", "--reason", "because"});
    CHECK(some.code == ExitCode::failed);
    CHECK(some.out.find("srv3: failed: no target or device has this name: 'srv3'\n") != std::string::npos);
    CHECK(some.err.find("hint: 'pduclient targets' and 'pduclient devices' list the names that can be used\n")
        != std::string::npos);
    CHECK(some.err.find("3 targets: 2 done, 1 failed (srv3)\n") != std::string::npos);
}

TEST_CASE("what the options say reaches the daemon")
{
    Yard yard;
    run(yard,
        {"reboot", "srv1", "--off-time", "1.5", "--deadline", "2m", "--priority", "bulk", "--key", "k1",
            "--reason", "why"});
    auto const& request = yard.service.last_request();
    CHECK(request.action == Action::cycle);
    CHECK(request.off_time == 1500ms);
    CHECK(request.deadline == 2min);
    CHECK(request.priority == Priority::bulk);
    CHECK(request.key == "k1");
    CHECK(request.reason == "why");
    run(yard, {"on", "srv1", "--ensure", "--coalesce", "latest", "--delay", "0"});
    CHECK(yard.service.last_request().ensure);
    CHECK(yard.service.last_request().coalesce == Coalesce::latest);
    CHECK(yard.service.last_request().delay == 0ms);
    CHECK(yard.service.last_request().key.has_value());
}

TEST_CASE("failures and what is unknown have their own exits")
{
    Yard yard;
    yard.service.end_with(CommandState::failed, Error(Errc::unreachable, "no route to host"));
    auto const failed = run(yard, {"on", "srv1"});
    CHECK(failed.code == ExitCode::failed);
    CHECK(failed.out.find("srv1: failed: the device does not answer: no route to host") == 0);
    CHECK(failed.err
        == "hint: check the network and power of the device itself; 'pduclient devices' shows its last "
           "error\n");
    yard.service.end_with(CommandState::indeterminate, Error(Errc::indeterminate, "", Effect::possible));
    auto const unknown = run(yard, {"reset", "srv1"});
    CHECK(unknown.code == ExitCode::indeterminate);
    CHECK(unknown.err == "hint: look before you send it again: 'pduclient status srv1'\n");
}

TEST_CASE("with --no-wait it returns at once, and --timeout says that the command goes on")
{
    Yard yard;
    yard.service.hold();
    auto const accepted = run(yard, {"on", "srv1", "--no-wait"});
    CHECK(accepted.code == ExitCode::done);
    CHECK(accepted.out == "srv1: accepted as command 1\n");
    auto const open = run(yard, {"off", "srv1", "--timeout", "50ms"});
    CHECK(open.code == ExitCode::timed_out);
    CHECK(open.out == "srv1: still queued, command 2 goes on\n");
    CHECK(open.err == "hint: 'pduclient queue' shows what is open, 'pduclient show ID' one command\n");
}

TEST_CASE("Ctrl-C leaves the commands running and names them")
{
    Yard yard;
    yard.service.hold();
    std::ostringstream out, err;
    Terminal terminal(out, err, false);
    Client client(yard.loop.timers, terminal);
    auto press = [&]() -> asio::awaitable<void> {
        while (yard.service.submitted() < 2)
            co_await yard.loop.timers.wait_until(Clock::now() + 1ms);
        co_await yard.loop.timers.wait_until(Clock::now() + 100ms); // until both ids have come back
        client.interrupt();
    };
    TaskGroup group(yard.loop.timers);
    group.spawn(press());
    // Two at a time: the third is not begun any more.
    std::vector<std::string> arguments{"on", "srv[1-2]", "bmc1", "--parallel", "2", "--connect", yard.ipc()};
    CHECK(yard.loop.run(client.run(std::move(arguments))) == ExitCode::interrupted);
    CHECK(out.str().empty());
    CHECK(err.str()
        == "srv1 (command 1) goes on: 'pduclient show 1' looks at it, 'pduclient cancel 1' ends it\n"
           "srv2 (command 2) goes on: 'pduclient show 2' looks at it, 'pduclient cancel 2' ends it\n");
    CHECK(yard.loop.run(yard.service.look(CommandId{1}))->state == CommandState::queued);
    CHECK(yard.service.submitted() == 2);
    CHECK(yard.loop.run(group.drain(Clock::now() + 1s)));
}

TEST_CASE("status, queue, show, cancel, release, targets, devices and ping")
{
    Yard yard;
    run(yard, {"on", "srv1"});
    CHECK(run(yard, {"status", "srv1"}).out == "srv1: on\n");
    CHECK(run(yard, {"status", "nosuch"}).out
        == "nosuch: failed: no target or device has this name: 'nosuch'\n");
    CHECK(run(yard, {"queue"}).err == "no open commands\n");
    auto const all = run(yard, {"queue", "--all"});
    CHECK(all.out.find("ID  STATE  ACTION  TARGET  POWER") == 0);
    CHECK(all.out.find("\n1   done   on      srv1    on ") != std::string::npos);
    auto const shown = run(yard, {"show", "1"});
    CHECK(shown.out.find("command 1: on srv1\nstate:    done, power on\naccepted: ") == 0);
    CHECK(run(yard, {"show", "x"}).err
        == "pduclient: 'x' is not the number of a command; 'pduclient queue' lists them\n");
    auto const missing = run(yard, {"show", "99"});
    CHECK(missing.code == ExitCode::failed);
    CHECK(missing.out == "99: failed: there is no such command: command 99\n");
    CHECK(missing.err == "hint: 'pduclient queue --all' lists the commands that are kept\n");
    auto const late = run(yard, {"cancel", "1"});
    CHECK(late.code == ExitCode::failed);
    CHECK(late.out == "srv1 (command 1): done, power on\n");
    CHECK(late.err == "hint: it had ended before it could be cancelled\n");
    yard.service.hold();
    run(yard, {"off", "srv1", "--no-wait"});
    auto const cancelled = run(yard, {"cancel", "2"});
    CHECK(cancelled.code == ExitCode::done);
    CHECK(cancelled.out.find("srv1 (command 2): cancelled") == 0);
    CHECK(run(yard, {"release", "pdu1"}).out == "pdu1: released\n");
    CHECK(run(yard, {"targets"}).out.find("TARGET  OUTLETS  DESCRIPTION\nsrv1    bmc1     the first\n") == 0);
    CHECK(run(yard, {"devices"}).out.find("DEVICE  STATUS  DRIVERS  QUEUED  BUSY  WHY\nbmc1    ok      fake")
        == 0);
    CHECK(run(yard, {"ping"}).out == yard.ipc() + ": ready\n");
    yard.service.set_ready(false, "the store is full");
    auto const unready = run(yard, {"ping"});
    CHECK(unready.code == ExitCode::failed);
    CHECK(unready.out == yard.ipc() + ": not ready: the store is full\n");
}

TEST_CASE("with --json there is one object a line")
{
    Yard yard;
    auto const good = run(yard, {"on", "srv[1-2]", "--json"});
    std::istringstream lines(good.out);
    std::string line;
    int count = 0;
    while (std::getline(lines, line)) {
        CHECK(json::parse(line).at("state") == "done");
        ++count;
    }
    CHECK(count == 2);
    CHECK(good.err.empty());
    auto const bad = run(yard, {"on", "nosuch", "--json"});
    CHECK(json::parse(bad.out).at("error").at("code") == "unknown_target");
    CHECK(json::parse(bad.out).at("name") == "nosuch");
}

TEST_CASE("no daemon is exit 3, and the client says where it looked")
{
    Yard yard;
    auto const ran = run(yard, {"on", "srv1", "--connect", "/nonexistent/x.sock"}, false);
    CHECK(ran.code == ExitCode::no_daemon);
    CHECK(ran.out.empty());
    CHECK(ran.err
        == "pduclient: no daemon answers: ipc:///nonexistent/x.sock: there is no such socket\n"
           "hint: is it running (systemctl status switchyardd)? --connect ADDRESS names another one\n");
}

TEST_CASE("watch tells transitions")
{
    Yard yard;
    TaskGroup group(yard.loop.timers);
    bool done = false;
    auto busy = [&]() -> asio::awaitable<void> {
        while (!done) {
            Request request;
            request.target = "srv1";
            (void)co_await yard.service.submit(Principal("x"), std::move(request));
            co_await yard.loop.timers.wait_until(Clock::now() + 20ms);
        }
    };
    group.spawn(busy());
    auto const ran = run(yard, {"watch", "srv1", "--timeout", "500ms"});
    done = true;
    CHECK(yard.loop.run(group.drain(Clock::now() + 5s)));
    CHECK(ran.code == ExitCode::done);
    CHECK(ran.out.find("Z srv1: on done, power on (command ") != std::string::npos);
}
