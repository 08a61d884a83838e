#pragma once

#include "client/commands/verb.hpp"

#include <array>

namespace switchyard::client {

// Applies an action to every target of the arguments, many at a time, and tells each result as it comes.
asio::awaitable<ExitCode> switch_targets(Context& context, Action action);

// Options of all verbs that command something.
inline constexpr std::array<std::string_view, 9> power_options{
    "wait", "no-wait", "parallel", "delay", "deadline", "priority", "key", "coalesce", "reason"};

} // namespace switchyard::client
