#pragma once

#include "core/net/signal.hpp"
#include "core/net/timers.hpp"
#include "daemon/service.hpp"

#include <deque>
#include <list>
#include <map>
#include <set>

namespace switchyard::test {

// A PowerService that keeps everything in memory: it accepts commands, ends them after a time (or when a test
// says so), and knows keys, cancellation, pages, events and power states. Frontends are tested and fuzzed
// against it.
class MemoryService final : public PowerService {
public:
    enum class Call : std::uint8_t { submit, wait, look, cancel, list, state, release };

    explicit MemoryService(Timers& timers) : timers_(timers) {}
    ~MemoryService() override;

    // An outlet "" is the device's only system.
    void add_device(std::string name, std::vector<std::string> outlets = {""});
    void add_target(std::string name, std::vector<std::string> outlets, std::string description = {});
    DeviceInfo& info_of(std::string const& device) { return devices_.at(device).info; }

    // How long a command runs from its due time to its end. 0: it ends before submit() returns.
    void set_duration(Clock::duration duration) { duration_ = duration; }
    // From now on commands stay queued until finish() or cancel().
    void hold() { held_ = true; }
    void finish(CommandId id, CommandState state = CommandState::done, std::optional<Error> error = {});
    // How commands that nobody finishes by hand end.
    void end_with(CommandState state, std::optional<Error> error);
    // Every such call fails so, until it is told otherwise.
    void set_fault(Call call, std::optional<Error> error);
    void set_ring(std::size_t events) { ring_size_ = events; }
    void set_ready(bool ready, std::string reason = {});
    // A new epoch of events, as after a restart of the daemon.
    void restart();
    // Every subscription and every wait ends with `shutting_down`.
    void shut_down();
    void publish(Event event);                         // `id` and `at` are filled in
    PowerState power(std::string const& outlet) const; // "device:outlet" or "device"

    std::size_t submitted() const noexcept { return submitted_; }
    Request const& last_request() const { return last_request_; }
    Principal const& last_principal() const { return last_principal_; }
    std::size_t subscriptions() const noexcept { return readers_.size(); }
    CommandId last_id() const noexcept { return CommandId{next_id_ - 1}; }

    asio::awaitable<Result<Accepted>> submit(Principal const& who, Request request) override;
    asio::awaitable<Result<Report>> wait(CommandId id, Clock::time_point until) override;
    asio::awaitable<Result<Report>> look(CommandId id) override;
    asio::awaitable<Result<Report>> cancel(Principal const& who, CommandId id, CancelMode mode) override;
    asio::awaitable<Result<CommandPage>> list(CommandFilter filter) override;
    asio::awaitable<Result<TargetState>> state(Principal const& who, std::string target,
        std::optional<std::string> outlet, std::chrono::milliseconds max_age,
        Clock::time_point until) override;
    TargetPage targets(std::string_view after, std::size_t limit) const override;
    DevicePage devices(std::string_view after, std::size_t limit) const override;
    Result<TargetInfo> target(std::string_view name) const override;
    Result<DeviceInfo> device(std::string_view name) const override;
    asio::awaitable<Result<>> release(Principal const& who, std::string device) override;
    std::unique_ptr<Subscription> watch(std::optional<EventId> since) override;
    Health health() const override;

private:
    class Reader;
    struct Device {
        DeviceInfo info;
        std::vector<std::string> outlets;
    };
    struct Command {
        explicit Command(std::move_only_function<void()> due) : timer(std::move(due)) {}
        Report report;
        TimerNode timer;
        std::list<Signal*> waiting;
    };

    Result<std::vector<OutletReport>> resolve(
        std::string const& target, std::optional<std::string> const& outlet) const;
    Result<OutletReport> resolve_outlet(Device const& device, std::string const& outlet) const;
    PowerState joint_power(std::vector<OutletReport>& outlets) const;
    void step(Command& command);
    void enter(Command& command, CommandState state);
    void end(Command& command, CommandState state, std::optional<Error> error);

    Timers& timers_;
    std::map<std::string, Device, std::less<>> devices_;
    std::map<std::string, TargetInfo, std::less<>> targets_;
    std::map<std::string, PowerState, std::less<>> power_;
    std::map<std::uint64_t, std::unique_ptr<Command>> commands_;
    std::map<std::pair<std::string, std::string>, std::uint64_t> keys_; // (principal, key)
    std::map<Call, Error> faults_;
    std::set<Reader*> readers_;
    std::deque<Event> ring_;
    std::size_t ring_size_ = 64;
    EventId last_event_{1, 0};
    std::uint64_t next_id_ = 1;
    std::size_t submitted_ = 0;
    Clock::duration duration_{};
    CommandState end_state_ = CommandState::done;
    std::optional<Error> end_error_;
    Request last_request_;
    Principal last_principal_;
    std::string unready_;
    bool ready_ = true;
    bool held_ = false;
    bool down_ = false;
};

} // namespace switchyard::test
