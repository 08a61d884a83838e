#include "daemon/store/sqlite_store.hpp"
#include "tests/support/memory_store.hpp"
#include "tests/support/run.hpp"
#include "tests/unit/store/scratch.hpp"

#include <catch2/catch.hpp>

#include <memory>

// What every Store promises, whatever it is made of.
using namespace switchyard;
using namespace std::chrono_literals;

namespace {

constexpr UtcTime noon{std::chrono::sys_days{std::chrono::year{2026} / 3 / 1} + 12h};

struct InMemory {
    std::unique_ptr<Store> open(Timers& timers) { return std::make_unique<test::MemoryStore>(timers, disk); }
    test::MemoryDisk disk;
};

struct OnDisk {
    std::unique_ptr<Store> open(Timers& timers)
    {
        return std::make_unique<SqliteStore>(
            timers.executor(), log, SqliteOptions(scratch.path("c.db")), nullptr);
    }
    test::Scratch scratch;
    NullSink sink;
    Log log{sink, LogLevel::debug};
};

template <class Kind>
struct Fixture {
    Recovered start()
    {
        store.reset();
        store = kind.open(loop.timers);
        auto recovered = loop.run(store->recover());
        REQUIRE(recovered);
        return std::move(*recovered);
    }
    StoredCommand command(std::string key = {})
    {
        StoredCommand made;
        made.id = store->next_id();
        made.principal = "local";
        made.key = std::move(key);
        made.target = "srv" + std::to_string(made.id.value % 3);
        made.devices = "|pdu" + std::to_string(made.id.value % 2) + "|";
        made.accepted = noon;
        made.due = noon + 1s;
        made.deadline = noon + 10min;
        made.request = R"({"action": "on"})";
        return made;
    }
    CommandId add(StoredCommand made)
    {
        auto const id = made.id;
        auto const appended = loop.run(store->append(std::move(made)));
        REQUIRE(appended);
        REQUIRE(appended->id == id);
        REQUIRE_FALSE(appended->earlier);
        return id;
    }
    void change(Change one)
    {
        std::vector<Change> changes;
        changes.push_back(std::move(one));
        REQUIRE(loop.run(store->commit(std::move(changes))));
    }
    void finish(CommandId id, UtcTime at)
    {
        change(Finish{id, CommandState::done, at, R"({"power": "on"})"});
    }
    std::vector<std::uint64_t> list(CommandFilter filter)
    {
        auto const found = loop.run(store->list(std::move(filter)));
        REQUIRE(found);
        std::vector<std::uint64_t> ids;
        for (auto const& one : *found)
            ids.push_back(one.id.value);
        return ids;
    }
    std::optional<StoredCommand> find(CommandId id)
    {
        auto found = loop.run(store->find(id));
        REQUIRE(found);
        return *found;
    }

    test::Loop loop;
    Kind kind;
    std::unique_ptr<Store> store;
};

} // namespace

TEMPLATE_TEST_CASE("a store keeps a command from its acceptance to its end", "", InMemory, OnDisk)
{
    Fixture<TestType> f;
    auto const first = f.start();
    CHECK(first.epoch == 1);
    CHECK(first.open.empty());
    CHECK_FALSE(first.last_time);

    auto const one = f.add(f.command("k1"));
    auto const two = f.add(f.command());
    CHECK(one < two);
    f.change(Advance{one, CommandState::waiting, R"({"step": 2})"});
    f.finish(two, noon + 5s);

    auto const again = f.start();
    CHECK(again.epoch == 2);
    REQUIRE(again.open.size() == 1);
    auto const& open = again.open[0];
    CHECK(open.id == one);
    CHECK(open.state == CommandState::waiting);
    CHECK(open.principal == "local");
    CHECK(open.key == "k1");
    CHECK(open.accepted == noon);
    CHECK(open.due == noon + 1s);
    CHECK(open.deadline == noon + 10min);
    CHECK_FALSE(open.ended);
    CHECK(open.request == R"({"action": "on"})");
    CHECK(open.progress == R"({"step": 2})");
    CHECK(open.outcome.empty());
    CHECK(again.last_time == noon + 5s);

    auto const ended = f.find(two);
    REQUIRE(ended);
    CHECK(ended->state == CommandState::done);
    CHECK(ended->ended == noon + 5s);
    CHECK(ended->outcome == R"({"power": "on"})");
    CHECK_FALSE(f.find(CommandId{999'999}));
    CHECK(f.store->next_id() > two);
}

TEMPLATE_TEST_CASE("a key stands for its first command, also after a restart", "", InMemory, OnDisk)
{
    Fixture<TestType> f;
    f.start();
    auto const first = f.add(f.command("again"));
    f.finish(first, noon + 1s);
    for (int round = 0; round < 2; ++round) {
        auto repeated = f.command("again");
        auto const id = repeated.id;
        auto const appended = f.loop.run(f.store->append(std::move(repeated)));
        REQUIRE(appended);
        CHECK(appended->id == first);
        REQUIRE(appended->earlier);
        CHECK(appended->earlier->state == CommandState::done);
        CHECK_FALSE(f.find(id));
        f.start();
    }
    auto other = f.command("again");
    other.principal = "http"; // keys are a principal's own
    f.add(std::move(other));
}

TEMPLATE_TEST_CASE("changes are made all or not at all", "", InMemory, OnDisk)
{
    Fixture<TestType> f;
    f.start();
    auto const id = f.add(f.command());
    std::vector<Change> changes;
    changes.emplace_back(Advance{id, CommandState::running, "p1"});
    changes.emplace_back(Hold{"pdu1", noon, "indeterminate"});
    changes.emplace_back(Finish{CommandId{4'000'000}, CommandState::done, noon, ""});
    auto const refused = f.loop.run(f.store->commit(std::move(changes)));
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == Errc::internal);
    auto const recovered = f.start();
    CHECK(recovered.holds.empty());
    REQUIRE(recovered.open.size() == 1);
    CHECK(recovered.open[0].state == CommandState::queued);
}

TEMPLATE_TEST_CASE("an id is recorded once", "", InMemory, OnDisk)
{
    Fixture<TestType> f;
    f.start();
    auto const made = f.command();
    f.add(made);
    auto twin = made;
    twin.target = "other";
    auto const refused = f.loop.run(f.store->append(std::move(twin)));
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == Errc::internal);
    CHECK(f.find(made.id)->target == made.target);
}

TEMPLATE_TEST_CASE("a hold lasts until its release", "", InMemory, OnDisk)
{
    Fixture<TestType> f;
    f.start();
    f.change(Hold{"pdu1", noon, "indeterminate: command 7"});
    f.change(Hold{"pdu2", noon, "x"});
    f.change(Hold{"pdu2", noon + 1s, "newer"});
    auto recovered = f.start();
    REQUIRE(recovered.holds.size() == 2);
    CHECK(recovered.holds[0].device == "pdu1");
    CHECK(recovered.holds[0].since == noon);
    CHECK(recovered.holds[0].reason == "indeterminate: command 7");
    CHECK(recovered.holds[1].reason == "newer");
    f.change(Release{"pdu1"});
    f.change(Release{"pdu2"});
    CHECK(f.start().holds.empty());
}

TEMPLATE_TEST_CASE("a list is filtered, newest first, and pages by its cursor", "", InMemory, OnDisk)
{
    Fixture<TestType> f;
    f.start();
    std::vector<std::uint64_t> ids;
    for (int i = 0; i < 12; ++i)
        ids.push_back(f.add(f.command()).value);
    for (std::size_t i = 0; i < 6; ++i)
        f.finish(CommandId{ids[i]}, noon + 1min);

    CommandFilter filter;
    filter.limit = 5;
    std::vector<std::uint64_t> all;
    for (int page = 0; page < 3; ++page) {
        auto const found = f.list(filter);
        all.insert(all.end(), found.begin(), found.end());
        filter.before = CommandId{all.back()};
    }
    CHECK(all == std::vector<std::uint64_t>(ids.rbegin(), ids.rend()));

    CommandFilter open;
    open.open = true;
    CHECK(f.list(open) == std::vector<std::uint64_t>(ids.rbegin(), ids.rbegin() + 6));
    CommandFilter device;
    device.device = "pdu1";
    CHECK(f.list(device).size() == 6);
    device.device = "pdu"; // a whole name, not a part of one
    CHECK(f.list(device).empty());
    CommandFilter target;
    target.target = "srv1";
    CHECK(f.list(target).size() == 4);
    CommandFilter state;
    state.state = CommandState::done;
    state.limit = 0; // at least one
    CHECK(f.list(state) == std::vector<std::uint64_t>{ids[5]});
}

TEMPLATE_TEST_CASE(
    "pruning takes the old and the many, never the open, and keys last a day", "", InMemory, OnDisk)
{
    Fixture<TestType> f;
    f.start();
    auto const now = Clock::utc();
    auto const add = [&](UtcTime accepted, std::optional<UtcTime> ended, std::string key) {
        auto made = f.command(std::move(key));
        made.accepted = accepted;
        auto const id = f.add(std::move(made));
        if (ended)
            f.finish(id, *ended);
        return id;
    };
    auto const open = add(now - 100h, {}, "");
    auto const old = add(now - 99h, now - 98h, "");
    auto const old_key = add(now - 99h, now - 98h, "a");
    auto const fresh_key = add(now - 3h, now - 2h, "b");
    std::vector<CommandId> recent;
    for (int i = 0; i < 5; ++i)
        recent.push_back(add(now - 1h, now - 30min, ""));

    CHECK(f.loop.run(f.store->prune(now - 48h, 1'000)) == 2);
    CHECK_FALSE(f.find(old));
    CHECK_FALSE(f.find(old_key));
    CHECK(f.loop.run(f.store->prune(now - 1min, 1'000)) == 5);
    CHECK(f.find(fresh_key));
    CHECK(f.find(open));
    for (int i = 0; i < 5; ++i)
        recent.push_back(add(now - 1h, now - 30min, ""));
    CHECK(f.loop.run(f.store->prune(now - 48h, 3)) == 3); // of six that have ended, the key's one cannot go
    CHECK(f.find(fresh_key));
    CHECK(f.find(recent.back()));
}

TEMPLATE_TEST_CASE("many wait for few commits", "", InMemory, OnDisk)
{
    Fixture<TestType> f;
    f.start();
    auto const before = f.store->status().commits;
    int durable = 0;
    std::vector<StoredCommand> commands;
    for (int i = 0; i < 200; ++i)
        commands.push_back(f.command());
    auto one = [&](std::size_t i) -> asio::awaitable<void> {
        auto made = commands[i];
        auto const appended = co_await f.store->append(std::move(made));
        if (appended)
            ++durable;
    };
    std::size_t ended = 0;
    f.loop.io.restart();
    for (std::size_t i = 0; i < commands.size(); ++i)
        asio::co_spawn(f.loop.io, one(i), [&](std::exception_ptr) { ++ended; });
    while (ended < commands.size())
        f.loop.io.run_one();
    CHECK(durable == 200);
    CHECK(f.store->status().rows >= 200);
    CHECK(f.store->status().commits - before <= 20);
    CHECK(f.start().open.size() == 200);
}
