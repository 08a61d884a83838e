#include "client/commands/verb.hpp"
#include "core/base/text.hpp"
#include "core/wire/northbound_json.hpp"

#include <boost/json/serialize.hpp>

#include <array>

namespace switchyard::client {
namespace {

constexpr std::array<std::string_view, 2> options{"max-age", "parallel"};
constexpr milliseconds read_limit{60'000}; // for one target, when there is no --timeout

void print(Context& context, TargetState const& state)
{
    if (context.options.json)
        return context.terminal.line(json::serialize(to_json(state)));
    std::string text = state.target + ": " + std::string(name(state.power));
    if (state.age.count() > 0)
        text += " (" + to_text(state.age) + " ago)";
    if (state.outlets.size() > 1 || state.power == PowerState::unknown)
        for (auto const& outlet : state.outlets) {
            text += ", " + outlet.device + (outlet.outlet.empty() ? "" : ":" + outlet.outlet) + " "
                + std::string(name(outlet.power));
            if (outlet.error)
                text += " (" + outlet.error->message() + ")";
        }
    context.terminal.line(text);
}

struct Run {
    explicit Run(Context& context_) : context(context_) {}
    Context& context;
    std::vector<std::string> targets;
    std::size_t next = 0;
    ExitCode code = ExitCode::done;

    asio::awaitable<void> worker()
    {
        auto const limit = context.options.timeout.value_or(read_limit);
        auto const cancellation = co_await asio::this_coro::cancellation_state;
        while (next < targets.size() && cancellation.cancelled() == asio::cancellation_type::none) {
            auto const& target = targets[next++];
            std::optional<std::string> const whole; // no single outlet
            auto const state =
                co_await context.power.state(target, whole, context.options.max_age, Clock::now() + limit);
            if (!state && state.error().code == Errc::cancelled)
                co_return;
            if (state)
                print(context, *state);
            bool const known = state && state->power != PowerState::unknown;
            auto const one =
                state ? (known ? ExitCode::done : ExitCode::failed) : context.failed(target, state.error());
            code = worse(code, one);
        }
    }
};

asio::awaitable<ExitCode> run(Context& context)
{
    auto targets = targets_of(context.arguments());
    if (!targets) {
        context.complain(targets.error().detail);
        co_return ExitCode::usage;
    }
    Run all(context);
    all.targets = std::move(*targets);
    TaskGroup workers(context.timers);
    for (std::size_t i = 0; i < std::min(all.targets.size(), context.options.parallel); ++i)
        workers.spawn(all.worker());
    bool const waited = co_await workers.drain(Clock::now() + std::chrono::hours(24 * 365));
    if (!waited) {
        workers.cancel();
        co_await shielded(workers.drain(Clock::now() + std::chrono::seconds(5)));
        co_return ExitCode::interrupted;
    }
    co_return all.code;
}

} // namespace

Verb const status_verb{"status", "TARGET...", 1, any_number, "Read the power state of targets",
    "The device itself is asked, unless --max-age allows an answer from the daemon's memory.", options, run};

} // namespace switchyard::client
