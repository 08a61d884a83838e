#include "daemon/store/opening.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace switchyard {
namespace {

std::unexpected<SqlError> corrupt(std::string text)
{
    return std::unexpected<SqlError>(SqlError(SQLITE_CORRUPT, 0, std::move(text)));
}

// The ids that a store without any memory of its past starts from: no store gives a thousand a second for
// long.
std::uint64_t ids_from(UtcTime now)
{
    return static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count());
}

Sql<Opened> read_store(Journal& journal)
{
    Opened opened;
    auto epoch = journal.meta("epoch");
    auto mark = journal.meta("id_mark");
    auto time = journal.meta("last_time");
    auto last_id = journal.last_id();
    auto latest = journal.last_time();
    for (auto const* value : {&epoch, &mark, &time, &last_id})
        if (!*value)
            return std::unexpected(value->error());
    if (!latest)
        return std::unexpected(latest.error());
    auto open = journal.open_commands();
    if (!open)
        return std::unexpected(std::move(open.error()));
    auto holds = journal.holds();
    if (!holds)
        return std::unexpected(std::move(holds.error()));
    opened.recovered.epoch = *epoch;
    opened.recovered.open = std::move(*open);
    opened.recovered.holds = std::move(*holds);
    auto known = std::max(*latest, UtcTime(std::chrono::microseconds(*time)));
    if (!opened.recovered.open.empty())
        known = std::max(known, opened.recovered.open.back().accepted);
    if (known > UtcTime{})
        opened.recovered.last_time = known;
    opened.last_id = std::max(*mark, *last_id);
    return opened;
}

// Durable before the first command is taken: this start, and the first block of ids.
Sql<> record_start(LockFile& lock, Journal& journal, Opened const& opened)
{
    if (int const error = lock.write(opened.mark, opened.recovered.epoch); error != 0)
        return std::unexpected<SqlError>(
            SqlError(error == ENOSPC || error == EDQUOT ? SQLITE_FULL : SQLITE_IOERR, error,
                std::string("cannot write the lock file (") + std::strerror(error) + ")"));
    if (auto done = journal.begin(); !done)
        return done;
    if (auto done = journal.set_meta("epoch", opened.recovered.epoch); !done)
        return done;
    if (auto done = journal.set_meta("id_mark", opened.mark); !done)
        return done;
    return journal.commit();
}

Journal::Outcome<Opened> open_once(
    SqliteOptions const& options, LockFile& lock, Journal& journal, std::uint64_t first_id)
{
    if (auto made = prepare_file(options.path); !made)
        return Result<Opened>(std::unexpected<Error>(std::move(made.error())));
    if (auto done = journal.open(options.path, options.durability); !done)
        return std::unexpected(std::move(done.error()));
    if (is_suspect(options.path)) {
        auto const whole = journal.whole();
        if (!whole)
            return std::unexpected(whole.error());
        if (!*whole)
            return corrupt("the last run found the file corrupt, and so does the check");
        clear_suspicion(options.path);
    }
    auto upgraded = journal.upgrade();
    if (!upgraded)
        return std::unexpected(std::move(upgraded.error()));
    if (!*upgraded)
        return Result<Opened>(std::unexpected<Error>(std::move(upgraded->error())));
    auto opened = read_store(journal);
    if (!opened)
        return std::unexpected(std::move(opened.error()));
    opened->recovered.epoch = std::max(opened->recovered.epoch, lock.starts()) + 1;
    opened->last_id = std::max({opened->last_id, lock.mark(), first_id});
    opened->mark = opened->last_id + id_block;
    if (auto done = record_start(lock, journal, *opened); !done) {
        journal.rollback();
        return std::unexpected(std::move(done.error()));
    }
    return std::move(*opened);
}

} // namespace

Result<Opened> open_store(
    SqliteOptions const& options, LockFile& lock, Journal& journal, Notice const& notice)
{
    if (auto locked = lock.acquire(options.path); !locked)
        return std::unexpected<Error>(std::move(locked.error()));
    std::uint64_t first_id = 0;
    bool aside = false;
    for (;;) {
        auto opened = open_once(options, lock, journal, first_id);
        if (opened)
            return std::move(*opened);
        journal.close(false);
        SqlError const& error = opened.error();
        if (error.full() && drop_ballast(options.path)) {
            notice(LogLevel::error,
                "the disk is full at the start: the ballast file was given up for " + options.path);
            continue;
        }
        if (!error.corrupt() || std::exchange(aside, true))
            return fail(Errc::store_unavailable, "cannot use the store " + options.path + ": " + error.text);
        note_suspicion(options.path); // a crash between the two renames must not make half of it look whole
        auto const kept = set_aside(options.path, Clock::utc());
        if (!kept)
            return std::unexpected<Error>(kept.error());
        clear_suspicion(options.path);
        if (lock.mark() == 0)
            first_id = ids_from(Clock::utc());
        notice(LogLevel::error,
            "the store was corrupt (" + error.text + "): it is kept as " + *kept
                + " and a new one was begun; commands that were open in it are lost");
    }
}

} // namespace switchyard
