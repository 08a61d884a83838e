#include "core/net/task_group.hpp"
#include "tests/support/run.hpp"

#include <catch2/catch.hpp>

using namespace switchyard;
using namespace std::chrono_literals;

TEST_CASE("a cancellation between a notification and the turn in which it arrives is not lost")
{
    test::Loop loop;
    Signal signal(loop.io.get_executor());
    TaskGroup group(loop.timers);
    int rounds = 0;
    auto reader = [&]() -> asio::awaitable<void> {
        for (;;) {
            bool const notified = co_await signal.wait();
            if (!notified)
                co_return;
            ++rounds;
        }
    };
    group.spawn(reader());
    auto story = [&]() -> asio::awaitable<bool> {
        while (!signal.waiting())
            co_await loop.timers.wait_until(Clock::now());
        signal.notify();
        group.cancel();
        co_return co_await group.drain(Clock::now() + 2s);
    };
    CHECK(loop.run(story()));
    CHECK(rounds == 0);
}

TEST_CASE("a notification that comes before the wait is kept")
{
    test::Loop loop;
    Signal signal(loop.io.get_executor());
    signal.notify();
    signal.notify();
    CHECK(loop.run(signal.wait()));
}
