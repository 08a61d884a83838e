#pragma once

#include <compare>
#include <cstdint>
#include <functional>

namespace switchyard {

// The number of an accepted command: unique in a store for ever, rising in the order of acceptance, never
// reused. It fits a JSON number (below 2^53). Zero is no command.
struct CommandId {
    std::uint64_t value = 0;
    explicit operator bool() const noexcept { return value != 0; }
    friend auto operator<=>(CommandId, CommandId) = default;
};

} // namespace switchyard

template <>
struct std::hash<switchyard::CommandId> {
    std::size_t operator()(switchyard::CommandId id) const noexcept
    {
        return std::hash<std::uint64_t>{}(id.value);
    }
};
