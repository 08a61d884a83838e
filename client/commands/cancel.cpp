#include "client/commands/command_id.hpp"
#include "client/commands/verb.hpp"
#include "client/output/words.hpp"
#include "core/wire/northbound_json.hpp"

#include <boost/json/serialize.hpp>

#include <array>

namespace switchyard::client {
namespace {

constexpr std::array<std::string_view, 1> options{"leave-off"};

asio::awaitable<ExitCode> run(Context& context)
{
    auto const id = command_argument(context);
    if (!id)
        co_return ExitCode::usage;
    auto const mode = context.options.leave_off ? CancelMode::leave_off : CancelMode::restore;
    auto const report = co_await context.power.cancel(id, mode);
    if (!report)
        co_return context.failed(context.arguments().front(), report.error());
    if (context.options.json)
        context.terminal.line(json::serialize(to_json(*report)));
    else
        context.terminal.line(command_of(report->request.target, report->id) + ": " + outcome(*report));
    // A command that ended before is told as it is; that is no success of a cancellation.
    bool const ended_before = is_end(report->state) && report->state != CommandState::cancelled;
    if (ended_before && !context.options.json)
        context.terminal.note("hint: it had ended before it could be cancelled");
    co_return ended_before ? ExitCode::failed : ExitCode::done;
}

} // namespace

Verb const cancel_verb{"cancel", "ID", 1, 1, "Cancel a command",
    "What was not sent is never sent. A cycle that is off is switched on at once, unless --leave-off is "
    "given.",
    options, run};

} // namespace switchyard::client
