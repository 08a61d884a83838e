#include "core/net/http_server.hpp"
#include "core/net/signal.hpp"
#include "tests/support/raw_http.hpp"

#include <catch2/catch.hpp>

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>

using namespace switchyard;
using std::chrono::milliseconds;
using switchyard::test::Loop;
using switchyard::test::RawHttp;

namespace {

// Numbers "0", "1", ... for ever, or as many as it is told.
class Numbers final : public HttpStream {
public:
    Numbers(std::size_t count, std::size_t size, std::size_t& asked)
        : count_(count), size_(size), asked_(asked)
    {
    }
    asio::awaitable<std::optional<std::string>> next() override
    {
        if (asked_ == count_)
            co_return std::nullopt;
        std::string piece = std::to_string(asked_++);
        piece.resize(std::max(piece.size(), size_), '.');
        co_return piece;
    }

private:
    std::size_t const count_;
    std::size_t const size_;
    std::size_t& asked_;
};

// A stream that says one thing and then waits until it is cancelled.
class Silence final : public HttpStream {
public:
    Silence(Signal& signal, bool& cancelled) : signal_(signal), cancelled_(cancelled) {}
    asio::awaitable<std::optional<std::string>> next() override
    {
        if (!std::exchange(begun_, true))
            co_return "hello";
        cancelled_ = !co_await signal_.wait();
        co_return std::nullopt;
    }

private:
    Signal& signal_;
    bool& cancelled_;
    bool begun_ = false;
};

// "/echo" tells method, target and body; "/wait" answers when `go` is notified; and so on.
class Handler final : public HttpHandler {
public:
    explicit Handler(Loop& loop) : go(loop.timers.executor()), started(loop.timers.executor()) {}

    asio::awaitable<HttpResponse> handle(HttpRequest const& request) override
    {
        ++calls;
        HttpResponse response(200, "text/plain", request.method + " " + request.target + " " + request.body);
        if (request.target == "/wait") {
            started.notify();
            bool const went = co_await go.wait();
            cancelled = !went;
            response.body = went ? "went" : "cancelled";
        } else if (request.target == "/large") {
            response.body.assign(8'000'000, 'x');
        } else if (request.target == "/numbers") {
            response.stream = std::make_unique<Numbers>(count, 1, asked);
        } else if (request.target == "/flood") {
            response.stream = std::make_unique<Numbers>(1'000'000, 10'000, asked);
        } else if (request.target == "/silence") {
            response.stream = std::make_unique<Silence>(go, cancelled);
        } else if (request.target == "/throw") {
            throw std::runtime_error("broken");
        } else if (request.target == "/split") {
            response.headers.emplace_back("X-Name", "a\r\nSet-Cookie: b\x7f");
        }
        co_return response;
    }

    Signal go;
    Signal started;
    int calls = 0;
    bool cancelled = false;
    std::size_t count = 3;
    std::size_t asked = 0;
};

struct Rig {
    explicit Rig(HttpServerLimits const& limits = {}) : server(loop.timers, log, handler, limits)
    {
        REQUIRE(server.listen({"127.0.0.1:0"}));
    }
    ~Rig()
    {
        if (!stopped)
            stop();
    }
    void stop(milliseconds grace = milliseconds(0))
    {
        stopped = true;
        loop.run(server.stop(Clock::now() + grace));
    }
    RawHttp client() { return RawHttp(loop, server.ports().front()); }
    // Turns the loop until it is true; fails after ten seconds.
    template <class Condition>
    void until(Condition condition)
    {
        auto const limit = Clock::now() + std::chrono::seconds(10);
        while (!condition()) {
            REQUIRE(Clock::now() < limit);
            loop.run(tick());
        }
    }
    asio::awaitable<void> tick() { co_await loop.timers.wait_until(Clock::now() + milliseconds(1)); }

    Loop loop;
    NullSink sink;
    Log log{sink, LogLevel::error};
    Handler handler{loop};
    HttpServer server;
    bool stopped = false;
};

std::string const get = "GET /echo HTTP/1.1\r\nHost: a\r\n\r\n";

} // namespace

TEST_CASE("A request is answered and the connection stays")
{
    Rig rig;
    auto client = rig.client();
    for (int i = 0; i < 3; ++i) {
        client.send("POST /echo?x=1 HTTP/1.1\r\nContent-Length: 2\r\n\r\nhi");
        auto const reply = client.reply();
        CHECK(reply.status_line == "HTTP/1.1 200 OK");
        CHECK(reply.body == "POST /echo?x=1 hi");
        CHECK(reply.header("Content-Type") == "text/plain");
        CHECK(reply.header("Server") == "switchyard");
        CHECK(reply.header("Connection").empty());
        CHECK(reply.header("Date").size() == std::string_view("Fri, 20 Nov 2026 11:38:45 GMT").size());
        CHECK(reply.header("Date").ends_with(" GMT"));
    }
    CHECK(rig.server.stats().accepted == 1);
    CHECK(rig.server.stats().requests == 3);
}

TEST_CASE("Pipelined requests are answered in order")
{
    Rig rig;
    auto client = rig.client();
    std::string all;
    for (int i = 0; i < 200; ++i)
        all += "GET /" + std::to_string(i) + " HTTP/1.1\r\n\r\n";
    client.send("GET /wait HTTP/1.1\r\n\r\n" + all);
    rig.loop.run(rig.handler.started.wait());
    rig.handler.go.notify();
    CHECK(client.reply().body == "went");
    for (int i = 0; i < 200; ++i)
        REQUIRE(client.reply().body == "GET /" + std::to_string(i) + " ");
}

TEST_CASE("HTTP/1.0 is answered as such and closed unless it asks to stay")
{
    Rig rig;
    auto client = rig.client();
    client.send("GET /echo HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    auto const kept = client.reply();
    CHECK(kept.status_line == "HTTP/1.0 200 OK");
    CHECK(kept.header("Connection") == "keep-alive");
    client.send("GET /echo HTTP/1.0\r\n\r\n");
    CHECK(client.reply().header("Connection") == "close");
    CHECK(client.at_end());
}

TEST_CASE("Connection: close is answered and done")
{
    Rig rig;
    auto client = rig.client();
    client.send("GET /echo HTTP/1.1\r\nConnection: close\r\n\r\n" + get);
    CHECK(client.reply().header("Connection") == "close");
    CHECK(client.at_end());
    CHECK(rig.handler.calls == 1);
}

TEST_CASE("HEAD has the length of the body and not the body")
{
    Rig rig;
    auto client = rig.client();
    client.send("HEAD /echo HTTP/1.1\r\n\r\nHEAD /numbers HTTP/1.1\r\n\r\n" + get);
    CHECK(client.reply(true).header("Content-Length") == "11");
    CHECK(client.reply(true).header("Transfer-Encoding") == "chunked");
    CHECK(client.reply().body == "GET /echo ");
    CHECK(rig.handler.asked == 0);
}

TEST_CASE("A client that expects 100-continue gets it before it sends the body")
{
    Rig rig;
    auto client = rig.client();
    client.send("POST /echo HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    CHECK(client.reply().status_line == "HTTP/1.1 100 Continue");
    client.send("hi");
    CHECK(client.reply().body == "POST /echo hi");
}

TEST_CASE("A client that closed its sending side gets its answer")
{
    Rig rig;
    auto client = rig.client();
    client.send("GET /wait HTTP/1.1\r\n\r\n");
    client.half_close();
    rig.loop.run(rig.handler.started.wait());
    rig.handler.go.notify();
    CHECK(client.reply().body == "went");
    CHECK(client.at_end());
}

TEST_CASE("A client that is gone frees its connection and ends the wait")
{
    Rig rig;
    auto client = rig.client();
    client.send("GET /wait HTTP/1.1\r\n\r\n");
    rig.loop.run(rig.handler.started.wait());
    SECTION("before the watch begins") {}
    SECTION("while it is watched")
    {
        auto const later = Clock::now() + milliseconds(1'100);
        rig.until([&] { return Clock::now() > later; });
    }
    client.reset();
    rig.until([&] { return rig.server.stats().open == 0; });
    CHECK(rig.handler.cancelled);
    CHECK(rig.server.stats().hung_up == 1);
}

TEST_CASE("A malformed request gets its status, its reason and the end")
{
    Rig rig;
    auto const refused = [&rig](std::string const& request) {
        auto client = rig.client();
        client.send(request);
        auto const reply = client.reply();
        CHECK(reply.header("Connection") == "close");
        CHECK(client.at_end());
        return reply.status_line + "|" + reply.body;
    };
    CHECK(refused("GET / HTTP/1.1\nHost: a\n\n")
        == "HTTP/1.1 400 Bad Request|400: Bad Request: a LF stands without its CR\n");
    CHECK(refused("POST / HTTP/1.1\r\nContent-Length: 70000\r\n\r\n" + std::string(70'000, 'x'))
        == "HTTP/1.1 413 Content Too Large|413: Content Too Large: the body may have 65536 bytes\n");
    CHECK(refused("GET / HTTP/1.1\r\nX: " + std::string(20'000, 'x') + "\r\n\r\n")
        == "HTTP/1.1 431 Request Header Fields Too Large|431: Request Header Fields Too Large: request line "
           "and headers may "
           "have 16384 bytes\n");
    CHECK(refused("POST / HTTP/1.1\r\nExpect: tea\r\n\r\n")
        == "HTTP/1.1 417 Expectation Failed|417: Expectation Failed: the only known expectation is "
           "100-continue\n");
    CHECK(refused("POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n")
        == "HTTP/1.1 501 Not Implemented|501: Not Implemented: the only known Transfer-Encoding is "
           "chunked\n");
    CHECK(refused("GET / HTTP/3.0\r\n\r\n")
        == "HTTP/1.1 505 HTTP Version Not Supported|505: HTTP Version Not Supported: this server speaks "
           "HTTP/1.0 and HTTP/1.1\n");
    CHECK(rig.handler.calls == 0);
    CHECK(rig.server.stats().malformed == 6);
}

TEST_CASE("A client that sends a byte now and then is cut at the deadline of the request")
{
    HttpServerLimits limits;
    limits.request_timeout = milliseconds(150);
    Rig rig(limits);
    auto client = rig.client();
    std::string const request = "GET / HTTP/1.1\r\nX: " + std::string(100'000, 'x');
    auto const begin = Clock::now();
    std::size_t sent = 0;
    rig.until([&] {
        sent += client.offer(request.substr(sent, 1));
        return rig.server.stats().timed_out == 1;
    });
    CHECK(Clock::now() - begin >= milliseconds(150));
    CHECK(sent > 3);
    auto const reply = client.reply();
    CHECK(reply.status_line == "HTTP/1.1 408 Request Timeout");
    CHECK(reply.body == "408: Request Timeout: the request took more than 150 ms\n");
    CHECK(reply.header("Connection") == "close");
}

TEST_CASE("A slow body is cut too")
{
    HttpServerLimits limits;
    limits.request_timeout = milliseconds(50);
    Rig rig(limits);
    auto client = rig.client();
    client.send("POST /echo HTTP/1.1\r\nContent-Length: 10\r\n\r\n123");
    CHECK(client.reply().status() == 408);
    CHECK(client.at_end());
}

TEST_CASE("An idle connection is closed without a word")
{
    HttpServerLimits limits;
    limits.idle_timeout = milliseconds(30);
    Rig rig(limits);
    auto silent = rig.client();
    auto once = rig.client();
    once.send(get);
    CHECK(once.reply().status() == 200);
    CHECK(once.at_end());
    CHECK(silent.at_end());
}

TEST_CASE("Five hundred idle connections cost nobody the service")
{
    Rig rig;
    std::vector<RawHttp> idle;
    for (int i = 0; i < 500; ++i) {
        idle.push_back(rig.client());
        if (i % 50 == 49)
            rig.until([&] { return rig.server.stats().open == idle.size(); });
    }
    auto client = rig.client();
    client.send(get);
    CHECK(client.reply().status() == 200);
    idle[250].send(get);
    CHECK(idle[250].reply().status() == 200);
    CHECK(rig.server.stats().open == 501);
}

TEST_CASE("A connection beyond the limit hears that there are too many")
{
    HttpServerLimits limits;
    limits.max_connections = 2;
    Rig rig(limits);
    auto first = rig.client();
    auto second = rig.client();
    first.send(get);
    CHECK(first.reply().status() == 200);
    rig.until([&] { return rig.server.stats().open == 2; });
    auto third = rig.client();
    third.send(get);
    auto const reply = third.reply();
    CHECK(reply.status_line == "HTTP/1.1 503 Service Unavailable");
    CHECK(reply.body == "503: Service Unavailable: too many connections, come back later\n");
    CHECK(reply.header("Retry-After") == "1");
    CHECK(third.at_end());
    CHECK(rig.server.stats().refused == 1);
    first.close();
    rig.until([&] { return rig.server.stats().open == 1; });
    auto fourth = rig.client();
    fourth.send(get);
    CHECK(fourth.reply().status() == 200);
}

// A sanitizer asks the kernel through a pipe what it may read, and calls everything invalid when there is no
// descriptor.
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SWITCHYARD_NEEDS_DESCRIPTORS
#endif
#endif
#ifndef SWITCHYARD_NEEDS_DESCRIPTORS
TEST_CASE("Without a free descriptor clients are turned away, and served again when there is one")
{
    Rig rig;
    std::vector<RawHttp> clients;
    for (int i = 0; i < 12; ++i) {
        clients.push_back(rig.client());
        clients.back().send(get);
    }
    rlimit usual{};
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &usual) == 0);
    int const next = ::dup(0);
    REQUIRE(next > 0);
    ::close(next);
    rlimit few = usual;
    few.rlim_cur = static_cast<rlim_t>(next) + 4; // four more
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &few) == 0);
    rig.until([&] { return rig.server.stats().refused == 1; });
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &usual) == 0);
    auto const refused = static_cast<std::size_t>(rig.server.stats().accepted); // the one after those
    REQUIRE(refused < clients.size());
    CHECK(clients[refused].reply().status() == 503);
    for (std::size_t i = 0; i < clients.size(); ++i)
        if (i != refused)
            CHECK(clients[i].reply().status() == 200);
}

#endif

TEST_CASE("A stream is sent in chunks, and to HTTP/1.0 until it closes")
{
    Rig rig;
    auto client = rig.client();
    client.send("GET /numbers HTTP/1.1\r\n\r\n");
    CHECK(client.reply(true).header("Transfer-Encoding") == "chunked");
    CHECK(client.read_until("0\r\n\r\n") == "1\r\n0\r\n1\r\n1\r\n1\r\n2\r\n0\r\n\r\n");
    client.send(get);
    CHECK(client.reply().status() == 200);
    rig.handler.asked = 0;
    auto old = rig.client();
    old.send("GET /numbers HTTP/1.0\r\n\r\n");
    CHECK(old.reply(true).header("Connection") == "close");
    CHECK(old.read_to_end() == "012");
}

TEST_CASE("A reader that takes nothing holds one piece and is cut at the write deadline")
{
    HttpServerLimits limits;
    limits.write_timeout = milliseconds(100);
    Rig rig(limits);
    auto client = rig.client();
    client.take_little();
    SECTION("of a stream")
    {
        client.send("GET /flood HTTP/1.1\r\n\r\n");
        rig.until([&] { return rig.server.stats().open == 0 && rig.server.stats().timed_out == 1; });
        CHECK(rig.handler.asked < 2'000); // of a million: what the kernel buffers, and one more
    }
    SECTION("of a large response")
    {
        client.send("GET /large HTTP/1.1\r\n\r\n");
        rig.until([&] { return rig.server.stats().open == 0 && rig.server.stats().timed_out == 1; });
    }
}

TEST_CASE("A large response arrives whole")
{
    Rig rig;
    auto client = rig.client();
    client.send("GET /large HTTP/1.1\r\n\r\n");
    CHECK(client.reply().body == std::string(8'000'000, 'x'));
}

TEST_CASE("A handler that throws is a 500 and nothing worse")
{
    Rig rig;
    auto client = rig.client();
    client.send("GET /throw HTTP/1.1\r\n\r\n" + get);
    CHECK(client.reply().body == "500: Internal Server Error\n");
    CHECK(client.reply().status() == 200);
}

TEST_CASE("No value of a header becomes a header of its own")
{
    Rig rig;
    auto client = rig.client();
    client.send("GET /split HTTP/1.1\r\n\r\n");
    auto const reply = client.reply();
    CHECK(reply.header("X-Name") == "a  Set-Cookie: b ");
    CHECK(reply.header("Set-Cookie").empty());
}

TEST_CASE("A stop ends idle connections and streams at once and lets requests finish")
{
    Rig rig;
    auto idle = rig.client();
    auto stream = rig.client();
    auto waiting = rig.client();
    stream.send("GET /silence HTTP/1.1\r\n\r\n");
    stream.read_until("hello\r\n");
    SECTION("within its time")
    {
        // The stream and the request wait for one signal each: the stream's is freed first.
        rig.handler.go.notify();
        CHECK(stream.read_until("0\r\n\r\n") == "0\r\n\r\n");
        waiting.send("GET /wait HTTP/1.1\r\n\r\n");
        rig.loop.run(rig.handler.started.wait());
        TimerNode later([&] { rig.handler.go.notify(); });
        rig.loop.timers.arm(later, Clock::now() + milliseconds(20));
        rig.stop(std::chrono::seconds(10));
        auto const reply = waiting.reply();
        CHECK(reply.body == "went");
        CHECK(reply.header("Connection") == "close");
    }
    SECTION("with streams open")
    {
        rig.stop(std::chrono::seconds(10));
        CHECK(rig.handler.cancelled);
        CHECK(stream.read_to_end() == "0\r\n\r\n");
    }
    CHECK(idle.at_end());
    CHECK(rig.server.stats().open == 0);
}

TEST_CASE("A request that outlasts the stop is cancelled and still answered")
{
    Rig rig;
    auto client = rig.client();
    client.send("GET /wait HTTP/1.1\r\n\r\n");
    rig.loop.run(rig.handler.started.wait());
    rig.stop(milliseconds(20));
    CHECK(rig.handler.cancelled);
    CHECK(client.reply().body == "cancelled");
    CHECK(client.at_end());
}

TEST_CASE("An address that cannot be listened on is told")
{
    Loop loop;
    NullSink sink;
    Log log(sink, LogLevel::error);
    Handler handler(loop);
    HttpServer server(loop.timers, log, handler, {});
    CHECK(server.listen({"nowhere"}).error().detail
        == "'nowhere' is no address to listen on: use ADDRESS:PORT");
    CHECK(server.listen({"127.0.0.1:99999"}).error().detail
        == "'127.0.0.1:99999' is no address to listen on: use ADDRESS:PORT");
    CHECK(server.listen({"example.org:80"}).error().detail == "'example.org' is no IP address to listen on");
    CHECK(
        server.listen({"::1:80"}).error().detail == "'::1:80': write an IPv6 address in brackets, [::1]:80");
    REQUIRE(server.listen({"localhost:0"}));
    HttpServer second(loop.timers, log, handler, {});
    auto const taken = "127.0.0.1:" + std::to_string(server.ports().front());
    CHECK(second.listen({taken}).error().detail == "cannot listen on " + taken + ": Address already in use");
    CHECK(second.ports().empty());
    loop.run(server.stop(Clock::now()));
}
