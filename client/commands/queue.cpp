#include "client/commands/verb.hpp"
#include "client/output/table.hpp"
#include "core/wire/northbound_json.hpp"

#include <boost/json/serialize.hpp>

#include <array>

namespace switchyard::client {
namespace {

constexpr std::array<std::string_view, 6> options{"all", "device", "target", "state", "limit", "before"};

void print(Context& context, CommandPage const& page)
{
    if (page.commands.empty())
        return context.terminal.note(context.options.all ? "no such commands" : "no open commands");
    Table table({"ID", "STATE", "ACTION", "TARGET", "POWER", "ACCEPTED", "BY"});
    for (auto const& report : page.commands)
        table.add({std::to_string(report.id.value), std::string(name(report.state)),
            std::string(name(report.request.action)), report.request.target, std::string(name(report.power)),
            to_rfc3339(report.accepted), report.principal});
    table.print(context.terminal);
    if (page.next)
        context.terminal.note("there are more: --before " + std::to_string(page.next.value));
}

asio::awaitable<ExitCode> run(Context& context)
{
    auto filter = context.options.filter;
    filter.open = !context.options.all && !filter.state;
    auto const page = co_await context.power.list(std::move(filter));
    if (!page)
        co_return context.failed("queue", page.error());
    if (!context.options.json) {
        print(context, *page);
        co_return ExitCode::done;
    }
    for (auto const& report : page->commands)
        context.terminal.line(json::serialize(to_json(report)));
    co_return ExitCode::done;
}

} // namespace

Verb const queue_verb{"queue", "", 0, 0, "List commands, newest first",
    "Only those that have not ended, unless --all or --state is given.", options, run};

} // namespace switchyard::client
