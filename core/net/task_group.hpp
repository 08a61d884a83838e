#pragma once

#include "core/net/deadline.hpp"
#include "core/net/signal.hpp"

#include <exception>
#include <list>

namespace switchyard {

// The only place that spawns: what runs in a group can be cancelled and awaited. Dies last, and empty.
class TaskGroup {
public:
    explicit TaskGroup(Timers& timers) : timers_(timers), idle_(timers.executor()) {}
    ~TaskGroup() { assert(signals_.empty()); }
    TaskGroup(TaskGroup const&) = delete;
    TaskGroup& operator=(TaskGroup const&) = delete;

    void spawn(asio::awaitable<void> task) { start(signals_.emplace(signals_.end()), std::move(task)); }
    // The same for a task that can be cancelled alone: `make` is called with the signal that does it, which
    // lives as long as the task, and returns the task.
    template <class Make>
    void spawn_with(Make make)
    {
        auto const signal = signals_.emplace(signals_.end());
        start(signal, make(*signal));
    }
    // Every task gets a terminal cancellation: the operation it waits for ends and its result says so.
    void cancel()
    {
        for (auto i = signals_.begin(); i != signals_.end();)
            (i++)->emit(asio::cancellation_type::terminal);
    }
    bool empty() const noexcept { return signals_.empty(); }
    std::size_t size() const noexcept { return signals_.size(); }

    // Waits until the group is empty or `until` has come; true when it is empty.
    asio::awaitable<bool> drain(Clock::time_point until)
    {
        TimerNode timer([this] { idle_.notify(); });
        timers_.arm(timer, until);
        while (!signals_.empty() && Clock::now() < until) {
            bool const waited = co_await idle_.wait();
            if (!waited)
                break;
        }
        co_return signals_.empty();
    }
    // What the last task that threw has thrown; nothing when none did.
    std::exception_ptr failure() const noexcept { return failed_; }

private:
    void start(std::list<asio::cancellation_signal>::iterator signal, asio::awaitable<void> task)
    {
        asio::co_spawn(timers_.executor(), quietly(std::move(task)),
            asio::bind_cancellation_slot(signal->slot(), [this, signal](std::exception_ptr error) {
                signals_.erase(signal);
                if (error)
                    failed_ = error;
                if (signals_.empty())
                    idle_.notify();
            }));
    }

    Timers& timers_;
    std::list<asio::cancellation_signal> signals_;
    Signal idle_;
    std::exception_ptr failed_;
};

} // namespace switchyard
