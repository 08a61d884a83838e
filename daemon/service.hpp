#pragma once

#include "core/base/clock.hpp"
#include "core/base/error.hpp"
#include "core/wire/northbound.hpp"

#include <boost/asio/awaitable.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

// The one door through which frontends reach the core.
namespace switchyard {

namespace asio = boost::asio;

// Who asks: the scope of idempotency keys, and what the log and the reports name.
struct Principal {
    Principal() = default;
    explicit Principal(std::string name_) : name(std::move(name_)) {}
    std::string name; // "http", "local", "curve:<key>", ...
};

struct Accepted {
    CommandId id;
    bool repeated = false; // the key was used before for the same request: `id` is that first command
};

// A reader of events. Events come in order; one that falls behind the ring gets a `reset` event and goes on
// from there.
class Subscription {
public:
    virtual ~Subscription() = default;
    // Waits for the next event; fails with `cancelled` when the wait was cancelled and `shutting_down` at the
    // end.
    virtual asio::awaitable<Result<Event>> next() = 0;
};

struct Health {
    bool ready = false; // takes commands
    std::string reason; // why not
    std::size_t open_commands = 0;
    std::size_t devices = 0;
    std::size_t failed_devices = 0;
    std::size_t targets = 0;
};

struct TargetPage {
    std::vector<TargetInfo> targets; // by name
    std::string next;                // pass as `after` for the next page; empty = this was the last
};
struct DevicePage {
    std::vector<DeviceInfo> devices;
    std::string next;
};

class PowerService {
public:
    virtual ~PowerService() = default;

    // Accepts a command; returns once it is durable.
    virtual asio::awaitable<Result<Accepted>> submit(Principal const& who, Request request) = 0;
    // Waits until the command has ended, or its deadline passed while it is `restoring`, or `until` has come:
    // the report as it is then.
    virtual asio::awaitable<Result<Report>> wait(CommandId id, Clock::time_point until) = 0;
    virtual asio::awaitable<Result<Report>> look(CommandId id) = 0;
    // Returns once the cancellation is durable. A command that has ended is reported as it is.
    virtual asio::awaitable<Result<Report>> cancel(Principal const& who, CommandId id, CancelMode mode) = 0;
    virtual asio::awaitable<Result<CommandPage>> list(CommandFilter filter) = 0;
    // Reads the power state of a target (or of an outlet of a device), from memory when it is younger than
    // `max_age`.
    virtual asio::awaitable<Result<TargetState>> state(Principal const& who, std::string target,
        std::optional<std::string> outlet, std::chrono::milliseconds max_age, Clock::time_point until) = 0;
    virtual TargetPage targets(std::string_view after, std::size_t limit) const = 0;
    virtual DevicePage devices(std::string_view after, std::size_t limit) const = 0;
    virtual Result<TargetInfo> target(std::string_view name) const = 0;
    virtual Result<DeviceInfo> device(std::string_view name) const = 0;
    // Ends the hold of a device after an indeterminate command; durable when it returns.
    virtual asio::awaitable<Result<>> release(Principal const& who, std::string device) = 0;
    // Every transition of a command, in order, from the event after `since`; without it, from now.
    virtual std::unique_ptr<Subscription> watch(std::optional<EventId> since) = 0;
    virtual Health health() const = 0;
};

class Frontend {
public:
    virtual ~Frontend() = default;
    virtual std::string_view name() const noexcept = 0;
    // Serves until stop(), then until open requests are answered. Fails at once when it cannot listen.
    virtual Result<> start() = 0;
    virtual asio::awaitable<void> stop(Clock::time_point until) = 0;
};

} // namespace switchyard
