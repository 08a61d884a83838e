#pragma once

#include "core/base/clock.hpp"
#include "core/base/timer_heap.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

#include <optional>

namespace switchyard {

namespace asio = boost::asio;

// Every timer of a program: one heap, one OS timer at its root. Under VirtualTime there is no OS timer: the
// simulation asks next(), moves the clock and calls fire_due(). Not thread-safe: it belongs to one io thread.
class Timers {
public:
    explicit Timers(asio::any_io_executor executor) : executor_(executor), os_timer_(executor) {}
    Timers(Timers const&) = delete;
    Timers& operator=(Timers const&) = delete;

    void arm(TimerNode& node, Clock::time_point when);
    std::optional<Clock::time_point> next() const noexcept;
    std::size_t fire_due();
    // For the end of a loop: what is still aimed at would keep it running. The next arm() aims anew.
    void rest();
    asio::any_io_executor executor() const noexcept { return executor_; }

    // Waits until `when`; true when it came, false when the wait was cancelled.
    asio::awaitable<bool> wait_until(Clock::time_point when);

private:
    void aim();
    asio::any_io_executor executor_;
    TimerHeap heap_;
    asio::steady_timer os_timer_;
    Clock::time_point aimed_ = Clock::time_point::max();
};

} // namespace switchyard
