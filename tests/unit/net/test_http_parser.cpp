#include "core/net/http_server_parser.hpp"

#include <catch2/catch.hpp>

using namespace switchyard;

namespace {

struct Parsed {
    HttpRequest request;
    unsigned status = 0;
    std::string reason;
    bool done = false;
    std::string rest;
};

// Feeds `bytes` in pieces of `step` as a connection does: what was not taken comes again with more.
Parsed parse(std::string_view bytes, std::size_t step = 100'000, std::size_t max_head = 1'000,
    std::size_t max_body = 100)
{
    Parsed parsed;
    HttpParser parser(max_head, max_body);
    parser.start(parsed.request);
    std::string waiting;
    while (!bytes.empty() && !parser.finished()) {
        waiting.append(bytes.substr(0, step));
        bytes.remove_prefix(std::min(step, bytes.size()));
        waiting.erase(0, parser.feed(waiting));
    }
    parsed.status = parser.status();
    parsed.reason = parser.reason();
    parsed.done = parser.done();
    parsed.rest = waiting.append(bytes);
    return parsed;
}

std::string refusal(std::string_view bytes)
{
    auto const whole = parse(bytes);
    auto const dripped = parse(bytes, 1);
    CHECK(whole.status == dripped.status);
    CHECK(whole.reason == dripped.reason);
    CHECK_FALSE(whole.done);
    return std::to_string(whole.status) + " " + whole.reason;
}

} // namespace

TEST_CASE("A request is read, in one piece and byte by byte")
{
    for (std::size_t const step : {1UL, 2UL, 7UL, 1'000UL}) {
        auto const parsed = parse("POST /v1/commands?wait=3 HTTP/1.1\r\nHost: a\r\nX-One:  two "
                                  "\r\nContent-Length: 5\r\n\r\nhelloGET",
            step);
        REQUIRE(parsed.done);
        CHECK(parsed.request.method == "POST");
        CHECK(parsed.request.target == "/v1/commands?wait=3");
        CHECK(parsed.request.header("x-one") == "two");
        CHECK(parsed.request.header("nothing") == std::nullopt);
        CHECK(parsed.request.body == "hello");
        CHECK(parsed.request.keep_alive);
        CHECK(parsed.rest == "GET");
    }
}

TEST_CASE("A chunked body is put together and its trailers are dropped")
{
    for (std::size_t const step : {1UL, 3UL, 1'000UL}) {
        auto const parsed = parse("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
                                  "5;name=value\r\nhello\r\n1\r\n!\r\n0\r\nX-Trailer: 1\r\n\r\nrest",
            step);
        REQUIRE(parsed.done);
        CHECK(parsed.request.body == "hello!");
        CHECK(parsed.request.header("X-Trailer") == std::nullopt);
        CHECK(parsed.rest == "rest");
    }
}

TEST_CASE("Versions decide whether the connection stays")
{
    CHECK(parse("GET / HTTP/1.1\r\n\r\n").request.keep_alive);
    CHECK_FALSE(parse("GET / HTTP/1.1\r\nConnection: close\r\n\r\n").request.keep_alive);
    CHECK_FALSE(parse("GET / HTTP/1.0\r\n\r\n").request.keep_alive);
    auto const old = parse("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    CHECK(old.request.keep_alive);
    CHECK(old.request.minor == 0);
}

TEST_CASE("An absolute target is reduced to its path")
{
    CHECK(parse("GET http://host:1/a?b HTTP/1.1\r\n\r\n").request.target == "/a?b");
    CHECK(parse("GET HTTP://host HTTP/1.1\r\n\r\n").request.target == "/");
    CHECK(refusal("GET host:1 HTTP/1.1\r\n\r\n") == "400 the target is neither a path nor an http URI");
}

TEST_CASE("An empty line before the request is passed over")
{
    auto const parsed = parse("\r\nGET / HTTP/1.1\r\n\r\n");
    CHECK(parsed.done);
}

TEST_CASE("What two parsers read in two ways is refused")
{
    std::string const line = "POST / HTTP/1.1\r\n";
    CHECK(refusal(line + "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello")
        == "400 Content-Length is given twice");
    CHECK(refusal(line + "Content-Length: 5, 5\r\n\r\nhello") == "400 Content-Length is not a number");
    CHECK(refusal(line + "Content-Length: +5\r\n\r\nhello")
        == "400 Content-Length is not one number, or Transfer-Encoding stands beside it");
    CHECK(refusal(line + "Content-Length:\r\n\r\n")
        == "400 Content-Length is not one number, or Transfer-Encoding stands beside it");
    CHECK(refusal(line + "Content-Length: 99999999999999999999\r\n\r\n")
        == "400 Content-Length is not one number, or Transfer-Encoding stands beside it");
    CHECK(refusal(line + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n")
        == "400 Transfer-Encoding is given twice, or Content-Length stands beside it");
    CHECK(refusal(line + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n")
        == "400 Content-Length is not one number, or Transfer-Encoding stands beside it");
    CHECK(refusal(line + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n")
        == "400 Transfer-Encoding is given twice, or Content-Length stands beside it");
    CHECK(refusal(line + "Transfer-Encoding: xchunked\r\n\r\n")
        == "501 the only known Transfer-Encoding is chunked");
    CHECK(refusal(line + "Transfer-Encoding: gzip, chunked\r\n\r\n")
        == "501 the only known Transfer-Encoding is chunked");
    CHECK(refusal("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n")
        == "400 HTTP/1.0 has no Transfer-Encoding");
    CHECK(refusal(line + "Host: a\r\nHost: b\r\n\r\n") == "400 Host is given twice");
    CHECK(refusal("GET / HTTP/1.1\nHost: a\n\n") == "400 a LF stands without its CR");
    CHECK(refusal(line + "X: a\rb\r\n\r\n") == "400 a CR stands without its LF");
    CHECK(refusal(line + "X: a\r\n b\r\n\r\n") == "400 a header is folded");
    CHECK(refusal(line + "X: a\r\n\tb\r\n\r\n") == "400 a header is folded");
    CHECK(refusal(line + std::string("X: a\0b\r\n\r\n", 10)) == "400 the head has a NUL byte");
    CHECK(refusal(line + "Content-Length : 5\r\n\r\n") == "400 a header name has a forbidden character");
    CHECK(refusal(line + "X: a\x01\r\n\r\n") == "400 a header value has a forbidden character");
}

TEST_CASE("Malformed requests are refused with a reason")
{
    CHECK(refusal("GET /a b HTTP/1.1\r\n\r\n") == "505 this server speaks HTTP/1.0 and HTTP/1.1");
    CHECK(refusal("GET / HTTP/2.0\r\n\r\n") == "505 this server speaks HTTP/1.0 and HTTP/1.1");
    CHECK(refusal("G@T / HTTP/1.1\r\n\r\n") == "400 the request line does not begin with a method");
    CHECK(refusal("\x16\x03\x01\x02") == "400 this port speaks HTTP without TLS");
    CHECK(refusal("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")
        == "400 a chunk of the body is malformed");
    CHECK(refusal("POST / HTTP/1.1\r\nExpect: tea\r\nContent-Length: 1\r\n\r\n")
        == "417 the only known expectation is 100-continue");
}

TEST_CASE("Heads and bodies have a limit")
{
    CHECK(refusal("GET /" + std::string(2'000, 'a') + " HTTP/1.1\r\n\r\n")
        == "431 request line and headers may have 1000 bytes");
    CHECK(refusal("POST / HTTP/1.1\r\nContent-Length: 101\r\n\r\n") == "413 the body may have 100 bytes");
    CHECK(refusal("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n65\r\n")
        == "413 the body may have 100 bytes");
    CHECK(parse("POST / HTTP/1.1\r\nContent-Length: 100\r\n\r\n" + std::string(100, 'b')).done);
    CHECK(refusal("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1;" + std::string(2'000, 'x'))
        == "400 a chunk of the body is malformed");
}

TEST_CASE("A client that expects it is told to go on, unless the body is refused anyway")
{
    HttpParser parser(1'000, 100);
    HttpRequest request;
    parser.start(request);
    parser.feed("POST / HTTP/1.1\r\nExpect: 100-Continue\r\nContent-Length: 5\r\n\r\n");
    CHECK(parser.wants_continue());
    parser.start(request);
    parser.feed("POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 500\r\n\r\n");
    CHECK(parser.failed());
    CHECK_FALSE(parser.wants_continue());
}
