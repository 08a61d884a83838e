#pragma once

#include "core/net/task_group.hpp"
#include "daemon/queue/command.hpp"
#include "daemon/queue/device.hpp"
#include "daemon/queue/groups.hpp"
#include "daemon/queue/observer.hpp"

#include <random>

namespace switchyard {

// What a worker needs from the house around it.
class WorkerHost {
public:
    virtual ~WorkerHost() = default;
    // Checks cancel and deadline and journals the intent of this step and of those merged into it.
    virtual asio::awaitable<Result<>> about_to_send(Step& step) = 0;
    // The step has its outcome and has left its outlet. The host may put the next step of the command there.
    virtual void step_ended(Step& step) = 0;
    // A debt did not work yet.
    virtual void step_restoring(Step& step) = 0;
    virtual Group* group_of(Device const& device) = 0;
    virtual bool paused() const noexcept = 0;   // nothing but debts is started
    virtual bool stopping() const noexcept = 0; // ... and those at once
    virtual bool halted() const noexcept = 0;   // the end: results are left to the next start
};

struct QueueContext {
    Timers& timers;
    TaskGroup& tasks;
    Toolbox& tools;
    HealthBook& health;
    QueueObserver& observer;
    Log& log;
    std::minstd_rand& random;
    double jitter() { return std::uniform_real_distribution<double>()(random); }
};

// One queue: of a device, or of all devices of a bus. One driver call at a time; a coroutine exists only
// while there is something to do. Reads come before writes; among the outlets the most urgent head is served,
// within an outlet the order is kept.
class DeviceWorker final : public GroupMember {
public:
    DeviceWorker(QueueContext& context, WorkerHost& host);

    void enqueue(Step& step, Line& line); // at its place by due time and id
    void proceed(Step& step, Line& line); // the next step of the command that holds the line
    void withdraw(Step& step);            // a step without a driver call under way, not sent
    // Its machine has ended outside of a driver call.
    void conclude(Step& step);
    // Its deadline has passed, or its client wants no more: it ends here unless a call is on its way or has
    // to be settled.
    void stop_trying(Step& step, CommandState why);
    void release(Line& line, Command& holder);  // a cycle no longer needs the outlet
    void read(Line& line, StateReader& reader); // notified when a wire read that starts later has ended
    void forget(Line& line, StateReader& reader);
    void forget(Device const& device); // it leaves this queue, and nothing waits for it
    void dismiss_readers();            // the daemon stops: they go on without an answer
    void kick() override;
    bool busy() const noexcept { return busy_; }

private:
    struct Unit {
        Line* line = nullptr;
        Step* step = nullptr; // nothing: a read
        std::size_t driver = 0;
        Group* group = nullptr; // a permit is held
    };
    class Lease;

    struct Verdict { // a step that picking found to be over
        Step* step;
        std::optional<Error> error; // nothing: it stops trying as at its deadline
    };

    void list(Line& line);
    std::optional<Unit> pick();
    std::optional<Unit> pick_next();
    std::optional<Unit> pick_read(Clock::time_point now);
    std::optional<Unit> pick_write(Clock::time_point now);
    bool may_start(Step const& step) const;
    bool wants_read(Line const& line, Clock::time_point now);
    Step* write_head(Line& line, Clock::time_point now);
    std::optional<std::size_t> usable_driver(Step& step, Clock::time_point now);
    void no_driver_left(Step& step);
    void gather(Step& step);
    void activate(Step& step);
    bool rested(Clock::time_point now);
    void wake_at(Clock::time_point when);

    asio::awaitable<void> run(Unit unit);
    asio::awaitable<void> rest(Device const& device);
    asio::awaitable<void> do_read(Line& line);
    asio::awaitable<Result<PowerState>> read_from(
        Device& device, std::size_t index, std::string const& outlet);
    asio::awaitable<Result<PowerState>> read_any(Line& line, std::uint8_t& driver);
    asio::awaitable<void> do_write(Unit unit);
    asio::awaitable<Result<>> probe_then_write(Unit unit, Lease& lease);
    asio::awaitable<Result<>> call_driver(Unit unit, Lease& lease);
    void note_result(Device& device, std::size_t index, Error const* error);
    void digest(Step& step);
    void finish(Step& step);
    bool stop(Step& step, CommandState why);
    void hand_over(Step& leader);

    QueueContext& context_;
    WorkerHost& host_;
    bool busy_ = false;    // a driver call is on its way, or the coroutine is between two
    bool picking_ = false; // ending a step while picking calls the host, which may come back to kick()
    unsigned reads_in_a_row_ = 0;
    std::optional<Verdict> verdict_;
    std::vector<StateReader*> being_read_; // those whom the read that is on its way will answer
    Clock::time_point last_end_{};
    Clock::time_point next_wake_ = Clock::time_point::max();
    TimerNode wake_;
    std::vector<Line*> lines_; // with something to do, in the order of arrival
};

} // namespace switchyard
