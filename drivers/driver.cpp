#include "drivers/driver.hpp"

#include "core/base/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

namespace switchyard {
namespace {

[[noreturn]] void wrong_type(std::string_view driver, std::string_view key)
{
    throw std::logic_error(fmt::format("driver {} has no key {} of that type", driver, key));
}

} // namespace

std::size_t DriverConfig::index_of(std::string_view key, KeyType type) const
{
    auto const keys = spec_->keys;
    for (std::size_t i = 0; i < keys.size(); ++i)
        if (keys[i].name == key && keys[i].type == type)
            return i;
    wrong_type(spec_->name, key);
}

KeyValue const* DriverConfig::find(std::size_t index) const noexcept
{
    for (auto const& [at, value] : values_)
        if (at == index)
            return &value;
    return nullptr;
}

void DriverConfig::set(std::string_view key, KeyValue value)
{
    auto const keys = spec_->keys;
    auto const at = std::ranges::find(keys, key, &KeySpec::name);
    if (at == keys.end())
        wrong_type(spec_->name, key);
    auto const index = static_cast<std::uint8_t>(at - keys.begin());
    for (auto& entry : values_)
        if (entry.first == index) {
            entry.second = std::move(value);
            return;
        }
    values_.emplace_back(index, std::move(value));
}

bool DriverConfig::has(std::string_view key) const
{
    auto const keys = spec_->keys;
    auto const at = std::ranges::find(keys, key, &KeySpec::name);
    return at != keys.end() && find(static_cast<std::size_t>(at - keys.begin())) != nullptr;
}

std::string DriverConfig::text(std::string_view key) const
{
    auto const index = index_of(key, KeyType::text);
    auto const* const value = find(index);
    return value != nullptr ? std::get<std::string>(*value) : std::string(spec_->keys[index].fallback);
}

std::int64_t DriverConfig::integer(std::string_view key) const
{
    auto const index = index_of(key, KeyType::integer);
    auto const* const value = find(index);
    if (value != nullptr)
        return std::get<std::int64_t>(*value);
    return parse_integer(spec_->keys[index].fallback).value_or(0);
}

bool DriverConfig::boolean(std::string_view key) const
{
    auto const index = index_of(key, KeyType::boolean);
    auto const* const value = find(index);
    return value != nullptr ? std::get<bool>(*value) : spec_->keys[index].fallback == "true";
}

std::chrono::milliseconds DriverConfig::duration(std::string_view key) const
{
    auto const index = index_of(key, KeyType::duration);
    auto const* const value = find(index);
    if (value != nullptr)
        return std::get<std::chrono::milliseconds>(*value);
    return parse_duration(spec_->keys[index].fallback).value_or(std::chrono::milliseconds{0});
}

SecretRef DriverConfig::secret(std::string_view key) const
{
    auto const index = index_of(key, KeyType::secret);
    auto const* const value = find(index);
    if (value != nullptr)
        return std::get<SecretRef>(*value);
    return SecretRef(SecretRef::Kind::literal, std::string(spec_->keys[index].fallback));
}

std::vector<std::string> DriverConfig::list(std::string_view key) const
{
    auto const* const value = find(index_of(key, KeyType::text_list));
    return value != nullptr ? std::get<std::vector<std::string>>(*value) : std::vector<std::string>{};
}

std::vector<std::pair<std::string, std::string>> DriverConfig::map(std::string_view key) const
{
    auto const* const value = find(index_of(key, KeyType::text_map));
    using Map = std::vector<std::pair<std::string, std::string>>;
    return value != nullptr ? std::get<Map>(*value) : Map{};
}

bool DriverConfig::operator==(DriverConfig const& other) const
{
    return spec_ == other.spec_ && device_ == other.device_ && values_ == other.values_;
}

DriverSpec const* find_driver(std::string_view name) noexcept
{
    auto const drivers = all_drivers();
    auto const at = std::ranges::find_if(drivers, [&](auto const* spec) { return spec->name == name; });
    return at != drivers.end() ? *at : nullptr;
}

Result<std::string> only_the_empty_outlet(DriverConfig const& config, std::string_view outlet)
{
    if (outlet.empty())
        return std::string();
    return fail(Errc::unknown_target,
        fmt::format(
            "device {} has one system and no outlet '{}'; leave the outlet out", config.device(), outlet));
}

} // namespace switchyard
