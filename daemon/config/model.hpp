#pragma once

#include "core/wire/northbound.hpp"
#include "drivers/driver.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

// The configuration as values, after every reference in it was checked. docs/configuration.md is its
// reference.
namespace switchyard {

using std::chrono::milliseconds;

enum class OnIndeterminate : std::uint8_t { go_on, hold }; // in the file: "continue" and "hold"

// [devices.NAME]: what is not about the protocol.
struct DeviceConfig {
    std::string name;
    std::vector<DriverConfig> drivers; // in the order of fail-over; at least one unless `fault` says why
                                       // there is none
    std::string fault; // why this device cannot work; it is listed as failed and takes no commands
    std::string bus;   // devices of one bus share one queue
    std::string group; // a name of [groups]

    milliseconds attempt_timeout{30'000}; // one driver call
    milliseconds confirm_timeout{30'000}; // from a successful on/off to the state being reported
    milliseconds soft_timeout{300'000};   // from a soft shutdown to the power being off
    milliseconds off_time{5'000};         // of a cycle, when the request has none
    milliseconds min_off{1'000};          // the shortest wait of a cycle that is cut short
    milliseconds min_gap{0};              // between the end of a driver call and the start of the next
    milliseconds max_age{0}; // a state this young answers a read from memory, when the request has no max_age
    std::uint32_t attempts = 3;              // tries of one step, each over all its drivers, before it fails
    milliseconds retry_delay{1'000};         // doubled each time, with jitter ...
    milliseconds retry_delay_max{60'000};    // ... up to this
    std::uint32_t breaker_after = 5;         // consecutive `unreachable` that open the breaker; 0 = never
    milliseconds breaker_delay{5'000};       // first pause of an open breaker, doubled each time ...
    milliseconds breaker_delay_max{300'000}; // ... up to this
    milliseconds auth_retry_after{0}; // the device is asked again so long after it refused our credentials; 0
                                      // = after a reload
    std::uint32_t queue_limit = 64;   // waiting commands of this device
    bool confirm = true;              // read back after on and off
    bool native_cycle = false;        // use the device's own atomic cycle
    Coalesce coalesce = Coalesce::none;
    OnIndeterminate on_indeterminate = OnIndeterminate::go_on;

    bool operator==(DeviceConfig const&) const = default;
};

struct OutletRef {
    OutletRef() = default;
    OutletRef(std::string device_, std::string outlet_)
        : device(std::move(device_)), outlet(std::move(outlet_))
    {
    }
    std::string device;
    std::string outlet; // canonical; empty = the device's only system
    std::string text() const { return outlet.empty() ? device : device + ":" + outlet; }
    auto operator<=>(OutletRef const&) const = default;
};

// [targets.NAME]
struct TargetConfig {
    std::string name;
    std::string description;
    std::vector<OutletRef> outlets; // one, or several that are switched together (dual feed)
    std::string fault;              // why this target cannot be switched
    bool operator==(TargetConfig const&) const = default;
};

// [groups.NAME]
struct GroupConfig {
    std::string name;
    std::uint32_t max_in_flight = 0; // driver calls that switch, at one time; 0 = no limit
    milliseconds stagger{0};         // between two `on`, against inrush
    bool operator==(GroupConfig const&) const = default;
};

struct HttpConfig {
    std::vector<std::string> listen{"127.0.0.1:16421", "[::1]:16421"};
    std::uint32_t max_connections = 1024;
    std::uint32_t max_body = 65'536;     // bytes
    std::uint32_t max_header = 16'384;   // bytes
    milliseconds header_timeout{10'000}; // from the first byte of a request to the end of its header and body
    milliseconds idle_timeout{60'000};   // between requests
    std::uint32_t legacy_invalid_status = 500; // PDUDaemon's README says 503, its code 500
    bool operator==(HttpConfig const&) const = default;
};

struct ZmqConfig {
    std::vector<std::string> listen{"ipc:///run/switchyard/switchyard.sock", "tcp://127.0.0.1:16422"};
    std::vector<std::string> publish{"ipc:///run/switchyard/events.sock", "tcp://127.0.0.1:16423"};
    std::uint32_t max_message = 65'536;      // bytes
    std::uint32_t max_pending = 10'000;      // requests being answered, over all clients
    SecretRef curve_secret_key;              // Z85; with it every tcp client must use CURVE
    std::vector<std::string> curve_clients;  // Z85 public keys that may connect
    std::string socket_group = "switchyard"; // of the ipc sockets, when the group exists
    bool operator==(ZmqConfig const&) const = default;
};

struct StoreConfig {
    std::string path = "/var/lib/switchyard/commands.db";
    std::uint64_t ballast = 4 * 1024 * 1024; // bytes kept back for the results of commands in flight when the
                                             // disk is full
    milliseconds keep{std::chrono::hours{24 * 30}}; // ended commands, at least 24 h
    std::uint64_t keep_max = 1'000'000;             // ended commands
    bool operator==(StoreConfig const&) const = default;
};

// [daemon]
struct DaemonConfig {
    HttpConfig http;
    ZmqConfig zmq;
    StoreConfig store;
    milliseconds deadline{600'000}; // of a command, when the request has none
    milliseconds deadline_max{86'400'000};
    milliseconds stop_grace{10'000};     // how long a stop waits for what is in flight
    milliseconds drain_timeout{600'000}; // how long a removed device still serves its queue
    std::uint64_t queue_limit = 100'000; // open commands in all
    std::uint32_t event_ring = 8'192;    // events kept for readers that come back
    LogLevel log_level = LogLevel::info;
    bool operator==(DaemonConfig const&) const = default;
};

struct Config {
    DaemonConfig daemon;
    std::map<std::string, DeviceConfig, std::less<>> devices;
    std::map<std::string, TargetConfig, std::less<>> targets;
    std::map<std::string, GroupConfig, std::less<>> groups;
};

} // namespace switchyard
