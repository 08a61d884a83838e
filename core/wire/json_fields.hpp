#pragma once

#include "core/base/clock.hpp"
#include "core/base/error.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

// Strict reading of JSON objects from tables: one entry a field, one message a mistake.
namespace switchyard {

namespace json = boost::json;

// One field of an object that is read into a T. `read` returns false when the value is not what `expected`
// says ("field 'delay' must be <expected>"); it fills `why` when it knows better ("field 'outlets': <why>").
template <class T>
struct JsonField {
    std::string_view name;
    std::string_view expected;
    bool (*read)(T& out, json::value const& value, std::string& why);
    bool required = false;
};

enum class UnknownFields : std::uint8_t { refuse, skip };

// The messages, apart from the templates.
std::string unknown_field(std::string_view field, std::span<std::string_view const> allowed);
std::string wrong_field(std::string_view field, std::string_view expected, std::string_view why);
std::string missing_field(std::string_view field, std::string_view expected);

// Reads every member of an object by its entry of the table. `what` names the object: "the request".
template <class T, std::size_t N>
Result<> read_fields(T& out, json::value const& value, std::string_view what,
    std::array<JsonField<T>, N> const& table, UnknownFields unknown)
{
    static_assert(N <= 32);
    auto const* const object = value.if_object();
    if (object == nullptr)
        return fail(Errc::bad_request, std::string(what) + " must be a JSON object");
    std::uint32_t seen = 0;
    for (auto const& member : *object) {
        std::string_view const key(member.key().data(), member.key().size());
        std::size_t at = 0;
        while (at < N && table[at].name != key)
            ++at;
        if (at == N) {
            if (unknown == UnknownFields::skip)
                continue;
            std::array<std::string_view, N> names;
            for (std::size_t i = 0; i < N; ++i)
                names[i] = table[i].name;
            return fail(Errc::bad_request, unknown_field(key, names));
        }
        seen |= std::uint32_t{1} << at;
        std::string why;
        if (!table[at].read(out, member.value(), why))
            return fail(Errc::bad_request, wrong_field(key, table[at].expected, why));
    }
    for (std::size_t i = 0; i < N; ++i)
        if (table[i].required && (seen & (std::uint32_t{1} << i)) == 0)
            return fail(Errc::bad_request, missing_field(table[i].name, table[i].expected));
    return {};
}

// Readers of single values: false when the value is of another type or out of range.
bool read_text(std::string& out, json::value const& value, std::size_t min, std::size_t max); // characters,
                                                                                              // none of
                                                                                              // control
bool read_any_text(std::string& out, json::value const& value);
bool read_bool(bool& out, json::value const& value);
bool read_whole(std::uint64_t& out, json::value const& value, std::uint64_t max);
bool read_seconds(std::chrono::milliseconds& out, json::value const& value, std::chrono::milliseconds min,
    std::chrono::milliseconds max);
bool read_time(UtcTime& out, json::value const& value);
template <class Enum>
bool read_name(Enum& out, json::value const& value, std::optional<Enum> (*from)(std::string_view) noexcept)
{
    auto const* const text = value.if_string();
    auto const found = text != nullptr ? from(std::string_view(text->data(), text->size())) : std::nullopt;
    if (found)
        out = *found;
    return found.has_value();
}
// Every item of an array by `item`, a function from JSON to Result<T>.
template <class T>
bool read_items(
    std::vector<T>& out, json::value const& value, std::string& why, Result<T> (*item)(json::value const&))
{
    auto const* const items = value.if_array();
    if (items == nullptr)
        return false;
    out.clear();
    out.reserve(items->size());
    for (auto const& one : *items) {
        auto read = item(one);
        if (!read) {
            why = "item " + std::to_string(out.size()) + ": " + read.error().detail;
            return false;
        }
        out.push_back(std::move(*read));
    }
    return true;
}

// Seconds as JSON: a whole number where it is one.
json::value seconds_json(std::chrono::milliseconds duration);

} // namespace switchyard
