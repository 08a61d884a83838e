#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace switchyard {

// UTC with microseconds: what rows, events and reports carry.
using UtcTime = std::chrono::sys_time<std::chrono::microseconds>;

// Monotonic time, real or virtual. Nothing else in the tree reads a clock, so that the whole core runs in a
// simulation.
struct Clock {
    using duration = std::chrono::nanoseconds;
    using rep = duration::rep;
    using period = duration::period;
    using time_point = std::chrono::time_point<Clock>;
    static constexpr bool is_steady = true;

    static time_point now() noexcept
    {
        return virtual_ != nullptr ? virtual_->monotonic
                                   : time_point{std::chrono::steady_clock::now().time_since_epoch()};
    }
    // Wall time. It may jump; only rows and reports use it.
    static UtcTime utc() noexcept
    {
        return virtual_ != nullptr
            ? virtual_->utc
            : std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now());
    }
    static bool is_virtual() noexcept { return virtual_ != nullptr; }

private:
    friend class VirtualTime;
    struct Virtual {
        time_point monotonic{std::chrono::hours{1}};
        UtcTime utc{std::chrono::sys_days{std::chrono::year{2026} / 1 / 1}};
    };
    static inline Virtual* virtual_ = nullptr; // the one global of the tree: the switch between real and
                                               // virtual time
};

// While it lives, Clock tells the time that advance_to() and jump_utc() set. For tests and simulations; one
// at a time.
class VirtualTime {
public:
    VirtualTime() { Clock::virtual_ = &time_; }
    ~VirtualTime() { Clock::virtual_ = nullptr; }
    VirtualTime(VirtualTime const&) = delete;
    VirtualTime& operator=(VirtualTime const&) = delete;

    void advance(Clock::duration by)
    {
        time_.monotonic += by;
        time_.utc += std::chrono::duration_cast<std::chrono::microseconds>(by);
    }
    void advance_to(Clock::time_point to)
    {
        if (to > time_.monotonic)
            advance(to - time_.monotonic);
    }
    // Someone sets the wall clock: only UTC moves.
    void jump_utc(std::chrono::microseconds by) { time_.utc += by; }

private:
    Clock::Virtual time_;
};

// "2026-11-20T13:37:00.123456Z" (RFC 3339), for the years 0 to 9999.
std::string to_rfc3339(UtcTime time);
// The inverse: UTC ("Z") only, with 0 to 6 digits of a second's fraction. Nothing for anything else.
std::optional<UtcTime> utc_from_rfc3339(std::string_view text) noexcept;

} // namespace switchyard
