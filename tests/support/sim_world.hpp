#pragma once

#include "core/net/timers.hpp"
#include "daemon/config/model.hpp"
#include "drivers/driver.hpp"

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

namespace switchyard::test {

// What a simulated device does wrong, as chances from 0 to 1 for each call.
struct SimFaults {
    double unreachable = 0;  // nothing was sent
    double refused = 0;      // the device says no
    double lost_reply = 0;   // it acts, and the answer is lost
    double lost_command = 0; // it does not act, and no answer comes
    double hang = 0;         // no answer until the deadline, it acts or not
    double unreadable = 0;   // a read fails
    bool wrong_password = false;
};

// The hardware of a simulation: it goes on by itself when the daemon dies, and it remembers everything that
// it did.
class SimWorld {
public:
    struct Outlet {
        bool on = true;
        unsigned switched_off = 0; // real transitions
        unsigned switched_on = 0;
        unsigned resets = 0;
        unsigned operations = 0;
    };
    struct Device {
        std::string name;
        Capabilities capabilities;
        SimFaults faults;
        std::optional<SimFaults> second_faults; // of the way "sim2", when it has its own
        Clock::duration latency{std::chrono::milliseconds{20}};
        std::map<std::string, Outlet> outlets;
        unsigned in_flight = 0;
        unsigned most_in_flight = 0;
        unsigned calls = 0;
        unsigned reads = 0;
        Clock::time_point last_end{};
        Clock::duration shortest_gap = Clock::duration::max();
        std::string queue; // devices of one queue share their in_flight
    };

    SimWorld(Timers& timers, std::uint64_t seed);
    ~SimWorld();
    SimWorld(SimWorld const&) = delete;
    SimWorld& operator=(SimWorld const&) = delete;

    // Adds a device and gives its configuration: driver "sim" (a second driver "sim2" reaches the same
    // hardware).
    DeviceConfig add(std::string const& name, Capabilities capabilities, std::size_t drivers = 1);
    Device& device(std::string const& name) { return *devices_.at(name); }
    Outlet& outlet(std::string const& device, std::string const& outlet)
    {
        return devices_.at(device)->outlets[outlet];
    }
    std::map<std::string, std::unique_ptr<Device>>& devices() { return devices_; }
    bool chance(double probability)
    {
        return std::uniform_real_distribution<double>()(random_) < probability;
    }
    Clock::duration up_to(Clock::duration most);
    // The hardware does this after a while, whether or not anybody waits for the answer.
    void act_later(Device& device, std::string const& outlet, Action action, Clock::duration after);

    Timers& timers() noexcept { return timers_; }
    std::vector<std::string> trace; // "time device:outlet action"
    std::map<std::string, unsigned> in_flight_by_queue;
    unsigned most_in_flight_in_a_queue = 0;

    static Capabilities everything(); // absolute, readable, with an atomic cycle

private:
    void act(Device& device, std::string const& outlet, Action action);

    Timers& timers_;
    std::mt19937_64 random_;
    std::map<std::string, std::unique_ptr<Device>> devices_;
    std::deque<std::unique_ptr<TimerNode>> pending_;
};

} // namespace switchyard::test
