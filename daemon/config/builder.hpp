#pragma once

#include "daemon/config/fields.hpp"
#include "daemon/config/findings.hpp"
#include "daemon/config/value_reader.hpp"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

namespace switchyard {

// One file of the configuration.
struct ConfigFile {
    std::string name;
    std::string folder;   // where relative secret files start; empty = the current one
    bool exposed = false; // others than the daemon can read it
};

// Builds a Config from files, one after the other; what refers to something of another file is checked at the
// end. Nothing of a file's TOML tree is kept: of 100,000 devices it takes ten times their memory.
class Builder {
public:
    explicit Builder(Drivers drivers) : drivers_(drivers) {}

    void add(ConfigFile file, std::string_view text);
    void cannot_read(std::string name, std::string_view why);
    Loaded finish();

private:
    struct PendingTarget { // a target whose outlets are as they were written
        TargetConfig* target;
        std::vector<Position> outlets;
    };
    struct PendingGroup {
        DeviceConfig const* device;
        Position at;
    };

    // The file as a whole (loader.cpp).
    void read_root(toml::table const& root);
    toml::table const* table_of(std::string_view path, toml::node const& node);
    Position at(toml::source_region const& source) const;
    Position at(toml::key const& key) const { return at(key.source()); }
    Position at(toml::node const& node) const { return at(node.source()); }
    bool is_first(std::string path, Position here); // else reports both places
    bool is_good_name(std::string_view section, toml::key const& key);

    // [daemon], [groups] (daemon_section.cpp).
    void read_daemon(toml::table const& table);
    void read_groups(toml::table const& table);
    template <class T>
    void read_daemon_part(std::string_view section, T& out, std::span<ConfigField<T> const> fields,
        toml::table const& table, std::span<std::string_view const> sections = {});
    template <class T>
    void read_field(T& out, ConfigField<T> const& field, toml::node const& node);
    void locate(SecretRef& secret, Position here); // makes its path absolute, warns when it lies open
    void check_daemon();

    // [devices] (device_section.cpp).
    void read_devices(toml::table const& table);
    void read_device(toml::key const& key, toml::table const& table);
    std::vector<DriverSpec const*> chosen_drivers(toml::key const& key, toml::table const& table);
    DriverSpec const* driver_named(std::string_view name, Position here);
    void read_device_key(
        DeviceConfig& device, bool inline_keys, toml::key const& key, toml::node const& node);
    void read_driver_table(DriverConfig& driver, toml::key const& key, toml::node const& node);
    void read_driver_key(DriverConfig& driver, KeySpec const& key, toml::node const& node);
    void unknown_device_key(DeviceConfig const& device, bool inline_keys, toml::key const& key);
    void check_required(DeviceConfig const& device, Position here);
    void check_timing(DeviceConfig const& device, Position here);
    void check_secrets(DeviceConfig& device, Position here);
    std::string const& secret_error(SecretRef const& secret); // empty = it can be read

    // [targets] and what refers to other sections (target_section.cpp).
    void read_targets(toml::table const& table);
    void read_target(toml::key const& key, toml::table const& table);
    bool read_single(PendingTarget& pending, toml::table const& table);
    bool read_several(PendingTarget& pending, toml::table const& table);
    void resolve_groups();
    void resolve_targets();
    void resolve_outlet(TargetConfig& target, std::size_t index, Position here);
    void canonicalise(OutletRef& outlet, DeviceConfig const& device, Position here);
    void check_clash(TargetConfig const& target, Position here);
    template <class Map>
    std::string hint_and_list(std::string_view word, Map const& known, std::string_view section);

    Drivers drivers_;
    Config config_;
    Findings findings_;
    ConfigFile file_;
    std::uint32_t file_index_ = 0;
    std::unordered_map<std::string, Position> seen_; // "devices.pdu1", "daemon.http.listen"
    std::vector<PendingTarget> targets_;
    std::vector<PendingGroup> groups_;
    std::map<std::pair<SecretRef::Kind, std::string>, std::string> secrets_;
    unsigned hints_left_ = 20; // a hint compares with every name: not for thousands of mistakes
};

template <class T>
ConfigField<T> const* find_field(std::span<ConfigField<T> const> fields, std::string_view name) noexcept
{
    for (auto const& field : fields)
        if (field.key.name == name)
            return &field;
    return nullptr;
}

template <class T>
void Builder::read_field(T& out, ConfigField<T> const& field, toml::node const& node)
{
    auto value = read_value(node, field.key);
    if (!value)
        return findings_.error(at(node), std::move(value.error()));
    if (auto const problem = field.check != nullptr ? field.check(*value) : std::string(); !problem.empty())
        return findings_.error(at(node), fmt::format("key '{}' {}", field.key.name, problem));
    if (auto* const secret = std::get_if<SecretRef>(&*value))
        locate(*secret, at(node));
    field.set(out, std::move(*value));
}

} // namespace switchyard
