#include "daemon/store/journal.hpp"
#include "daemon/store/rows.hpp"

#include <algorithm>
#include <limits>

namespace switchyard {

Sql<std::optional<StoredCommand>> Journal::find(CommandId id)
{
    find_.bind(1, to_number(id));
    auto const row = find_.step();
    if (!row)
        return std::unexpected(row.error());
    if (!*row)
        return std::nullopt;
    auto command = read_command(find_);
    find_.reset();
    if (!command)
        return std::unexpected(std::move(command.error()));
    return std::move(*command);
}

Sql<std::optional<StoredCommand>> Journal::find_key(std::string_view principal, std::string_view key)
{
    find_key_.bind(1, principal);
    find_key_.bind(2, key);
    auto const row = find_key_.step();
    if (!row)
        return std::unexpected(row.error());
    if (!*row)
        return std::nullopt;
    auto command = read_command(find_key_);
    find_key_.reset();
    if (!command)
        return std::unexpected(std::move(command.error()));
    return std::move(*command);
}

Sql<std::vector<StoredCommand>> Journal::open_commands()
{
    std::vector<StoredCommand> open;
    Statement rows;
    std::string const sql = "SELECT " + std::string(command_columns)
        + " FROM command INDEXED BY command_open WHERE ended IS NULL ORDER BY id";
    if (auto ready = rows.prepare(database_, sql); !ready)
        return std::unexpected(std::move(ready.error()));
    for (;;) {
        auto const row = rows.step();
        if (!row)
            return std::unexpected(row.error());
        if (!*row)
            return open;
        auto command = read_command(rows);
        if (!command)
            return std::unexpected(std::move(command.error()));
        open.push_back(std::move(*command));
    }
}

Sql<std::vector<Hold>> Journal::holds()
{
    std::vector<Hold> found;
    Statement rows;
    if (auto ready = rows.prepare(database_, "SELECT device, since, reason FROM hold ORDER BY device");
        !ready)
        return std::unexpected(std::move(ready.error()));
    for (;;) {
        auto const row = rows.step();
        if (!row)
            return std::unexpected(row.error());
        if (!*row)
            return found;
        found.push_back(Hold{std::string(rows.text(0)), to_time(rows.number(1)), std::string(rows.text(2))});
    }
}

// Rows are judged here and not by SQL, so that a turn can end in the middle of a long search for a rare row.
Sql<bool> Journal::list_turn(ListJob& job, Clock::time_point until)
{
    CommandFilter& filter = job.filter;
    auto const limit = std::clamp<std::size_t>(filter.limit, 1, 500);
    Statement& rows = filter.open ? list_open_ : list_;
    rows.bind(1, filter.before ? to_number(filter.before) : std::numeric_limits<std::int64_t>::max());
    for (unsigned seen = 0;; ++seen) {
        if (seen % 32 == 31 && Clock::now() >= until) {
            rows.reset();
            return false;
        }
        auto const row = rows.step();
        if (!row)
            return std::unexpected(row.error());
        if (!*row)
            return true;
        filter.before = to_id(rows.number(0));
        if (!matches(filter, rows))
            continue;
        auto command = read_command(rows);
        if (!command) {
            rows.reset();
            return std::unexpected(std::move(command.error()));
        }
        job.result->push_back(std::move(*command));
        if (job.result->size() == limit) {
            rows.reset();
            return true;
        }
    }
}

Sql<bool> Journal::count_turn(PruneJob& job, Clock::time_point until)
{
    if (job.keep == std::numeric_limits<std::uint64_t>::max()) {
        job.counted = true; // by age only
        return true;
    }
    count_.bind(1, to_number(job.cursor));
    for (unsigned seen = 0;; ++seen) {
        if (seen % 64 == 63 && Clock::now() >= until) {
            count_.reset();
            return false;
        }
        auto const row = count_.step();
        if (!row)
            return std::unexpected(row.error());
        if (!*row)
            break;
        job.cursor = to_id(count_.number(0));
        if (!count_.null(1))
            ++job.ended;
    }
    job.cursor = CommandId{};
    job.counted = true;
    return true;
}

} // namespace switchyard
