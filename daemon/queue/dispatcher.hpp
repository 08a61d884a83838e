#pragma once

#include "daemon/queue/command.hpp"
#include "daemon/queue/events.hpp"
#include "daemon/queue/yard.hpp"
#include "daemon/service.hpp"
#include "daemon/store/store.hpp"

#include <array>
#include <deque>
#include <map>
#include <unordered_map>

namespace switchyard {

// The core: accepts commands, journals them, walks each through its phases and tells what became of it. The
// devices' workers make the driver calls; the store makes it last. One io thread.
//
// dispatcher.cpp is the door (PowerService), lifecycle.cpp the way of a command, endings.cpp how it ends
// before or otherwise than it was meant to, journal.cpp what is written and told, recovery.cpp start, reload
// and stop.
class Dispatcher final : public PowerService, private WorkerHost {
public:
    struct Parts {
        Timers& timers;
        Toolbox& tools;
        Store& store;
        QueueObserver& observer;
        Log& log;
        std::uint64_t seed; // of the jitter
    };
    Dispatcher(Parts parts, Config config);
    ~Dispatcher() override;

    // Opens the store and takes up what was left open; commands are accepted from then on.
    asio::awaitable<Result<>> recover();
    void reload(Config config);
    // Finishes what is in flight and switches on what a cycle left off, until `until`; the rest stays in the
    // journal.
    asio::awaitable<void> stop(Clock::time_point until);
    // Deletes old ended commands as the configuration says; called now and then.
    asio::awaitable<Result<std::size_t>> prune();

    asio::awaitable<Result<Accepted>> submit(Principal const& who, Request request) override;
    asio::awaitable<Result<Report>> wait(CommandId id, Clock::time_point until) override;
    asio::awaitable<Result<Report>> look(CommandId id) override;
    asio::awaitable<Result<Report>> cancel(Principal const& who, CommandId id, CancelMode mode) override;
    asio::awaitable<Result<CommandPage>> list(CommandFilter filter) override;
    asio::awaitable<Result<TargetState>> state(Principal const& who, std::string target,
        std::optional<std::string> outlet, std::chrono::milliseconds max_age,
        Clock::time_point until) override;
    TargetPage targets(std::string_view after, std::size_t limit) const override
    {
        return yard_.targets(after, limit);
    }
    DevicePage devices(std::string_view after, std::size_t limit) const override
    {
        return yard_.devices(after, limit);
    }
    Result<TargetInfo> target(std::string_view name) const override { return yard_.target(name); }
    Result<DeviceInfo> device(std::string_view name) const override;
    asio::awaitable<Result<>> release(Principal const& who, std::string device) override;
    std::unique_ptr<Subscription> watch(std::optional<EventId> since) override
    {
        return events_.subscribe(since);
    }
    Health health() const override;

    std::size_t open_commands() const noexcept { return commands_.size(); }
    std::size_t open_breakers() const noexcept { return health_.open_breakers(); }
    std::optional<Clock::duration> oldest_open() const; // since its acceptance
    std::array<std::size_t, 5> depth() const; // open commands by state, from `delayed` to `restoring`

private:
    // ---- WorkerHost
    asio::awaitable<Result<>> about_to_send(Step& step) override;
    void step_ended(Step& step) override;
    void step_restoring(Step& step) override;
    Group* group_of(Device const& device) override { return yard_.group_of(device); }
    bool paused() const noexcept override { return stopping_ || !recovered_; }
    bool stopping() const noexcept override { return stopping_; }
    bool halted() const noexcept override { return halted_; }

    // ---- the door
    Result<std::unique_ptr<Command>> prepare(Principal const& who, Request request);
    Result<> check(Request const& request) const;
    Result<> check_devices(Command& command) const;
    Result<> admit(Command const& command) const;
    asio::awaitable<Result<Accepted>> repeated(StoredCommand earlier, Request const& request);
    asio::awaitable<Result<Report>> ended_report(CommandId id);
    Command* find(CommandId id) const noexcept;
    asio::awaitable<Result<OutletReport>> read_outlet(OutletRef outlet, std::chrono::milliseconds max_age,
        Clock::time_point until, std::chrono::milliseconds& age);
    void drop(Command& command); // cancelled before it was sent
    void cancel_cycle(Command& command);

    // ---- the way of a command
    void reserve(Command const& command);
    void unreserve(Command const& command);
    void start(Command& command); // waits for its due time, or begins
    void begin(Command& command);
    void supersede_older(Command& command);
    void take_over_debts(Command& command);
    void no_longer_delayed(Command& command);
    void launch(Command& command, Phase phase);
    void place(Step& step);
    void phase_ended(Command& command);
    void off_ended(Command& command);
    void start_wait(Command& command);
    void end_wait_at(Command& command, Clock::time_point when);
    void conclude(Command& command);
    CommandState verdict_of(Command const& command) const;
    void end_without_running(Command& command, CommandState state, Error error);
    void deadline_passed(Command& command);
    asio::awaitable<void> write_end(Command& command, CommandState state);
    void journal(Command& command); // its state and progress, and the event after it is durable
    asio::awaitable<void> write_progress(Advance advance, Event event);
    asio::awaitable<void> write_changes(std::vector<Change> changes);
    void spawn(asio::awaitable<void> task);
    void publish(Command const& command);
    Event event_of(Command const& command) const;
    void restoring(Command& command);
    void hold(Device& device, Command const& command);
    void tell_waiters(Command& command);

    // ---- start, reload, stop
    void take_up(StoredCommand const& row, UtcTime base);
    void resume(Command& command);
    void resume_step(Step& step);
    bool still_meant(Command const& command) const;
    void check_targets();
    asio::awaitable<void> end_drain(std::string name, Clock::time_point until);
    void call_off(std::vector<Command*> commands, std::string_view why);
    bool in_flight() const;
    void switch_on_early(Command& command);

    Timers& timers_;
    Toolbox& tools_;
    Store& store_;
    QueueObserver& observer_;
    Log& log_;
    std::minstd_rand random_;
    HealthBook health_;
    TaskGroup tasks_;
    QueueContext context_;
    DaemonConfig config_;
    EventRing events_;
    Yard yard_;
    std::unordered_map<CommandId, std::unique_ptr<Command>> commands_; // open ones
    std::size_t appending_ = 0;                                        // on their way into the store
    std::map<std::pair<OutletRef, CommandId>, Command*> delayed_;      // those that are not due yet, by their
                                                                       // outlets
    std::deque<Report> recent_; // the last that ended: whoever asks late need not go to the disk
    bool recovered_ = false;
    bool stopping_ = false;
    bool halted_ = false;
};

} // namespace switchyard
