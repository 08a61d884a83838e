#include "client/commands/power.hpp"

namespace switchyard::client {
namespace {

asio::awaitable<ExitCode> run(Context& context)
{
    return switch_targets(context, Action::reset);
}

} // namespace

Verb const reset_verb{"reset", "TARGET...", 1, any_number, "Reset machines hard, without loss of power",
    "A reset is never sent twice: when its outcome cannot be known it ends indeterminate (exit 4).",
    power_options, run};

} // namespace switchyard::client
