#pragma once

#include "core/net/timers.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <exception>
#include <optional>
#include <stdexcept>

namespace switchyard::test {

// An io_context with its timers. run() drives a coroutine to its end; under VirtualTime it moves the clock to
// the next timer whenever nothing else is ready, so that hours pass in milliseconds.
class Loop {
public:
    template <class T>
    T run(asio::awaitable<T> task)
    {
        std::optional<T> value;
        drive(wrap(std::move(task), value));
        return std::move(*value);
    }
    void run(asio::awaitable<void> task) { drive(std::move(task)); }

    asio::io_context io{1};
    Timers timers{io.get_executor()};

private:
    template <class T>
    static asio::awaitable<void> wrap(asio::awaitable<T> task, std::optional<T>& value)
    {
        value.emplace(co_await std::move(task));
    }
    void drive(asio::awaitable<void> task)
    {
        bool ended = false;
        std::exception_ptr failure;
        asio::co_spawn(io, std::move(task), [&](std::exception_ptr error) {
            ended = true;
            failure = error;
        });
        io.restart();
        while (!ended) {
            if (!Clock::is_virtual()) {
                if (io.run_one() == 0)
                    throw std::logic_error("the loop ran dry before the task ended");
                continue;
            }
            io.restart();
            if (io.poll() > 0)
                continue;
            auto const next = timers.next();
            if (!next)
                throw std::logic_error("nothing is left that could wake the task");
            time_->advance_to(*next);
            timers.fire_due();
        }
        if (failure)
            std::rethrow_exception(failure);
    }

public:
    void use(VirtualTime& time) { time_ = &time; }

private:
    VirtualTime* time_ = nullptr;
};

} // namespace switchyard::test
