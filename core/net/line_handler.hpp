#pragma once

#include <boost/asio/awaitable.hpp>

#include <string>
#include <string_view>

namespace switchyard {

namespace asio = boost::asio;

// Answers a protocol of one line a connection, which shares its port with HTTP. It runs on the io thread;
// many calls may be in progress at one time.
class LineHandler {
public:
    virtual ~LineHandler() = default;
    // Whether what has come so far can be acted upon without a line end. It is asked after every piece.
    virtual bool complete(std::string_view text) const = 0;
    // The reply to a line, which comes without its newline, whatever bytes it has. `peer` is
    // "192.0.2.7:51234". When the client has gone or the server stops for good, what this waits for is
    // cancelled.
    virtual asio::awaitable<std::string> line(std::string text, std::string peer) = 0;
    // The reply to a client whose line never came to line(); `reason` is for people.
    virtual std::string refusal(std::string_view reason, std::string_view peer) = 0;
};

} // namespace switchyard
