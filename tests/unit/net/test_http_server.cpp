#include "tests/unit/net/http_rig.hpp"

using namespace switchyard;
using namespace switchyard::http_test;

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
