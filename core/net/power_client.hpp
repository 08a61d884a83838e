#pragma once

#include "core/base/secret.hpp"
#include "core/net/task_group.hpp"
#include "core/net/zmq_socket.hpp"
#include "core/wire/zmq_message.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace switchyard {

// How to reach a daemon.
struct PowerAddress {
    // Tried in this order until one answers. From then on it stays: a request that was sent is never sent
    // elsewhere.
    std::vector<std::string> endpoints{"ipc:///run/switchyard/switchyard.sock", "tcp://127.0.0.1:16422"};
    std::string curve_server;                   // Z85 public key of the daemon; with it tcp uses CURVE
    SecretRef curve_secret;                     // Z85 secret key of this client
    std::chrono::milliseconds handshake{2'000}; // for each endpoint; longer = no daemon there
    std::chrono::milliseconds comeback{60'000}; // how long a daemon that went away may stay away
};

// "srv9" -> "tcp://srv9:16422", "srv9:1234" -> "tcp://srv9:1234", "[::1]" -> "tcp://[::1]:16422",
// "/run/x.sock" -> "ipc:///run/x.sock"; an endpoint stays as it is.
std::string power_endpoint(std::string_view text);
// Where the daemon at `endpoint` publishes: events.sock beside its socket, or the next port.
std::string events_endpoint(std::string_view endpoint);

// The daemon's ZeroMQ client. Any number of calls may be in flight; each is a coroutine of its caller.
// connect() comes first and close() last. For one io thread.
class PowerClient {
public:
    struct Accepted {
        CommandId id;
        bool repeated = false;
    };
    struct Greeting {
        std::string endpoint;
        std::string version;
    };
    struct Targets {
        std::vector<TargetInfo> targets;
        std::string next;
    };
    struct Devices {
        std::vector<DeviceInfo> devices;
        std::string next;
    };
    // What happens to a command on its way.
    struct Progress {
        std::function<void(Accepted const&)> accepted;
        std::function<void(Event const&)> event;
    };

    PowerClient(Timers& timers, PowerAddress address);
    ~PowerClient();

    // Fails with `unreachable` and a detail that says what was found at each endpoint, `unauthorized` when
    // the daemon refused our key.
    asio::awaitable<Result<Greeting>> connect();
    asio::awaitable<void> close();

    // Returns once the command is durable. When the connection breaks before that and the request has a key
    // it is asked again with the same key; without one the error is `commit_unknown`.
    asio::awaitable<Result<Accepted>> submit(Request request);
    // Submits and waits for the end until `until`: the report as it is then. A broken connection does not
    // matter once the command is accepted: it is asked for again as soon as the daemon is back.
    asio::awaitable<Result<Report>> run(Request request, Clock::time_point until, Progress const& progress);
    asio::awaitable<Result<Report>> wait(CommandId id, Clock::time_point until);
    asio::awaitable<Result<Report>> look(CommandId id);
    asio::awaitable<Result<Report>> cancel(CommandId id, CancelMode mode);
    asio::awaitable<Result<CommandPage>> list(CommandFilter filter);
    asio::awaitable<Result<TargetState>> state(std::string target, std::optional<std::string> outlet,
        std::chrono::milliseconds max_age, Clock::time_point until);
    asio::awaitable<Result<TargetInfo>> target(std::string name);
    asio::awaitable<Result<DeviceInfo>> device(std::string name);
    asio::awaitable<Result<Targets>> targets(std::string after, std::size_t limit);
    asio::awaitable<Result<Devices>> devices(std::string after, std::size_t limit);
    asio::awaitable<Result<>> release(std::string device);
    asio::awaitable<Result<json::object>> health();

    std::size_t in_flight() const noexcept { return calls_.size(); }

private:
    struct Call;
    using Answer = Result<json::object>;

    asio::awaitable<Result<Greeting>> try_endpoint(std::string endpoint);
    Result<> open(std::string const& endpoint);
    Error why_not(std::string const& endpoint, Error const& error) const;
    // One request and its answer.
    asio::awaitable<Answer> ask(ZmqRequest request);
    // The same, asked again when the connection breaks and that does no harm.
    asio::awaitable<Answer> ask_until(ZmqRequest request, Clock::time_point until, Progress const* progress);
    asio::awaitable<Result<>> send(Call& call);
    asio::awaitable<Answer> answer(Call& call);
    asio::awaitable<void> read();
    asio::awaitable<void> watch_connection();
    void deliver(ZmqFrames& frames);
    void connection_event(int event);

    Timers& timers_;
    PowerAddress address_;
    zmq::context_t context_{1};
    std::unique_ptr<ZmqSocket> socket_;
    std::unique_ptr<ZmqSocket> monitor_;
    std::unordered_map<std::uint64_t, Call*> calls_;
    std::uint64_t last_id_ = 0;
    unsigned attempts_ = 0; // of connecting: each has a monitor of its own
    enum class State : std::uint8_t { connecting, connected, refused, shut_out, unauthorized };
    State state_ = State::connecting;
    bool greeted_ = false; // this daemon has answered once: from now on a broken connection may come back
    TaskGroup loops_;
};

// Every transition of every command, as it is published.
class PowerEvents {
public:
    PowerEvents(Timers& timers, PowerAddress address);
    // Only these targets; none = all.
    Result<> connect(std::string const& endpoint, std::vector<std::string> const& targets);
    // Fails with `cancelled` when the wait was cancelled.
    asio::awaitable<Result<Event>> next();

private:
    PowerAddress address_;
    zmq::context_t context_{1};
    ZmqSocket socket_;
};

} // namespace switchyard
