#include "client/commands/verb.hpp"

namespace switchyard::client {
namespace {

asio::awaitable<ExitCode> run(Context& context)
{
    auto const& device = context.arguments().front();
    auto const released = co_await context.power.release(device);
    if (!released)
        co_return context.failed(device, released.error());
    context.terminal.line(context.options.json ? "{\"released\":true}" : device + ": released");
    co_return ExitCode::done;
}

} // namespace

Verb const release_verb{"release", "DEVICE", 1, 1, "Let a held device go on",
    "A device with on_indeterminate = \"hold\" stops after a command whose outcome cannot be known, until "
    "somebody has\n"
    "looked at it.",
    {}, run};

} // namespace switchyard::client
