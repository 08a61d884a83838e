#pragma once

#include "client/context.hpp"

#include <span>
#include <string_view>

namespace switchyard::client {

// A word after "pduclient". One verb = one file; the table is in verbs.cpp.
struct Verb {
    std::string_view name;
    std::string_view arguments; // "TARGET..."
    std::size_t least = 0;      // arguments
    std::size_t most = 0;
    std::string_view summary;
    std::string_view help; // the rest of its help text
    std::span<std::string_view const> options;
    asio::awaitable<ExitCode> (*run)(Context&);
};
inline constexpr std::size_t any_number = 65'536;

std::span<Verb const* const> all_verbs() noexcept;
// Null when there is no such verb. "reboot" is cycle.
Verb const* find_verb(std::string_view name) noexcept;
std::string no_such_verb(std::string_view name); // with a "did you mean"

extern Verb const on_verb, off_verb, cycle_verb, reset_verb, soft_verb, diag_verb;
extern Verb const status_verb, queue_verb, show_verb, cancel_verb, release_verb, watch_verb, targets_verb,
    devices_verb, ping_verb;

} // namespace switchyard::client
