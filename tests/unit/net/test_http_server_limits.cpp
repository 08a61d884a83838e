#include "tests/unit/net/http_rig.hpp"

#include <sys/resource.h>
#include <unistd.h>

using namespace switchyard;
using namespace switchyard::http_test;

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
