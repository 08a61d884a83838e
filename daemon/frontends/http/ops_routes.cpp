#include "daemon/frontends/http/replies.hpp"
#include "daemon/frontends/http/routes.hpp"

namespace switchyard {

namespace {

constexpr std::string_view index_text =
    R"(Switchyard switches power. docs/http-api.md is the reference of this interface.

PDUDaemon's
  GET    /power/control/{on,off,reboot}?hostname=&port=&alias=&delay=
Commands
  POST   /v1/commands?wait=                {"target": "srv1", "action": "on"}
  GET    /v1/commands?device=&target=&state=&open=&before=&limit=
  GET    /v1/commands/{id}?wait=
  DELETE /v1/commands/{id}?leave_off=
Targets and devices
  GET    /v1/targets, /v1/targets/{name}
  GET    /v1/targets/{name}/state?max_age=&outlet=&timeout=
  GET    /v1/devices, /v1/devices/{name}
  POST   /v1/devices/{name}/release
Events (text/event-stream)
  GET    /v1/events?since=
Monitoring
  GET    /healthz, /readyz, /metrics
)";

} // namespace

asio::awaitable<HttpResponse> show_index(HttpContext&, HttpCall const&)
{
    HttpResponse response(200, "text/plain; charset=utf-8", std::string(index_text));
    co_return response;
}

// That it is answered is the answer: the loop turns.
asio::awaitable<HttpResponse> show_health(HttpContext&, HttpCall const&)
{
    HttpResponse response(200, "text/plain; charset=utf-8", "ok\n");
    co_return response;
}

asio::awaitable<HttpResponse> show_readiness(HttpContext& context, HttpCall const&)
{
    auto const health = context.service.health();
    json::object page;
    page.emplace("ready", health.ready);
    if (!health.reason.empty())
        page.emplace("reason", health.reason);
    page.emplace("open_commands", health.open_commands);
    page.emplace("devices", health.devices);
    page.emplace("failed_devices", health.failed_devices);
    page.emplace("targets", health.targets);
    auto response = json_reply(health.ready ? 200 : 503, page);
    if (!health.ready)
        response.headers.emplace_back("Retry-After", "1");
    co_return response;
}

asio::awaitable<HttpResponse> show_metrics(HttpContext& context, HttpCall const&)
{
    if (!context.options.metrics)
        co_return http_text(404, "this daemon counts nothing");
    HttpResponse response(
        200, "application/openmetrics-text; version=1.0.0; charset=utf-8", context.options.metrics());
    co_return response;
}

} // namespace switchyard
