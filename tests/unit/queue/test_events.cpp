#include "core/net/task_group.hpp"
#include "daemon/queue/events.hpp"
#include "tests/support/run.hpp"

#include <catch2/catch.hpp>

using namespace switchyard;
using namespace std::chrono_literals;

namespace {

struct Ring {
    explicit Ring(std::size_t capacity = 4) : ring(loop.io.get_executor(), capacity)
    {
        loop.use(time);
        ring.set_epoch(7);
    }
    void publish(std::uint64_t command)
    {
        Event event;
        event.command = CommandId{command};
        ring.publish(std::move(event));
    }
    Result<Event> next(Subscription& reader) { return loop.run(reader.next()); }
    static EventId id(std::uint64_t seq, std::uint64_t epoch = 7)
    {
        EventId made;
        made.epoch = epoch;
        made.seq = seq;
        return made;
    }
    VirtualTime time;
    test::Loop loop;
    EventRing ring;
};

} // namespace

TEST_CASE("a reader gets what comes after it, in order")
{
    Ring r;
    r.publish(1);
    auto const reader = r.ring.subscribe({});
    r.publish(2);
    r.publish(3);
    auto const second = r.next(*reader);
    CHECK(second->command.value == 2);
    CHECK(second->id == Ring::id(2));
    CHECK(r.next(*reader)->command.value == 3);
}

TEST_CASE("a reader that comes back goes on after the event that it knows")
{
    Ring r;
    for (std::uint64_t i = 1; i <= 3; ++i)
        r.publish(i);
    auto const reader = r.ring.subscribe(Ring::id(1));
    CHECK(r.next(*reader)->command.value == 2);
    CHECK(r.next(*reader)->command.value == 3);
    auto const all = r.ring.subscribe(Ring::id(0));
    CHECK(r.next(*all)->command.value == 1);
}

TEST_CASE("what was missed for certain or perhaps is told by a reset, then it goes on")
{
    Ring r;
    std::optional<EventId> since;
    for (std::uint64_t i = 1; i <= 10; ++i)
        r.publish(i);
    SECTION("too old")
    {
        since = Ring::id(2);
    }
    SECTION("of another start")
    {
        since = Ring::id(9, 6);
    }
    SECTION("of the future")
    {
        since = Ring::id(99);
    }
    SECTION("the largest number there is")
    {
        since = Ring::id(~0ULL);
    }
    auto const reader = r.ring.subscribe(since);
    auto const reset = r.next(*reader);
    CHECK(reset->reset);
    CHECK_FALSE(reset->command);
    CHECK(r.ring.subscribe(reset->id) != nullptr);
    r.publish(11);
    auto const event = r.next(*reader);
    CHECK_FALSE(event->reset);
    CHECK(event->command.value == 11);
}

TEST_CASE("a reader that falls behind the ring gets a reset and what is left")
{
    Ring r(4);
    auto const reader = r.ring.subscribe({});
    for (std::uint64_t i = 1; i <= 6; ++i)
        r.publish(i);
    auto const reset = r.next(*reader);
    CHECK(reset->reset);
    CHECK(reset->id == Ring::id(2));
    CHECK(r.next(*reader)->command.value == 3);
    auto const again = r.ring.subscribe(reset->id); // the id of a reset is a place to come back to
    CHECK(r.next(*again)->command.value == 3);
}

TEST_CASE("a waiting reader wakes for an event and for the end, and ends by cancellation")
{
    Ring r;
    std::vector<std::string> told;
    TaskGroup tasks(r.loop.timers);
    auto const reader = r.ring.subscribe({});
    auto follow = [&]() -> asio::awaitable<void> {
        for (;;) {
            auto const event = co_await reader->next();
            told.emplace_back(event ? "event" : std::string(name(event.error().code)));
            if (!event)
                co_return;
        }
    };
    auto turn = [&] { r.loop.run(r.loop.timers.wait_until(Clock::now() + 1ms)); };
    tasks.spawn(follow());
    turn();
    CHECK(told.empty());
    r.publish(1);
    turn();
    CHECK(told == std::vector<std::string>{"event"});
    SECTION("close")
    {
        r.ring.close();
        turn();
        CHECK(told.back() == "shutting_down");
    }
    SECTION("cancel")
    {
        tasks.cancel();
        turn();
        CHECK(told.back() == "cancelled");
    }
    CHECK(tasks.empty());
    CHECK(r.ring.readers() == 1);
}

TEST_CASE("a closed ring still gives what it holds, and a reader that goes leaves no trace")
{
    Ring r;
    auto reader = r.ring.subscribe({});
    r.publish(1);
    r.ring.close();
    CHECK(r.next(*reader).has_value());
    CHECK(r.next(*reader).error().code == Errc::shutting_down);
    reader.reset();
    CHECK(r.ring.readers() == 0);
    r.publish(2);
}
