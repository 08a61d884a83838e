#include "daemon/frontends/http/http_frontend.hpp"

#include "daemon/frontends/http/query.hpp"
#include "daemon/frontends/http/replies.hpp"
#include "daemon/frontends/http/routes.hpp"

#include <fmt/format.h>

#include <array>

namespace switchyard {

namespace {

using RouteFunction = asio::awaitable<HttpResponse> (*)(HttpContext&, HttpCall const&);
using Names = std::span<std::string_view const>;

enum class Query : std::uint8_t { checked, free }; // free: parameters that nobody knows are passed over

struct Route {
    HttpRoute pattern;
    RouteFunction function;
    Query query = Query::checked;
    Names parameters{};
};

constexpr std::array<std::string_view, 1> wait_query{"wait"};
constexpr std::array<std::string_view, 1> cancel_query{"leave_off"};
constexpr std::array<std::string_view, 6> list_query{"device", "target", "state", "open", "before", "limit"};
constexpr std::array<std::string_view, 2> page_query{"after", "limit"};
constexpr std::array<std::string_view, 3> state_query{"max_age", "outlet", "timeout"};
constexpr std::array<std::string_view, 1> event_query{"since"};

constexpr std::array<Route, 18> routes{{
    {{"GET", "/power/control/on"}, legacy_on, Query::free},
    {{"GET", "/power/control/off"}, legacy_off, Query::free},
    {{"GET", "/power/control/reboot"}, legacy_reboot, Query::free},
    {{"POST", "/v1/commands"}, submit_command, Query::checked, wait_query},
    {{"GET", "/v1/commands"}, list_commands, Query::checked, list_query},
    {{"GET", "/v1/commands/{id}"}, show_command, Query::checked, wait_query},
    {{"DELETE", "/v1/commands/{id}"}, cancel_command, Query::checked, cancel_query},
    {{"GET", "/v1/targets"}, list_targets, Query::checked, page_query},
    {{"GET", "/v1/targets/{name}"}, show_target},
    {{"GET", "/v1/targets/{name}/state"}, show_state, Query::checked, state_query},
    {{"GET", "/v1/devices"}, list_devices, Query::checked, page_query},
    {{"GET", "/v1/devices/{name}"}, show_device},
    {{"POST", "/v1/devices/{name}/release"}, release_device},
    {{"GET", "/v1/events"}, stream_events, Query::checked, event_query},
    {{"GET", "/healthz"}, show_health},
    {{"GET", "/readyz"}, show_readiness},
    {{"GET", "/metrics"}, show_metrics, Query::free},
    {{"GET", "/"}, show_index},
}};

constexpr auto patterns = [] {
    std::array<HttpRoute, routes.size()> all{};
    for (std::size_t i = 0; i < routes.size(); ++i)
        all[i] = routes[i].pattern;
    return all;
}();

bool is_api(HttpTarget const& target) noexcept
{
    return target.path[0] == "v1";
}
bool is_power(HttpTarget const& target) noexcept
{
    return target.path[0] == "power";
}

// PDUDaemon's texts, to the byte.
HttpResponse plain(unsigned status)
{
    HttpResponse response(
        status, "text/plain; charset=utf-8", fmt::format("{}: {}", status, http_reason(status)));
    return response;
}

HttpResponse no_such_page(HttpRequest const& request, HttpTarget const& target)
{
    if (!is_api(target))
        return plain(404);
    json::object error;
    error.emplace("code", name(Errc::not_found));
    error.emplace("message",
        fmt::format("there is nothing at {}; GET / tells what there is",
            std::string_view(request.target).substr(0, request.target.find('?'))));
    json::object whole;
    whole.emplace("error", std::move(error));
    return json_reply(404, whole);
}

HttpResponse wrong_method(HttpRequest const& request, HttpTarget const& target, std::string allow)
{
    if (auto const get = allow.find("GET"); get != allow.npos && !is_power(target))
        allow.insert(get + 3, ", HEAD");
    auto response = plain(405);
    if (is_api(target)) {
        Error const error(
            Errc::bad_request, fmt::format("this path takes {}, not {}", allow, request.method));
        response = error_reply(405, error);
    }
    response.headers.emplace_back("Allow", std::move(allow));
    return response;
}

bool is_json(std::string_view type) noexcept
{
    type = type.substr(0, type.find(';'));
    while (type.ends_with(' ') || type.ends_with('\t'))
        type.remove_suffix(1);
    return http_equal(type, "application/json");
}

// A page of another site can make a browser send a form, or a body without a type, to a daemon that only its
// user reaches. It cannot send JSON without asking first, and nobody here says yes.
std::optional<HttpResponse> refuse_foreign(HttpRequest const& request)
{
    if (request.method == "GET" || request.method == "HEAD")
        return std::nullopt;
    if (auto const site = request.header("Sec-Fetch-Site"); site && http_equal(*site, "cross-site")) {
        Error const error(Errc::unauthorized, "a page of another site asked for this");
        return error_reply(error);
    }
    auto const type = request.header("Content-Type");
    bool const must = !request.body.empty() || type;
    if (must && (!type || !is_json(*type))) {
        Error const error(Errc::bad_request, "the body must be JSON, with Content-Type: application/json");
        return error_reply(415, error);
    }
    return std::nullopt;
}

} // namespace

HttpFrontend::HttpFrontend(Timers& timers, Log& log, PowerService& service, HttpFrontendOptions options)
    : context_(std::make_unique<HttpContext>(timers, service, std::move(options))),
      server_(timers, log, *this, context_->options.limits, context_->options.line)
{
}

HttpFrontend::~HttpFrontend() = default;

Result<> HttpFrontend::start()
{
    return server_.listen(context_->options.listen);
}

asio::awaitable<void> HttpFrontend::stop(Clock::time_point until)
{
    return server_.stop(until);
}

asio::awaitable<HttpResponse> HttpFrontend::handle(HttpRequest const& request)
{
    auto target = parse_http_target(request.target);
    if (!target && request.target.starts_with("/power/"))
        co_return legacy_refusal(*context_, target.error());
    if (!target)
        co_return error_reply(target.error());
    // HEAD is GET without the body, but never switches anything.
    bool const as_get = request.method == "HEAD" && !is_power(*target);
    auto match = find_http_route(patterns, as_get ? "GET" : std::string_view(request.method), target->path);
    if (!match.route && match.allow.empty())
        co_return no_such_page(request, *target);
    if (!match.route)
        co_return wrong_method(request, *target, std::move(match.allow));
    auto const& route = routes[*match.route];
    if (auto foreign = refuse_foreign(request))
        co_return std::move(*foreign);
    if (route.query == Query::checked)
        if (auto const checked = check_query(*target, route.parameters); !checked)
            co_return error_reply(checked.error());
    HttpCall const call(request, std::move(*target), std::move(match.parameters));
    co_return co_await route.function(*context_, call);
}

} // namespace switchyard
