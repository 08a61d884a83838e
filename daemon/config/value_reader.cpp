#include "daemon/config/value_reader.hpp"

#include "core/base/text.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace switchyard {
namespace {

using std::chrono::milliseconds;
using Value = std::expected<KeyValue, std::string>;

constexpr std::size_t longest_echo = 40; // bytes of a text that a message repeats
constexpr std::size_t name_limit = 255;  // characters, as in a request

// What stands in the file, for people.
std::string found(toml::node const& node)
{
    if (auto const* const text = node.as_string()) {
        auto const& value = text->get();
        if (value.size() > longest_echo)
            return fmt::format("a text of {} bytes", value.size());
        return fmt::format("{:?}", value);
    }
    if (auto const* const number = node.as_integer())
        return fmt::format("{}", number->get());
    if (auto const* const number = node.as_floating_point())
        return fmt::format("{}", number->get());
    if (auto const* const flag = node.as_boolean())
        return flag->get() ? "true" : "false";
    if (node.is_array())
        return "a list";
    return node.is_table() ? "a table" : "a date or time";
}

std::unexpected<std::string> wrong(KeySpec const& key, toml::node const& node, std::string_view hint = {})
{
    auto const shown = key.type == KeyType::secret ? std::string() : ", not " + found(node);
    return std::unexpected(fmt::format("key '{}' must be {}{}{}", key.name, expected_text(key), shown, hint));
}

bool in_range(KeySpec const& key, std::int64_t value) noexcept
{
    return key.min >= key.max || (value >= key.min && value <= key.max);
}

Value read_text(toml::node const& node, KeySpec const& key)
{
    auto const* const text = node.as_string();
    if (text == nullptr)
        return wrong(key, node);
    auto const allowed = allowed_values(key);
    if (!allowed.empty() && std::ranges::find(allowed, text->get()) == allowed.end())
        return wrong(key, node, text->get().size() > longest_echo ? "" : did_you_mean(text->get(), allowed));
    return text->get();
}

Value read_integer(toml::node const& node, KeySpec const& key)
{
    auto const* const number = node.as_integer();
    if (number == nullptr || !in_range(key, number->get()))
        return wrong(key, node);
    return number->get();
}

std::optional<milliseconds> duration_of(toml::node const& node)
{
    if (auto const* const text = node.as_string())
        return parse_duration(text->get());
    if (auto const* const seconds = node.as_integer())
        return parse_duration(fmt::format("{}", seconds->get()));
    if (auto const* const seconds = node.as_floating_point();
        seconds != nullptr && std::isfinite(seconds->get()))
        return parse_duration(fmt::format("{:.3f}", seconds->get()));
    return std::nullopt;
}

Value read_duration(toml::node const& node, KeySpec const& key)
{
    auto const duration = duration_of(node);
    if (!duration || !in_range(key, duration->count()))
        return wrong(key, node);
    return *duration;
}

Value read_secret(toml::node const& node, KeySpec const& key)
{
    struct Place {
        std::string_view name;
        SecretRef::Kind kind;
    };
    static constexpr std::array places{Place{"file", SecretRef::Kind::file},
        Place{"env", SecretRef::Kind::environment}, Place{"credential", SecretRef::Kind::credential}};
    if (auto const* const text = node.as_string())
        return SecretRef(SecretRef::Kind::literal, text->get());
    auto const* const table = node.as_table();
    if (table == nullptr || table->size() != 1)
        return wrong(key, node);
    auto const entry = table->begin();
    auto const place = std::ranges::find(places, entry->first.str(), &Place::name);
    auto const* const text = entry->second.as_string();
    if (place == places.end() || text == nullptr || text->get().empty() || text->get().contains('\0'))
        return wrong(key, node);
    return SecretRef(place->kind, text->get());
}

Value read_list(toml::node const& node, KeySpec const& key)
{
    auto const* const array = node.as_array();
    if (array == nullptr)
        return wrong(key, node);
    std::vector<std::string> texts;
    texts.reserve(array->size());
    for (auto const& item : *array) {
        auto const* const text = item.as_string();
        if (text == nullptr)
            return wrong(key, item);
        texts.push_back(text->get());
    }
    return texts;
}

Value read_map(toml::node const& node, KeySpec const& key)
{
    auto const* const table = node.as_table();
    if (table == nullptr)
        return wrong(key, node);
    std::vector<std::pair<std::string, std::string>> texts;
    texts.reserve(table->size());
    for (auto const& [name, value] : *table) {
        auto const* const text = value.as_string();
        if (text == nullptr)
            return wrong(key, value);
        texts.emplace_back(name.str(), text->get());
    }
    return texts;
}

} // namespace

std::expected<KeyValue, std::string> read_value(toml::node const& node, KeySpec const& key)
{
    switch (key.type) {
    case KeyType::text:
        return read_text(node, key);
    case KeyType::integer:
        return read_integer(node, key);
    case KeyType::boolean:
        if (auto const* const flag = node.as_boolean())
            return flag->get();
        return wrong(key, node);
    case KeyType::duration:
        return read_duration(node, key);
    case KeyType::secret:
        return read_secret(node, key);
    case KeyType::text_list:
        return read_list(node, key);
    case KeyType::text_map:
        return read_map(node, key);
    }
    return wrong(key, node);
}

std::string expected_text(KeySpec const& key)
{
    bool const ranged = key.min < key.max;
    switch (key.type) {
    case KeyType::text:
        return key.allowed.empty() ? "a text" : "one of " + listed(allowed_values(key));
    case KeyType::integer:
        return ranged ? fmt::format("a whole number from {} to {}", key.min, key.max) : "a whole number";
    case KeyType::boolean:
        return "true or false";
    case KeyType::duration:
        return ranged ? fmt::format("a duration from {} to {} (\"500ms\", \"5s\", \"2m\", \"1h\", \"1d\" or "
                                    "a number of seconds)",
                            to_text(milliseconds(key.min)), to_text(milliseconds(key.max)))
                      : "a duration (\"500ms\", \"5s\", \"2m\", \"1h\", \"1d\" or a number of seconds)";
    case KeyType::secret:
        return "a text, { file = \"...\" }, { env = \"...\" } or { credential = \"...\" }";
    case KeyType::text_list:
        return "a list of texts";
    case KeyType::text_map:
        return "a table of texts";
    }
    return "something else";
}

std::vector<std::string_view> allowed_values(KeySpec const& key)
{
    std::vector<std::string_view> values;
    for (auto rest = key.allowed; !rest.empty();) {
        auto const bar = std::min(rest.find('|'), rest.size());
        values.push_back(rest.substr(0, bar));
        rest.remove_prefix(std::min(bar + 1, rest.size()));
    }
    return values;
}

std::string unknown_key(std::string_view key, std::span<std::string_view const> allowed)
{
    if (key.size() > name_limit)
        return fmt::format("unknown key of {} bytes; allowed: {}", key.size(), listed(allowed));
    auto const hint = did_you_mean(key, allowed);
    return fmt::format("unknown key '{}'{} allowed: {}", key, hint.empty() ? ";" : hint, listed(allowed));
}

std::string wrong_name(std::string_view name)
{
    if (name.empty())
        return "the name is empty";
    if (name.front() == ' ' || name.back() == ' ')
        return "the name begins or ends with a blank";
    std::size_t characters = 0;
    for (auto const c : name) {
        auto const byte = static_cast<unsigned char>(c);
        if (c == ':' || c == '/')
            return fmt::format(
                "the name contains '{}', which stands between a device and its outlet or in a path", c);
        if (byte < 0x20 || byte == 0x7F)
            return "the name contains a control character";
        characters += (byte & 0xC0U) == 0x80U ? 0 : 1;
    }
    return characters > name_limit ? fmt::format("the name is longer than {} characters", name_limit)
                                   : std::string();
}

std::string listed(std::span<std::string_view const> words)
{
    return fmt::format("{}", fmt::join(words, ", "));
}

} // namespace switchyard
