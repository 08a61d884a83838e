#include "client/commands/command_id.hpp"
#include "client/commands/verb.hpp"
#include "client/output/words.hpp"
#include "core/wire/northbound_json.hpp"

#include <boost/json/serialize.hpp>

namespace switchyard::client {
namespace {

void print(Context& context, Report const& report)
{
    auto& terminal = context.terminal;
    terminal.line("command " + std::to_string(report.id.value) + ": "
        + std::string(name(report.request.action)) + " " + report.request.target
        + (report.request.outlet ? ":" + *report.request.outlet : ""));
    terminal.line("state:    " + outcome(report));
    terminal.line("accepted: " + to_rfc3339(report.accepted) + " from " + report.principal);
    if (report.due > report.accepted)
        terminal.line("due:      " + to_rfc3339(report.due));
    terminal.line("deadline: " + to_rfc3339(report.deadline));
    if (report.started)
        terminal.line("started:  " + to_rfc3339(*report.started));
    if (report.ended)
        terminal.line("ended:    " + to_rfc3339(*report.ended));
    if (!report.request.reason.empty())
        terminal.line("reason:   " + report.request.reason);
    for (auto const& outlet : report.outlets)
        terminal.line("outlet:   " + outlet.device + (outlet.outlet.empty() ? "" : ":" + outlet.outlet) + " "
            + std::string(name(outlet.power)) + (outlet.confirmed ? ", confirmed" : "") + ", "
            + std::to_string(outlet.attempts) + (outlet.attempts == 1 ? " attempt" : " attempts")
            + (outlet.driver.empty() ? "" : " by " + outlet.driver)
            + (outlet.error ? ", " + outlet.error->message() : std::string()));
    if (!report.result.is_null())
        terminal.line("result:   " + json::serialize(report.result));
    if (report.error)
        context.advise(report.error->code, report.request.target);
}

asio::awaitable<ExitCode> run(Context& context)
{
    auto const id = command_argument(context);
    if (!id)
        co_return ExitCode::usage;
    auto const report = co_await context.power.look(id);
    if (!report)
        co_return context.failed(context.arguments().front(), report.error());
    if (context.options.json)
        context.terminal.line(json::serialize(to_json(*report)));
    else
        print(context, *report);
    co_return ExitCode::done;
}

} // namespace

Verb const show_verb{"show", "ID", 1, 1, "Show one command and what has become of it",
    "It exits 0 whatever the command's state is; with --json the report is as the daemon gives it.", {}, run};

} // namespace switchyard::client
