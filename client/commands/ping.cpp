#include "client/commands/verb.hpp"

#include <boost/json/serialize.hpp>

namespace switchyard::client {
namespace {

asio::awaitable<ExitCode> run(Context& context)
{
    auto health = co_await context.power.health();
    if (!health)
        co_return context.failed(context.endpoint, health.error());
    auto const* const ready = health->if_contains("ready");
    bool const good = ready != nullptr && ready->is_bool() && ready->get_bool();
    if (context.options.json) {
        context.terminal.line(json::serialize(*health));
    } else {
        auto const* const reason = health->if_contains("reason");
        context.terminal.line(context.endpoint + ": "
            + (good ? "ready"
                    : "not ready"
                        + (reason != nullptr ? ": " + std::string(reason->as_string()) : std::string())));
    }
    co_return good ? ExitCode::done : ExitCode::failed;
}

} // namespace

Verb const ping_verb{"ping", "", 0, 0, "Ask whether the daemon is there and takes commands", "", {}, run};

} // namespace switchyard::client
