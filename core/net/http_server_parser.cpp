// The only file of the server that knows Beast (it costs 5 to 43 s to compile).
#include "core/net/http_server_parser.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <optional>

namespace switchyard {

namespace {

namespace http = boost::beast::http;
using boost::core::string_view;
using boost::system::error_code;

std::string_view view(string_view text) noexcept
{
    return {text.data(), text.size()};
}

bool is_number(std::string_view text) noexcept
{
    return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

// "http://host:port/path?query" -> "/path?query" (RFC 9112 section 3.2.2); nothing when it is neither form.
std::optional<std::string_view> origin_form(std::string_view target) noexcept
{
    if (target.starts_with('/') || target == "*")
        return target;
    for (std::string_view const scheme : {"http://", "https://"}) {
        if (target.size() <= scheme.size() || !http_equal(target.substr(0, scheme.size()), scheme))
            continue;
        auto const path = target.find_first_of("/?", scheme.size());
        if (path == target.npos)
            return std::string_view("/");
        return target[path] == '/' ? std::optional(target.substr(path)) : std::nullopt;
    }
    return std::nullopt;
}

class Events : public http::basic_parser<true> {
public:
    explicit Events(HttpRequest& request, std::size_t max_body) : request_(request)
    {
        eager(true);
        header_limit(std::numeric_limits<std::uint32_t>::max()); // the scanner has counted before
        body_limit(max_body);
    }
    // What the grammar allows and this server does not.
    std::string refusal;
    unsigned refusal_status = 400;
    bool expects_continue = false;

private:
    void refuse(error_code& ec, std::string reason, unsigned status = 400)
    {
        refusal = std::move(reason);
        refusal_status = status;
        ec = http::error::bad_field;
    }
    void on_request_impl(
        http::verb, string_view method, string_view target, int version, error_code& ec) override
    {
        auto const origin = origin_form(view(target));
        if (!origin)
            return refuse(ec, "the target is neither a path nor an http URI");
        request_.method = view(method);
        request_.target = *origin;
        request_.minor = version == 10 ? 0 : 1;
    }
    void on_response_impl(int, string_view, int, error_code&) override {}
    void on_field_impl(
        http::field name, string_view name_text, string_view value_text, error_code& ec) override
    {
        auto const value = view(value_text);
        if (in_body_)
            return; // a trailer: nothing here reads one
        // Beast has refused the one beside the other, and two that differ, before it calls this.
        if (name == http::field::content_length) {
            if (std::exchange(length_, true))
                return refuse(ec, "Content-Length is given twice");
            if (!is_number(value))
                return refuse(ec, "Content-Length is not a number");
        } else if (name == http::field::transfer_encoding) {
            if (!http_equal(value, "chunked"))
                return refuse(ec, "the only known Transfer-Encoding is chunked", 501);
            if (request_.minor == 0)
                return refuse(ec, "HTTP/1.0 has no Transfer-Encoding");
        } else if (name == http::field::host && std::exchange(host_, true)) {
            return refuse(ec, "Host is given twice");
        } else if (name == http::field::expect && request_.minor > 0) {
            if (!http_equal(value, "100-continue"))
                return refuse(ec, "the only known expectation is 100-continue", 417);
            expects_continue = true;
        }
        request_.add_header(view(name_text), value);
    }
    void on_header_impl(error_code&) override { request_.keep_alive = keep_alive(); }
    // No reserve: a client that announces much and sends nothing holds no memory.
    void on_body_init_impl(boost::optional<std::uint64_t> const&, error_code&) override { in_body_ = true; }
    std::size_t on_body_impl(string_view body, error_code&) override
    {
        request_.body.append(body.data(), body.size());
        return body.size();
    }
    void on_chunk_header_impl(std::uint64_t, string_view, error_code&) override {}
    std::size_t on_chunk_body_impl(std::uint64_t, string_view body, error_code&) override
    {
        request_.body.append(body.data(), body.size());
        return body.size();
    }
    void on_finish_impl(error_code&) override {}

    HttpRequest& request_;
    bool length_ = false;
    bool host_ = false;
    bool in_body_ = false;
};

// Beast's errors as people read them.
std::string describe(error_code const& error)
{
    if (error == http::error::bad_method)
        return "the request line does not begin with a method";
    if (error == http::error::bad_target)
        return "the target has a forbidden character";
    if (error == http::error::bad_field)
        return "a header name has a forbidden character";
    if (error == http::error::bad_value)
        return "a header value has a forbidden character";
    if (error == http::error::bad_content_length || error == http::error::multiple_content_length)
        return "Content-Length is not one number, or Transfer-Encoding stands beside it";
    if (error == http::error::bad_transfer_encoding)
        return "Transfer-Encoding is given twice, or Content-Length stands beside it";
    if (error == http::error::bad_chunk || error == http::error::bad_chunk_extension)
        return "a chunk of the body is malformed";
    return error.message();
}

} // namespace

class HttpParser::Grammar {
public:
    std::optional<Events> events; // one a request: Beast's parser cannot be used twice
};

HttpParser::HttpParser(std::size_t max_head, std::size_t max_body)
    : max_head_(max_head), max_body_(max_body), grammar_(std::make_unique<Grammar>())
{
}

HttpParser::~HttpParser() = default;

void HttpParser::start(HttpRequest& into)
{
    request_ = &into;
    into.clear();
    scanned_ = 0;
    begun_ = head_done_ = done_ = wants_continue_ = false;
    status_ = 0;
    reason_.clear();
}

void HttpParser::refuse(unsigned status, std::string reason)
{
    status_ = status;
    reason_ = std::move(reason);
    request_->keep_alive = false;
    wants_continue_ = false;
}

// Looks at each byte of the head once. True when it is complete; scanned_ is then its size.
bool HttpParser::scan(std::string_view bytes)
{
    auto const end = std::min(bytes.size(), max_head_);
    for (; scanned_ < end; ++scanned_) {
        auto const c = bytes[scanned_];
        bool const after_cr = scanned_ > 0 && bytes[scanned_ - 1] == '\r';
        if (after_cr != (c == '\n'))
            return refuse(400, after_cr ? "a CR stands without its LF" : "a LF stands without its CR"), false;
        if (c == '\0')
            return refuse(400, "the head has a NUL byte"), false;
        bool const after_line = scanned_ >= 2 && bytes[scanned_ - 1] == '\n';
        if (after_line && (c == ' ' || c == '\t'))
            return refuse(400, "a header is folded"), false;
        if (c == '\n' && scanned_ >= 3 && bytes[scanned_ - 2] == '\n') {
            ++scanned_;
            return true;
        }
    }
    if (bytes.size() >= max_head_)
        refuse(431, fmt::format("request line and headers may have {} bytes", max_head_));
    return false;
}

std::size_t HttpParser::feed(std::string_view bytes)
{
    std::size_t used = 0;
    if (!begun_) {
        // RFC 9112 section 2.2: an empty line before the request line is passed over.
        while (bytes.substr(used).starts_with("\r\n"))
            used += 2;
        begun_ = used < bytes.size();
        if (begun_ && bytes[used] == '\x16')
            return refuse(400, "this port speaks HTTP without TLS"), used;
    }
    if (!head_done_) {
        auto const rest = bytes.substr(used);
        if (!scan(rest))
            return used;
        head_done_ = true;
        grammar_->events.emplace(*request_, max_body_);
        feed_grammar(rest.substr(0, scanned_), used);
        // Beast waits for more when the request line is too short for a version.
        if (!finished() && !grammar_->events->is_header_done())
            return refuse(400, "the request line is malformed"), used;
        wants_continue_ = !finished() && grammar_->events->expects_continue;
    }
    if (!finished() && used < bytes.size())
        feed_grammar(bytes.substr(used), used);
    return used;
}

void HttpParser::feed_grammar(std::string_view bytes, std::size_t& used)
{
    auto& events = *grammar_->events;
    error_code error;
    auto const size = events.put(boost::asio::const_buffer(bytes.data(), bytes.size()), error);
    used += size;
    if (error == http::error::body_limit)
        return refuse(413, fmt::format("the body may have {} bytes", max_body_));
    if (error == http::error::bad_version)
        return refuse(505, "this server speaks HTTP/1.0 and HTTP/1.1");
    if (error && error != http::error::need_more)
        return events.refusal.empty() ? refuse(400, describe(error))
                                      : refuse(events.refusal_status, std::move(events.refusal));
    done_ = events.is_done();
    // The lines between chunks wait in the caller's buffer until they are whole, so they need a limit too.
    if (!done_ && bytes.size() - size > max_head_)
        refuse(400, "a chunk of the body is malformed");
}

} // namespace switchyard
