#include "client/commands/verb.hpp"
#include "client/output/words.hpp"
#include "core/wire/northbound_json.hpp"

#include <boost/json/serialize.hpp>

#include <array>

namespace switchyard::client {
namespace {

constexpr std::array<std::string_view, 1> options{"events"};

asio::awaitable<ExitCode> run(Context& context)
{
    std::vector<std::string> targets;
    if (!context.arguments().empty()) {
        auto named = targets_of(context.arguments());
        if (!named) {
            context.complain(named.error().detail);
            co_return ExitCode::usage;
        }
        targets = std::move(*named);
    }
    PowerEvents events(context.timers, context.options.address);
    auto const endpoint = context.options.events.value_or(events_endpoint(context.endpoint));
    if (auto const connected = events.connect(endpoint, targets); !connected) {
        context.complain(connected.error().detail);
        co_return ExitCode::no_daemon;
    }
    context.terminal.note("watching " + endpoint + ", Ctrl-C ends it");
    auto const until = context.until();
    for (;;) {
        auto next = events.next();
        auto const event = co_await with_deadline(context.timers, until, std::move(next));
        if (!event)
            co_return event.error().code == Errc::timed_out ? ExitCode::done : ExitCode::interrupted;
        context.terminal.line(context.options.json ? json::serialize(to_json(*event)) : line_of(*event));
    }
}

} // namespace

Verb const watch_verb{"watch", "[TARGET...]", 0, any_number,
    "Tell every transition of every command as it happens", "Until Ctrl-C, or for the time of --timeout.",
    options, run};

} // namespace switchyard::client
