#include "tests/support/memory_store.hpp"
#include "tests/support/run.hpp"

#include <catch2/catch.hpp>

using namespace switchyard;
using namespace std::chrono_literals;
using test::MemoryDisk;
using test::MemoryFaults;
using test::MemoryStore;

namespace {

struct Simulation {
    VirtualTime time;
    test::Loop loop;
    MemoryDisk disk;
    Simulation() { loop.use(time); }

    // Starts an append of a command with this id; its result is there when it has ended.
    void append(MemoryStore& store, CommandId id, std::optional<Result<Appended>>& result)
    {
        StoredCommand command;
        command.id = id;
        command.accepted = Clock::utc();
        asio::co_spawn(loop.io, store.append(std::move(command)),
            [&result](std::exception_ptr, Result<Appended> value) { result = std::move(value); });
    }
    void turn()
    {
        loop.io.restart();
        loop.io.poll();
    }
    void pass(Clock::duration by)
    {
        time.advance(by);
        loop.timers.fire_due();
        turn();
    }
};

} // namespace

TEST_CASE("a memory store is durable after its latency, in virtual time")
{
    Simulation s;
    MemoryFaults faults;
    faults.latency_min = 5ms;
    faults.latency_max = 5ms;
    MemoryStore store(s.loop.timers, s.disk, faults);
    std::optional<Result<Appended>> first;
    std::optional<Result<Appended>> second;
    s.append(store, store.next_id(), first);
    s.turn();
    s.append(store, store.next_id(), second);
    s.pass(4ms);
    CHECK_FALSE(first);
    s.pass(1ms);
    REQUIRE(first);
    CHECK_FALSE(second); // it came while the first commit was under way
    CHECK(s.disk.commands.size() == 1);
    s.pass(5ms);
    CHECK(second);
    CHECK(store.status().commits == 2);
}

TEST_CASE("a crash of a memory store tells who waits that the outcome is unknown")
{
    for (double const kept : {0.0, 1.0}) {
        Simulation s;
        MemoryFaults faults;
        faults.latency_min = 5ms;
        faults.latency_max = 5ms;
        faults.kept = kept;
        MemoryStore store(s.loop.timers, s.disk, faults);
        std::optional<Result<Appended>> in_flight;
        std::optional<Result<Appended>> behind;
        s.append(store, store.next_id(), in_flight);
        s.turn();
        auto const last = store.next_id();
        s.append(store, last, behind);
        s.turn();
        store.crash();
        CHECK_FALSE(in_flight); // told in the next turn
        s.turn();
        REQUIRE(in_flight);
        REQUIRE(behind);
        CHECK(in_flight->error().code == Errc::commit_unknown);
        CHECK(behind->error().code == Errc::commit_unknown);
        CHECK(s.disk.commands.size() == (kept > 0 ? 1 : 0));
        CHECK(s.loop.run(store.commit({})).error().code == Errc::commit_unknown);
        CHECK_FALSE(store.status().accepting);

        MemoryStore next(s.loop.timers, s.disk);
        CHECK(s.loop.run(next.recover())->open.size() == s.disk.commands.size());
        CHECK(next.next_id() > last);
    }
}

TEST_CASE("the faults of a memory store come by its seed")
{
    Simulation s;
    MemoryFaults faults;
    faults.append_unavailable = 0.3;
    faults.commit_unknown = 0.02;
    faults.seed = 3;
    MemoryStore store(s.loop.timers, s.disk, faults);
    bool fatal = false;
    store.fatal = [&](Error const& error) { fatal = error.code == Errc::commit_unknown; };
    std::size_t recorded = 0;
    std::size_t refused = 0;
    for (int i = 0; i < 500 && !fatal; ++i) {
        StoredCommand command;
        command.id = store.next_id();
        auto const result = s.loop.run(store.append(std::move(command)));
        if (result)
            ++recorded;
        else if (result.error().code == Errc::store_unavailable)
            ++refused;
    }
    CHECK(fatal);
    CHECK(recorded > 0);
    CHECK(refused > 0);
    CHECK(s.disk.commands.size() - recorded <= 1);
}

TEST_CASE("a full memory store refuses commands and records results")
{
    Simulation s;
    MemoryStore store(s.loop.timers, s.disk);
    StoredCommand command;
    command.id = store.next_id();
    REQUIRE(s.loop.run(store.append(command)));
    store.set_full("no space left");
    CHECK(store.status().reason == "no space left");
    auto const id = command.id;
    command.id = store.next_id();
    CHECK(s.loop.run(store.append(command)).error().code == Errc::store_unavailable);
    std::vector<Change> changes{Finish{id, CommandState::done, Clock::utc(), ""}};
    CHECK(s.loop.run(store.commit(std::move(changes))));
    store.set_full("");
    CHECK(s.loop.run(store.append(command)));
}
