#include "core/net/deadline.hpp"
#include "core/net/task_group.hpp"
#include "tests/support/run.hpp"

#include <catch2/catch.hpp>

using namespace switchyard;
using namespace std::chrono_literals;

namespace {

struct Fixture {
    Fixture() { loop.use(time); }
    VirtualTime time;
    test::Loop loop;
    Timers& timers = loop.timers;
    Clock::time_point const start = Clock::now();

    asio::awaitable<Result<int>> answer(Clock::duration after, Result<int> result)
    {
        bool const waited = co_await timers.wait_until(Clock::now() + after);
        if (!waited)
            co_return fail(Errc::cancelled, "interrupted", Effect::possible);
        co_return result;
    }
    asio::awaitable<Result<int>> stubborn(Clock::duration after)
    {
        auto const until = Clock::now() + after;
        while (Clock::now() < until)
            co_await timers.wait_until(until);
        co_return 7;
    }
    auto elapsed() const { return Clock::now() - start; }
};

} // namespace

TEST_CASE_METHOD(Fixture, "a deadline lets values and errors through as early as they come")
{
    CHECK(loop.run(with_deadline(timers, start + 1s, answer(20ms, 5))) == 5);
    CHECK(elapsed() == 20ms);
    auto const error = loop.run(with_deadline(timers, start + 1s, answer(30ms, fail(Errc::refused, "no"))));
    CHECK(error.error().code == Errc::refused);
    CHECK(elapsed() == 50ms);
}

TEST_CASE_METHOD(Fixture, "at the deadline the operation is cancelled, and its effect is kept")
{
    auto const late = loop.run(with_deadline(timers, start + 100ms, answer(5s, 5)));
    REQUIRE_FALSE(late);
    CHECK(late.error().code == Errc::timed_out);
    CHECK(late.error().effect == Effect::possible);
    CHECK(elapsed() == 100ms);
}

TEST_CASE_METHOD(Fixture, "a late answer is still an answer")
{
    CHECK(loop.run(with_deadline(timers, start + 100ms, stubborn(300ms))) == 7);
    CHECK(elapsed() == 300ms);
}

TEST_CASE_METHOD(Fixture, "deadlines nest, and the inner one that comes first wins")
{
    auto const inner =
        loop.run(with_deadline(timers, start + 1s, with_deadline(timers, start + 50ms, answer(5s, 5))));
    CHECK(inner.error().code == Errc::timed_out);
    CHECK(elapsed() == 50ms);
    auto const outer = loop.run(
        with_deadline(timers, Clock::now() + 70ms, with_deadline(timers, start + 9s, answer(5s, 5))));
    CHECK(outer.error().code == Errc::timed_out);
    CHECK(elapsed() == 120ms);
}

TEST_CASE_METHOD(Fixture, "a cancelled group ends what its tasks wait for, through deadlines too")
{
    TaskGroup group(timers);
    Errc seen = Errc::internal;
    auto task = [&]() -> asio::awaitable<void> {
        auto const result = co_await with_deadline(timers, start + 1h, answer(30min, 1));
        seen = result.error().code;
    };
    group.spawn(task());
    auto stop = [&]() -> asio::awaitable<bool> {
        co_await timers.wait_until(start + 1s);
        group.cancel();
        co_return co_await group.drain(Clock::now() + 1s);
    };
    CHECK(loop.run(stop()));
    CHECK(seen == Errc::cancelled);
    CHECK(elapsed() == 1s);
}

TEST_CASE_METHOD(Fixture, "draining gives up at its time and says so")
{
    TaskGroup group(timers);
    auto task = [&]() -> asio::awaitable<void> { (void)co_await stubborn(10s); };
    group.spawn(task());
    CHECK_FALSE(loop.run(group.drain(start + 2s)));
    CHECK(elapsed() == 2s);
    CHECK(loop.run(group.drain(start + 1min)));
    CHECK(elapsed() == 10s);
}

TEST_CASE_METHOD(Fixture, "what is shielded runs to its end although the caller is cancelled")
{
    TaskGroup group(timers);
    bool written = false;
    auto work = [&]() -> asio::awaitable<Result<int>> {
        written = co_await timers.wait_until(start + 5s);
        co_return 1;
    };
    auto task = [&]() -> asio::awaitable<void> { (void)co_await shielded(work()); };
    group.spawn(task());
    auto stop = [&]() -> asio::awaitable<bool> {
        co_await timers.wait_until(start + 1s);
        group.cancel();
        co_return co_await group.drain(start + 1min);
    };
    CHECK(loop.run(stop()));
    CHECK(written);
}
