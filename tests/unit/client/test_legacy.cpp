#include "client/client.hpp"
#include "client/legacy.hpp"
#include "tests/unit/zmq/yard.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>

#include <sstream>

using namespace switchyard;
using namespace switchyard::client;
using namespace std::chrono_literals;
using asio::ip::tcp;
using test::Yard;

namespace {

struct Ran {
    int code;
    std::string out;
};

Ran run(Yard& yard, std::vector<std::string> arguments, bool connect = true)
{
    std::ostringstream out, err;
    Terminal terminal(out, err, false);
    Client client(yard.loop.timers, terminal);
    if (connect)
        arguments.insert(arguments.end(), {"--connect", yard.ipc()});
    auto const code = yard.loop.run(client.run(std::move(arguments)));
    return {static_cast<int>(code), out.str()};
}

// A foreign daemon: takes one connection, keeps what it read first, answers and closes.
struct Foreign {
    Foreign(test::Loop& loop_, std::string reply_)
        : loop(loop_), group(loop_.timers), reply(std::move(reply_))
    {
        group.spawn(serve());
    }
    ~Foreign()
    {
        acceptor.close();
        loop.run(group.drain(Clock::now() + 5s));
    }
    asio::awaitable<void> serve()
    {
        auto [error, socket] = co_await acceptor.async_accept(asio::as_tuple(asio::use_awaitable));
        if (error)
            co_return;
        std::array<char, 4096> part;
        auto const [unread, size] =
            co_await socket.async_read_some(asio::buffer(part), asio::as_tuple(asio::use_awaitable));
        got.assign(part.data(), size);
        co_await asio::async_write(socket, asio::buffer(reply), asio::as_tuple(asio::use_awaitable));
    }
    std::string port() const { return std::to_string(acceptor.local_endpoint().port()); }

    test::Loop& loop;
    tcp::acceptor acceptor{loop.io, tcp::endpoint(asio::ip::address_v4::loopback(), 0)};
    TaskGroup group;
    std::string reply;
    std::string got;
};

} // namespace

TEST_CASE("the old way without --daemon goes to the local socket")
{
    Yard yard;
    auto const on = run(yard, {"--hostname", "srv1", "--command", "on"});
    CHECK(on.code == 0);
    CHECK(on.out == "Command sent successfully.\n");
    CHECK(run(yard, {"--hostname", "pdu1", "--port", "2", "--command", "off"}).code == 0);
    CHECK(yard.service.last_request().outlet == "2");
    CHECK(run(yard, {"--hostname", "srv1", "--command", "reboot", "--delay", "0"}).code == 0);
    CHECK(yard.service.last_request().action == Action::cycle);
    CHECK(yard.service.last_request().off_time == 0ms);
    CHECK(run(yard, {"--hostname", "srv1", "--command", "on", "--delay", "0"}).code == 0);
    CHECK(yard.service.last_request().delay == 0ms);
    CHECK(run(yard, {"--hostname", "srv1", "--command", "soft"}).code == 0);
    CHECK(run(yard, {"--hostname", "srv1", "--command", "on"}).code == 0);
    auto const status = run(yard, {"--hostname", "srv1", "--command", "status"});
    CHECK(status.code == 0);
    CHECK(status.out == "on\n");
}

TEST_CASE("the old texts and exits are kept")
{
    Yard yard;
    auto const missing = run(yard, {"--hostname", "srv1"});
    CHECK(missing.code == 1);
    CHECK(missing.out == "Missing option, try -h for help\n");
    CHECK(run(yard, {"--command", "on"}).out == "Missing option, try -h for help\n");
    auto const blank = run(yard, {"--daemon", "localhost", "--hostname", "p 1", "--command", "on"}, false);
    CHECK(blank.code == 1); // and nothing is sent: it would be outlet 1 of p
    CHECK(blank.out == "Error sending command, wrong hostname or port?\n");
    auto const unknown = run(yard, {"--hostname", "srv1", "--command", "explode"});
    CHECK(unknown.code == 1);
    CHECK(unknown.out == "Unknown pdu command: explode\n");
    CHECK(run(yard, {"--daemon", "localhost", "--hostname", "p", "--port", "1", "--command", "cycle"}, false)
              .out
        == "Unknown pdu command: cycle\n");
    auto const refused = run(yard, {"--hostname", "nosuch", "--command", "on"});
    CHECK(refused.code == 127);
    CHECK(refused.out
        == "Error sending command! " + yard.ipc()
            + " replied: no target or device has this name: 'nosuch'\n");
    yard.service.end_with(CommandState::indeterminate, Error(Errc::indeterminate, "lost"));
    CHECK(run(yard, {"--hostname", "srv1", "--command", "reset"}).code == 127);
    auto const nobody =
        run(yard, {"--hostname", "srv1", "--command", "on", "--connect", "/nonexistent/x"}, false);
    CHECK(nobody.code == 1);
    CHECK(nobody.out == "Error sending command, wrong daemon hostname?\n");
}

TEST_CASE("the line protocol is sent without a line end and its reply is stripped")
{
    test::Loop loop;
    Foreign good(loop, "ack\n");
    CHECK(loop.run(ask_by_line(loop.timers, "127.0.0.1", good.port(), "p1 1 reboot 5")) == "ack");
    CHECK(good.got == "p1 1 reboot 5");
    Foreign bad(loop, "Unexpected data");
    CHECK(loop.run(ask_by_line(loop.timers, "127.0.0.1", bad.port(), "p1 1 on")) == "Unexpected data");
    Foreign silent(loop, "");
    CHECK(loop.run(ask_by_line(loop.timers, "127.0.0.1", silent.port(), "p1 1 on")) == "");
}

TEST_CASE("HTTP is asked as PDUDaemon's client asks, and the status counts")
{
    test::Loop loop;
    Foreign good(loop, "HTTP/1.1 200 OK\r\nContent-Length: 22\r\n\r\nOK - accepted request\n");
    CHECK(loop.run(ask_by_http(loop.timers, "127.0.0.1", good.port(), "/power/control/on?hostname=p1&port=1"))
        == 200U);
    CHECK(good.got.find("GET /power/control/on?hostname=p1&port=1 HTTP/1.1\r\nHost: 127.0.0.1:") == 0);
    Foreign bad(loop, "HTTP/1.1 500 Internal Server Error\r\n\r\nInvalid request\n");
    CHECK(loop.run(ask_by_http(loop.timers, "127.0.0.1", bad.port(), "/")) == 500U);
    Foreign line(loop, "Unexpected data");
    auto const port = line.port();
    CHECK(loop.run(ask_by_http(loop.timers, "127.0.0.1", port, "/")).error().detail
        == "127.0.0.1 port " + port + ": it does not speak HTTP");
}

TEST_CASE("a port where nobody listens is told")
{
    test::Loop loop;
    std::string port;
    {
        tcp::acceptor acceptor(loop.io, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
        port = std::to_string(acceptor.local_endpoint().port());
    }
    auto const error = loop.run(ask_by_line(loop.timers, "127.0.0.1", port, "p1 1 on")).error();
    CHECK(error.code == Errc::unreachable);
    CHECK(error.detail == "127.0.0.1 port " + port + ": Connection refused");
}
