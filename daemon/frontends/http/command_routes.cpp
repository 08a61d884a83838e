#include "core/wire/northbound_json.hpp"
#include "daemon/frontends/http/query.hpp"
#include "daemon/frontends/http/replies.hpp"
#include "daemon/frontends/http/routes.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace switchyard {

namespace {

constexpr std::chrono::milliseconds longest_wait = std::chrono::hours(1);
constexpr std::uint64_t largest_page = 500;
constexpr std::uint64_t largest_id = (std::uint64_t{1} << 53) - 1;

// The body as a request, with the key of the header in it.
Result<Request> request_from(HttpRequest const& http)
{
    auto const body = parse_json(http.body);
    if (!body)
        return std::unexpected(body.error());
    auto request = request_from_json(*body);
    auto const key = http.header("Idempotency-Key");
    if (!request || !key)
        return request;
    bool const printable = std::ranges::all_of(*key, [](char c) { return c >= ' ' && c <= '~'; });
    if (key->empty() || key->size() > 255 || !printable)
        return fail(Errc::bad_request, "header Idempotency-Key must be 1 to 255 printable ASCII characters");
    if (request->key && *request->key != *key)
        return fail(Errc::bad_request, "header Idempotency-Key and field 'key' differ");
    request->key = std::string(*key);
    return request;
}

HttpResponse report_reply(unsigned status, Report const& report)
{
    auto response = json_reply(status, to_json(report));
    response.headers.emplace_back("Location", fmt::format("/v1/commands/{}", report.id.value));
    return response;
}

// The report as it is after `wait`; at once without one.
asio::awaitable<Result<Report>> report_after(
    HttpContext& context, CommandId id, std::optional<std::chrono::milliseconds> wait)
{
    if (!wait || wait->count() == 0)
        co_return co_await context.service.look(id);
    auto report = co_await context.service.wait(id, Clock::now() + *wait);
    // The wait was cut short, the command was not: nobody but a stop of the daemon does that to a client that
    // is still here.
    if (!report && report.error().code == Errc::cancelled)
        co_return fail(Errc::shutting_down, "the command is recorded and goes on");
    co_return report;
}

} // namespace

asio::awaitable<HttpResponse> submit_command(HttpContext& context, HttpCall const& call)
{
    auto const wait = query_duration(call.target, "wait", longest_wait);
    if (!wait)
        co_return error_reply(wait.error());
    auto request = request_from(call.request);
    if (!request)
        co_return error_reply(request.error());
    ErrorSubject const subject(request->outlet ? request->target : std::string());
    auto const accepted = co_await context.service.submit(context.principal, std::move(*request));
    if (!accepted)
        co_return error_reply(accepted.error(), subject);
    auto const report = co_await report_after(context, accepted->id, *wait);
    if (!report)
        co_return error_reply(report.error(), ErrorSubject(accepted->id));
    auto response = report_reply(is_end(report->state) ? 200 : 202, *report);
    if (accepted->repeated)
        response.headers.emplace_back("Idempotency-Replayed", "true");
    co_return response;
}

asio::awaitable<HttpResponse> show_command(HttpContext& context, HttpCall const& call)
{
    auto const id = command_id_from(call.parameters[0]);
    auto const wait = query_duration(call.target, "wait", longest_wait);
    if (!id || !wait)
        co_return error_reply(id ? wait.error() : id.error());
    auto const report = co_await report_after(context, *id, *wait);
    if (!report)
        co_return error_reply(report.error(), ErrorSubject(*id));
    co_return json_reply(200, to_json(*report));
}

asio::awaitable<HttpResponse> cancel_command(HttpContext& context, HttpCall const& call)
{
    auto const id = command_id_from(call.parameters[0]);
    auto const leave_off = query_flag(call.target, "leave_off");
    if (!id || !leave_off)
        co_return error_reply(id ? leave_off.error() : id.error());
    auto const mode = *leave_off ? CancelMode::leave_off : CancelMode::restore;
    auto const report = co_await context.service.cancel(context.principal, *id, mode);
    if (!report)
        co_return error_reply(report.error(), ErrorSubject(*id));
    co_return json_reply(200, to_json(*report));
}

asio::awaitable<HttpResponse> list_commands(HttpContext& context, HttpCall const& call)
{
    CommandFilter filter;
    filter.device = query_text(call.target, "device");
    filter.target = query_text(call.target, "target");
    if (auto const state = query_text(call.target, "state")) {
        filter.state = command_state_from(*state);
        if (!filter.state) {
            Error const unknown(Errc::bad_request,
                fmt::format("query parameter 'state' must be one of delayed, queued, running, waiting, "
                            "restoring, done, "
                            "failed, expired, cancelled, superseded, indeterminate, not '{}'",
                    *state));
            co_return error_reply(unknown);
        }
    }
    auto const open = query_flag(call.target, "open");
    auto const before = query_number(call.target, "before", 1, largest_id);
    auto const limit = query_number(call.target, "limit", 1, largest_page);
    if (!open || !before || !limit)
        co_return error_reply(!open ? open.error() : !before ? before.error() : limit.error());
    filter.open = *open;
    filter.before = CommandId{before->value_or(0)};
    filter.limit = static_cast<std::size_t>(limit->value_or(filter.limit));
    auto const page = co_await context.service.list(std::move(filter));
    if (!page)
        co_return error_reply(page.error());
    co_return json_reply(200, to_json(*page));
}

} // namespace switchyard
