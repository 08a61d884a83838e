#pragma once

#include "core/net/http_router.hpp"
#include "daemon/frontends/http/http_frontend.hpp"

// What the routes share, and the routes themselves: each is a function from a call to a response.
namespace switchyard {

struct HttpContext {
    HttpContext(Timers& timers_, PowerService& service_, HttpFrontendOptions options_)
        : timers(timers_), service(service_), options(std::move(options_))
    {
    }
    Timers& timers;
    PowerService& service;
    HttpFrontendOptions const options;
    Principal const principal{"http"};
    std::size_t event_streams = 0;
};

// One request on its way. It lives in the frame of HttpFrontend::handle().
struct HttpCall {
    HttpCall(HttpRequest const& request_, HttpTarget target_, std::vector<std::string> parameters_)
        : request(request_), target(std::move(target_)), parameters(std::move(parameters_))
    {
    }
    HttpRequest const& request;
    HttpTarget target;
    std::vector<std::string> parameters; // from the path
};

// PDUDaemon's: /power/control/{on,off,reboot}
asio::awaitable<HttpResponse> legacy_on(HttpContext& context, HttpCall const& call);
asio::awaitable<HttpResponse> legacy_off(HttpContext& context, HttpCall const& call);
asio::awaitable<HttpResponse> legacy_reboot(HttpContext& context, HttpCall const& call);
// "Invalid request" with the reason in a header.
HttpResponse legacy_refusal(HttpContext const& context, Error const& error, CommandId command = {});

// /v1/commands
asio::awaitable<HttpResponse> submit_command(HttpContext& context, HttpCall const& call);
asio::awaitable<HttpResponse> show_command(HttpContext& context, HttpCall const& call);
asio::awaitable<HttpResponse> cancel_command(HttpContext& context, HttpCall const& call);
asio::awaitable<HttpResponse> list_commands(HttpContext& context, HttpCall const& call);

// /v1/targets and /v1/devices
asio::awaitable<HttpResponse> list_targets(HttpContext& context, HttpCall const& call);
asio::awaitable<HttpResponse> show_target(HttpContext& context, HttpCall const& call);
asio::awaitable<HttpResponse> show_state(HttpContext& context, HttpCall const& call);
asio::awaitable<HttpResponse> list_devices(HttpContext& context, HttpCall const& call);
asio::awaitable<HttpResponse> show_device(HttpContext& context, HttpCall const& call);
asio::awaitable<HttpResponse> release_device(HttpContext& context, HttpCall const& call);

// /v1/events
asio::awaitable<HttpResponse> stream_events(HttpContext& context, HttpCall const& call);

// For monitoring, and for whoever opens the port in a browser.
asio::awaitable<HttpResponse> show_health(HttpContext& context, HttpCall const& call);
asio::awaitable<HttpResponse> show_readiness(HttpContext& context, HttpCall const& call);
asio::awaitable<HttpResponse> show_metrics(HttpContext& context, HttpCall const& call);
asio::awaitable<HttpResponse> show_index(HttpContext& context, HttpCall const& call);

} // namespace switchyard
