#pragma once

#include "core/base/clock.hpp"
#include "core/base/error.hpp"
#include "core/base/ids.hpp"

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// The words that clients and the daemon exchange, as values. northbound_json.hpp turns them into JSON and
// back; docs/protocol.md is their reference.
namespace switchyard {

namespace json = boost::json;

enum class Action : std::uint8_t {
    on,
    off,
    cycle, // off, wait, on; PDUDaemon's "reboot" is another word for it
    reset, // hard reset without loss of power
    soft,  // ACPI shutdown; done when the power is off
    diag,  // NMI
    invoke // an operation beyond power: Request::operation
};
enum class PowerState : std::uint8_t { unknown, on, off, partial };
enum class Priority : std::uint8_t { bulk, normal, interactive }; // in rising order
enum class Coalesce : std::uint8_t { none, latest };

// The life of a command. Everything from `done` on is an end.
enum class CommandState : std::uint8_t {
    delayed,   // waits for its due time
    queued,    // waits for its device
    running,   // an attempt is on its way, or its effect is being confirmed
    waiting,   // a cycle that is off and waits before it switches on
    restoring, // a cycle that is off, whose `on` did not work yet: it is tried until it does
    done,
    failed,
    expired,
    cancelled,
    superseded,
    indeterminate
};
constexpr bool is_end(CommandState state) noexcept
{
    return state >= CommandState::done;
}

std::string_view name(Action action) noexcept;
std::string_view name(PowerState state) noexcept;
std::string_view name(Priority priority) noexcept;
std::string_view name(Coalesce coalesce) noexcept;
std::string_view name(CommandState state) noexcept;
std::optional<Action> action_from(std::string_view text) noexcept; // knows "reboot"
std::optional<PowerState> power_state_from(std::string_view text) noexcept;
std::optional<Priority> priority_from(std::string_view text) noexcept;
std::optional<Coalesce> coalesce_from(std::string_view text) noexcept;
std::optional<CommandState> command_state_from(std::string_view text) noexcept;

// What a client asks for. Times are from acceptance unless said otherwise; what is absent takes the device's
// or the daemon's default.
struct Request {
    std::string target;                // a target, a device with one system, or "device:outlet"
    std::optional<std::string> outlet; // with it, `target` names a device (PDUDaemon's hostname and port)
    Action action = Action::on;
    std::string operation; // with Action::invoke: what to do, as the driver's page names it
    json::object params;   // with Action::invoke
    Priority priority = Priority::normal;
    std::optional<std::string> key; // idempotency key, 1 to 255 printable characters, one principal's own
    std::optional<std::chrono::milliseconds> delay;    // before an on, off, ...; a cycle's wait is off_time
    std::optional<std::chrono::milliseconds> off_time; // of a cycle
    std::optional<std::chrono::milliseconds> deadline; // from the due time
    std::optional<Coalesce> coalesce;
    bool ensure = false; // on and off only: reads first and does nothing when the state is there already
    std::string reason;  // for the log and the report

    // The same request asked twice: everything but the key.
    bool same_as(Request const& other) const;
};

struct OutletReport {
    std::string device;
    std::string outlet;
    std::string driver; // that had the last word; empty before the first attempt
    PowerState power = PowerState::unknown;
    bool confirmed = false; // the device itself reported the state
    unsigned attempts = 0;
    std::optional<Error> error;
};

struct Report {
    CommandId id;
    CommandState state = CommandState::queued;
    Request request; // as accepted
    std::string principal;
    UtcTime accepted{};
    UtcTime due{};
    UtcTime deadline{};
    std::optional<UtcTime> started; // the first byte that could move a relay
    std::optional<UtcTime> ended;
    PowerState power = PowerState::unknown; // of the whole target
    bool confirmed = false;
    bool changed = true;                  // false: `ensure` found the state there already
    std::optional<CommandId> replaced_by; // superseded, or a debt that a newer command took over
    std::optional<Error> error;
    std::string error_device; // the device that the error is about; empty when it is about the command
    std::vector<OutletReport> outlets;
    json::value result; // of an operation
};

struct TargetState {
    std::string target;
    PowerState power = PowerState::unknown;
    std::chrono::milliseconds age{}; // of the oldest part
    std::vector<OutletReport> outlets;
};

struct TargetInfo {
    std::string name;
    std::vector<std::string> outlets; // "device:outlet", or "device" for its only system
    std::string description;
};

enum class Breaker : std::uint8_t { closed, open, half_open };
std::string_view name(Breaker breaker) noexcept;
std::optional<Breaker> breaker_from(std::string_view text) noexcept;

struct DeviceInfo {
    std::string name;
    std::vector<std::string> drivers;
    std::string bus;
    std::string group;
    std::string status; // "ok", "failed" (misconfigured: it takes no commands), "draining" (removed), "held"
    std::string reason; // why it is not "ok"
    std::size_t queued = 0;
    bool running = false;
    Breaker breaker = Breaker::closed;
    bool auth_latched = false;
    std::string last_error;
};

enum class CancelMode : std::uint8_t {
    restore,  // a cycle that is off is switched on
    leave_off // it stays off
};

struct CommandFilter {
    std::optional<std::string> device;
    std::optional<std::string> target;
    std::optional<CommandState> state;
    bool open = false;      // only commands that have not ended
    CommandId before;       // page cursor: ids below this one; none = from the newest
    std::size_t limit = 50; // 1 to 500
};

struct CommandPage {
    std::vector<Report> commands; // newest first
    CommandId next;               // pass as `before` for the next page; none = this was the last
};

struct EventId {
    std::uint64_t epoch = 0; // one start of the daemon
    std::uint64_t seq = 0;
    friend auto operator<=>(EventId const&, EventId const&) = default;
};
std::string to_string(EventId id); // "7.1042"
std::optional<EventId> event_id_from(std::string_view text) noexcept;

// A transition of a command, published after it was durable.
struct Event {
    EventId id;
    bool reset = false; // some events are lost to this reader: list again. Nothing else but `id` is set then.
    CommandId command;
    CommandState state = CommandState::queued;
    Action action = Action::on;
    PowerState power = PowerState::unknown;
    UtcTime at{};
    std::string target;
    std::string detail; // why, when it failed
};

} // namespace switchyard
