#include "client/commands/power.hpp"

namespace switchyard::client {
namespace {

asio::awaitable<ExitCode> run(Context& context)
{
    return switch_targets(context, Action::on);
}

} // namespace

Verb const on_verb{"on", "TARGET...", 1, any_number, "Switch targets on",
    "Done when the device reports the power as on.", switch_options, run};

} // namespace switchyard::client
