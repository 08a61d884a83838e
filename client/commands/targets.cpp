#include "client/commands/verb.hpp"
#include "client/output/table.hpp"
#include "core/wire/northbound_json.hpp"

#include <boost/json/serialize.hpp>

namespace switchyard::client {
namespace {

constexpr std::size_t page_size = 500;

std::string joined(std::vector<std::string> const& words)
{
    std::string out;
    for (auto const& word : words)
        out += (out.empty() ? "" : ", ") + word;
    return out;
}

asio::awaitable<ExitCode> run(Context& context)
{
    Table table({"TARGET", "OUTLETS", "DESCRIPTION"});
    bool any = false;
    std::string after;
    do {
        auto const page = co_await context.power.targets(after, page_size);
        if (!page)
            co_return context.failed("targets", page.error());
        for (auto const& target : page->targets) {
            any = true;
            if (context.options.json)
                context.terminal.line(json::serialize(to_json(target)));
            else
                table.add({target.name, joined(target.outlets), target.description});
        }
        after = page->next;
    } while (!after.empty());
    if (!any)
        context.terminal.note("the daemon has no targets: [targets.NAME] in its configuration makes one");
    else if (!context.options.json)
        table.print(context.terminal);
    co_return ExitCode::done;
}

} // namespace

Verb const targets_verb{"targets", "", 0, 0, "List what can be switched by name", "", {}, run};

} // namespace switchyard::client
