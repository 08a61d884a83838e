#include "core/net/http_server_connection.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace switchyard {

namespace {

using boost::system::error_code;
using tcp = asio::ip::tcp;

constexpr auto quiet = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t first_buffer = 2'048; // bytes: most requests fit, and idle connections hold no more
constexpr std::size_t kept_buffer = 4'096;
constexpr std::size_t small_body = 16'384;  // bytes that are copied behind the head rather than gathered
constexpr std::size_t lingered = 1'048'576; // bytes of a refused request that are read and dropped
constexpr std::chrono::milliseconds watch_after{1'000}; // a handler that takes longer has its client watched

// A client that vanished without a word, or closed both ways (which looks like a half-close until it is
// probed), is found within two minutes.
void probe_when_silent(tcp::socket& socket)
{
    int const fd = socket.native_handle();
    int const on = 1;
    int const idle = 30;
    int const interval = 10;
    int const count = 3;
    ::setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
    ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof interval);
    ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof count);
}

} // namespace

std::string_view HttpServerShared::date()
{
    auto const now = std::chrono::floor<std::chrono::seconds>(Clock::utc());
    if (now != second_ || date_.empty()) {
        second_ = now;
        date_ = fmt::format("{:%a, %d %b %Y %H:%M:%S} GMT", fmt::gmtime(now.time_since_epoch().count()));
    }
    return date_;
}

HttpConnection::HttpConnection(
    HttpServerShared& shared, tcp::socket socket, asio::cancellation_signal& cancel)
    : shared_(shared),
      socket_(std::move(socket)),
      cancel_(cancel),
      timer_([this] { timer_due(); }),
      parser_(shared.limits.max_header, shared.limits.max_body),
      watch_ended_(shared.timers.executor())
{
    error_code ignored;
    socket_.non_blocking(true, ignored);
    socket_.set_option(tcp::no_delay(true), ignored); // each response is one write; a stream's pieces must
                                                      // not wait
    if (auto const peer = socket_.remote_endpoint(ignored); !ignored)
        request_.peer = peer.address().is_v6()
            ? fmt::format("[{}]:{}", peer.address().to_string(), peer.port())
            : fmt::format("{}:{}", peer.address().to_string(), peer.port());
}

void HttpConnection::enter(Phase phase, std::chrono::milliseconds limit)
{
    phase_ = phase;
    late_ = false;
    shared_.timers.arm(timer_, Clock::now() + limit);
}

void HttpConnection::timer_due()
{
    late_ = true;
    error_code ignored;
    switch (phase_) {
    case Phase::idle:
    case Phase::reading:
    case Phase::closing:
        socket_.cancel(ignored);
        break;
    case Phase::handling:
    case Phase::streaming:
        watch_hangup();
        break;
    case Phase::writing:
        ++shared_.stats.timed_out;
        abort();
        break;
    }
}

void HttpConnection::begin_stop()
{
    error_code ignored;
    if (phase_ == Phase::idle || phase_ == Phase::closing)
        socket_.cancel(ignored);
    else if (phase_ == Phase::streaming)
        cancel_.emit(asio::cancellation_type::terminal);
}

void HttpConnection::abort()
{
    error_code ignored;
    // With a reset: what the client did not take must not stay in the kernel's memory.
    socket_.set_option(asio::socket_base::linger(true, 0), ignored);
    socket_.close(ignored);
    cancel_.emit(asio::cancellation_type::terminal);
}

asio::awaitable<void> HttpConnection::run()
{
    std::optional<Protocol> spoken = Protocol::http;
    if (shared_.lines != nullptr)
        spoken = co_await first_words();
    if (spoken == Protocol::http)
        co_await serve_http();
    else if (spoken == Protocol::line)
        co_await serve_line();
    co_await end_watch();
    co_await linger();
}

asio::awaitable<void> HttpConnection::serve_http()
{
    bool open = true;
    while (open) {
        bool const arrived = co_await read_request();
        if (!arrived)
            break;
        ++shared_.stats.requests;
        if (parser_.failed()) {
            ++shared_.stats.malformed;
            HttpResponse refusal = http_text(parser_.status(), parser_.reason());
            refusal.close = true;
            open = co_await respond(std::move(refusal));
        } else {
            HttpResponse response = co_await ask_handler();
            open = co_await respond(std::move(response));
        }
        if (open)
            phase_ = Phase::idle;
    }
}

asio::awaitable<void> HttpConnection::turn_away()
{
    HttpResponse response = http_text(503, "too many connections, come back later");
    response.close = true;
    response.headers.emplace_back("Retry-After", "1");
    co_await respond(std::move(response));
    co_await linger();
}

// True when there is a request, or a refusal of one, to answer.
asio::awaitable<bool> HttpConnection::read_request()
{
    auto const& limits = shared_.limits;
    parser_.start(request_);
    trim();
    bool continued = false;
    for (;;) {
        if (in_begin_ != in_end_) {
            in_begin_ += parser_.feed(unparsed());
            if (parser_.finished())
                co_return true;
        }
        if (phase_ == Phase::idle && shared_.stopping)
            co_return false;
        if (phase_ == Phase::idle && parser_.begun())
            enter(Phase::reading, limits.request_timeout); // once a request: a byte now and then does not
                                                           // prolong it
        else if (phase_ == Phase::idle)
            enter(Phase::idle, limits.idle_timeout);
        if (parser_.wants_continue() && !std::exchange(continued, true)) {
            head_ = "HTTP/1.1 100 Continue\r\n\r\n";
            bool const flushed = co_await flush();
            if (!flushed)
                co_return false;
        }
        bool more = false;
        if (!late_) // it may have become late over its first words
            more = co_await read_some();
        if (late_ && phase_ == Phase::reading) {
            ++shared_.stats.timed_out;
            HttpResponse late = http_text(
                408, fmt::format("the request took more than {} ms", limits.request_timeout.count()));
            late.close = true;
            request_.keep_alive = false;
            co_await respond(std::move(late));
            co_return false;
        }
        if (!more)
            co_return false;
    }
}

// What one large request or response took is not kept while the connection is idle.
void HttpConnection::trim()
{
    body_ = std::string();
    if (head_.capacity() > kept_buffer)
        head_ = std::string();
    if (in_begin_ == in_end_) {
        in_begin_ = in_end_ = 0;
        if (in_.size() > kept_buffer)
            in_ = std::string();
    }
}

asio::awaitable<bool> HttpConnection::read_some()
{
    if (in_begin_ == in_end_)
        in_begin_ = in_end_ = 0;
    if (in_end_ == in_.size() && in_begin_ > 0) {
        std::memmove(in_.data(), in_.data() + in_begin_, in_end_ - in_begin_);
        in_end_ -= std::exchange(in_begin_, 0);
    }
    // What is unparsed never exceeds a head (the parser refuses it before), so that the buffer is bounded
    // too.
    if (in_end_ == in_.size())
        in_.resize(in_.empty() ? first_buffer : in_.size() * 2);
    auto const space = asio::buffer(in_.data() + in_end_, in_.size() - in_end_);
    auto const [error, size] = co_await socket_.async_read_some(space, quiet);
    in_end_ += size;
    at_end_ = at_end_ || error == asio::error::eof;
    co_return !error;
}

asio::awaitable<HttpResponse> HttpConnection::ask_handler()
{
    enter(Phase::handling, watch_after);
    HttpResponse response;
    try {
        response = co_await shared_.handler.handle(request_);
    } catch (std::exception const& broken) {
        shared_.log.error("a request broke its handler",
            {kv("target", request_.target), kv("peer", request_.peer), kv("exception", broken.what())});
        response = http_text(500);
    }
    co_await end_watch();
    co_return response;
}

// True when the connection can serve another request.
asio::awaitable<bool> HttpConnection::respond(HttpResponse response)
{
    bool const head_only = request_.method == "HEAD";
    auto framing = HttpBody::sized;
    if (response.stream)
        framing = request_.minor == 0 ? HttpBody::until_close : HttpBody::chunked;
    response.close = response.close || shared_.stopping;
    head_.clear();
    body_.clear();
    write_http_head(head_, response, request_, framing, shared_.date());
    if (!head_only && !response.stream) {
        if (response.body.size() <= small_body)
            head_.append(response.body);
        else
            body_ = std::move(response.body);
    }
    bool const flushed = co_await flush();
    if (!flushed)
        co_return false;
    if (response.stream && !head_only) {
        bool const streamed = co_await stream(*response.stream, framing == HttpBody::chunked);
        if (!streamed)
            co_return false;
    }
    co_return request_.keep_alive && !response.close && framing != HttpBody::until_close;
}

// True when the body was sent to its end.
asio::awaitable<bool> HttpConnection::stream(HttpStream& source, bool chunked)
{
    bool sent = true;
    while (sent) {
        enter(Phase::streaming, std::chrono::milliseconds(0)); // watched from the start: nobody knows how
                                                               // long it takes
        std::optional<std::string> piece = co_await source.next();
        if (!socket_.is_open())
            co_return false;
        head_.clear();
        if (!piece)
            break;
        if (piece->empty())
            continue; // an empty chunk would end the body
        if (chunked)
            head_ = fmt::format("{:x}\r\n{}\r\n", piece->size(), *piece);
        else
            head_ = std::move(*piece);
        sent = co_await flush();
    }
    co_await end_watch();
    if (sent && chunked) {
        head_ = "0\r\n\r\n";
        sent = co_await flush();
    }
    co_return sent && !shared_.stopping;
}

// Writes head_ and body_: in one system call when the socket has room, which it has nearly always.
asio::awaitable<bool> HttpConnection::flush()
{
    auto const before = phase_;
    std::size_t done = 0;
    auto const whole = head_.size() + body_.size();
    bool waiting = false;
    while (done < whole) {
        auto const in_head = std::min(done, head_.size());
        std::array<asio::const_buffer, 2> const rest{
            asio::buffer(head_) + in_head, asio::buffer(body_) + (done - in_head)};
        error_code error;
        done += body_.empty() ? socket_.write_some(asio::const_buffer(rest[0]), error)
                              : socket_.write_some(rest, error);
        if (!error)
            continue;
        if (error != asio::error::would_block && error != asio::error::try_again)
            co_return false;
        if (!std::exchange(waiting, true))
            enter(Phase::writing, shared_.limits.write_timeout);
        auto const [failed] = co_await socket_.async_wait(tcp::socket::wait_write, quiet);
        if (!socket_.is_open() || (failed && failed != asio::error::operation_aborted))
            co_return false;
    }
    if (waiting && before == Phase::reading)
        enter(Phase::reading, shared_.limits.request_timeout);
    co_return true;
}

// Closes so that the client can read the last response: a socket closed over unread bytes resets the
// connection, and the response is lost with it.
asio::awaitable<void> HttpConnection::linger()
{
    error_code ignored;
    if (!socket_.is_open())
        co_return;
    socket_.shutdown(tcp::socket::shutdown_send, ignored);
    std::size_t dropped = 0;
    enter(Phase::closing, shared_.limits.linger);
    while (!at_end_ && !late_ && !shared_.stopping && dropped < lingered) {
        in_begin_ = in_end_ = 0;
        bool const more = co_await read_some();
        if (!more)
            break;
        dropped += in_end_;
    }
    timer_.disarm();
    socket_.close(ignored);
}

// Asks to be told when the connection is reset or probed dead. It does not read: what the client sends
// meanwhile is its next request, and an end of its sending is no farewell.
void HttpConnection::watch_hangup()
{
    if (watching_ || !socket_.is_open())
        return;
    watching_ = true;
    probe_when_silent(socket_);
    auto ended = [this](error_code error) {
        watching_ = false;
        watch_ended_.notify();
        if (!error)
            hang_up();
    };
    socket_.async_wait(
        tcp::socket::wait_error, asio::bind_cancellation_slot(stop_watch_.slot(), std::move(ended)));
    // The reactor tells changes only: a reset that came before is still there to be seen.
    pollfd now{socket_.native_handle(), 0, 0};
    if (::poll(&now, 1, 0) > 0)
        hang_up();
}

void HttpConnection::hang_up()
{
    if (!socket_.is_open() || (phase_ != Phase::handling && phase_ != Phase::streaming))
        return;
    ++shared_.stats.hung_up;
    abort();
}

asio::awaitable<void> HttpConnection::end_watch()
{
    if (phase_ == Phase::handling || phase_ == Phase::streaming)
        timer_.disarm();
    if (watching_)
        stop_watch_.emit(asio::cancellation_type::terminal);
    while (watching_)
        co_await watch_ended_.wait();
}

} // namespace switchyard
