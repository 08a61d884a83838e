#pragma once

#include "core/net/http_server.hpp"
#include "core/net/http_server_parser.hpp"
#include "core/net/http_server_sniff.hpp"
#include "core/net/signal.hpp"

#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/ip/tcp.hpp>

namespace switchyard {

// What every connection of a server shares.
struct HttpServerShared {
    HttpServerShared(Timers& timers_, Log& log_, HttpHandler& handler_, HttpServerLimits const& limits_,
        LineHandler* lines_)
        : timers(timers_), log(log_), handler(handler_), lines(lines_), limits(limits_)
    {
    }
    // "Fri, 20 Nov 2026 11:38:45 GMT", made once a second.
    std::string_view date();

    Timers& timers;
    Log& log;
    HttpHandler& handler;
    LineHandler* const lines; // null: the port speaks HTTP only
    HttpServerLimits const limits;
    HttpServerStats stats;
    bool stopping = false;

private:
    std::chrono::sys_seconds second_{};
    std::string date_;
};

// One client. It lives in the frame of the task that runs it; `cancel` is that task's signal. One timer
// serves it all its life: what it is for follows from the phase.
class HttpConnection {
public:
    HttpConnection(HttpServerShared& shared, asio::ip::tcp::socket socket, asio::cancellation_signal& cancel);
    HttpConnection(HttpConnection const&) = delete;
    HttpConnection& operator=(HttpConnection const&) = delete;

    asio::awaitable<void> run();
    // For a client beyond the limit: 503 and the end.
    asio::awaitable<void> turn_away();
    // The server stops: an idle connection ends now, a stream after its current piece, a request with its
    // response.
    void begin_stop();
    // Ends it now, whatever it does.
    void abort();

private:
    enum class Phase : std::uint8_t { idle, reading, handling, streaming, writing, closing };

    void enter(Phase phase, std::chrono::milliseconds limit);
    void timer_due();
    std::string_view unparsed() const noexcept
    {
        return std::string_view(in_).substr(in_begin_, in_end_ - in_begin_);
    }
    asio::awaitable<void> serve_http();
    asio::awaitable<bool> read_request();
    asio::awaitable<bool> read_some();
    void trim();
    asio::awaitable<HttpResponse> ask_handler();
    asio::awaitable<bool> respond(HttpResponse response);
    // http_server_line.cpp
    asio::awaitable<std::optional<Protocol>> first_words();
    asio::awaitable<void> serve_line();
    asio::awaitable<std::expected<std::string, std::string>> read_line();
    asio::awaitable<std::string> ask_lines(std::string line);
    asio::awaitable<bool> stream(HttpStream& source, bool chunked);
    asio::awaitable<bool> flush();
    asio::awaitable<void> linger();
    void watch_hangup();
    void hang_up();
    asio::awaitable<void> end_watch();

    HttpServerShared& shared_;
    asio::ip::tcp::socket socket_;
    asio::cancellation_signal& cancel_;
    TimerNode timer_;
    Phase phase_ = Phase::idle;
    bool late_ = false; // the timer of the present phase has fired

    HttpParser parser_;
    HttpRequest request_;
    std::string in_; // read and not yet parsed: from in_begin_ to in_end_
    std::size_t in_begin_ = 0;
    std::size_t in_end_ = 0;
    bool at_end_ = false; // the client sends no more
    std::string head_;    // to be written, then body_
    std::string body_;

    Signal watch_ended_;
    asio::cancellation_signal stop_watch_;
    bool watching_ = false;
};

} // namespace switchyard
