#include "client/legacy.hpp"

#include "client/output/words.hpp"

#include <array>

namespace switchyard::client {
namespace {

constexpr std::string_view port_number = "16421"; // of both, in PDUDaemon without a choice

// Exactly PDUDaemon's words: people's scripts look for them.
ExitCode say_done(Context& context)
{
    context.terminal.line("Command sent successfully.");
    return ExitCode::done;
}
ExitCode say_wrong(Context& context, std::string_view text)
{
    context.terminal.line(text);
    return ExitCode::failed;
}
ExitCode say_replied(Context& context, std::string_view host, std::string_view reply)
{
    context.terminal.line("Error sending command! " + std::string(host) + " replied: " + std::string(reply));
    return ExitCode::legacy_error;
}

std::string escaped(std::string_view text)
{
    std::string out;
    for (char const c : text) {
        bool const plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')
            || c == '-' || c == '.' || c == '_' || c == '~';
        auto const byte = static_cast<unsigned char>(c);
        if (plain)
            out += c;
        else
            out += {'%', "0123456789ABCDEF"[byte >> 4U], "0123456789ABCDEF"[byte & 15U]};
    }
    return out;
}

std::string seconds(milliseconds delay)
{
    auto const ms = delay.count();
    return ms % 1000 == 0 ? std::to_string(ms / 1000) : std::to_string(static_cast<double>(ms) / 1000.0);
}

// The words of a line are parted by blanks, so that a name with one would be another command.
bool is_word(std::string_view text)
{
    return !text.empty() && text.find_first_of(" \t\r\n\v\f") == text.npos;
}

// The daemon may be PDUDaemon itself, which needs a port and may have been told to speak HTTP only.
void advise_by_reply(Context& context, std::string_view reply)
{
    if (reply.starts_with("HTTP/1.") && reply.substr(8).starts_with(" 4"))
        context.terminal.note("hint: " + *context.options.daemon + " speaks HTTP on port 16421: add --http");
    else if (reply == "Unexpected data" && !context.options.port)
        context.terminal.note("hint: PDUDaemon needs --port");
}

asio::awaitable<ExitCode> by_line(Context& context)
{
    auto const& options = context.options;
    for (auto const* name : {&options.hostname, &options.port})
        if (*name && !is_word(**name)) {
            context.complain("the line protocol cannot name '" + **name + "': add --http");
            co_return say_wrong(context, "Error sending command, wrong hostname or port?");
        }
    auto line = *options.hostname;
    if (options.port)
        line += " " + *options.port;
    line += " " + *options.command;
    if (options.delay)
        line += " " + seconds(*options.delay);
    auto const reply =
        co_await ask_by_line(context.timers, *options.daemon, std::string(port_number), std::move(line));
    if (!reply) {
        context.complain(reply.error().detail);
        co_return say_wrong(context, "Error sending command, wrong daemon hostname?");
    }
    if (*reply == "ack")
        co_return say_done(context);
    advise_by_reply(context, *reply);
    co_return say_replied(context, *options.daemon, reply->substr(0, reply->find('\r')));
}

asio::awaitable<ExitCode> by_http(Context& context)
{
    auto const& options = context.options;
    auto path = "/power/control/" + *options.command + "?hostname=" + escaped(*options.hostname);
    if (options.port)
        path += "&port=" + escaped(*options.port);
    if (options.delay)
        path += "&delay=" + seconds(*options.delay);
    auto const host = options.daemon.value_or("localhost");
    auto const status = co_await ask_by_http(context.timers, host, std::string(port_number), std::move(path));
    if (!status) {
        context.complain(status.error().detail);
        co_return say_wrong(context, "Error sending command, wrong daemon hostname?");
    }
    if (*status < 400)
        co_return say_done(context);
    co_return say_replied(context, host, "<Response [" + std::to_string(*status) + "]>");
}

asio::awaitable<ExitCode> read_state(Context& context)
{
    auto const& options = context.options;
    auto const state =
        co_await context.power.state(*options.hostname, options.port, options.max_age, context.until());
    if (!state)
        co_return say_replied(context, context.endpoint, state.error().message());
    context.terminal.line(name(state->power));
    co_return ExitCode::done;
}

asio::awaitable<ExitCode> by_zmq(Context& context)
{
    auto const& options = context.options;
    auto const greeting = co_await context.power.connect();
    if (!greeting) {
        context.complain("no daemon answers: " + greeting.error().detail);
        co_return say_wrong(context, "Error sending command, wrong daemon hostname?");
    }
    context.endpoint = greeting->endpoint;
    if (*options.command == "status")
        co_return co_await read_state(context);
    Request request;
    request.target = *options.hostname;
    request.outlet = options.port;
    request.action = *action_from(*options.command);
    request.reason = options.reason;
    // PDUDaemon's delay of a reboot is the time that it stays off.
    (request.action == Action::cycle ? request.off_time : request.delay) = options.delay;
    PowerClient::Progress progress;
    progress.accepted = [&](PowerClient::Accepted const& accepted) {
        context.open.emplace(accepted.id, *options.hostname);
    };
    auto const report = co_await context.power.run(std::move(request), context.until(), progress);
    if (!report)
        co_return say_replied(context, context.endpoint, report.error().message());
    context.open.clear();
    if (report->state == CommandState::done)
        co_return say_done(context);
    if (report->error)
        context.advise(report->error->code, *options.hostname);
    co_return say_replied(context, context.endpoint, outcome(*report));
}

} // namespace

asio::awaitable<ExitCode> run_legacy(Context& context)
{
    auto const& options = context.options;
    if (!options.hostname || !options.command)
        co_return say_wrong(context, "Missing option, try -h for help");
    bool const foreign = options.daemon || options.http;
    constexpr std::array<std::string_view, 3> old{"on", "off", "reboot"};
    auto const action = action_from(*options.command);
    bool const known = foreign ? std::ranges::find(old, *options.command) != old.end()
                               : *options.command == "status" || (action && *action != Action::invoke);
    if (!known)
        co_return say_wrong(context, "Unknown pdu command: " + *options.command);
    if (options.http)
        co_return co_await by_http(context);
    if (options.daemon)
        co_return co_await by_line(context);
    co_return co_await by_zmq(context);
}

} // namespace switchyard::client
