#pragma once

#include "client/context.hpp"
#include "core/base/text.hpp"

namespace switchyard::client {

// The argument of `show` and `cancel`; complains when it is not the number of a command.
inline CommandId command_argument(Context& context)
{
    auto const& word = context.arguments().front();
    auto const number = parse_integer(word);
    if (number && *number > 0)
        return CommandId{static_cast<std::uint64_t>(*number)};
    context.complain("'" + word + "' is not the number of a command; 'pduclient queue' lists them");
    return {};
}

} // namespace switchyard::client
