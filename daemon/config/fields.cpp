#include "daemon/config/fields.hpp"

#include "core/base/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace switchyard {
namespace {

constexpr std::int64_t second = 1'000, minute = 60 * second, hour = 60 * minute, day = 24 * hour;
constexpr std::int64_t kib = 1024, mib = 1024 * kib;

constexpr std::array<std::string_view, 4> log_levels{"error", "warning", "info", "debug"};

void assign(std::string& out, KeyValue&& value)
{
    out = std::get<std::string>(std::move(value));
}
void assign(bool& out, KeyValue&& value)
{
    out = std::get<bool>(value);
}
void assign(milliseconds& out, KeyValue&& value)
{
    out = std::get<milliseconds>(value);
}
void assign(std::uint64_t& out, KeyValue&& value)
{
    out = static_cast<std::uint64_t>(std::get<std::int64_t>(value));
}
void assign(std::uint32_t& out, KeyValue&& value)
{
    out = static_cast<std::uint32_t>(std::get<std::int64_t>(value));
}
void assign(SecretRef& out, KeyValue&& value)
{
    out = std::get<SecretRef>(std::move(value));
}
void assign(std::vector<std::string>& out, KeyValue&& value)
{
    out = std::get<std::vector<std::string>>(std::move(value));
}
void assign(Coalesce& out, KeyValue&& value)
{
    out = coalesce_from(std::get<std::string>(value)).value_or(Coalesce::none);
}
void assign(OnIndeterminate& out, KeyValue&& value)
{
    out = std::get<std::string>(value) == "hold" ? OnIndeterminate::hold : OnIndeterminate::go_on;
}
void assign(LogLevel& out, KeyValue&& value)
{
    auto const at = std::ranges::find(log_levels, std::get<std::string>(value));
    out = static_cast<LogLevel>(at - log_levels.begin());
}

template <auto Member, class T>
void into(T& out, KeyValue&& value)
{
    assign(out.*Member, std::move(value));
}

bool is_host_and_port(std::string_view text)
{
    auto const colon = text.rfind(':');
    if (colon == std::string_view::npos || colon == 0)
        return false;
    auto const host = text.substr(0, colon);
    bool const bracketed = host.starts_with('[') && host.ends_with(']') && host.size() > 2;
    auto const port = parse_integer(text.substr(colon + 1));
    return port && *port >= 0 && *port <= 65'535 && (bracketed || !host.contains(':'));
}

std::string check_listen(KeyValue const& value)
{
    for (auto const& text : std::get<std::vector<std::string>>(value))
        if (!is_host_and_port(text))
            return fmt::format("must be a list of \"HOST:PORT\" or \"[IPV6]:PORT\"; \"{}\" is none", text);
    return {};
}

std::string check_endpoints(KeyValue const& value)
{
    for (std::string_view const text : std::get<std::vector<std::string>>(value))
        if (text.size() <= 6 || !(text.starts_with("tcp://") || text.starts_with("ipc://")))
            return fmt::format(
                "must be a list of \"tcp://HOST:PORT\" or \"ipc:///PATH\"; \"{}\" is none", text);
    return {};
}

std::string check_curve_clients(KeyValue const& value)
{
    for (auto const& text : std::get<std::vector<std::string>>(value))
        if (text.size() != 40)
            return fmt::format(
                "must be a list of public keys of 40 characters (Z85); \"{}\" has {}", text, text.size());
    return {};
}

std::string check_legacy_status(KeyValue const& value)
{
    auto const status = std::get<std::int64_t>(value);
    return status == 500 || status == 503 ? std::string() : fmt::format("must be 500 or 503, not {}", status);
}

std::string check_not_empty(KeyValue const& value)
{
    return std::get<std::string>(value).empty() ? "must not be empty" : "";
}

constexpr auto text_type = KeyType::text;
constexpr auto whole = KeyType::integer;
constexpr auto flag = KeyType::boolean;
constexpr auto time = KeyType::duration;
constexpr auto list = KeyType::text_list;

// The columns: name, type, default, documentation, required, smallest, largest, allowed values.
constexpr std::array daemon_table{
    ConfigField<DaemonConfig>{
        {"deadline", time, "10m",
            "Deadline of a command whose request has none, counted from its due time. A command that was "
            "not sent by then ends `expired`.",
            false, 100, 365 * day, {}},
        into<&DaemonConfig::deadline>},
    ConfigField<DaemonConfig>{
        {"deadline_max", time, "24h", "The longest deadline that a request may ask for.", false, second,
            365 * day, {}},
        into<&DaemonConfig::deadline_max>},
    ConfigField<DaemonConfig>{
        {"stop_grace", time, "10s", "How long a stop waits for what is in flight.", false, 0, hour, {}},
        into<&DaemonConfig::stop_grace>},
    ConfigField<DaemonConfig>{
        {"drain_timeout", time, "10m", "How long a device that a reload removed still serves its queue.",
            false, 0, 7 * day, {}},
        into<&DaemonConfig::drain_timeout>},
    ConfigField<DaemonConfig>{
        {"queue_limit", whole, "100000",
            "Open commands in all, delayed ones too; further ones are refused as `busy`.", false, 1,
            10'000'000, {}},
        into<&DaemonConfig::queue_limit>},
    ConfigField<DaemonConfig>{
        {"event_ring", whole, "8192", "Events kept for readers that come back.", false, 16, 1'048'576, {}},
        into<&DaemonConfig::event_ring>},
    ConfigField<DaemonConfig>{
        {"log_level", text_type, "info", "The least important messages that are logged.", false, 0, 0,
            "error|warning|info|debug"},
        into<&DaemonConfig::log_level>},
};

constexpr std::array http_table{
    ConfigField<HttpConfig>{
        {"listen", list, R"(["127.0.0.1:16421", "[::1]:16421"])",
            "Addresses and ports for HTTP and the line protocol; an empty list serves none.", false, 0, 0,
            {}},
        into<&HttpConfig::listen>, check_listen},
    ConfigField<HttpConfig>{
        {"max_connections", whole, "1024", "Open connections in all.", false, 1, 100'000, {}},
        into<&HttpConfig::max_connections>},
    ConfigField<HttpConfig>{
        {"max_body", whole, "65536", "Bytes of a request's body.", false, 256, 16 * mib, {}},
        into<&HttpConfig::max_body>},
    ConfigField<HttpConfig>{
        {"max_header", whole, "16384", "Bytes of a request's header.", false, kib, mib, {}},
        into<&HttpConfig::max_header>},
    ConfigField<HttpConfig>{
        {"header_timeout", time, "10s", "From the first byte of a request to the end of its header and body.",
            false, 100, 10 * minute, {}},
        into<&HttpConfig::header_timeout>},
    ConfigField<HttpConfig>{
        {"idle_timeout", time, "1m", "Between two requests of one connection.", false, 100, hour, {}},
        into<&HttpConfig::idle_timeout>},
    ConfigField<HttpConfig>{
        {"legacy_invalid_status", whole, "500",
            "Status of `Invalid request` on the routes of PDUDaemon: 500 as its code does, or 503 as its "
            "README says.",
            false, 500, 503, {}},
        into<&HttpConfig::legacy_invalid_status>, check_legacy_status},
};

constexpr std::array zmq_table{
    ConfigField<ZmqConfig>{
        {"listen", list, R"(["ipc:///run/switchyard/switchyard.sock", "tcp://127.0.0.1:16422"])",
            "Endpoints for requests (ROUTER); an empty list serves none.", false, 0, 0, {}},
        into<&ZmqConfig::listen>, check_endpoints},
    ConfigField<ZmqConfig>{
        {"publish", list, R"(["ipc:///run/switchyard/events.sock", "tcp://127.0.0.1:16423"])",
            "Endpoints for events (PUB); an empty list publishes none.", false, 0, 0, {}},
        into<&ZmqConfig::publish>, check_endpoints},
    ConfigField<ZmqConfig>{{"max_message", whole, "65536", "Bytes of a request.", false, kib, 64 * mib, {}},
        into<&ZmqConfig::max_message>},
    ConfigField<ZmqConfig>{
        {"max_pending", whole, "10000", "Requests that are being answered, over all clients.", false, 1,
            1'000'000, {}},
        into<&ZmqConfig::max_pending>},
    ConfigField<ZmqConfig>{{"curve_secret_key", KeyType::secret, "",
                               "The daemon's CURVE secret key (40 characters, Z85). With it every client "
                               "over tcp must use CURVE.",
                               false, 0, 0, {}},
        into<&ZmqConfig::curve_secret_key>},
    ConfigField<ZmqConfig>{{"curve_clients", list, "[]",
                               "CURVE public keys of the clients that may connect (Z85).", false, 0, 0, {}},
        into<&ZmqConfig::curve_clients>, check_curve_clients},
    ConfigField<ZmqConfig>{
        {"socket_group", text_type, "switchyard",
            "Group of the ipc sockets (mode 0660), when such a group exists.", false, 0, 0, {}},
        into<&ZmqConfig::socket_group>},
};

constexpr std::array store_table{
    ConfigField<StoreConfig>{
        {"path", text_type, "/var/lib/switchyard/commands.db",
            "The database file; its folder must be writable and is made when it is missing.", false, 0, 0,
            {}},
        into<&StoreConfig::path>, check_not_empty},
    ConfigField<StoreConfig>{
        {"ballast", whole, "4194304",
            "Bytes kept back, so that the results of commands in flight can be written when the disk is "
            "full.",
            false, 0, 1024 * mib, {}},
        into<&StoreConfig::ballast>},
    ConfigField<StoreConfig>{
        {"keep", time, "30d", "How long ended commands are kept.", false, day, 3650 * day, {}},
        into<&StoreConfig::keep>},
    ConfigField<StoreConfig>{
        {"keep_max", whole, "1000000",
            "How many ended commands are kept; those with an idempotency key for 24 hours at least.", false,
            1, 1'000'000'000, {}},
        into<&StoreConfig::keep_max>},
};

constexpr std::array device_table{
    ConfigField<DeviceConfig>{
        {"bus", text_type, "",
            "Devices with the same bus share one queue: one command at a time over all of them.", false, 0, 0,
            {}},
        into<&DeviceConfig::bus>},
    ConfigField<DeviceConfig>{
        {"group", text_type, "", "A name of `[groups]`, which limits what happens at the same time.", false,
            0, 0, {}},
        into<&DeviceConfig::group>},
    ConfigField<DeviceConfig>{
        {"attempt_timeout", time, "30s", "For one call of a driver.", false, 10, hour, {}},
        into<&DeviceConfig::attempt_timeout>},
    ConfigField<DeviceConfig>{
        {"confirm_timeout", time, "30s", "From a successful on or off to the device reporting that state.",
            false, 0, hour, {}},
        into<&DeviceConfig::confirm_timeout>},
    ConfigField<DeviceConfig>{
        {"soft_timeout", time, "5m",
            "From a soft shutdown to the power being off; then the command ends `timed_out`, nothing is "
            "forced.",
            false, second, day, {}},
        into<&DeviceConfig::soft_timeout>},
    ConfigField<DeviceConfig>{
        {"off_time", time, "5s", "How long a cycle stays off, when the request does not say.", false, 0, day,
            {}},
        into<&DeviceConfig::off_time>},
    ConfigField<DeviceConfig>{
        {"min_off", time, "1s", "The shortest wait of a cycle that is cut short by a stop of the daemon.",
            false, 0, hour, {}},
        into<&DeviceConfig::min_off>},
    ConfigField<DeviceConfig>{
        {"min_gap", time, "0s", "Between the end of one driver call and the start of the next.", false, 0,
            hour, {}},
        into<&DeviceConfig::min_gap>},
    ConfigField<DeviceConfig>{
        {"max_age", time, "0s", "A state this young is answered from memory, when the request does not say.",
            false, 0, day, {}},
        into<&DeviceConfig::max_age>},
    ConfigField<DeviceConfig>{
        {"attempts", whole, "3", "Tries of one step, each over all drivers, before it fails.", false, 1, 100,
            {}},
        into<&DeviceConfig::attempts>},
    ConfigField<DeviceConfig>{
        {"retry_delay", time, "1s", "Before the second try; doubled each time, with jitter.", false, 0, hour,
            {}},
        into<&DeviceConfig::retry_delay>},
    ConfigField<DeviceConfig>{
        {"retry_delay_max", time, "1m", "The longest pause between two tries.", false, 0, day, {}},
        into<&DeviceConfig::retry_delay_max>},
    ConfigField<DeviceConfig>{
        {"breaker_after", whole, "5",
            "Consecutive failures to reach the device that open its breaker; 0 is never.", false, 0, 1000,
            {}},
        into<&DeviceConfig::breaker_after>},
    ConfigField<DeviceConfig>{{"breaker_delay", time, "5s",
                                  "First pause of an open breaker before it tries again; doubled each "
                                  "time.",
                                  false, 10, hour, {}},
        into<&DeviceConfig::breaker_delay>},
    ConfigField<DeviceConfig>{
        {"breaker_delay_max", time, "5m", "The longest pause of an open breaker.", false, 10, day, {}},
        into<&DeviceConfig::breaker_delay_max>},
    ConfigField<DeviceConfig>{
        {"auth_retry_after", time, "0s",
            "When the device is asked again after it refused the credentials; 0 is after a reload only, so "
            "that no account is locked out.",
            false, 0, 365 * day, {}},
        into<&DeviceConfig::auth_retry_after>},
    ConfigField<DeviceConfig>{
        {"queue_limit", whole, "64", "Waiting commands of this device; further ones are refused as `busy`.",
            false, 1, 100'000, {}},
        into<&DeviceConfig::queue_limit>},
    ConfigField<DeviceConfig>{
        {"confirm", flag, "true", "Whether the state is read back after on and off.", false, 0, 0, {}},
        into<&DeviceConfig::confirm>},
    ConfigField<DeviceConfig>{
        {"native_cycle", flag, "false",
            "Use the device's own cycle instead of off, wait, on, where the driver has one.", false, 0, 0,
            {}},
        into<&DeviceConfig::native_cycle>},
    ConfigField<DeviceConfig>{
        {"coalesce", text_type, "none",
            "`latest`: a newer on or off takes the place of those that wait, when the request does not say.",
            false, 0, 0, "none|latest"},
        into<&DeviceConfig::coalesce>},
    ConfigField<DeviceConfig>{
        {"on_indeterminate", text_type, "continue",
            "After a command whose outcome cannot be known: go on with the queue, or hold the device until "
            "`pduclient release`.",
            false, 0, 0, "continue|hold"},
        into<&DeviceConfig::on_indeterminate>},
};

constexpr std::array group_table{
    ConfigField<GroupConfig>{
        {"max_in_flight", whole, "0",
            "Driver calls that switch at the same time, over all devices of the group; 0 is no limit.", false,
            0, 100'000, {}},
        into<&GroupConfig::max_in_flight>},
    ConfigField<GroupConfig>{
        {"stagger", time, "0s", "Between two switch-ons of the group, against inrush.", false, 0, hour, {}},
        into<&GroupConfig::stagger>},
};

template <class T>
std::vector<KeySpec> keys_of(std::span<ConfigField<T> const> fields)
{
    std::vector<KeySpec> keys;
    for (auto const& field : fields)
        keys.push_back(field.key);
    return keys;
}

} // namespace

std::span<ConfigField<DaemonConfig> const> daemon_fields() noexcept
{
    return daemon_table;
}
std::span<ConfigField<HttpConfig> const> http_fields() noexcept
{
    return http_table;
}
std::span<ConfigField<ZmqConfig> const> zmq_fields() noexcept
{
    return zmq_table;
}
std::span<ConfigField<StoreConfig> const> store_fields() noexcept
{
    return store_table;
}
std::span<ConfigField<DeviceConfig> const> device_fields() noexcept
{
    return device_table;
}
std::span<ConfigField<GroupConfig> const> group_fields() noexcept
{
    return group_table;
}

std::vector<ConfigSection> config_sections()
{
    auto devices = keys_of(device_fields());
    devices.insert(devices.begin(), {driver_key, drivers_key});
    return {
        {"daemon", keys_of(daemon_fields())},
        {"daemon.http", keys_of(http_fields())},
        {"daemon.zmq", keys_of(zmq_fields())},
        {"daemon.store", keys_of(store_fields())},
        {"devices.NAME", std::move(devices)},
        {"groups.NAME", keys_of(group_fields())},
        {"targets.NAME", {device_key, outlet_key, outlets_key, description_key}},
    };
}

} // namespace switchyard
