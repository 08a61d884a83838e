#pragma once

#include "core/wire/northbound_json.hpp"
#include "daemon/frontends/http/http_frontend.hpp"
#include "tests/support/memory_service.hpp"
#include "tests/support/raw_http.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <catch2/catch.hpp>

namespace switchyard::test {

// The HTTP frontend before a service in memory: srv1 is a BMC's only system, pdu1 has the outlets 1 and 2,
// db1 is fed twice.
struct HttpRig {
    explicit HttpRig(HttpFrontendOptions options = {})
        : frontend(loop.timers, log, service, [&] {
              options.listen = {"127.0.0.1:0"};
              return std::move(options);
          }())
    {
        service.add_device("bmc1");
        service.add_device("pdu1", {"1", "2", "AA1"});
        service.add_device("rack/7");
        service.add_target("srv1", {"bmc1"}, "the first");
        service.add_target("db1", {"pdu1:1", "pdu1:2"});
    }
    ~HttpRig()
    {
        if (listening_)
            loop.run(frontend.stop(Clock::now()));
    }

    HttpResponse ask(
        std::string method, std::string target, std::string body = {}, std::vector<HttpField> headers = {})
    {
        HttpRequest request;
        request.method = std::move(method);
        request.target = std::move(target);
        request.body = std::move(body);
        for (auto const& field : headers)
            request.add_header(field.name, field.value);
        return loop.run(frontend.handle(request));
    }
    HttpResponse get(std::string target) { return ask("GET", std::move(target)); }
    HttpResponse post(std::string target, std::string body, std::vector<HttpField> headers = {})
    {
        headers.emplace_back("Content-Type", "application/json");
        return ask("POST", std::move(target), std::move(body), std::move(headers));
    }
    RawHttp client()
    {
        if (!std::exchange(listening_, true))
            REQUIRE(frontend.start());
        return RawHttp(loop, frontend.ports().front());
    }
    template <class Condition>
    void until(Condition condition)
    {
        auto const limit = Clock::now() + std::chrono::seconds(10);
        while (!condition()) {
            REQUIRE(Clock::now() < limit);
            loop.run(tick());
        }
    }
    asio::awaitable<void> tick()
    {
        co_await loop.timers.wait_until(Clock::now() + std::chrono::milliseconds(1));
    }

    Loop loop;
    NullSink sink;
    Log log{sink, LogLevel::error};
    MemoryService service{loop.timers};
    HttpFrontend frontend;

private:
    bool listening_ = false;
};

inline std::string header(HttpResponse const& response, std::string_view name)
{
    for (auto const& field : response.headers)
        if (http_equal(field.name, name))
            return field.value;
    return {};
}

inline json::value parsed(HttpResponse const& response)
{
    return json::parse(response.body);
}

// "404 unknown_target no target or device has this name: 'x'", after a check that the reply is what every
// error is.
inline std::string error_of(HttpResponse const& response)
{
    auto const value = parsed(response);
    auto const& error = value.at("error").as_object();
    auto const text = [&error](
                          std::string_view key) { return std::string(error.at(key).as_string().c_str()); };
    CHECK(response.content_type == "application/json");
    return std::to_string(response.status) + " " + text("code") + " " + text("message");
}

} // namespace switchyard::test
