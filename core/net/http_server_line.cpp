// The line protocol on the port of HTTP.
#include "core/net/http_server_connection.hpp"

#include <boost/asio/use_awaitable.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace switchyard {

namespace {

constexpr std::chrono::milliseconds watch_after{1'000}; // as HTTP does
constexpr std::string_view blanks = " \t\r\n";

bool is_token(char c) noexcept
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')
        || std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

} // namespace

std::optional<Protocol> sniff(std::string_view first_bytes) noexcept
{
    if (first_bytes.starts_with('\x16'))
        return Protocol::http;
    auto const* const method_end = std::ranges::find_if_not(first_bytes, is_token);
    if (method_end == first_bytes.end())
        return std::nullopt;
    auto const target = first_bytes.substr(static_cast<std::size_t>(method_end - first_bytes.begin()) + 1);
    if (*method_end != ' ' || method_end == first_bytes.begin())
        return Protocol::line;
    if (target.starts_with('/') || target.starts_with('*'))
        return Protocol::http;
    for (std::string_view const scheme : {"http://", "https://"}) {
        auto const common = std::min(target.size(), scheme.size());
        if (!http_equal(target.substr(0, common), scheme.substr(0, common)))
            continue;
        return common == scheme.size() ? std::optional(Protocol::http) : std::nullopt;
    }
    return Protocol::line;
}

// Reads until it is clear what the client speaks; what was read stays unparsed. Nothing when there is nobody
// to answer.
asio::awaitable<std::optional<Protocol>> HttpConnection::first_words()
{
    auto const& limits = shared_.limits;
    for (;;) {
        if (auto const spoken = sniff(unparsed()))
            co_return spoken;
        // As long as it could be either, it can become an over-long one.
        if (unparsed().size() > longest_line)
            co_return Protocol::line;
        if (phase_ == Phase::idle && shared_.stopping)
            co_return std::nullopt;
        if (in_begin_ == in_end_)
            enter(Phase::idle, limits.idle_timeout);
        else if (phase_ == Phase::idle)
            enter(Phase::reading, limits.request_timeout);
        bool const more = co_await read_some();
        if (late_ && phase_ == Phase::reading)
            co_return Protocol::http; // which has a word for it
        if (!more && at_end_ && in_begin_ != in_end_)
            co_return Protocol::line;
        if (!more)
            co_return std::nullopt;
    }
}

asio::awaitable<void> HttpConnection::serve_line()
{
    auto line = co_await read_line();
    if (!line && line.error().empty())
        co_return;
    ++shared_.stats.requests;
    if (line) {
        head_ = co_await ask_lines(std::move(*line));
    } else {
        ++shared_.stats.malformed;
        head_ = shared_.lines->refusal(line.error(), request_.peer);
    }
    body_.clear();
    co_await flush();
}

// The line, or why there is none; an empty reason when the client has gone or the server stops.
asio::awaitable<std::expected<std::string, std::string>> HttpConnection::read_line()
{
    auto const limit = shared_.limits.request_timeout;
    // The first words may have taken some of the time.
    if (phase_ != Phase::reading)
        enter(Phase::reading, limit);
    auto const deadline = timer_.when();
    for (;;) {
        auto const text = unparsed();
        auto const end = text.find('\n');
        if (std::min(end, text.size()) > longest_line)
            co_return std::unexpected(fmt::format("a line may have {} bytes", longest_line));
        if (end != text.npos && text.find_first_not_of(blanks, end) != text.npos)
            co_return std::unexpected("one line a connection");
        if (end != text.npos || at_end_)
            co_return std::string(text.substr(0, end));
        auto const quiet = Clock::now() + line_silence;
        bool const complete = quiet < deadline && shared_.lines->complete(text);
        late_ = false;
        shared_.timers.arm(timer_, complete ? quiet : deadline);
        bool const more = co_await read_some();
        boost::system::error_code ignored;
        if (more || at_end_ || (late_ && socket_.available(ignored) > 0))
            continue; // what has come while the loop was busy was no silence
        if (!late_)
            co_return std::unexpected(std::string());
        if (complete)
            co_return std::string(unparsed());
        ++shared_.stats.timed_out;
        co_return std::unexpected(fmt::format("the line took more than {} ms", limit.count()));
    }
}

asio::awaitable<std::string> HttpConnection::ask_lines(std::string line)
{
    enter(Phase::handling, watch_after);
    std::string reply;
    try {
        reply = co_await shared_.lines->line(std::move(line), request_.peer);
    } catch (std::exception const& broken) {
        shared_.log.error(
            "a line broke its handler", {kv("peer", request_.peer), kv("exception", broken.what())});
        reply = shared_.lines->refusal("internal error", request_.peer);
    }
    co_await end_watch();
    co_return reply;
}

} // namespace switchyard
