#include "core/base/text.hpp"
#include "daemon/frontends/http/routes.hpp"

#include <fmt/format.h>

#include <algorithm>

// PDUDaemon's HTTP interface, with its statuses and bodies. What it never told, the reason and the command's
// number, is in headers that its clients do not look at.
namespace switchyard {

namespace {

constexpr std::int64_t longest_delay = 365LL * 24 * 3600; // seconds

Result<std::optional<std::chrono::milliseconds>> delay_from(HttpTarget const& target)
{
    auto const text = target.first("delay");
    if (!text)
        return std::nullopt;
    auto const seconds = parse_integer(*text);
    if (!seconds || *seconds > longest_delay)
        return fail(Errc::bad_request,
            fmt::format("delay must be a whole number of seconds up to {}, not '{}'", longest_delay, *text));
    // A negative one has always meant none.
    return std::chrono::seconds(std::max<std::int64_t>(*seconds, 0));
}

// With a port, hostname is a device; without one the service looks for a target, then for a device with one
// system.
Result<Request> request_from(HttpTarget const& target, Action action)
{
    auto const alias = target.first("alias");
    auto const hostname = target.first("hostname");
    auto const port = target.first("port");
    if (alias && (hostname || port))
        return fail(Errc::bad_request, "alias excludes hostname and port");
    if (!alias && !hostname)
        return fail(Errc::bad_request, "hostname or alias is missing");
    auto const delay = delay_from(target);
    if (!delay)
        return std::unexpected(delay.error());
    Request request;
    request.target = alias ? *alias : *hostname;
    if (port)
        request.outlet = *port;
    request.action = action;
    (action == Action::cycle ? request.off_time : request.delay) = *delay;
    return request;
}

// Why a command that has no error of its own did not end well.
Errc reason_of(CommandState state) noexcept
{
    switch (state) {
    case CommandState::expired:
        return Errc::expired;
    case CommandState::cancelled:
        return Errc::cancelled;
    case CommandState::superseded:
        return Errc::superseded;
    case CommandState::indeterminate:
        return Errc::indeterminate;
    case CommandState::failed:
        return Errc::internal;
    default:
        return Errc::timed_out; // off, and still being switched on again after its deadline
    }
}

asio::awaitable<HttpResponse> switch_power(HttpContext& context, HttpCall const& call, Action action)
{
    auto request = request_from(call.target, action);
    if (!request)
        co_return legacy_refusal(context, request.error());
    auto const accepted = co_await context.service.submit(context.principal, std::move(*request));
    if (!accepted)
        co_return legacy_refusal(context, accepted.error());
    auto const report = co_await context.service.wait(accepted->id, Clock::time_point::max());
    if (!report && report.error().code == Errc::cancelled) {
        Error const stopping(Errc::shutting_down, "the command is recorded and goes on");
        co_return legacy_refusal(context, stopping, accepted->id);
    }
    if (!report)
        co_return legacy_refusal(context, report.error(), accepted->id);
    if (report->state != CommandState::done) {
        Error const plain(
            reason_of(report->state), fmt::format("the command is {}", switchyard::name(report->state)));
        co_return legacy_refusal(context, report->error.value_or(plain), accepted->id);
    }
    HttpResponse response(200, "text/plain; charset=utf-8", "OK - accepted request\n");
    response.headers.emplace_back("X-Switchyard-Command", std::to_string(accepted->id.value));
    co_return response;
}

} // namespace

HttpResponse legacy_refusal(HttpContext const& context, Error const& error, CommandId command)
{
    HttpResponse response(
        context.options.legacy_invalid_status, "text/plain; charset=utf-8", "Invalid request\n");
    response.headers.emplace_back(
        "X-Switchyard-Error", fmt::format("{}: {}", name(error.code), error.message()));
    if (command)
        response.headers.emplace_back("X-Switchyard-Command", std::to_string(command.value));
    return response;
}

asio::awaitable<HttpResponse> legacy_on(HttpContext& context, HttpCall const& call)
{
    return switch_power(context, call, Action::on);
}

asio::awaitable<HttpResponse> legacy_off(HttpContext& context, HttpCall const& call)
{
    return switch_power(context, call, Action::off);
}

asio::awaitable<HttpResponse> legacy_reboot(HttpContext& context, HttpCall const& call)
{
    return switch_power(context, call, Action::cycle);
}

} // namespace switchyard
