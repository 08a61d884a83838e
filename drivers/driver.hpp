#pragma once

#include "core/base/clock.hpp"
#include "core/base/error.hpp"
#include "core/base/log.hpp"
#include "core/base/secret.hpp"
#include "core/net/timers.hpp"
#include "core/wire/northbound.hpp"

#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

// What a driver is, what it is given, and what it promises. docs/drivers.md is the guide for authors; every
// driver passes tests/support/driver_contract.hpp.
namespace switchyard {

// A set of actions as bits.
class ActionSet {
public:
    constexpr ActionSet() = default;
    constexpr ActionSet(std::initializer_list<Action> actions)
    {
        for (auto const action : actions)
            insert(action);
    }
    constexpr void insert(Action action) noexcept
    {
        bits_ = static_cast<std::uint16_t>(bits_ | (1U << static_cast<unsigned>(action)));
    }
    constexpr bool contains(Action action) const noexcept
    {
        return (bits_ >> static_cast<unsigned>(action)) & 1U;
    }

private:
    std::uint16_t bits_ = 0;
};

// Data, never a method that throws "not implemented".
struct Capabilities {
    ActionSet actions;         // what write() can do; `cycle` only when atomic_cycle
    bool read = false;         // read() works
    bool absolute = true;      // on and off set a state (not a toggle): sending one twice does no harm
    bool atomic_cycle = false; // the device cycles by itself in one command
};

// What one driver call may use. The worker lends it for the time of the call.
class Attempt {
public:
    virtual ~Attempt() = default;
    // When the call must have ended; the worker cancels it then.
    virtual Clock::time_point deadline() const noexcept = 0;
    // Awaited exactly once by every write() and invoke(), after login and right before the first byte that
    // can move a relay. Journals the intent. When it fails (cancelled, expired, the store is gone) the driver
    // sends nothing and returns that error. Until it has succeeded every error has Effect::none; afterwards
    // errors say Effect::possible unless the device itself answered in a way that documents that it did not
    // act.
    virtual asio::awaitable<Result<>> about_to_send() = 0;
};

struct Operation {
    Operation(std::string name_, json::object params_) : name(std::move(name_)), params(std::move(params_)) {}
    std::string name;
    json::object params;
};

// A strategy for one protocol; one object per device, calls never overlap. An error of the world is a Result,
// never a throw. Cancellation (the deadline) must end a call promptly and leave no process, socket or session
// behind.
class Driver {
public:
    virtual ~Driver() = default;
    virtual Capabilities capabilities() const noexcept = 0;
    virtual asio::awaitable<Result<PowerState>> read(Attempt& attempt, std::string const& outlet) = 0;
    virtual asio::awaitable<Result<>> write(Attempt& attempt, std::string const& outlet, Action action) = 0;
    virtual asio::awaitable<Result<json::value>> invoke(
        Attempt& attempt, std::string const& outlet, Operation const& operation) = 0;
};

enum class KeyType : std::uint8_t {
    text,
    integer,
    boolean,
    duration, // "500ms", "5s", "2m", "1h", or a number of seconds
    secret,   // text, or { file = ... }, { env = ... }, { credential = ... }
    text_list,
    text_map // a table of texts
};

// One key of a driver's configuration. The loader, --check-config, the JSON Schema and the docs come from
// these tables.
struct KeySpec {
    std::string_view name;
    KeyType type = KeyType::text;
    std::string_view fallback = {}; // as written in TOML; empty = none
    std::string_view doc = {};      // one sentence, with the unit and the range
    bool required = false;
    std::int64_t min = 0; // integer, duration (in milliseconds): the allowed range when min < max
    std::int64_t max = 0;
    std::string_view allowed = {}; // text: the allowed values, separated by '|'; empty = any
};

using KeyValue = std::variant<std::string, std::int64_t, bool, std::chrono::milliseconds, SecretRef,
    std::vector<std::string>, std::vector<std::pair<std::string, std::string>>>;

struct DriverSpec;

// The values of one device's keys for one driver, typed as its KeySpecs say. Getters give the fallback when
// the key is absent; asking for a key that the spec does not have, or with another type, throws
// std::logic_error.
class DriverConfig {
public:
    DriverConfig(DriverSpec const& spec, std::string device) : spec_(&spec), device_(std::move(device)) {}

    DriverSpec const& spec() const noexcept { return *spec_; }
    std::string const& device() const noexcept { return device_; }

    void set(std::string_view key, KeyValue value); // replaces
    bool has(std::string_view key) const;           // given in the configuration
    std::string text(std::string_view key) const;
    std::int64_t integer(std::string_view key) const;
    bool boolean(std::string_view key) const;
    std::chrono::milliseconds duration(std::string_view key) const;
    SecretRef secret(std::string_view key) const; // an empty literal when absent and without fallback
    std::vector<std::string> list(std::string_view key) const;
    std::vector<std::pair<std::string, std::string>> map(std::string_view key) const;
    bool operator==(DriverConfig const& other) const;

private:
    std::size_t index_of(std::string_view key, KeyType type) const;
    KeyValue const* find(std::size_t index) const noexcept;

    DriverSpec const* spec_;
    std::string device_;
    std::vector<std::pair<std::uint8_t, KeyValue>> values_; // by index into spec().keys; only what was given
};

// What a driver may use of the process; lent, never owned.
struct Toolbox {
    Timers& timers; // its executor() is the io thread
    Log& log;
};

struct DriverSpec {
    std::string_view name;
    std::string_view summary;
    std::span<KeySpec const> keys;
    // Makes the driver of one device. Must not touch the network: an unreachable device is found out when it
    // is used.
    Result<std::unique_ptr<Driver>> (*make)(Toolbox&, DriverConfig const&);
    // The one spelling of an outlet's name, from any that people write ("05" -> "5"). Fails with
    // `unknown_target` and a detail that names the allowed ones. The empty outlet is a device's only system.
    Result<std::string> (*canonical_outlet)(DriverConfig const&, std::string_view outlet);
    // Joins devices that must share one breaker and one login state: "ipmitool|10.0.0.5|admin". Never the
    // secret itself.
    std::string (*endpoint)(DriverConfig const&);
    // What capabilities() of a driver made from this will be.
    Capabilities (*capabilities)(DriverConfig const&);
};

// Generated by cmake/DriverTable.cmake: one entry for each drivers/*_driver.cpp.
std::span<DriverSpec const* const> all_drivers() noexcept;
// The driver of that name, or nothing.
DriverSpec const* find_driver(std::string_view name) noexcept;

// canonical_outlet of drivers whose device has one system and no outlets.
Result<std::string> only_the_empty_outlet(DriverConfig const& config, std::string_view outlet);

} // namespace switchyard
