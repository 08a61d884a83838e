#include "daemon/queue/health.hpp"

#include "daemon/queue/attempt_fsm.hpp"

#include <algorithm>

namespace switchyard {

bool EndpointHealth::usable(Clock::time_point now) const noexcept
{
    if (latched_)
        return now >= retry_at_;
    return breaker_ == Breaker::closed || (breaker_ == Breaker::open && now >= retry_at_);
}

Clock::time_point EndpointHealth::usable_at() const noexcept
{
    if (latched_ || breaker_ == Breaker::open)
        return retry_at_;
    // Half open: the probe that is on its way decides; whoever waits looks again when it has ended.
    return breaker_ == Breaker::half_open ? Clock::time_point::max() : Clock::time_point::min();
}

Error EndpointHealth::why_not() const
{
    Error error = last_;
    error.effect = Effect::none;
    error.detail = (latched_ ? "not asked again after: " : "not asked, its circuit breaker is open after: ")
        + last_.detail;
    return error;
}

void EndpointHealth::begin(DeviceConfig const& config, Clock::time_point now) noexcept
{
    if (latched_)
        retry_at_ = now + config.auth_retry_after; // one login asks, not one of each device at this address
    else if (breaker_ == Breaker::open && now >= retry_at_)
        breaker_ = Breaker::half_open;
}

void EndpointHealth::inconclusive() noexcept
{
    if (breaker_ == Breaker::half_open)
        breaker_ = Breaker::open; // the next probe is due at once
}

void EndpointHealth::succeeded() noexcept
{
    *this = EndpointHealth();
}

void EndpointHealth::failed(DeviceConfig const& config, Clock::time_point now, Error const& error)
{
    if (error.code == Errc::auth_failed) {
        latched_ = true;
        last_ = error;
        bool const never = config.auth_retry_after.count() == 0;
        retry_at_ = never ? Clock::time_point::max() : now + config.auth_retry_after;
        return;
    }
    bool const silent =
        error.code == Errc::unreachable || (error.code == Errc::timed_out && error.effect == Effect::none);
    if (!silent) {
        // It answered, if only to refuse: it is there.
        if (error.code == Errc::refused || error.code == Errc::unsupported_action)
            succeeded();
        else
            inconclusive();
        return;
    }
    last_ = error;
    ++failures_;
    bool const trips = config.breaker_after > 0 && failures_ >= config.breaker_after;
    if (breaker_ == Breaker::closed && !trips)
        return;
    breaker_ = Breaker::open;
    // A fixed jitter: one device has one breaker, there is no herd to spread.
    retry_at_ = now + backoff(config.breaker_delay, config.breaker_delay_max, std::min(openings_, 30U), 1.0);
    ++openings_;
}

EndpointHealth const* HealthBook::find(std::string const& endpoint) const
{
    auto const at = book_.find(endpoint);
    return at != book_.end() ? &at->second : nullptr;
}

void HealthBook::forget_if_healthy(std::string const& endpoint)
{
    if (auto const at = book_.find(endpoint); at != book_.end() && at->second.healthy())
        book_.erase(at);
}

void HealthBook::forget_latches()
{
    std::erase_if(book_, [](auto const& entry) { return entry.second.latched(); });
}

std::size_t HealthBook::open_breakers() const noexcept
{
    return static_cast<std::size_t>(std::ranges::count_if(
        book_, [](auto const& entry) { return entry.second.breaker() != Breaker::closed; }));
}

} // namespace switchyard
