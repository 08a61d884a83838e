#include "core/net/http_server_message.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>

namespace switchyard {

namespace {

constexpr std::array<std::pair<unsigned, std::string_view>, 27> reasons{{
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {304, "Not Modified"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {415, "Unsupported Media Type"},
    {417, "Expectation Failed"},
    {422, "Unprocessable Content"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
}};

constexpr std::size_t kept_body = 16'384; // bytes that an idle connection keeps of its largest body

constexpr char lower(char c) noexcept
{
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

void write_field(std::string& out, std::string_view name, std::string_view value)
{
    out.append(name).append(": ");
    // A value never ends its line: what a name or an error carries cannot become a header of its own.
    for (char const c : value)
        out.push_back(static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c);
    out.append("\r\n");
}

} // namespace

void HttpRequest::add_header(std::string_view name, std::string_view value)
{
    auto const at = static_cast<std::uint32_t>(text_.size());
    auto const size = static_cast<std::uint32_t>(name.size());
    fields_.push_back({at, size, at + size, static_cast<std::uint32_t>(value.size())});
    text_.append(name).append(value);
}

std::optional<std::string_view> HttpRequest::header(std::string_view name) const noexcept
{
    std::string_view const text = text_;
    for (auto const& field : fields_)
        if (http_equal(text.substr(field.name, field.name_size), name))
            return text.substr(field.value, field.value_size);
    return std::nullopt;
}

void HttpRequest::clear() noexcept
{
    method.clear();
    target.clear();
    if (body.capacity() > kept_body)
        body = std::string();
    body.clear();
    text_.clear();
    fields_.clear();
    keep_alive = true;
    minor = 1;
}

HttpResponse http_text(unsigned status, std::string_view detail)
{
    std::string text = fmt::format("{}: {}", status, http_reason(status));
    if (!detail.empty())
        text.append(": ").append(detail);
    text.push_back('\n');
    HttpResponse response(status, "text/plain; charset=utf-8", std::move(text));
    return response;
}

std::string_view http_reason(unsigned status) noexcept
{
    auto const found =
        std::ranges::lower_bound(reasons, status, {}, [](auto const& entry) { return entry.first; });
    return found != reasons.end() && found->first == status ? found->second : "Unknown";
}

bool http_equal(std::string_view a, std::string_view b) noexcept
{
    return std::ranges::equal(a, b, [](char x, char y) { return lower(x) == lower(y); });
}

void write_http_head(std::string& out, HttpResponse const& response, HttpRequest const& request,
    HttpBody framing, std::string_view date)
{
    bool const close = response.close || !request.keep_alive || framing == HttpBody::until_close;
    auto const place = std::back_inserter(out);
    fmt::format_to(
        place, "HTTP/1.{} {} {}\r\n", request.minor, response.status, http_reason(response.status));
    if (!response.content_type.empty())
        write_field(out, "Content-Type", response.content_type);
    for (auto const& field : response.headers)
        write_field(out, field.name, field.value);
    if (framing == HttpBody::sized)
        fmt::format_to(place, "Content-Length: {}\r\n", response.body.size());
    else if (framing == HttpBody::chunked)
        out.append("Transfer-Encoding: chunked\r\n");
    out.append("Date: ").append(date).append("\r\nServer: switchyard\r\n");
    if (close)
        out.append("Connection: close\r\n");
    else if (request.minor == 0)
        out.append("Connection: keep-alive\r\n");
    out.append("\r\n");
}

} // namespace switchyard
