#pragma once

#include "core/net/timers.hpp"

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace switchyard {

// What the service manager is told (sd_notify(3)). Without one ($NOTIFY_SOCKET is not set) every call does
// nothing, and a manager that does not listen never disturbs the daemon.
class Systemd {
public:
    // True when a service manager listens.
    static bool present() noexcept;

    // Takes commands. `status` is the line that `systemctl status` shows.
    void ready(std::string_view status);
    // Reads its configuration again; ready() ends it.
    void reloading(std::string_view status);
    void stopping(std::string_view status);
    void status(std::string_view text);
    // A start or a stop goes on: the manager waits at least this long from now before it loses patience. Each
    // call counts anew.
    void extend_timeout(std::chrono::microseconds time);
    // Alive. Sent by keep_watchdog(); by hand only in a phase that does not run the loop.
    void watchdog();

    // How often watchdog() is due: half of WatchdogSec=. Nothing when the unit has none, or it is another
    // process's.
    static std::optional<std::chrono::microseconds> watchdog_interval() noexcept;
};

// Tells the manager that the loop turns, as often as it asks, until it is cancelled; returns at once when
// nobody asks. It runs on the io thread on purpose: a loop that is stuck must miss the watchdog.
asio::awaitable<void> keep_watchdog(Systemd& systemd, Timers& timers);

} // namespace switchyard
