#pragma once

#include "core/base/error.hpp"
#include "core/base/log.hpp"
#include "core/net/http_server_message.hpp"
#include "core/net/line_handler.hpp"
#include "core/net/timers.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace switchyard {

struct HttpServerLimits {
    std::size_t max_connections = 1024;
    std::size_t max_header = 16'384;                   // bytes of the request line and the headers
    std::size_t max_body = 65'536;                     // bytes
    std::chrono::milliseconds request_timeout{10'000}; // from the first byte of a request to the end of its
                                                       // body
    std::chrono::milliseconds idle_timeout{60'000};    // without a request
    std::chrono::milliseconds write_timeout{30'000};   // for a response, or for one piece of a streamed one
    std::chrono::milliseconds linger{2'000};           // for the client to take the last response and close
};

struct HttpServerStats {
    std::size_t open = 0;        // connections
    std::uint64_t accepted = 0;  // connections
    std::uint64_t refused = 0;   // connections beyond the limit: they got a 503
    std::uint64_t requests = 0;  // lines, too
    std::uint64_t malformed = 0; // requests that were answered without asking the handler
    std::uint64_t timed_out = 0; // requests that did not arrive, and responses that were not taken, in time
    std::uint64_t hung_up = 0;   // clients that went away while they waited
};

// The limits of the line protocol beside those of HTTP, of which it takes the times.
inline constexpr std::size_t longest_line = 16'384; // bytes, without the line end
inline constexpr std::chrono::milliseconds line_silence{20};

// HTTP/1.0 and 1.1: keep-alive, pipelining in order, 100-continue, chunked bodies, streamed responses.
// Listeners and limits are here; what is answered is the handler's. Everything runs on the executor of
// `timers`.
//
// With a LineHandler the port serves its protocol too: what does not begin as HTTP ("GET /") is a line. It
// ends at a newline, at the end of input, or after 20 ms of silence when the handler says that it is
// complete: PDUDaemon's clients send no newline. One line a connection.
//
// A client that closes its sending side after a request still gets the answer. One that is gone for good is
// noticed by the reset of its connection, at the latest by TCP keep-alive probes, and what was waited for on
// its behalf is cancelled.
class HttpServer {
public:
    HttpServer(Timers& timers, Log& log, HttpHandler& handler, HttpServerLimits const& limits,
        LineHandler* lines = nullptr);
    ~HttpServer(); // after stop()
    HttpServer(HttpServer const&) = delete;
    HttpServer& operator=(HttpServer const&) = delete;

    // Listens on every address ("127.0.0.1:16421", "[::1]:0"; port 0 takes a free one) or fails and listens
    // on none. An address of a family that this machine lacks is passed over with a warning while another one
    // stands.
    Result<> listen(std::vector<std::string> const& addresses);
    // The ports listened on, in the order of the addresses.
    std::vector<std::uint16_t> ports() const;
    // Stops accepting at once, ends idle connections and streams, lets open requests finish until `until`,
    // then cancels what they wait for and closes.
    asio::awaitable<void> stop(Clock::time_point until);
    HttpServerStats const& stats() const noexcept;

private:
    class Core;
    std::unique_ptr<Core> core_;
};

} // namespace switchyard
