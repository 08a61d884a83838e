#include "daemon/frontends/zmq/zmq_frontend.hpp"

#include "core/base/text.hpp"
#include "core/net/zmq_endpoint.hpp"
#include "core/wire/northbound_json.hpp"
#include "daemon/frontends/zmq/zmq_pending.hpp"

#include <boost/json/serialize.hpp>

#include <algorithm>
#include <array>

namespace switchyard {
namespace {

constexpr int queued_events = 4'096;            // for one subscriber that does not read
constexpr int flush_limit = 250;                // ms that a stop waits for clients to take their answers
constexpr std::chrono::seconds last_answers{1}; // for requests that a stop has cut short

bool is_ipc(std::string_view endpoint)
{
    return endpoint.starts_with("ipc://") || endpoint.starts_with("inproc://");
}

bool is_loopback(std::string_view endpoint)
{
    return endpoint.starts_with("tcp://127.") || endpoint.starts_with("tcp://[::1]")
        || endpoint.starts_with("tcp://localhost:");
}

// The uid in "localhost:uid:gid:pid" or ":uid:gid:pid", what the library says of an ipc peer; empty for other
// addresses.
std::string_view ipc_user(std::string_view address)
{
    auto const first = address.find(':');
    auto const second = first != std::string_view::npos ? address.find(':', first + 1) : first;
    if (second == std::string_view::npos || std::ranges::count(address, ':') != 3)
        return {};
    auto const user = address.substr(first + 1, second - first - 1);
    return parse_integer(user) && parse_integer(address.substr(address.rfind(':') + 1)) ? user
                                                                                        : std::string_view();
}

Principal principal_of(zmq::message_t& frame)
{
    if (auto const key = curve_user(frame); !key.empty())
        return Principal("curve:" + std::string(key));
    auto const user = ipc_user(peer_address(frame));
    return Principal(user.empty() ? std::string("zmq") : "local:" + std::string(user));
}

} // namespace

ZmqFrontend::ZmqFrontend(Timers& timers, PowerService& service, Log& log, ZmqFrontendOptions options)
    : timers_(timers),
      service_(service),
      log_(log),
      options_(std::move(options)),
      requests_(timers),
      loops_(timers)
{
}

ZmqFrontend::~ZmqFrontend() = default;

Result<> ZmqFrontend::start()
{
    bool const with_curve = !options_.curve_secret_key.value.empty();
    if (with_curve) {
        auto secret = options_.curve_secret_key.resolve();
        if (!secret)
            return std::unexpected(std::move(secret.error()));
        secret_ = std::move(*secret);
        gate_ = std::make_unique<CurveGate>(timers_.executor(), context_, options_.curve_clients);
        if (auto const opened = gate_->open(); !opened)
            return opened;
    }
    if (auto const listening = listen(); !listening)
        return listening;
    if (auto const publishing = publish(); !publishing)
        return publishing;
    if (gate_)
        loops_.spawn(gate_->run());
    for (auto* const door : {local_.get(), curve_.get()})
        if (door != nullptr) {
            auto handler = [this, door](ZmqFrames& frames) { handle(*door, frames); };
            loops_.spawn(door->read(std::move(handler)));
            loops_.spawn(door->watch_connections());
        }
    events_ = service_.watch({});
    loops_.spawn(pump());
    return {};
}

// Makes a tcp socket ask for keys when there are keys; true when it does.
Result<bool> ZmqFrontend::curve(std::string const& endpoint, ZmqSocket& socket)
{
    if (is_ipc(endpoint))
        return false;
    if (gate_) {
        if (auto const guarded = CurveGate::guard(socket, secret_); !guarded)
            return std::unexpected(guarded.error());
        return true;
    }
    if (!is_loopback(endpoint))
        log_.warning("everybody who reaches this address can switch power: it has no CURVE key",
            {kv("endpoint", endpoint)});
    return false;
}

ZmqDoor& ZmqFrontend::door_for(std::string const& endpoint)
{
    bool const guarded = gate_ && !is_ipc(endpoint);
    auto& door = guarded ? curve_ : local_;
    if (!door)
        door = std::make_unique<ZmqDoor>(
            timers_.executor(), context_, guarded ? "curve" : "local", options_.max_message);
    return *door;
}

Result<> ZmqFrontend::listen()
{
    for (auto const& endpoint : options_.listen) {
        auto& socket = door_for(endpoint).socket();
        if (auto const guarded = curve(endpoint, socket); !guarded)
            return std::unexpected(guarded.error());
        if (auto const bound = bind_endpoint(socket, endpoint, options_.socket_group); !bound)
            return bound;
        endpoints_.push_back(socket.last_endpoint());
        log_.info("listening", {kv("endpoint", endpoints_.back()), kv("frontend", "zmq")});
    }
    return {};
}

Result<> ZmqFrontend::publish()
{
    for (auto const& endpoint : options_.publish) {
        auto socket = std::make_unique<ZmqSocket>(timers_.executor(), context_, zmq::socket_type::pub);
        socket->options().set(zmq::sockopt::sndhwm, queued_events);
        if (auto const guarded = curve(endpoint, *socket); !guarded)
            return std::unexpected(guarded.error());
        if (auto const bound = bind_endpoint(*socket, endpoint, options_.socket_group); !bound)
            return bound;
        publish_endpoints_.push_back(socket->last_endpoint());
        log_.info("publishing", {kv("endpoint", publish_endpoints_.back()), kv("frontend", "zmq")});
        publishers_.push_back(std::move(socket));
    }
    return {};
}

// New requests are refused from now on; open ones are answered, at `until` with what there is to say by then.
asio::awaitable<void> ZmqFrontend::stop(Clock::time_point until)
{
    stopping_ = true;
    bool const waited = co_await requests_.drain(until);
    if (!waited) {
        for (auto* const door : {local_.get(), curve_.get()})
            if (door != nullptr)
                door->interrupt_all();
        requests_.cancel();
        co_await requests_.drain(Clock::now() + last_answers);
    }
    loops_.cancel();
    co_await loops_.drain(Clock::now() + last_answers);
    events_.reset();
    for (auto* const door : {local_.get(), curve_.get()})
        if (door != nullptr)
            door->socket().options().set(zmq::sockopt::linger, flush_limit);
}

// A message is [route][JSON], or [route][][JSON] from a REQ socket. Whatever else it is gets an answer that
// says so.
void ZmqFrontend::handle(ZmqDoor& door, ZmqFrames& frames)
{
    ZmqPeer peer;
    peer.route = frames.text(0);
    peer.delimited = frames.count() > 2 && frames[1].size() == 0;
    std::size_t const body = peer.delimited ? 2 : 1;
    auto const refuse = [&](json::value const& id, Error const& error) {
        log_.debug("refused a message", {kv("frontend", "zmq"), kv("error", error.detail)});
        door.reply(peer, zmq_failure(id, error));
    };
    if (frames.count() != body + 1)
        return refuse({},
            Error(Errc::bad_request,
                "a message is one frame of JSON, this one has " + std::to_string(frames.count() - body)
                    + " frames"));
    if (frames[body].size() > options_.max_message)
        return refuse({},
            Error(Errc::bad_request,
                "the message has " + std::to_string(frames[body].size()) + " bytes, at most "
                    + std::to_string(options_.max_message) + " are allowed"));
    auto request = decode_zmq_request(frames.text(body));
    if (!request)
        return refuse(request.error().id, request.error().error);
    if (stopping_)
        return refuse(request->id, Error(Errc::shutting_down, "send it again when the daemon is back"));
    if (auto const answer = answer_now(*request))
        return door.reply(peer, *answer);
    if (requests_.size() >= options_.max_pending)
        return refuse(request->id,
            Error(Errc::busy, std::to_string(options_.max_pending) + " requests are being answered already"));
    peer.connection = connection_of(frames[body]);
    requests_.spawn(serve(Pending(door, std::move(peer), principal_of(frames[body]), std::move(*request))));
}

asio::awaitable<void> ZmqFrontend::serve(Pending pending)
{
    auto const body = co_await answer(pending);
    if (!pending.gone)
        pending.door->reply(pending.peer, body);
}

asio::awaitable<void> ZmqFrontend::pump()
{
    for (;;) {
        auto const event = co_await events_->next();
        if (!event)
            co_return; // cancelled, or the daemon is stopping
        spread(*event);
    }
}

void ZmqFrontend::spread(Event const& event)
{
    auto const topic = topic_of(event);
    auto const body = json::serialize(to_json(event));
    std::array<std::string_view, 2> const frames{topic, body};
    for (auto const& publisher : publishers_)
        publisher->send(frames);
    auto const [first, last] = followers_.equal_range(event.command);
    for (auto i = first; i != last; ++i)
        i->second->door->reply(i->second->peer, zmq_progress(i->second->request.id, event));
}

} // namespace switchyard
