#include "daemon/config/builder.hpp"

#include "core/base/text.hpp"

#include <algorithm>
#include <array>

namespace switchyard {
namespace {

constexpr std::array<std::string_view, 4> target_keys{
    device_key.name, outlet_key.name, outlets_key.name, description_key.name};
constexpr std::size_t most_listed = 10; // names in a message

// "pdu1:3" or "bmc1"
OutletRef outlet_ref(std::string_view text)
{
    auto const colon = std::min(text.find(':'), text.size());
    return {std::string(text.substr(0, colon)), std::string(text.substr(std::min(colon + 1, text.size())))};
}

} // namespace

void Builder::read_targets(toml::table const& table)
{
    for (auto const& [key, node] : table) {
        auto path = fmt::format("targets.{}", key.str());
        auto const* const body = table_of(path, node);
        if (body != nullptr && is_good_name("targets", key) && is_first(std::move(path), at(key)))
            read_target(key, *body);
    }
}

void Builder::read_target(toml::key const& key, toml::table const& table)
{
    auto const place = config_.targets.try_emplace(config_.targets.end(), std::string(key.str()));
    PendingTarget pending{&place->second, {}};
    pending.target->name = key.str();
    for (auto const& [name, node] : table)
        if (std::ranges::find(target_keys, name.str()) == target_keys.end())
            findings_.error(at(name), unknown_key(name.str(), target_keys));
    if (auto const* const node = table.get("description")) {
        auto value = read_value(*node, description_key);
        if (value)
            pending.target->description = std::get<std::string>(std::move(*value));
        else
            findings_.error(at(*node), std::move(value.error()));
    }
    bool const single = table.contains("device") || table.contains("outlet");
    bool const several = table.contains("outlets");
    if (single && several)
        return findings_.error(at(key),
            fmt::format("target '{}' has both 'outlets' and 'device' or 'outlet'; write one of "
                        "the two",
                key.str()));
    if (!single && !several)
        return findings_.error(at(key),
            fmt::format("target '{}' has no outlet: write device = \"...\" (and outlet = \"...\"), or "
                        "outlets = [...]",
                key.str()));
    if (single ? read_single(pending, table) : read_several(pending, table))
        targets_.push_back(std::move(pending));
}

bool Builder::read_single(PendingTarget& pending, toml::table const& table)
{
    auto const text = [&](KeySpec const& key) -> std::optional<std::string> {
        auto const* const node = table.get(key.name);
        if (node == nullptr)
            return std::string();
        auto value = read_value(*node, key);
        if (value)
            return std::get<std::string>(std::move(*value));
        findings_.error(at(*node), std::move(value.error()));
        return std::nullopt;
    };
    auto const* const node = table.get("device");
    if (node == nullptr) {
        findings_.error(at(*table.get("outlet")), "key 'outlet' needs key 'device'");
        return false;
    }
    auto device = text(device_key);
    auto outlet = text(outlet_key);
    if (!device || !outlet)
        return false;
    pending.target->outlets.emplace_back(std::move(*device), std::move(*outlet));
    pending.outlets.push_back(at(*node));
    return true;
}

bool Builder::read_several(PendingTarget& pending, toml::table const& table)
{
    auto const& node = *table.get("outlets");
    auto const value = read_value(node, outlets_key);
    if (!value) {
        findings_.error(at(node), value.error());
        return false;
    }
    auto const& texts = std::get<std::vector<std::string>>(*value);
    if (texts.empty())
        findings_.error(at(node), "key 'outlets' must name one outlet at least");
    for (std::size_t i = 0; i < texts.size(); ++i) {
        pending.target->outlets.push_back(outlet_ref(texts[i]));
        pending.outlets.push_back(at((*node.as_array())[i]));
    }
    return !texts.empty();
}

template <class Map>
std::string Builder::hint_and_list(std::string_view word, Map const& known, std::string_view section)
{
    std::vector<std::string_view> names;
    if (hints_left_ > 0 || known.size() <= most_listed)
        for (auto const& [name, value] : known)
            names.push_back(name);
    std::string hint;
    if (hints_left_ > 0 && word.size() <= 255) {
        --hints_left_;
        hint = did_you_mean(word, names);
    }
    if (known.empty())
        return fmt::format("; [{}] is empty", section);
    if (known.size() > most_listed)
        return hint;
    return fmt::format("{} {}: {}", hint.empty() ? ";" : hint, section, listed(names));
}

void Builder::resolve_groups()
{
    for (auto const& [device, here] : groups_)
        if (!config_.groups.contains(device->group))
            findings_.error(here,
                fmt::format("there is no group {:?}{}", device->group,
                    hint_and_list(device->group, config_.groups, "groups")));
}

void Builder::resolve_targets()
{
    for (auto& [target, places] : targets_) {
        for (std::size_t i = 0; i < target->outlets.size(); ++i)
            resolve_outlet(*target, i, places[i]);
        check_clash(*target, places.front());
    }
    targets_.clear();
}

void Builder::resolve_outlet(TargetConfig& target, std::size_t index, Position here)
{
    auto& outlet = target.outlets[index];
    auto const device = config_.devices.find(outlet.device);
    if (device == config_.devices.end())
        return findings_.error(here,
            fmt::format("there is no device {:?}{}", outlet.device.substr(0, 255),
                hint_and_list(outlet.device, config_.devices, "devices")));
    canonicalise(outlet, device->second, here);
    for (std::size_t i = 0; i < index; ++i)
        if (target.outlets[i] == outlet)
            findings_.error(here, fmt::format("outlet '{}' is named twice", outlet.text()));
    if (!device->second.fault.empty() && target.fault.empty())
        target.fault = fmt::format("device '{}': {}", outlet.device, device->second.fault);
}

// To the one spelling that all drivers of the device agree on.
void Builder::canonicalise(OutletRef& outlet, DeviceConfig const& device, Position here)
{
    std::optional<std::string> agreed;
    for (auto const& driver : device.drivers) {
        auto canonical = driver.spec().canonical_outlet(driver, outlet.outlet);
        if (!canonical)
            return findings_.error(here, canonical.error().detail);
        if (agreed && *agreed != *canonical)
            return findings_.error(here,
                fmt::format("the drivers of device '{}' do not agree on outlet '{}': '{}' and '{}'",
                    device.name, outlet.outlet, *agreed, *canonical));
        agreed = std::move(*canonical);
    }
    if (agreed)
        outlet.outlet = std::move(*agreed);
}

void Builder::check_clash(TargetConfig const& target, Position here)
{
    if (!config_.devices.contains(target.name))
        return;
    bool const same = target.outlets.size() == 1 && target.outlets.front() == OutletRef(target.name, "");
    if (!same)
        findings_.warning(
            here, fmt::format("'{}' is a target and a device: the name alone means the target", target.name));
}

} // namespace switchyard
