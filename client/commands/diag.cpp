#include "client/commands/power.hpp"

namespace switchyard::client {
namespace {

asio::awaitable<ExitCode> run(Context& context)
{
    return switch_targets(context, Action::diag);
}

} // namespace

Verb const diag_verb{"diag", "TARGET...", 1, any_number, "Send a diagnostic interrupt (NMI)",
    "What the machine does with it, a crash dump for example, is its own configuration.", power_options, run};

} // namespace switchyard::client
