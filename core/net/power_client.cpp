#include "core/net/power_client.hpp"

#include "core/net/power_link.hpp"
#include "core/net/zmq_endpoint.hpp"
#include "core/wire/northbound_json.hpp"

#include <algorithm>
#include <array>
#include <cstring>

// The connection and the calls in flight; what can be asked is in power_client_calls.cpp.
namespace switchyard {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds answer_slack{5'000}; // beyond the time that a request gives the daemon
constexpr milliseconds restart_pause{200};  // before a daemon that stops is asked again
constexpr int queued_requests = 100'000;

// What the library tells of a connection.
constexpr int watched_events = ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH
    | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | ZMQ_EVENT_DISCONNECTED
    | ZMQ_EVENT_CONNECT_RETRIED;

std::string probe_words(int error)
{
    switch (error) {
    case ENOENT:
        return "there is no such socket";
    case ECONNREFUSED:
        return "nobody listens there any more";
    case EACCES:
        return "permission denied (are you in the group of the socket?)";
    default:
        return std::strerror(error);
    }
}

std::optional<PowerClient::Accepted> accepted_from(json::object const& body)
{
    auto const* const accepted = body.if_contains("accepted");
    auto const* const object = accepted != nullptr ? accepted->if_object() : nullptr;
    auto const* const command = object != nullptr ? object->if_contains("command") : nullptr;
    PowerClient::Accepted out;
    if (command == nullptr || !read_whole(out.id.value, *command, std::uint64_t{1} << 53U))
        return std::nullopt;
    if (auto const* const repeated = object->if_contains("repeated"))
        read_bool(out.repeated, *repeated);
    return out;
}

} // namespace

struct PowerClient::Call {
    Call(PowerClient& client_, ZmqRequest const& request, Progress const* progress_)
        : client(client_),
          id(request.id.as_uint64()),
          text(encode(request)),
          progress(progress_),
          news(client_.timers_.executor())
    {
        client.calls_.emplace(id, this);
    }
    ~Call() { client.calls_.erase(id); }
    Call(Call const&) = delete;
    Call& operator=(Call const&) = delete;

    PowerClient& client;
    std::uint64_t id;
    std::string text;
    Progress const* progress;
    Signal news;
    bool sent = false;
    bool lost = false; // the connection broke after it was sent, or there is none
    std::optional<Accepted> accepted;
    std::optional<ZmqReply> reply;
};

PowerClient::PowerClient(Timers& timers, PowerAddress address)
    : timers_(timers), address_(std::move(address)), loops_(timers)
{
}

PowerClient::~PowerClient() = default;

asio::awaitable<Result<PowerClient::Greeting>> PowerClient::connect()
{
    Error all(Errc::unreachable, {});
    for (auto const& endpoint : address_.endpoints) {
        auto greeting = co_await try_endpoint(endpoint);
        if (greeting)
            co_return greeting;
        co_await close();
        if (greeting.error().code == Errc::cancelled)
            co_return greeting;
        if (greeting.error().code != Errc::unreachable)
            all.code = greeting.error().code;
        all.detail += (all.detail.empty() ? "" : "; ") + greeting.error().detail;
    }
    co_return std::unexpected(std::move(all));
}

asio::awaitable<Result<PowerClient::Greeting>> PowerClient::try_endpoint(std::string endpoint)
{
    if (auto const path = ipc_path(endpoint); !path.empty())
        if (auto const probed = probe_ipc(path); probed != 0)
            co_return fail(Errc::unreachable, endpoint + ": " + probe_words(probed));
    if (auto const opened = open(endpoint); !opened)
        co_return std::unexpected(opened.error());
    loops_.spawn(read());
    loops_.spawn(watch_connection());
    ZmqRequest ping;
    ping.id = ++last_id_;
    Call call(*this, ping, nullptr);
    auto sent = send(call);
    auto const until = Clock::now() + address_.handshake;
    if (auto const done = co_await with_deadline(timers_, until, std::move(sent)); !done)
        co_return std::unexpected(why_not(endpoint, done.error()));
    auto awaited = answer(call);
    auto const pong = co_await with_deadline(timers_, until, std::move(awaited));
    if (!pong)
        co_return std::unexpected(why_not(endpoint, pong.error()));
    greeted_ = true;
    Greeting greeting;
    greeting.endpoint = endpoint;
    if (auto const* const text = pong->if_contains("version"))
        read_any_text(greeting.version, *text);
    co_return greeting;
}

Result<> PowerClient::open(std::string const& endpoint)
{
    state_ = State::connecting;
    greeted_ = false;
    socket_ = std::make_unique<ZmqSocket>(timers_.executor(), context_, zmq::socket_type::dealer);
    monitor_ = std::make_unique<ZmqSocket>(timers_.executor(), context_, zmq::socket_type::pair);
    auto& options = socket_->options();
    set_link_options(*socket_);
    options.set(zmq::sockopt::sndhwm, queued_requests);
    options.set(zmq::sockopt::rcvhwm, queued_requests);
    // Nothing is kept for a later connection: what was given up must not be sent after all.
    options.set(zmq::sockopt::immediate, true);
    auto const events = "inproc://monitor." + std::to_string(++attempts_);
    if (zmq_socket_monitor(options.handle(), events.c_str(), watched_events) != 0)
        return fail(Errc::internal, std::string("zmq_socket_monitor: ") + zmq_strerror(errno));
    monitor_->options().connect(events);
    if (auto const secured = secure_link(*socket_, endpoint, address_.curve_server, address_.curve_secret);
        !secured)
        return secured;
    return socket_->connect(endpoint);
}

Error PowerClient::why_not(std::string const& endpoint, Error const& error) const
{
    switch (state_) {
    case State::unauthorized:
        return Error(Errc::unauthorized, endpoint + ": the daemon does not know our key");
    case State::shut_out:
        return Error(Errc::unreachable,
            endpoint + ": the connection was closed in the handshake (does the daemon want CURVE keys?)");
    case State::refused:
        return Error(Errc::unreachable, endpoint + ": connection refused");
    case State::connecting:
    case State::connected:
        break;
    }
    if (error.code == Errc::timed_out)
        return Error(Errc::unreachable,
            endpoint + ": no answer within " + std::to_string(address_.handshake.count()) + " ms");
    return Error(error.code, endpoint + ": " + error.detail);
}

asio::awaitable<void> PowerClient::close()
{
    loops_.cancel();
    co_await loops_.drain(Clock::now() + address_.handshake);
    monitor_.reset();
    socket_.reset();
}

// Waits for a connection and sends.
asio::awaitable<Result<>> PowerClient::send(Call& call)
{
    while (!call.sent) {
        if (call.lost)
            co_return fail(Errc::unreachable, "there is no connection to the daemon");
        std::array<std::string_view, 1> const frames{call.text};
        // The connection is there before the socket knows: writable() tells it.
        if (state_ == State::connected && socket_->writable()
            && socket_->send(frames) == ZmqSocket::Sent::yes)
            call.sent = true;
        if (call.sent)
            break;
        bool const waited = co_await call.news.wait();
        if (!waited)
            co_return fail(Errc::cancelled, "interrupted before the request was sent");
    }
    co_return Result<>();
}

asio::awaitable<PowerClient::Answer> PowerClient::answer(Call& call)
{
    while (!call.reply) {
        if (call.lost)
            co_return fail(Errc::unreachable, "the connection to the daemon broke");
        bool const waited = co_await call.news.wait();
        if (!waited)
            co_return fail(Errc::cancelled, "interrupted while the daemon worked");
    }
    if (call.reply->error)
        co_return std::unexpected(std::move(*call.reply->error));
    co_return std::move(call.reply->body);
}

asio::awaitable<PowerClient::Answer> PowerClient::ask(ZmqRequest request)
{
    return ask_until(std::move(request), Clock::now() + address_.comeback, nullptr);
}

asio::awaitable<PowerClient::Answer> PowerClient::ask_until(
    ZmqRequest request, Clock::time_point until, Progress const* progress)
{
    for (;;) {
        request.id = ++last_id_;
        if (request.wait)
            request.wait = std::clamp(
                std::chrono::ceil<milliseconds>(until - Clock::now()), milliseconds{0}, longest_wait);
        Call call(*this, request, progress);
        auto sending = send(call);
        auto const sent =
            co_await with_deadline(timers_, Clock::now() + address_.comeback, std::move(sending));
        if (!sent && !call.sent)
            co_return fail(sent.error().code == Errc::cancelled ? Errc::cancelled : Errc::unreachable,
                sent.error().code == Errc::timed_out ? "the daemon did not come back" : sent.error().detail);
        auto awaited = answer(call);
        auto result = co_await with_deadline(timers_, until + answer_slack, std::move(awaited));
        bool const submitted = request.op == ZmqOp::submit;
        if (call.accepted && submitted) {
            // From here on it is a question about a command that is recorded.
            request.op = ZmqOp::wait;
            request.command = call.accepted->id;
        }
        if (call.reply) {
            if (result || result.error().code != Errc::shutting_down || request.op != ZmqOp::wait)
                co_return result;
            // The daemon restarts, the command goes on.
            bool const waited = co_await timers_.wait_until(Clock::now() + restart_pause);
            if (!waited)
                co_return result;
            continue;
        }
        if (request.op == ZmqOp::submit && !(call.lost && request.request.key))
            co_return fail(Errc::commit_unknown, "no answer came: " + result.error().detail);
        if (!call.lost)
            co_return result;
    }
}

asio::awaitable<void> PowerClient::read()
{
    ZmqFrames frames;
    for (;;) {
        bool const readable = co_await socket_->readable();
        if (!readable)
            break;
        while (socket_->receive(frames))
            deliver(frames);
    }
}

void PowerClient::deliver(ZmqFrames& frames)
{
    auto reply = decode_zmq_reply(frames.text(frames.complete() ? frames.count() - 1 : 0));
    if (!reply)
        return; // not from a daemon of ours: the call ends at its deadline
    auto const found = calls_.find(reply->id);
    if (found == calls_.end())
        return; // its caller has given up
    auto& call = *found->second;
    if (reply->final) {
        call.reply = std::move(*reply);
        call.news.notify();
        return;
    }
    if (auto const accepted = accepted_from(reply->body)) {
        call.accepted = *accepted;
        if (call.progress != nullptr && call.progress->accepted)
            call.progress->accepted(*accepted);
    } else if (auto const* const body = reply->body.if_contains("event")) {
        if (auto const event = event_from_json(*body);
            event && call.progress != nullptr && call.progress->event)
            call.progress->event(*event);
    }
}

asio::awaitable<void> PowerClient::watch_connection()
{
    ZmqFrames frames;
    for (;;) {
        bool const readable = co_await monitor_->readable();
        if (!readable)
            break;
        while (monitor_->receive(frames)) {
            std::uint16_t event = 0;
            if (frames[0].size() < sizeof event)
                continue;
            std::memcpy(&event, frames[0].data(), sizeof event);
            connection_event(event);
        }
    }
}

void PowerClient::connection_event(int event)
{
    bool const was_connected = state_ == State::connected;
    bool lost = false;
    switch (event) {
    case ZMQ_EVENT_HANDSHAKE_SUCCEEDED:
        state_ = State::connected;
        break;
    case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH:
        state_ = State::unauthorized;
        lost = true;
        break;
    case ZMQ_EVENT_CONNECT_RETRIED:
        // The first time it means that nobody is there; later that the daemon has not come back yet.
        if (state_ != State::connecting || greeted_)
            return;
        state_ = State::refused;
        lost = true;
        break;
    default: // disconnected, or the handshake failed
        if (state_ != State::unauthorized)
            state_ = was_connected ? State::connecting : State::shut_out;
        lost = true;
    }
    for (auto const& [id, call] : calls_) {
        // After the first connection what was not sent yet waits for the next one.
        call->lost = call->lost || (lost && (call->sent || !greeted_));
        call->news.notify();
    }
}

} // namespace switchyard
