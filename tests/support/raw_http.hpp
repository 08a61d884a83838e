#pragma once

#include "core/net/deadline.hpp"
#include "core/net/http_server_message.hpp"
#include "tests/support/run.hpp"

#include <boost/asio/ip/tcp.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace switchyard::test {

// A response as it came, taken apart by hand so that the server is not judged by its own code.
struct RawReply {
    std::string status_line;
    std::vector<HttpField> headers;
    std::string body;
    std::string header(std::string_view name) const; // "" when it is absent
    int status() const;
};

// A client that sends the bytes it is told to. Every read fails the test after ten seconds.
class RawHttp {
public:
    RawHttp(Loop& loop, std::uint16_t port);

    void send(std::string_view bytes);
    // Sends what the socket takes without waiting; how many bytes that was.
    std::size_t offer(std::string_view bytes);
    void half_close();
    void close();
    void reset();       // closes with RST
    void take_little(); // a receive buffer that is full soon
    RawReply reply(bool head = false);
    std::string read_line();                       // without its end
    std::string read_until(std::string_view mark); // with the mark
    std::string read_to_end();                     // until the server closed (or reset)
    bool at_end();                                 // the server closed and sent nothing more

private:
    bool more(); // false: the server closed
    Loop& loop_;
    asio::ip::tcp::socket socket_;
    std::string buffer_;
};

} // namespace switchyard::test
