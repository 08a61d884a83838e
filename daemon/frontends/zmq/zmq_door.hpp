#pragma once

#include "core/net/zmq_curve.hpp"
#include "core/net/zmq_socket.hpp"

#include <boost/asio/cancellation_signal.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serializer.hpp>

#include <functional>
#include <map>
#include <string>

namespace switchyard {

namespace json = boost::json;

// Where an answer goes.
struct ZmqPeer {
    std::string route;
    bool delimited = false; // a REQ socket: an empty frame comes before the answer
    int connection = -1;    // file descriptor, to learn when the client is gone; -1 = unknown
};

// A ROUTER socket and the clients behind it.
class ZmqDoor {
public:
    ZmqDoor(asio::any_io_executor executor, zmq::context_t& context, std::string const& name,
        std::size_t max_message);

    ZmqSocket& socket() noexcept { return socket_; }

    void reply(ZmqPeer const& peer, json::object const& body);
    // Hands every message to `handle` until it is cancelled; after some it lets others run.
    asio::awaitable<void> read(std::function<void(ZmqFrames&)> handle);
    // Ends what waits for clients that have gone, until it is cancelled.
    asio::awaitable<void> watch_connections();

    // An operation that is worth nothing any more when its client is gone.
    class Bound {
    public:
        Bound(ZmqDoor& door, int connection);
        ~Bound();
        Bound(Bound const&) = delete;
        Bound& operator=(Bound const&) = delete;

        asio::cancellation_slot slot() noexcept { return stop_.slot(); }
        bool gone() const noexcept { return gone_; }
        void interrupt() { stop_.emit(asio::cancellation_type::terminal); }

    private:
        friend class ZmqDoor;
        ZmqDoor& door_;
        asio::cancellation_signal stop_;
        std::multimap<int, Bound*>::iterator place_;
        bool gone_ = false;
    };
    void interrupt_all();

private:
    void client_gone(int connection);

    ZmqSocket socket_;
    ZmqSocket monitor_;
    std::multimap<int, Bound*> bound_; // by connection
    json::serializer serializer_;
    std::string text_; // kept for its memory
};

} // namespace switchyard
