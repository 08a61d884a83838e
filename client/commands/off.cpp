#include "client/commands/power.hpp"

namespace switchyard::client {
namespace {

asio::awaitable<ExitCode> run(Context& context)
{
    return switch_targets(context, Action::off);
}

} // namespace

Verb const off_verb{"off", "TARGET...", 1, any_number, "Switch targets off, without asking the machine",
    "Done when the device reports the power as off. 'soft' asks the operating system first.", switch_options,
    run};

} // namespace switchyard::client
