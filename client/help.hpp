#pragma once

#include "client/commands/verb.hpp"

namespace switchyard::client {

// About one verb, or about all of them.
void print_help(Terminal& terminal, Verb const* verb);

} // namespace switchyard::client
