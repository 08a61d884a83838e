#pragma once

#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// What an HTTP server and its handlers exchange. There is no Beast in here, so that frontends stay quick to
// compile.
namespace switchyard {

namespace asio = boost::asio;

// One request, complete with its body. Its memory is used again for the next request of the connection.
class HttpRequest {
public:
    std::string method; // as sent: "GET"
    std::string target; // path and query as sent: "/v1/commands?open=true"; an absolute URI is reduced to
                        // this form
    std::string body;
    std::string peer;       // "192.0.2.7:51234"
    bool keep_alive = true; // the client would send another one
    unsigned minor = 1;     // of HTTP/1.x: 0 or 1

    void add_header(std::string_view name, std::string_view value);
    // The first one of this name, whatever its case. The view lives as long as the request is unchanged.
    std::optional<std::string_view> header(std::string_view name) const noexcept;
    void clear() noexcept; // keeps `peer`

private:
    struct Field {
        std::uint32_t name, name_size, value, value_size; // places in text_
    };
    std::string text_;
    std::vector<Field> fields_;
};

// A body that is written while it comes into being.
class HttpStream {
public:
    virtual ~HttpStream() = default;
    // The next piece; nothing ends the body. It is asked for again after the piece before was taken by the
    // client's socket, so that a slow reader holds one piece and no more. A cancelled wait returns nothing.
    virtual asio::awaitable<std::optional<std::string>> next() = 0;
};

struct HttpField {
    HttpField(std::string name_, std::string value_) : name(std::move(name_)), value(std::move(value_)) {}
    std::string name;
    std::string value;
};

struct HttpResponse {
    HttpResponse() = default;
    HttpResponse(unsigned status_, std::string content_type_, std::string body_)
        : status(status_), content_type(std::move(content_type_)), body(std::move(body_))
    {
    }

    unsigned status = 200;
    std::string content_type;
    std::string body;
    std::vector<HttpField> headers;     // further ones; control characters in their values are sent as blanks
    bool close = false;                 // the connection ends with this response
    std::unique_ptr<HttpStream> stream; // instead of `body`
};

// "404: Not Found\n" as text/plain, with what there is to say: "413: Content Too Large: the body may have 100
// bytes".
HttpResponse http_text(unsigned status, std::string_view detail = {});

// Answers requests. It runs on the io thread; many calls may be in progress at one time.
class HttpHandler {
public:
    virtual ~HttpHandler() = default;
    // `request` lives until the response was returned. When the client has gone or the server stops for good,
    // what the handler waits for is cancelled.
    virtual asio::awaitable<HttpResponse> handle(HttpRequest const& request) = 0;
};

// "Not Found"; "Unknown" for a number that has no name.
std::string_view http_reason(unsigned status) noexcept;
// Compares as HTTP compares names: ASCII without case.
bool http_equal(std::string_view a, std::string_view b) noexcept;

// How a response head is framed.
enum class HttpBody : std::uint8_t { sized, chunked, until_close };
// Writes the status line and the headers, with the empty line, after what is in `out`. `date` is a whole
// IMF-fixdate.
void write_http_head(std::string& out, HttpResponse const& response, HttpRequest const& request,
    HttpBody framing, std::string_view date);

} // namespace switchyard
