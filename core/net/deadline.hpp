#pragma once

#include "core/base/error.hpp"
#include "core/net/timers.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

#include <utility>

namespace switchyard {

// Cancellation is told by the result of the operation it interrupted, never by a throw at the next co_await.
template <class T>
asio::awaitable<T> quietly(asio::awaitable<T> op)
{
    co_await asio::this_coro::throw_if_cancelled(false);
    co_return co_await std::move(op);
}

// Runs `op`. At `deadline` it is cancelled, awaited to its end, and then told as it is: its value when it had
// one after all (a late answer is still an answer), else `timed_out` with the effect that `op` reported. A
// cancellation of the caller is passed on to `op`. The only way to time out in this tree (`op || timer` hides
// an early error until the timer fires).
template <class T>
asio::awaitable<Result<T>> with_deadline(
    Timers& timers, Clock::time_point deadline, asio::awaitable<Result<T>> op)
{
    auto executor = co_await asio::this_coro::executor;
    auto state = co_await asio::this_coro::cancellation_state;
    // A cancellation that came while the caller could not be interrupted still counts.
    if (state.cancelled() != asio::cancellation_type::none)
        co_return fail(Errc::cancelled, "");
    asio::cancellation_signal stop;
    bool late = false;
    TimerNode timer([&] {
        late = true;
        stop.emit(asio::cancellation_type::terminal);
    });
    timers.arm(timer, deadline);
    auto outer = state.slot();
    if (outer.is_connected())
        outer.assign([&stop](asio::cancellation_type) { stop.emit(asio::cancellation_type::terminal); });
    Result<T> result = fail(Errc::cancelled, "");
    try {
        result = co_await asio::co_spawn(
            executor, quietly(std::move(op)), asio::bind_cancellation_slot(stop.slot(), asio::use_awaitable));
    } catch (boost::system::system_error const& error) {
        // Cancelled before it had begun: only then does a spawned coroutine throw this.
        if (error.code() != asio::error::operation_aborted)
            throw;
    }
    if (outer.is_connected())
        outer.clear();
    if (late && !result)
        co_return fail(Errc::timed_out, std::move(result.error().detail), result.error().effect);
    co_return result;
}

// Runs `op` to its end whatever happens to the caller: it has a cancellation state of its own.
template <class T>
asio::awaitable<T> shielded(asio::awaitable<T> op)
{
    auto executor = co_await asio::this_coro::executor;
    co_return co_await asio::co_spawn(executor, quietly(std::move(op)),
        asio::bind_cancellation_slot(asio::cancellation_slot(), asio::use_awaitable));
}

} // namespace switchyard
