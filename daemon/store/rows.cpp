#include "daemon/store/rows.hpp"

#include <sqlite3.h>

namespace switchyard {

// The numbers are in the file: a new state goes to the end of the schema's list, not where it would read
// best.
static_assert(static_cast<int>(CommandState::delayed) == 0 && static_cast<int>(CommandState::queued) == 1
    && static_cast<int>(CommandState::running) == 2 && static_cast<int>(CommandState::waiting) == 3
    && static_cast<int>(CommandState::restoring) == 4 && static_cast<int>(CommandState::done) == 5
    && static_cast<int>(CommandState::failed) == 6 && static_cast<int>(CommandState::expired) == 7
    && static_cast<int>(CommandState::cancelled) == 8 && static_cast<int>(CommandState::superseded) == 9
    && static_cast<int>(CommandState::indeterminate) == 10);

void bind_command(Statement& insert, StoredCommand const& command)
{
    insert.bind(1, to_number(command.id));
    insert.bind(2, static_cast<std::int64_t>(command.state));
    insert.bind(3, to_number(command.accepted));
    insert.bind(4, to_number(command.due));
    insert.bind(5, to_number(command.deadline));
    if (command.ended)
        insert.bind(6, to_number(*command.ended));
    else if (is_end(command.state))
        insert.bind(6, to_number(command.accepted));
    else
        insert.bind_null(6);
    insert.bind(7, command.target);
    insert.bind(8, command.devices);
    insert.bind(9, command.principal);
    insert.bind(10, command.key);
    insert.bind(11, command.request);
    insert.bind(12, command.progress);
    insert.bind(13, command.outcome);
}

Sql<StoredCommand> read_command(Statement const& row)
{
    StoredCommand command;
    command.id = to_id(row.number(0));
    auto const state = row.number(1);
    if (state < 0 || state > static_cast<std::int64_t>(CommandState::indeterminate))
        return std::unexpected<SqlError>(SqlError(
            SQLITE_CORRUPT, 0, "command " + std::to_string(command.id.value) + " has no state that exists"));
    command.state = static_cast<CommandState>(state);
    command.accepted = to_time(row.number(2));
    command.due = to_time(row.number(3));
    command.deadline = to_time(row.number(4));
    if (!row.null(5))
        command.ended = to_time(row.number(5));
    command.target = row.text(6);
    command.devices = row.text(7);
    command.principal = row.text(8);
    command.key = row.text(9);
    command.request = row.text(10);
    command.progress = row.text(11);
    command.outcome = row.text(12);
    return command;
}

bool matches(CommandFilter const& filter, Statement const& row)
{
    if (filter.open && !row.null(5))
        return false;
    if (filter.state && static_cast<std::int64_t>(*filter.state) != row.number(1))
        return false;
    if (filter.target && *filter.target != row.text(6))
        return false;
    if (!filter.device)
        return true;
    auto const devices = row.text(7);
    auto const& name = *filter.device;
    for (auto at = devices.find(name); at != std::string_view::npos; at = devices.find(name, at + 1)) {
        auto const end = at + name.size();
        if (at > 0 && devices[at - 1] == '|' && end < devices.size() && devices[end] == '|')
            return true;
    }
    return false;
}

} // namespace switchyard
