#include "client/commands/power.hpp"

namespace switchyard::client {
namespace {

asio::awaitable<ExitCode> run(Context& context)
{
    return switch_targets(context, Action::soft);
}

} // namespace

Verb const soft_verb{"soft", "TARGET...", 1, any_number, "Ask the operating system to shut down (ACPI)",
    "Done when the power is off. It never forces: a machine that does not obey ends as timed out.",
    power_options, run};

} // namespace switchyard::client
