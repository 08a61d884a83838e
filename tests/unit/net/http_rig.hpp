#pragma once

#include "core/net/http_server.hpp"
#include "core/net/signal.hpp"
#include "tests/support/raw_http.hpp"

#include <catch2/catch.hpp>

#include <algorithm>

namespace switchyard::http_test {

using test::Loop;
using test::RawHttp;

using std::chrono::milliseconds;

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

inline std::string const get = "GET /echo HTTP/1.1\r\nHost: a\r\n\r\n";

} // namespace switchyard::http_test
