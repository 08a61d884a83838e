#pragma once

#include "core/net/signal.hpp"
#include "daemon/queue/attempt_fsm.hpp"
#include "daemon/queue/health.hpp"

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace switchyard {

class Command;
class Device;
class DeviceWorker;
class Group;
class Step;

// Somebody who waits for the state of an outlet. It lives in the frame that waits.
struct StateReader {
    explicit StateReader(asio::any_io_executor executor) : done(std::move(executor)) {}
    Signal done;
    std::optional<Result<PowerState>> state;
    std::string driver; // by name: the device may be gone when the reader goes on
};

struct KnownState {
    PowerState state = PowerState::unknown;
    Clock::time_point at{};
    std::uint8_t driver = 0;
};

// One outlet of a device: what waits there, what has it, and what was read of it last.
struct Line {
    Line(Device& device_, std::string outlet_) : device(device_), outlet(std::move(outlet_)) {}

    Device& device;
    std::string outlet;
    std::deque<Step*> waiting; // by due time and id
    Step* active = nullptr;    // the step that is being done
    Command* holder = nullptr; // a cycle keeps its outlet while it waits
    std::vector<StateReader*> readers;
    std::optional<KnownState> known; // nothing after an intent, until it is read again
    bool listed = false;             // in its worker's list
    bool in_read = false;            // a read is on its way, its readers are no longer in `readers`

    bool idle() const noexcept
    {
        return waiting.empty() && active == nullptr && holder == nullptr && readers.empty() && !in_read;
    }
};

// A controller as the queue sees it. What it needs to work is made when the first command comes: a farm has a
// hundred thousand devices, and most of them sleep.
class Device {
public:
    explicit Device(DeviceConfig config) : config_(std::move(config)) {}

    DeviceConfig const& config() const noexcept { return config_; }
    std::string const& name() const noexcept { return config_.name; }
    bool usable() const noexcept { return config_.fault.empty(); }
    std::string_view driver_name(std::size_t index) const noexcept;

    // A new configuration. During a call, from the choice of a driver to its result, it waits for the end of
    // that call.
    void reconfigure(DeviceConfig config);
    DeviceConfig const& latest_config() const noexcept
    {
        return next_config_ != nullptr ? *next_config_ : config_;
    }
    void call_begins() noexcept { ++calls_; }
    void call_ended();

    // ---- made on first use
    void wake_up();
    bool awake() const noexcept { return runtime_ != nullptr; }
    AttemptRules rules() const noexcept { return {config_, runtime_->capabilities}; }
    // The driver at `index`, made when it is first needed. Fails with the device's fault.
    Result<Driver*> driver(Toolbox& tools, std::size_t index);
    std::string const& endpoint(std::size_t index) const noexcept { return runtime_->endpoints[index]; }
    std::size_t driver_count() const noexcept { return config_.drivers.size(); }
    Line& line(std::string const& outlet);
    Line* find_line(std::string const& outlet) noexcept;
    // Forgets lines that nothing waits at, when there are many.
    void tidy_lines();
    std::map<std::string, Line, std::less<>>& lines() noexcept { return runtime_->lines; }
    bool idle() const noexcept; // nobody waits for it, nothing is on its way

    DeviceWorker* worker = nullptr; // its queue, its own or its bus's
    std::string bus;                // ... that of this bus
    std::size_t queued = 0;         // open commands that touch it
    bool held = false;              // after an indeterminate command, until it is released
    std::string hold_reason;
    bool draining = false;                        // removed from the configuration, serves what it has ...
    std::optional<Clock::time_point> drain_until; // ... up to then
    std::string last_error;

private:
    struct Runtime {
        std::vector<std::unique_ptr<Driver>> drivers;
        std::vector<Capabilities> capabilities;
        std::vector<std::string> endpoints;
        std::map<std::string, Line, std::less<>> lines;
    };
    void describe_drivers();

    DeviceConfig config_;
    std::unique_ptr<DeviceConfig> next_config_;
    std::unique_ptr<Runtime> runtime_;
    unsigned calls_ = 0; // a probe is a call within a call
};

} // namespace switchyard
