#pragma once

#include "core/base/log.hpp"
#include "core/base/secret.hpp"
#include "core/net/task_group.hpp"
#include "core/wire/zmq_message.hpp"
#include "daemon/frontends/zmq/zmq_door.hpp"
#include "daemon/service.hpp"

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace switchyard {

struct ZmqFrontendOptions {
    std::vector<std::string> listen;        // tcp and ipc endpoints of the ROUTER
    std::vector<std::string> publish;       // of the PUB
    std::size_t max_message = 65'536;       // bytes
    std::size_t max_pending = 10'000;       // requests being answered, over all clients
    SecretRef curve_secret_key;             // Z85; with it every tcp client must use CURVE
    std::vector<std::string> curve_clients; // Z85 public keys that may connect
    std::string socket_group;               // of the ipc sockets, when the group exists
};

// The ZeroMQ way in (docs/protocol.md): requests at a ROUTER, every transition of every command at a PUB.
class ZmqFrontend final : public Frontend {
public:
    ZmqFrontend(Timers& timers, PowerService& service, Log& log, ZmqFrontendOptions options);
    ~ZmqFrontend() override;

    std::string_view name() const noexcept override { return "zmq"; }
    Result<> start() override;
    asio::awaitable<void> stop(Clock::time_point until) override;

    // As bound: a wildcard port is a number here.
    std::vector<std::string> const& endpoints() const noexcept { return endpoints_; }
    std::vector<std::string> const& publish_endpoints() const noexcept { return publish_endpoints_; }
    std::size_t pending() const noexcept { return requests_.size(); }

private:
    struct Pending;
    using Followers = std::multimap<CommandId, Pending*>;
    class Follower;

    Result<> listen();
    Result<> publish();
    Result<bool> curve(std::string const& endpoint, ZmqSocket& socket);
    ZmqDoor& door_for(std::string const& endpoint);

    void handle(ZmqDoor& door, ZmqFrames& frames);
    std::optional<json::object> answer_now(ZmqRequest const& request) const;
    asio::awaitable<void> serve(Pending pending);
    asio::awaitable<json::object> answer(Pending& pending);
    asio::awaitable<json::object> submit(Pending& pending);
    asio::awaitable<json::object> follow(Pending& pending, CommandId command, std::optional<bool> repeated);
    asio::awaitable<json::object> state(Pending& pending);
    asio::awaitable<void> pump();
    void spread(Event const& event);

    Timers& timers_;
    PowerService& service_;
    Log& log_;
    ZmqFrontendOptions options_;
    Secret secret_;
    zmq::context_t context_{1};
    std::unique_ptr<CurveGate> gate_;
    std::unique_ptr<ZmqDoor> local_;                     // ipc; tcp too when there is no CURVE
    std::unique_ptr<ZmqDoor> curve_;                     // tcp with CURVE
    std::vector<std::unique_ptr<ZmqSocket>> publishers_; // the same two kinds
    std::unique_ptr<Subscription> events_;
    std::vector<std::string> endpoints_;
    std::vector<std::string> publish_endpoints_;
    Followers followers_; // of the events of a command
    bool stopping_ = false;
    TaskGroup requests_;
    TaskGroup loops_;
};

} // namespace switchyard
