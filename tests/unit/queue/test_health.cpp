#include "daemon/queue/health.hpp"

#include <catch2/catch.hpp>

using namespace switchyard;
using namespace std::chrono_literals;

namespace {

Error const silent(Errc::unreachable, "no answer");
Error const wrong_password(Errc::auth_failed, "wrong password");

struct Endpoint {
    Endpoint()
    {
        config.breaker_after = 3;
        config.breaker_delay = 5s;
        config.breaker_delay_max = 20s;
    }
    void fails(Error const& error = silent)
    {
        health.begin(config, now);
        health.failed(config, now, error);
    }
    void fails(unsigned times)
    {
        for (; times > 0; --times)
            fails();
    }
    DeviceConfig config;
    EndpointHealth health;
    Clock::time_point now{1h};
};

} // namespace

TEST_CASE("the breaker opens after so many unreachable in a row, not before")
{
    Endpoint e;
    e.fails(2);
    CHECK(e.health.usable(e.now));
    CHECK_FALSE(e.health.healthy());
    e.fails();
    CHECK(e.health.breaker() == Breaker::open);
    CHECK_FALSE(e.health.usable(e.now));
    CHECK(e.health.usable_at() == e.now + 5s);
    CHECK(e.health.why_not().code == Errc::unreachable);
    CHECK(e.health.why_not().detail.find("circuit breaker") != std::string::npos);
}

TEST_CASE("a success in between counts anew, and an answer of any kind is a sign of life")
{
    Endpoint e;
    e.fails(2);
    SECTION("success")
    {
        e.health.succeeded();
    }
    SECTION("refusal")
    {
        e.fails(Error(Errc::refused, "not now"));
    }
    CHECK(e.health.healthy());
    e.fails(2);
    CHECK(e.health.breaker() == Breaker::closed);
}

TEST_CASE("an open breaker lets one probe through, and waits twice as long after each that fails")
{
    Endpoint e;
    e.fails(3);
    for (auto const pause : {5s, 10s, 20s, 20s}) {
        CHECK(e.health.usable_at() == e.now + pause);
        e.now += pause;
        CHECK(e.health.probing(e.now));
        e.health.begin(e.config, e.now);
        CHECK(e.health.breaker() == Breaker::half_open);
        CHECK_FALSE(e.health.usable(e.now)); // a second one has to wait for the first
        e.health.failed(e.config, e.now, silent);
    }
    e.now += 20s;
    e.health.begin(e.config, e.now);
    e.health.succeeded();
    CHECK(e.health.usable(e.now));
    CHECK(e.health.healthy());
}

TEST_CASE("a probe that told nothing leaves the next one due at once, not never")
{
    Endpoint e;
    e.fails(3);
    e.now += 5s;
    e.health.begin(e.config, e.now);
    SECTION("the command was cancelled before anything was sent")
    {
        e.health.inconclusive();
    }
    SECTION("an error that says nothing about reachability")
    {
        e.health.failed(e.config, e.now, Error(Errc::protocol, ""));
    }
    CHECK(e.health.breaker() == Breaker::open);
    CHECK(e.health.usable(e.now));
}

TEST_CASE("breaker_after = 0 never opens, and a lost answer is no unreachable")
{
    Endpoint e;
    SECTION("never")
    {
        e.config.breaker_after = 0;
        e.fails(100);
    }
    SECTION("lost answers")
    {
        for (int i = 0; i < 100; ++i)
            e.fails(Error(Errc::timed_out, "", Effect::possible));
    }
    SECTION("but a login that times out is")
    {
        e.config.breaker_after = 101;
        for (int i = 0; i < 100; ++i)
            e.fails(Error(Errc::timed_out, "", Effect::none));
        CHECK_FALSE(e.health.healthy());
    }
    CHECK(e.health.usable(e.now));
}

TEST_CASE("a refused login latches at once, until a reload or auth_retry_after")
{
    Endpoint e;
    SECTION("for ever")
    {
        e.fails(wrong_password);
        CHECK_FALSE(e.health.usable(e.now + 1000h));
        CHECK(e.health.usable_at() == Clock::time_point::max());
    }
    SECTION("for a while, and then one login asks")
    {
        e.config.auth_retry_after = 60s;
        e.fails(wrong_password);
        CHECK_FALSE(e.health.usable(e.now + 59s));
        e.now += 60s;
        CHECK(e.health.usable(e.now));
        e.health.begin(e.config, e.now);
        CHECK_FALSE(e.health.usable(e.now));
        e.health.succeeded();
        CHECK(e.health.usable(e.now));
        return;
    }
    CHECK(e.health.latched());
    CHECK(e.health.why_not().code == Errc::auth_failed);
}

TEST_CASE("the book keeps only those that are not well")
{
    HealthBook book;
    Endpoint e;
    CHECK(book.find("a") == nullptr);
    book.at("a").failed(e.config, e.now, wrong_password);
    for (int i = 0; i < 3; ++i)
        book.at("b").failed(e.config, e.now, silent);
    book.at("c").failed(e.config, e.now, Error(Errc::protocol, ""));
    book.forget_if_healthy("a");
    book.forget_if_healthy("c");
    CHECK(book.find("a") != nullptr);
    CHECK(book.find("c") == nullptr);
    CHECK(book.open_breakers() == 1);
    book.forget_latches();
    CHECK(book.find("a") == nullptr);
    CHECK(book.find("b") != nullptr);
}
