#pragma once

#include "core/base/clock.hpp"
#include "core/wire/northbound.hpp"

#include <string_view>

namespace switchyard {

// Whoever counts what the queue does. The calls are on the hot path: count, and return.
class QueueObserver {
public:
    virtual ~QueueObserver() = default;
    virtual void accepted(Action, Clock::duration /* from submit to durable */) {}
    virtual void finished(Action, CommandState, Clock::duration /* from acceptance to the end */) {}
    virtual void driver_call(std::string_view /* driver */, bool /* switches */, Clock::duration) {}
    virtual void driver_error(std::string_view /* driver */, Errc) {}
};

} // namespace switchyard
