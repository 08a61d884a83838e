#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <cassert>
#include <functional>
#include <utility>

namespace switchyard {

namespace asio = boost::asio;

// Wakes the one coroutine that waits for it. A notify() that comes first is remembered until the next wait(),
// so that none is lost. The coroutine goes on in the next turn of the loop, never inside notify(). For one io
// thread.
//
// Whoever waits must be ended (TaskGroup) before the loop dies: a frame that waits on its own Signal owns
// itself.
class Signal {
public:
    explicit Signal(asio::any_io_executor executor) : executor_(std::move(executor)) {}
    ~Signal() { finish(false); }
    Signal(Signal const&) = delete;
    Signal& operator=(Signal const&) = delete;

    void notify()
    {
        if (handler_)
            finish(true);
        else
            pending_ = true;
    }
    bool waiting() const noexcept { return static_cast<bool>(handler_); }

    // True when notified, false when the wait was cancelled before the coroutine went on or the signal died.
    asio::awaitable<bool> wait()
    {
        return asio::async_initiate<asio::use_awaitable_t<> const, void(bool)>(
            [this](auto handler) { start(std::move(handler)); }, asio::use_awaitable);
    }

private:
    template <class Handler>
    void start(Handler handler)
    {
        assert(!handler_);
        slot_ = asio::get_associated_cancellation_slot(handler);
        handler_ = [handler = std::move(handler)](bool notified) mutable { std::move(handler)(notified); };
        if (pending_) {
            pending_ = false;
            finish(true);
        } else if (slot_.is_connected()) {
            slot_.assign([this](asio::cancellation_type) { finish(false); });
        }
    }
    // A cancellation that comes between notify() and the next turn, in which the coroutine goes on.
    struct Late {
        bool cancelled = false;
        void operator()(asio::cancellation_type) noexcept { cancelled = true; }
    };
    void finish(bool notified)
    {
        if (!handler_)
            return;
        auto handler = std::exchange(handler_, nullptr);
        // The slot is changed last: its handler is the closure that may be running, so nothing of it is used
        // after.
        auto slot = std::exchange(slot_, asio::cancellation_slot());
        if (!slot.is_connected() || !notified) {
            auto resume = [handler = std::move(handler), notified]() mutable { handler(notified); };
            asio::post(executor_, std::move(resume));
            if (slot.is_connected())
                slot.clear();
            return;
        }
        // Were it lost, the coroutine would wait again and nobody would cancel it a second time.
        auto& late = slot.emplace<Late>();
        auto resume = [handler = std::move(handler), slot, &late]() mutable {
            bool const in_time = !late.cancelled;
            slot.clear();
            handler(in_time);
        };
        asio::post(executor_, std::move(resume));
    }

    asio::any_io_executor executor_;
    // Not any_completion_handler: that of Boost 1.81 copies itself for ever when it is given as an lvalue.
    std::move_only_function<void(bool)> handler_;
    asio::cancellation_slot slot_;
    bool pending_ = false;
};

} // namespace switchyard
