#include "daemon/frontends/zmq/zmq_door.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <array>
#include <cstring>
#include <vector>

namespace switchyard {
namespace {

constexpr int queued_messages = 1'000;     // unread ones of one client, each way
constexpr int handshake_limit = 10'000;    // ms
constexpr int heartbeat_interval = 15'000; // ms; a peer that is silent for twice as long is dropped
constexpr int connections_waiting = 512;
constexpr unsigned messages_a_turn = 256;

} // namespace

ZmqDoor::ZmqDoor(
    asio::any_io_executor executor, zmq::context_t& context, std::string const& name, std::size_t max_message)
    : socket_(executor, context, zmq::socket_type::router),
      monitor_(executor, context, zmq::socket_type::pair)
{
    auto& options = socket_.options();
    // Sends to a client that is gone or does not read fail instead of vanishing.
    options.set(zmq::sockopt::router_mandatory, true);
    // A client that names itself and comes back after its network was cut must not be shut out by its own
    // ghost.
    options.set(zmq::sockopt::router_handover, true);
    options.set(zmq::sockopt::sndhwm, queued_messages);
    options.set(zmq::sockopt::rcvhwm, queued_messages);
    // Up to this a message that is too large gets an answer; beyond it the library drops the connection.
    options.set(zmq::sockopt::maxmsgsize, static_cast<std::int64_t>(4 * max_message));
    options.set(zmq::sockopt::handshake_ivl, handshake_limit);
    options.set(zmq::sockopt::heartbeat_ivl, heartbeat_interval);
    options.set(zmq::sockopt::heartbeat_timeout, 2 * heartbeat_interval);
    options.set(zmq::sockopt::backlog, connections_waiting);
    monitor_.options().set(zmq::sockopt::rcvhwm, 100'000);
    auto const address = "inproc://monitor." + name;
    if (zmq_socket_monitor(options.handle(), address.c_str(), ZMQ_EVENT_DISCONNECTED) != 0)
        throw std::runtime_error(std::string("zmq_socket_monitor: ") + zmq_strerror(errno));
    monitor_.options().connect(address);
}

void ZmqDoor::reply(ZmqPeer const& peer, json::object const& body)
{
    std::array<char, 4096> part;
    text_.clear();
    serializer_.reset(&body);
    while (!serializer_.done())
        text_ += std::string_view(serializer_.read(part.data(), part.size()));
    // A client that has gone, or that left a thousand answers unread, does not get this one.
    if (peer.delimited) {
        std::array<std::string_view, 3> const frames{peer.route, "", text_};
        socket_.send(frames);
    } else {
        std::array<std::string_view, 2> const frames{peer.route, text_};
        socket_.send(frames);
    }
}

asio::awaitable<void> ZmqDoor::read(std::function<void(ZmqFrames&)> handle)
{
    auto const executor = co_await asio::this_coro::executor;
    ZmqFrames frames;
    for (;;) {
        bool const readable = co_await socket_.readable();
        if (!readable)
            break;
        unsigned messages = 0;
        while (messages < messages_a_turn && socket_.receive(frames)) {
            ++messages;
            handle(frames);
        }
        if (messages == messages_a_turn)
            co_await asio::post(executor, asio::use_awaitable);
    }
}

// An event is two frames: its number (16 bit) with its value (32 bit: the descriptor), and the endpoint.
asio::awaitable<void> ZmqDoor::watch_connections()
{
    ZmqFrames frames;
    for (;;) {
        bool const readable = co_await monitor_.readable();
        if (!readable)
            break;
        while (monitor_.receive(frames)) {
            std::uint16_t event = 0;
            std::int32_t value = -1;
            if (frames[0].size() != sizeof event + sizeof value)
                continue;
            auto const bytes = frames.text(0);
            std::memcpy(&event, bytes.data(), sizeof event);
            std::memcpy(&value, bytes.data() + sizeof event, sizeof value);
            if (event == ZMQ_EVENT_DISCONNECTED)
                client_gone(value);
        }
    }
}

void ZmqDoor::client_gone(int connection)
{
    auto const [first, last] = bound_.equal_range(connection);
    std::vector<Bound*> ended;
    for (auto i = first; i != last; ++i)
        ended.push_back(i->second);
    for (auto* const one : ended) {
        one->gone_ = true;
        one->interrupt();
    }
}

void ZmqDoor::interrupt_all()
{
    std::vector<Bound*> all;
    all.reserve(bound_.size());
    for (auto const& [connection, one] : bound_)
        all.push_back(one);
    for (auto* const one : all)
        one->interrupt();
}

ZmqDoor::Bound::Bound(ZmqDoor& door, int connection)
    : door_(door), place_(door.bound_.emplace(connection, this))
{
}

ZmqDoor::Bound::~Bound()
{
    door_.bound_.erase(place_);
}

} // namespace switchyard
