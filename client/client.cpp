#include "client/client.hpp"

#include "client/commands/verb.hpp"
#include "client/help.hpp"
#include "client/legacy.hpp"
#include "client/output/words.hpp"
#include "core/base/version.hpp"

#include <algorithm>

namespace switchyard::client {
namespace {

// The first thing that is wrong with how a verb was called; empty when nothing is.
std::string misuse(Verb const& verb, Options const& options)
{
    auto const count = options.words.size() - 1;
    if (count < verb.least || count > verb.most)
        return "usage: pduclient " + std::string(verb.name)
            + (verb.arguments.empty() ? std::string() : " " + std::string(verb.arguments));
    for (auto const& given : options.given) {
        auto const allowed = [&](std::span<std::string_view const> list) {
            return std::ranges::find(list, given) != list.end();
        };
        if (!allowed(common_options()) && !allowed(verb.options))
            return "'" + std::string(verb.name) + "' takes no --" + given + "; 'pduclient "
                + std::string(verb.name) + " --help' lists its options";
    }
    return {};
}

asio::awaitable<ExitCode> run_verb(Context& context, Verb const& verb)
{
    auto const greeting = co_await context.power.connect();
    if (!greeting) {
        auto const code = greeting.error().code;
        if (code == Errc::cancelled)
            co_return ExitCode::interrupted;
        context.complain("no daemon answers: " + greeting.error().detail);
        if (code == Errc::unauthorized || code == Errc::bad_request)
            context.advise(code, "");
        else
            context.terminal.note(
                "hint: is it running (systemctl status switchyardd)? --connect ADDRESS names another one");
        co_return code == Errc::bad_request ? ExitCode::usage : ExitCode::no_daemon;
    }
    context.endpoint = greeting->endpoint;
    co_return co_await verb.run(context);
}

// A body for the group: it keeps the result and closes the connection whatever happens.
asio::awaitable<void> keep(ExitCode& result, Context& context, Verb const& verb)
{
    result = co_await run_verb(context, verb);
    co_await shielded(context.power.close());
}

asio::awaitable<void> keep_legacy(ExitCode& result, Context& context)
{
    result = co_await run_legacy(context);
    co_await shielded(context.power.close());
}

} // namespace

void Client::interrupt()
{
    interrupted_ = true;
    running_.cancel();
}

asio::awaitable<ExitCode> Client::run(std::vector<std::string> arguments)
{
    auto const options = parse_options(arguments);
    if (!options) {
        terminal_.note("pduclient: " + options.error().detail);
        co_return ExitCode::usage;
    }
    if (options->version) {
        terminal_.line("pduclient " + std::string(version));
        co_return ExitCode::done;
    }
    Verb const* const verb = options->words.empty() ? nullptr : find_verb(options->words.front());
    if (options->help) {
        print_help(terminal_, verb);
        co_return ExitCode::done;
    }
    Context context(timers_, *options, terminal_);
    ExitCode result = ExitCode::interrupted;
    if (verb == nullptr && options->words.empty() && options->legacy()) {
        running_.spawn(keep_legacy(result, context));
    } else if (verb == nullptr) {
        terminal_.note("pduclient: "
            + (options->words.empty() ? std::string("a verb is missing; 'pduclient --help' lists them")
                                      : no_such_verb(options->words.front())));
        co_return ExitCode::usage;
    } else if (auto const wrong = misuse(*verb, *options); !wrong.empty()) {
        terminal_.note("pduclient: " + wrong);
        co_return ExitCode::usage;
    } else {
        running_.spawn(keep(result, context, *verb));
    }
    co_await running_.drain(Clock::now() + std::chrono::hours(24 * 365));
    if (!interrupted_)
        co_return result;
    terminal_.progress({});
    for (auto const& [id, target] : context.open)
        terminal_.note(command_of(target, id) + " goes on: 'pduclient show " + std::to_string(id.value)
            + "' looks at it, 'pduclient cancel " + std::to_string(id.value) + "' ends it");
    co_return ExitCode::interrupted;
}

} // namespace switchyard::client
