#include "core/net/timers.hpp"

#include "core/net/signal.hpp"

namespace switchyard {

void Timers::arm(TimerNode& node, Clock::time_point when)
{
    heap_.arm(node, when);
    aim();
}

std::optional<Clock::time_point> Timers::next() const noexcept
{
    return heap_.empty() ? std::nullopt : std::optional(heap_.next());
}

std::size_t Timers::fire_due()
{
    auto const fired = heap_.fire(Clock::now());
    aim();
    return fired;
}

asio::awaitable<bool> Timers::wait_until(Clock::time_point when)
{
    Signal due(executor_);
    TimerNode node([&due] { due.notify(); });
    arm(node, when);
    co_return co_await due.wait();
}

void Timers::rest()
{
    os_timer_.cancel();
    aimed_ = Clock::time_point::max();
}

// A disarmed root leaves the OS timer aimed too early: it fires for nothing once and aims anew. That is
// cheaper than a system call for each timer that is cancelled, and most timers are deadlines that are.
void Timers::aim()
{
    if (Clock::is_virtual() || heap_.empty() || heap_.next() >= aimed_)
        return;
    aimed_ = heap_.next();
    os_timer_.expires_at(std::chrono::steady_clock::time_point(aimed_.time_since_epoch()));
    os_timer_.async_wait([this](boost::system::error_code error) {
        if (error)
            return;
        aimed_ = Clock::time_point::max();
        fire_due();
    });
}

} // namespace switchyard
