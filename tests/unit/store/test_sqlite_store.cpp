#include "daemon/store/sqlite_store.hpp"
#include "tests/support/run.hpp"
#include "tests/unit/store/scratch.hpp"

#include <catch2/catch.hpp>
#include <sqlite3.h>

#include <fstream>
#include <mutex>

using namespace switchyard;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

class Lines final : public LogSink {
public:
    void write(LogLevel level, std::string_view message, std::span<LogField const>) override
    {
        text += std::string(name(level)) + " " + std::string(message) + "\n";
    }
    std::string text;
};

struct OneFile {
    explicit OneFile(std::string path) : options(std::move(path)) { options.ballast = 64 * 1024; }
    Result<Recovered> open()
    {
        store.reset();
        store.emplace(loop.timers.executor(), log, options, [this](Error const& error) { fatal = error; });
        return loop.run(store->recover());
    }
    StoredCommand command(std::string key = {})
    {
        StoredCommand made;
        made.id = store->next_id();
        made.principal = "local";
        made.key = std::move(key);
        made.devices = "|pdu1|";
        made.accepted = Clock::utc();
        made.request = std::string(200, 'x');
        return made;
    }
    CommandId add()
    {
        auto made = command();
        auto const id = made.id;
        REQUIRE(loop.run(store->append(std::move(made))));
        return id;
    }
    // Runs what is ready until `done`; a failing condition is a hanging test, which its TIMEOUT ends.
    template <class Condition>
    void until(Condition done)
    {
        while (!done()) {
            loop.io.restart();
            loop.io.run_one_for(5ms);
        }
    }

    test::Loop loop;
    Lines sink;
    Log log{sink, LogLevel::debug};
    SqliteOptions options;
    std::optional<Error> fatal;
    std::optional<SqliteStore> store;
};

void scribble(std::string const& path, std::streamoff from)
{
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    auto const size = static_cast<std::streamoff>(fs::file_size(path));
    file.seekp(from);
    for (auto at = from; at < size; ++at)
        file.put('\x5a');
}

std::vector<std::string> kept_aside(fs::path const& directory)
{
    std::vector<std::string> found;
    for (auto const& entry : fs::directory_iterator(directory))
        if (entry.path().filename().string().contains(".corrupt-"))
            found.push_back(entry.path().filename().string());
    return found;
}

void sql(std::string const& path, char const* text)
{
    sqlite3* database = nullptr;
    REQUIRE(sqlite3_open(path.c_str(), &database) == SQLITE_OK);
    REQUIRE(sqlite3_exec(database, text, nullptr, nullptr, nullptr) == SQLITE_OK);
    sqlite3_close(database);
}

} // namespace

TEST_CASE("a job that fails spares its neighbours in the same commit")
{
    test::Scratch scratch;
    OneFile f(scratch.path("c.db"));
    REQUIRE(f.open());
    auto const known = f.add();
    auto const commits = f.store->status().commits;
    std::vector<Result<>> results(3);
    std::vector<std::vector<Change>> changes(3);
    changes[0] = {Advance{known, CommandState::running, "a"}, Hold{"pdu1", UtcTime{1s}, "x"}};
    changes[1] = {
        Hold{"pdu2", UtcTime{1s}, "y"}, Finish{CommandId{77'777'777}, CommandState::done, UtcTime{1s}, ""}};
    changes[2] = {Advance{known, CommandState::waiting, "b"}};
    std::size_t ended = 0;
    for (std::size_t i = 0; i < 3; ++i)
        asio::co_spawn(f.loop.io, f.store->commit(changes[i]), [&, i](std::exception_ptr, Result<> result) {
            results[i] = std::move(result);
            ++ended;
        });
    f.until([&] { return ended == 3; });
    CHECK(f.store->status().commits == commits + 1);
    CHECK(results[0]);
    CHECK(results[1].error().code == Errc::internal);
    CHECK(results[2]);
    auto const recovered = f.open();
    REQUIRE(recovered->holds.size() == 1);
    CHECK(recovered->holds[0].device == "pdu1");
    CHECK(recovered->open[0].progress == "b");
}

TEST_CASE("ids go on after a clean end and leave a gap after a crash, and none is given twice")
{
    test::Scratch scratch;
    OneFile f(scratch.path("c.db"));
    REQUIRE(f.open());
    auto const first = f.add();
    auto const unused = f.store->next_id(); // given, but its append never came
    REQUIRE(f.open());
    CHECK(f.add() == CommandId{unused.value + 1});
    CHECK(first.value == 1);
    // What a crash leaves is what is on the disk now.
    auto const crashed = scratch.directory() / "crashed";
    fs::create_directory(crashed);
    for (char const* name : {"c.db", "c.db-wal", "c.db.lock"})
        fs::copy_file(scratch.path(name), crashed / name);
    auto last = f.store->next_id();
    for (int i = 0; i < 7'000; ++i) // beyond half a block: the mark is raised with the next commit
        last = f.store->next_id();
    OneFile after(crashed / "c.db");
    auto const recovered = after.open();
    REQUIRE(recovered);
    CHECK(recovered->epoch == 3);
    CHECK(recovered->open.size() == 2);
    CHECK(after.store->next_id() > last);
}

TEST_CASE("a second daemon on a store is refused")
{
    test::Scratch scratch;
    OneFile f(scratch.path("c.db"));
    REQUIRE(f.open());
    OneFile second(scratch.path("c.db"));
    auto const refused = second.open();
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == Errc::store_unavailable);
    CHECK(refused.error().detail
        == "another daemon (process " + std::to_string(::getpid()) + ") uses the store "
            + scratch.path("c.db"));
    CHECK(second.loop.run(second.store->append(second.command())).error().code == Errc::store_unavailable);
    CHECK(f.add());
    f.store.reset();
    CHECK(second.open());
}

TEST_CASE("a store that cannot be opened says why")
{
    test::Scratch scratch;
    OneFile nowhere(scratch.path("missing/deeper/c.db"));
    CHECK(nowhere.open().error().detail
        == "the directory of the store must exist and be writable: cannot open "
            + scratch.path("missing/deeper/c.db.lock") + ": No such file or directory");

    OneFile newer(scratch.path("newer.db"));
    REQUIRE(newer.open());
    newer.store.reset();
    sql(scratch.path("newer.db"), "PRAGMA user_version=99");
    auto const refused = newer.open();
    CHECK(refused.error().code == Errc::store_unavailable);
    CHECK(refused.error().detail
        == "the store has schema version 99 and this program knows versions up to 1: it was written by a "
           "newer Switchyard");

    sql(scratch.path("other.db"), "CREATE TABLE recipe(name)");
    OneFile other(scratch.path("other.db"));
    CHECK(other.open().error().detail == "the file is another program's database, not a Switchyard store");
    CHECK(kept_aside(scratch.directory()).empty());
}

TEST_CASE("a file that is no database is kept aside and a new store begun, with new ids")
{
    test::Scratch scratch;
    OneFile f(scratch.path("c.db"));
    REQUIRE(f.open());
    auto const id = f.add();
    f.store.reset();
    scribble(scratch.path("c.db"), 0);
    auto const recovered = f.open();
    REQUIRE(recovered);
    CHECK(recovered->open.empty());
    CHECK(recovered->epoch == 2); // the lock file knows
    CHECK(f.add() > id);
    auto const kept = kept_aside(scratch.directory());
    REQUIRE(kept.size() == 1);
    CHECK(fs::file_size(scratch.path(kept[0])) > 0);
    f.until([&] { return f.sink.text.contains("error the store was corrupt"); });
    CHECK(f.sink.text.contains(kept[0]));

    SECTION("also when the lock file is gone")
    {
        auto const last = f.add();
        f.store.reset();
        fs::remove(scratch.path("c.db.lock"));
        scribble(scratch.path("c.db"), 0);
        REQUIRE(f.open());
        CHECK(f.add() > last);
    }
}

TEST_CASE("corruption met in a run ends it, and the next start checks the whole file")
{
    test::Scratch scratch;
    OneFile f(scratch.path("c.db"));
    REQUIRE(f.open());
    for (int i = 0; i < 400; ++i) {
        auto made = f.command();
        made.request = std::string(20'000, 'x'); // more than the cache holds, so that it must be read again
        REQUIRE(f.loop.run(f.store->append(std::move(made))));
    }
    scribble(scratch.path("c.db"), 4096);
    CommandFilter filter;
    filter.limit = 500;
    auto const found = f.loop.run(f.store->list(filter));
    REQUIRE_FALSE(found);
    CHECK(found.error().code == Errc::store_unavailable);
    f.until([&] { return f.fatal.has_value(); });
    CHECK(f.fatal->code == Errc::commit_unknown);
    CHECK(f.loop.run(f.store->append(f.command())).error().code == Errc::commit_unknown);
    CHECK(f.loop.run(f.store->commit({Hold{"pdu1", UtcTime{}, ""}})).error().code == Errc::commit_unknown);
    CHECK_FALSE(f.store->status().accepting);
    CHECK(fs::exists(scratch.path("c.db.suspect")));
    REQUIRE(f.open());
    CHECK_FALSE(kept_aside(scratch.directory()).empty());
    CHECK_FALSE(fs::exists(scratch.path("c.db.suspect")));
    CHECK(f.add());
}

TEST_CASE("a sound store with a note of suspicion goes on")
{
    test::Scratch scratch;
    OneFile f(scratch.path("c.db"));
    REQUIRE(f.open());
    f.add();
    f.store.reset();
    std::ofstream(scratch.path("c.db.suspect"));
    CHECK(f.open()->open.size() == 1);
    CHECK_FALSE(fs::exists(scratch.path("c.db.suspect")));
    CHECK(kept_aside(scratch.directory()).empty());
}

TEST_CASE("a long search gives way to writes")
{
    test::Scratch scratch;
    OneFile f(scratch.path("c.db"));
    REQUIRE(f.open());
    f.store.reset();
    sql(scratch.path("c.db"),
        "INSERT INTO command WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<40000) "
        "SELECT i, 5, i, i, i, i, iif(i=1,'rare','t'), '|d|', 'p', '', '{}', '', '{}' FROM n");
    REQUIRE(f.open());
    CommandFilter filter;
    filter.target = "rare";
    std::optional<std::size_t> listed;
    std::optional<std::size_t> pruned;
    asio::co_spawn(f.loop.io, f.store->list(filter),
        [&](std::exception_ptr, Result<std::vector<StoredCommand>> found) { listed = found->size(); });
    asio::co_spawn(f.loop.io, f.store->prune(UtcTime{}, 30'000),
        [&](std::exception_ptr, Result<std::size_t> count) { pruned = *count; });
    int written = 0;
    while (!pruned) {
        f.add();
        ++written;
    }
    f.until([&] { return listed.has_value(); });
    CHECK(*listed == 1);
    CHECK(*pruned == 10'000);
    CHECK(written > 5);
}

TEST_CASE("the end of a store commits and answers what was submitted")
{
    test::Scratch scratch;
    OneFile f(scratch.path("c.db"));
    REQUIRE(f.open());
    int durable = 0;
    for (int i = 0; i < 50; ++i)
        asio::co_spawn(f.loop.io, f.store->append(f.command()),
            [&](std::exception_ptr, Result<Appended> result) { durable += result ? 1 : 0; });
    f.loop.io.restart();
    f.loop.io.poll_one();
    f.loop.io.poll();
    f.store.reset();
    f.until([&] { return durable == 50; });
    CHECK_FALSE(fs::exists(scratch.path("c.db-wal")));
    CHECK(f.open()->open.size() == 50);
}
