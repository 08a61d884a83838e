#include "daemon/store/journal.hpp"

#include "daemon/store/rows.hpp"
#include "schema_steps.hpp"

#include <sqlite3.h>

#include <limits>

namespace switchyard {
namespace {

constexpr std::int64_t application_id = 0x53775964; // "SwYd", so that another program's database is not taken
                                                    // for ours

std::string select(std::string_view rest)
{
    return "SELECT " + std::string(command_columns) + " FROM command " + std::string(rest);
}

// The transaction is sound, this job is not.
template <class T>
Journal::Outcome<T> refused(Errc code, std::string detail)
{
    return Result<T>(fail(code, std::move(detail)));
}

template <class T>
std::unexpected<SqlError> pass(Sql<T>& failed)
{
    return std::unexpected<SqlError>(std::move(failed.error()));
}

} // namespace

Sql<> Journal::open(std::string const& path, Durability durability)
{
    if (auto opened = database_.open(path); !opened)
        return opened;
    // EXCLUSIVE comes before the first access, so that the log's index is in our memory and no -shm file is
    // made. No checkpoint inside a commit: the writer makes it when those who wait have their answers, and
    // sees its errors. No spilling: nothing of a transaction reaches the log before its commit.
    for (char const* pragma : {"PRAGMA locking_mode=EXCLUSIVE", "PRAGMA journal_mode=WAL",
             durability == Durability::full ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL",
             "PRAGMA wal_autocheckpoint=0", "PRAGMA cache_spill=OFF", "PRAGMA temp_store=MEMORY"})
        if (auto done = database_.run(pragma); !done)
            return done;
    auto const mode = database_.text("PRAGMA journal_mode");
    if (!mode)
        return std::unexpected(mode.error());
    if (*mode != "wal")
        return std::unexpected<SqlError>(
            SqlError(SQLITE_ERROR, 0, "the file system cannot hold a write-ahead log"));
    sqlite3_wal_hook(
        database_.handle(),
        [](void* self, sqlite3*, char const*, int frames) {
            static_cast<Journal*>(self)->log_frames_ = frames;
            return SQLITE_OK;
        },
        this);
    return {};
}

void Journal::close(bool checkpoint) noexcept
{
    if (database_.handle() != nullptr && !checkpoint)
        sqlite3_db_config(database_.handle(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
    for (Statement* statement : {&begin_, &commit_, &insert_, &advance_, &finish_, &hold_, &release_, &erase_,
             &set_meta_, &find_, &find_key_, &list_, &list_open_, &count_, &old_, &savepoint_,
             &undo_savepoint_, &release_savepoint_})
        statement->close();
    database_.close();
    log_frames_ = 0;
}

Sql<bool> Journal::whole()
{
    auto const verdict = database_.text("PRAGMA quick_check(1)");
    if (!verdict)
        return std::unexpected(verdict.error());
    return *verdict == "ok";
}

Journal::Outcome<void> Journal::upgrade()
{
    auto const owner = database_.number("PRAGMA application_id");
    if (!owner)
        return std::unexpected(owner.error());
    auto const tables = database_.number("SELECT count(*) FROM sqlite_schema");
    if (!tables)
        return std::unexpected(tables.error());
    if (*owner != application_id && *tables > 0)
        return refused<void>(
            Errc::store_unavailable, "the file is another program's database, not a Switchyard store");
    auto const version = database_.number("PRAGMA user_version");
    if (!version)
        return std::unexpected(version.error());
    auto const known = static_cast<std::int64_t>(schema_steps.size());
    if (*version > known)
        return refused<void>(Errc::store_unavailable,
            "the store has schema version " + std::to_string(*version)
                + " and this program knows versions up to " + std::to_string(known)
                + ": it was written by a newer Switchyard");
    for (auto step = *version; step < known; ++step) {
        std::string sql = "BEGIN IMMEDIATE;";
        sql += schema_steps[static_cast<std::size_t>(step)];
        sql += "PRAGMA application_id=" + std::to_string(application_id)
            + ";PRAGMA user_version=" + std::to_string(step + 1) + ";COMMIT";
        if (auto done = database_.run(sql.c_str()); !done)
            return pass(done);
    }
    if (auto ready = prepare(); !ready)
        return pass(ready);
    return Result<>();
}

Sql<> Journal::prepare()
{
    struct Text {
        Statement* statement;
        std::string sql;
    };
    Text const texts[] = {
        {&begin_, "BEGIN IMMEDIATE"},
        {&commit_, "COMMIT"},
        {&savepoint_, "SAVEPOINT job"},
        {&undo_savepoint_, "ROLLBACK TO job"},
        {&release_savepoint_, "RELEASE job"},
        {&insert_,
            "INSERT INTO command(" + std::string(command_columns) + ") VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?)"},
        {&advance_, "UPDATE command SET state=?2, progress=?3 WHERE id=?1"},
        {&finish_, "UPDATE command SET state=?2, ended=?3, outcome=?4 WHERE id=?1"},
        {&hold_, "INSERT OR REPLACE INTO hold(device, since, reason) VALUES(?,?,?)"},
        {&release_, "DELETE FROM hold WHERE device=?"},
        {&erase_, "DELETE FROM command WHERE id=?"},
        {&set_meta_, "INSERT OR REPLACE INTO meta(name, value) VALUES(?,?)"},
        {&find_, select("WHERE id=?")},
        {&find_key_, select("WHERE principal=? AND key=? AND key<>''")},
        {&list_, select("WHERE id<? ORDER BY id DESC")},
        {&list_open_, select("INDEXED BY command_open WHERE ended IS NULL AND id<? ORDER BY id DESC")},
        {&count_, "SELECT id, ended FROM command WHERE id>? ORDER BY id"},
        {&old_, "SELECT id, accepted, ended, key<>'' FROM command WHERE id>? ORDER BY id LIMIT 500"},
    };
    for (auto const& text : texts)
        if (auto ready = text.statement->prepare(database_, text.sql); !ready)
            return ready;
    return {};
}

Sql<> Journal::begin()
{
    return begin_.run();
}

Sql<> Journal::commit()
{
    return commit_.run();
}

void Journal::rollback() noexcept
{
    // Some errors have ended the transaction already.
    if (database_.in_transaction())
        sqlite3_exec(database_.handle(), "ROLLBACK", nullptr, nullptr, nullptr);
}

Sql<> Journal::checkpoint()
{
    auto const code =
        sqlite3_wal_checkpoint_v2(database_.handle(), nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
    if (code != SQLITE_OK)
        return database_.error(code);
    return {};
}

// One statement is atomic by itself: only a job of several needs a savepoint so that its failure spares its
// neighbours.
Journal::Outcome<Appended> Journal::append(StoredCommand const& command)
{
    auto inserted = insert(command);
    if (inserted)
        return Appended{command.id, std::nullopt};
    if (!inserted.error().constraint())
        return pass(inserted);
    if (!command.key.empty()) {
        auto earlier = find_key(command.principal, command.key);
        if (!earlier)
            return pass(earlier);
        if (*earlier) {
            auto const id = (*earlier)->id;
            return Appended{id, std::move(*earlier)};
        }
    }
    return refused<Appended>(Errc::internal,
        "command " + std::to_string(command.id.value) + " cannot be recorded: " + inserted.error().text);
}

Sql<> Journal::insert(StoredCommand const& command)
{
    bind_command(insert_, command);
    return insert_.run();
}

Journal::Outcome<void> Journal::change(std::vector<Change> const& changes)
{
    if (changes.size() == 1)
        return change_one(changes.front());
    if (auto done = savepoint_.run(); !done)
        return pass(done);
    Result<> made;
    for (Change const& one : changes) {
        auto outcome = change_one(one);
        if (!outcome)
            return outcome;
        made = std::move(*outcome);
        if (!made)
            break;
    }
    if (!made)
        if (auto done = undo_savepoint_.run(); !done)
            return pass(done);
    if (auto done = release_savepoint_.run(); !done)
        return pass(done);
    return made;
}

Journal::Outcome<void> Journal::change_one(Change const& change)
{
    CommandId id;
    Statement* statement = nullptr;
    if (auto const* advance = std::get_if<Advance>(&change)) {
        id = advance->id;
        statement = &advance_;
        advance_.bind(2, static_cast<std::int64_t>(advance->state));
        advance_.bind(3, advance->progress);
    } else if (auto const* end = std::get_if<Finish>(&change)) {
        id = end->id;
        statement = &finish_;
        finish_.bind(2, static_cast<std::int64_t>(end->state));
        finish_.bind(3, to_number(end->ended));
        finish_.bind(4, end->outcome);
    } else if (auto const* hold = std::get_if<Hold>(&change)) {
        statement = &hold_;
        hold_.bind(1, hold->device);
        hold_.bind(2, to_number(hold->since));
        hold_.bind(3, hold->reason);
    } else if (auto const* release = std::get_if<Release>(&change)) {
        statement = &release_;
        release_.bind(1, release->device);
    }
    if (id)
        statement->bind(1, to_number(id));
    auto done = statement->run();
    if (!done && !done.error().constraint())
        return pass(done);
    if (!done)
        return refused<void>(Errc::internal, "a change cannot be recorded: " + done.error().text);
    if (id && database_.changed() == 0)
        return refused<void>(Errc::internal,
            "a change names command " + std::to_string(id.value) + ", which is not in the store");
    return Result<>();
}

Sql<> Journal::purge(CommandId id)
{
    erase_.bind(1, to_number(id));
    return erase_.run();
}

Sql<> Journal::prune_turn(PruneJob& job)
{
    std::vector<std::int64_t> doomed;
    std::size_t seen = 0;
    old_.bind(1, to_number(job.cursor));
    for (;;) {
        auto const row = old_.step();
        if (!row)
            return std::unexpected(row.error());
        if (!*row)
            break;
        ++seen;
        job.cursor = to_id(old_.number(0));
        bool const excess = job.ended > job.keep;
        if (!excess && to_time(old_.number(1)) >= job.before) {
            job.finished = true; // what came later ended later
            old_.reset();
            break;
        }
        if (old_.null(2))
            continue;
        auto const ended = to_time(old_.number(2));
        bool const key_counts = old_.number(3) != 0 && ended > job.now - std::chrono::hours{24};
        if ((ended >= job.before && !excess) || key_counts)
            continue;
        doomed.push_back(old_.number(0));
        if (job.ended > 0) // not counted when pruning is by age only
            --job.ended;
    }
    job.finished = job.finished || seen < 500;
    for (auto const id : doomed)
        if (auto done = purge(to_id(id)); !done)
            return done;
    *job.result += doomed.size();
    return {};
}

Sql<std::uint64_t> Journal::meta(char const* name)
{
    auto const value =
        database_.number(("SELECT value FROM meta WHERE name='" + std::string(name) + "'").c_str());
    if (!value)
        return std::unexpected(value.error());
    return static_cast<std::uint64_t>(*value);
}

Sql<> Journal::set_meta(std::string_view name, std::uint64_t value)
{
    set_meta_.bind(1, name);
    set_meta_.bind(2, static_cast<std::int64_t>(value));
    return set_meta_.run();
}

Sql<std::uint64_t> Journal::last_id()
{
    auto const value = database_.number("SELECT max(id) FROM command");
    if (!value)
        return std::unexpected(value.error());
    return static_cast<std::uint64_t>(*value);
}

Sql<UtcTime> Journal::last_time()
{
    auto const value =
        database_.number("SELECT max(max(accepted, coalesce(ended, accepted))) "
                         "FROM (SELECT accepted, ended FROM command ORDER BY id DESC LIMIT 1000)");
    if (!value)
        return std::unexpected(value.error());
    return to_time(*value);
}

} // namespace switchyard
