#include "daemon/ops/systemd.hpp"

#include <fmt/format.h>
#include <systemd/sd-daemon.h>

#include <algorithm>
#include <cstdlib>

namespace switchyard {
namespace {

// One assignment a line: a line end in a text (a device's words, a path) would start another assignment.
std::string one_line(std::string_view text)
{
    std::string line(text);
    std::ranges::replace_if(line, [](unsigned char c) { return c < ' '; }, ' ');
    return line;
}

void tell(std::string const& assignments)
{
    // An error means that the manager went away; there is nobody left to tell.
    (void)sd_notify(0, assignments.c_str());
}

} // namespace

bool Systemd::present() noexcept
{
    return std::getenv("NOTIFY_SOCKET") != nullptr;
}

void Systemd::ready(std::string_view status)
{
    tell(fmt::format("READY=1\nSTATUS={}", one_line(status)));
}

void Systemd::reloading(std::string_view status)
{
    // systemd 253 and newer (Type=notify-reload) match the reload with the time at which it began.
    auto const now = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now().time_since_epoch());
    tell(fmt::format("RELOADING=1\nMONOTONIC_USEC={}\nSTATUS={}", now.count(), one_line(status)));
}

void Systemd::stopping(std::string_view status)
{
    tell(fmt::format("STOPPING=1\nSTATUS={}", one_line(status)));
}

void Systemd::status(std::string_view text)
{
    tell(fmt::format("STATUS={}", one_line(text)));
}

void Systemd::extend_timeout(std::chrono::microseconds time)
{
    tell(fmt::format("EXTEND_TIMEOUT_USEC={}", time.count()));
}

void Systemd::watchdog()
{
    tell("WATCHDOG=1");
}

std::optional<std::chrono::microseconds> Systemd::watchdog_interval() noexcept
{
    std::uint64_t limit = 0;
    if (sd_watchdog_enabled(0, &limit) <= 0)
        return std::nullopt;
    return std::chrono::microseconds(std::max<std::uint64_t>(limit / 2, 1));
}

asio::awaitable<void> keep_watchdog(Systemd& systemd, Timers& timers)
{
    auto const interval = Systemd::watchdog_interval();
    if (!interval)
        co_return;
    for (;;) {
        systemd.watchdog();
        bool const waited = co_await timers.wait_until(Clock::now() + *interval);
        if (!waited)
            break;
    }
}

} // namespace switchyard
