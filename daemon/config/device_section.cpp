#include "daemon/config/builder.hpp"

#include "core/base/text.hpp"

#include <algorithm>

namespace switchyard {
namespace {

std::vector<std::string_view> names_of(Drivers drivers)
{
    std::vector<std::string_view> names;
    for (auto const* const driver : drivers)
        names.push_back(driver->name);
    return names;
}

KeySpec const* find_key(DriverSpec const& spec, std::string_view name) noexcept
{
    for (auto const& key : spec.keys)
        if (key.name == name)
            return &key;
    return nullptr;
}

} // namespace

void Builder::read_devices(toml::table const& table)
{
    for (auto const& [key, node] : table) {
        auto path = fmt::format("devices.{}", key.str());
        auto const* const body = table_of(path, node);
        if (body != nullptr && is_good_name("devices", key) && is_first(std::move(path), at(key)))
            read_device(key, *body);
    }
}

void Builder::read_device(toml::key const& key, toml::table const& table)
{
    auto const place = config_.devices.try_emplace(config_.devices.end(), std::string(key.str()));
    auto& device = place->second;
    device.name = key.str();
    auto const chosen = chosen_drivers(key, table);
    device.drivers.reserve(chosen.size());
    for (auto const* const spec : chosen)
        device.drivers.emplace_back(*spec, device.name);
    bool const inline_keys = table.contains("driver");
    for (auto const& [name, node] : table)
        read_device_key(device, inline_keys, name, node);
    check_required(device, at(key));
    check_timing(device, at(key));
    check_secrets(device, at(key));
}

DriverSpec const* Builder::driver_named(std::string_view name, Position here)
{
    auto const found = std::ranges::find(drivers_, name, [](auto const* spec) { return spec->name; });
    if (found != drivers_.end())
        return *found;
    auto const names = names_of(drivers_);
    auto const hint = name.size() > 255 ? std::string() : did_you_mean(name, names);
    findings_.error(here,
        fmt::format("there is no driver {:?}{} drivers: {}", name.substr(0, 255), hint.empty() ? ";" : hint,
            listed(names)));
    return nullptr;
}

// What `driver` or `drivers` names; empty after a mistake.
std::vector<DriverSpec const*> Builder::chosen_drivers(toml::key const& key, toml::table const& table)
{
    auto const* const one = table.get("driver");
    auto const* const several = table.get("drivers");
    if ((one == nullptr) == (several == nullptr)) {
        findings_.error(at(key),
            one == nullptr
                ? fmt::format(
                      "device '{}' has no driver: write driver = \"...\" or drivers = [...]; drivers: {}",
                      key.str(), listed(names_of(drivers_)))
                : fmt::format("device '{}' has both 'driver' and 'drivers'; write one of them", key.str()));
        return {};
    }
    auto const& node = one != nullptr ? *one : *several;
    auto const value = read_value(node, one != nullptr ? driver_key : drivers_key);
    if (!value) {
        findings_.error(at(node), value.error());
        return {};
    }
    auto const names = one != nullptr ? std::vector{std::get<std::string>(*value)}
                                      : std::get<std::vector<std::string>>(*value);
    if (names.empty())
        findings_.error(at(node), "key 'drivers' must name one driver at least");
    std::vector<DriverSpec const*> chosen;
    for (auto const& name : names) {
        auto const* const spec = driver_named(name, at(node));
        if (spec == nullptr)
            return {};
        if (std::ranges::find(chosen, spec) != chosen.end())
            findings_.error(at(node), fmt::format("driver '{}' is named twice", name));
        else
            chosen.push_back(spec);
    }
    return chosen;
}

void Builder::read_device_key(
    DeviceConfig& device, bool inline_keys, toml::key const& key, toml::node const& node)
{
    auto const name = key.str();
    if (name == "driver" || name == "drivers")
        return;
    if (auto const* const field = find_field(device_fields(), name)) {
        read_field(device, *field, node);
        if (name == "group" && !device.group.empty())
            groups_.push_back({&device, at(node)});
        return;
    }
    if (device.drivers.empty())
        return; // nobody knows its keys: the mistake is reported already
    if (inline_keys) {
        auto& driver = device.drivers.front();
        if (auto const* const spec = find_key(driver.spec(), name))
            return read_driver_key(driver, *spec, node);
    } else {
        for (auto& driver : device.drivers)
            if (driver.spec().name == name)
                return read_driver_table(driver, key, node);
    }
    unknown_device_key(device, inline_keys, key);
}

void Builder::read_driver_table(DriverConfig& driver, toml::key const& key, toml::node const& node)
{
    auto const* const table = table_of(fmt::format("devices.{}.{}", driver.device(), key.str()), node);
    if (table == nullptr)
        return;
    for (auto const& [name, value] : *table) {
        if (auto const* const spec = find_key(driver.spec(), name.str())) {
            read_driver_key(driver, *spec, value);
            continue;
        }
        std::vector<std::string_view> allowed;
        for (auto const& one : driver.spec().keys)
            allowed.push_back(one.name);
        findings_.error(at(name), unknown_key(name.str(), allowed));
    }
}

void Builder::read_driver_key(DriverConfig& driver, KeySpec const& key, toml::node const& node)
{
    auto value = read_value(node, key);
    if (!value)
        return findings_.error(at(node), std::move(value.error()));
    if (auto* const secret = std::get_if<SecretRef>(&*value))
        locate(*secret, at(node));
    driver.set(key.name, std::move(*value));
}

void Builder::unknown_device_key(DeviceConfig const& device, bool inline_keys, toml::key const& key)
{
    auto const name = key.str();
    auto const drivers = names_of(drivers_);
    if (inline_keys && std::ranges::find(drivers, name) != drivers.end())
        return findings_.error(at(key),
            fmt::format("a table for driver '{}' goes with drivers = [...]; with driver = "
                        "\"...\" its keys stand beside that",
                name));
    std::vector<std::string_view> allowed{driver_key.name, drivers_key.name};
    for (auto const& field : device_fields())
        allowed.push_back(field.key.name);
    for (auto const& driver : device.drivers) {
        if (!inline_keys && find_key(driver.spec(), name) != nullptr)
            return findings_.error(at(key),
                fmt::format("key '{}' belongs to driver '{}': with drivers = [...] write it in "
                            "[devices.{}.{}]",
                    name, driver.spec().name, device.name, driver.spec().name));
        if (!inline_keys)
            allowed.push_back(driver.spec().name);
        else
            for (auto const& one : driver.spec().keys)
                allowed.push_back(one.name);
    }
    findings_.error(at(key), unknown_key(name, allowed));
}

void Builder::check_required(DeviceConfig const& device, Position here)
{
    for (auto const& driver : device.drivers)
        for (auto const& key : driver.spec().keys)
            if (key.required && !driver.has(key.name))
                findings_.error(here,
                    fmt::format("device '{}' lacks key '{}' of driver '{}': {}", device.name, key.name,
                        driver.spec().name, key.doc));
}

void Builder::check_timing(DeviceConfig const& device, Position here)
{
    auto const in_order = [&](std::string_view name, milliseconds first, milliseconds longest) {
        if (first > longest)
            findings_.error(here,
                fmt::format(
                    "{} ({}) is longer than {}_max ({})", name, to_text(first), name, to_text(longest)));
    };
    in_order("retry_delay", device.retry_delay, device.retry_delay_max);
    in_order("breaker_delay", device.breaker_delay, device.breaker_delay_max);
}

std::string const& Builder::secret_error(SecretRef const& secret)
{
    auto const [known, is_new] = secrets_.try_emplace({secret.kind, secret.value});
    if (is_new)
        if (auto const resolved = secret.resolve(); !resolved)
            known->second = resolved.error().detail;
    return known->second;
}

// A driver whose secret cannot be read is useless; a device is when all its drivers are.
void Builder::check_secrets(DeviceConfig& device, Position here)
{
    std::size_t useless = 0;
    std::string last;
    for (auto const& driver : device.drivers) {
        bool works = true;
        for (auto const& key : driver.spec().keys) {
            if (key.type != KeyType::secret || !driver.has(key.name))
                continue;
            auto const secret = driver.secret(key.name);
            if (secret.kind == SecretRef::Kind::literal || secret_error(secret).empty())
                continue;
            works = false;
            last = fmt::format("driver {}: {}: {}", driver.spec().name, key.name, secret_error(secret));
            findings_.warning(here, fmt::format("device '{}': {}", device.name, last));
        }
        useless += works ? 0 : 1;
    }
    if (useless > 0 && useless == device.drivers.size())
        device.fault = last;
}

} // namespace switchyard
