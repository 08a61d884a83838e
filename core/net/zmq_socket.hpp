#pragma once

#include "core/base/error.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include <zmq.hpp>

#include <array>
#include <span>
#include <string>
#include <string_view>

namespace switchyard {

namespace asio = boost::asio;

// A message of at most `kept` frames; of a longer one the first are kept and all are counted.
class ZmqFrames {
public:
    static constexpr std::size_t kept = 10; // the longest is a ZAP request

    std::size_t count() const noexcept { return count_; }
    bool complete() const noexcept { return count_ <= kept; }
    zmq::message_t& operator[](std::size_t index) { return frames_[index]; }
    std::string_view text(std::size_t index) const
    {
        return {static_cast<char const*>(frames_[index].data()), frames_[index].size()};
    }

private:
    friend class ZmqSocket;
    std::array<zmq::message_t, kept> frames_;
    std::size_t count_ = 0;
};

// A ZeroMQ socket on an Asio loop. ZMQ_FD is edge-triggered by nature: it says "look again", and every send
// or receive may swallow what it had to say. So whoever waits looks at ZMQ_EVENTS first, and a send wakes the
// waiting reader to look again.
//
// One coroutine at a time waits in readable(); it must have ended before the socket dies. For one io thread.
class ZmqSocket {
public:
    enum class Sent : unsigned char { yes, full, gone }; // gone: no such peer (ROUTER)

    ZmqSocket(asio::any_io_executor executor, zmq::context_t& context, zmq::socket_type type);
    ~ZmqSocket();
    ZmqSocket(ZmqSocket const&) = delete;
    ZmqSocket& operator=(ZmqSocket const&) = delete;

    // For options; sending and receiving belong to this class.
    zmq::socket_t& options() noexcept { return socket_; }

    // Fails with `internal` and a detail that names the endpoint.
    Result<> bind(std::string const& endpoint);
    Result<> connect(std::string const& endpoint);
    void disconnect(std::string const& endpoint) noexcept;
    std::string last_endpoint() const; // with the port that a wildcard became

    // Takes the next message; false when there is none.
    bool receive(ZmqFrames& frames);
    // Waits until there is a message: true, or false when the wait was cancelled.
    asio::awaitable<bool> readable();
    // Sends one message; never blocks.
    Sent send(std::span<std::string_view const> frames);
    // Processes what happened in the background; true when a message could be sent now.
    bool writable();

private:
    bool has_input();
    void look_again();

    zmq::socket_t socket_;
    asio::posix::stream_descriptor descriptor_;
    bool waiting_ = false;
    bool nudged_ = false;
};

} // namespace switchyard
