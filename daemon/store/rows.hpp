#pragma once

#include "daemon/store/statement.hpp"
#include "daemon/store/store.hpp"

// Between a row and a value.
namespace switchyard {

inline constexpr std::string_view command_columns =
    "id, state, accepted, due, deadline, ended, target, devices, principal, key, request, progress, outcome";

inline std::int64_t to_number(UtcTime time) noexcept
{
    return time.time_since_epoch().count();
}
inline UtcTime to_time(std::int64_t number) noexcept
{
    return UtcTime(std::chrono::microseconds(number));
}
inline std::int64_t to_number(CommandId id) noexcept
{
    return static_cast<std::int64_t>(id.value);
}
inline CommandId to_id(std::int64_t number) noexcept
{
    return CommandId{static_cast<std::uint64_t>(number)};
}

void bind_command(Statement& insert, StoredCommand const& command);
// Of a row of `command_columns`. Fails as corrupt when the row cannot be one of ours.
Sql<StoredCommand> read_command(Statement const& row);
bool matches(CommandFilter const& filter, Statement const& row);

} // namespace switchyard
