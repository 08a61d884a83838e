#pragma once

#include "core/net/http_server.hpp"
#include "daemon/service.hpp"

#include <functional>
#include <memory>

namespace switchyard {

struct HttpFrontendOptions {
    std::vector<std::string> listen{"127.0.0.1:16421", "[::1]:16421"};
    HttpServerLimits limits;
    unsigned legacy_invalid_status = 500;               // PDUDaemon's README says 503, its code 500
    std::size_t max_event_streams = 256;                // readers of /v1/events at one time
    std::chrono::milliseconds event_keep_alive{15'000}; // a comment is sent when no event was for so long
    LineHandler* line = nullptr;          // answers what is not HTTP on the same port; null: nobody does
    std::function<std::string()> metrics; // the text of /metrics; without it there is no such page
};

struct HttpContext;

// PDUDaemon's three URLs, the native API under /v1, and the pages that monitoring asks for. docs/http-api.md
// is the reference. It is a table of routes: the bytes are the server's.
class HttpFrontend final : public Frontend, public HttpHandler {
public:
    HttpFrontend(Timers& timers, Log& log, PowerService& service, HttpFrontendOptions options);
    ~HttpFrontend() override;

    std::string_view name() const noexcept override { return "http"; }
    Result<> start() override;
    asio::awaitable<void> stop(Clock::time_point until) override;
    asio::awaitable<HttpResponse> handle(HttpRequest const& request) override;

    std::vector<std::uint16_t> ports() const { return server_.ports(); }
    HttpServerStats const& stats() const noexcept { return server_.stats(); }

private:
    std::unique_ptr<HttpContext> context_;
    HttpServer server_;
};

} // namespace switchyard
