#pragma once

#include "client/commands/verb.hpp"

#include <algorithm>
#include <array>

namespace switchyard::client {

// Applies an action to every target of the arguments, many at a time, and tells each result as it comes.
asio::awaitable<ExitCode> switch_targets(Context& context, Action action);

// Options of all verbs that command something.
inline constexpr std::array<std::string_view, 9> power_options{
    "wait", "no-wait", "parallel", "delay", "deadline", "priority", "key", "coalesce", "reason"};
// Of on and off, which can also look first.
inline constexpr auto switch_options = [] {
    std::array<std::string_view, power_options.size() + 1> out{"ensure"};
    std::ranges::copy(power_options, out.begin() + 1);
    return out;
}();

} // namespace switchyard::client
