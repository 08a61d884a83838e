#pragma once

#include "core/base/clock.hpp"
#include "core/base/error.hpp"
#include "daemon/config/model.hpp"

#include <map>
#include <string>

namespace switchyard {

// What is known of one driver at one endpoint: a circuit breaker, and whether the device refused our
// credentials.
class EndpointHealth {
public:
    // May it be called now? When not: at which time (max = only after a reload), and with which error it may
    // be told.
    bool usable(Clock::time_point now) const noexcept;
    Clock::time_point usable_at() const noexcept;
    Error why_not() const;
    // The next call is the one probe of a half-open breaker: read before you switch.
    bool probing(Clock::time_point now) const noexcept { return breaker_ != Breaker::closed && usable(now); }

    void begin(DeviceConfig const& config, Clock::time_point now) noexcept; // a call starts
    void inconclusive() noexcept; // it ended and told nothing about the device
    void succeeded() noexcept;
    void failed(DeviceConfig const& config, Clock::time_point now, Error const& error);

    bool healthy() const noexcept { return failures_ == 0 && !latched_; }
    Breaker breaker() const noexcept { return breaker_; }
    bool latched() const noexcept { return latched_; }

private:
    Breaker breaker_ = Breaker::closed;
    bool latched_ = false;
    unsigned failures_ = 0; // unreachable in a row
    unsigned openings_ = 0;
    Clock::time_point retry_at_{};
    Error last_;
};

// Healths by endpoint, for those that are not simply well: devices at one address with one login share one.
// An endpoint that works costs nothing.
class HealthBook {
public:
    EndpointHealth const* find(std::string const& endpoint) const;
    EndpointHealth& at(std::string const& endpoint) { return book_[endpoint]; }
    void forget_if_healthy(std::string const& endpoint);
    // A reload: every refused login may be tried again.
    void forget_latches();
    std::size_t open_breakers() const noexcept;

private:
    std::map<std::string, EndpointHealth, std::less<>> book_;
};

} // namespace switchyard
