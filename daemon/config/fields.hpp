#pragma once

#include "daemon/config/model.hpp"

#include <span>
#include <string>
#include <string_view>
#include <vector>

// The keys of every section, as tables: the loader, the JSON Schema and docs/configuration.md come from them.
namespace switchyard {

// A key of a section that is read into a T. KeySpec::fallback tells the default of the member, for people; a
// test holds the two together. The range of a duration is in milliseconds.
template <class T>
struct ConfigField {
    KeySpec key;
    void (*set)(T& out, KeyValue&& value);
    // What is wrong with a value that its type and range cannot tell: "must be ..."; empty = nothing.
    std::string (*check)(KeyValue const& value) = nullptr;
};

std::span<ConfigField<DaemonConfig> const> daemon_fields() noexcept;
std::span<ConfigField<HttpConfig> const> http_fields() noexcept;
std::span<ConfigField<ZmqConfig> const> zmq_fields() noexcept;
std::span<ConfigField<StoreConfig> const> store_fields() noexcept;
std::span<ConfigField<DeviceConfig> const> device_fields() noexcept;
std::span<ConfigField<GroupConfig> const> group_fields() noexcept;

// The other keys of [devices.NAME] and those of [targets.NAME], which the loader reads itself.
inline constexpr KeySpec driver_key{.name = "driver",
    .doc = "The driver that speaks to this device; its own keys stand beside this one. Either this or "
           "`drivers`."};
inline constexpr KeySpec drivers_key{.name = "drivers",
    .type = KeyType::text_list,
    .doc = "Several drivers in the order of fail-over; the keys of each stand in its own table "
           "`[devices.NAME.DRIVER]`."};
inline constexpr KeySpec device_key{
    .name = "device", .doc = "The device that switches this target. Either this or `outlets`."};
inline constexpr KeySpec outlet_key{.name = "outlet",
    .doc = "The outlet of that device; absent: the only system of the device. Only with `device`."};
inline constexpr KeySpec outlets_key{.name = "outlets",
    .type = KeyType::text_list,
    .doc = "Several outlets that are switched together (dual feed), each as `device:outlet` or `device`."};
inline constexpr KeySpec description_key{.name = "description", .doc = "What this is, for people."};

// A section as data: what the schema and the docs need to know.
struct ConfigSection {
    std::string_view name;
    std::vector<KeySpec> keys;
};
std::vector<ConfigSection> config_sections();

} // namespace switchyard
