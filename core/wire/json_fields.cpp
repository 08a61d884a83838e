#include "core/wire/json_fields.hpp"

#include "core/base/text.hpp"

#include <algorithm>
#include <cmath>

namespace switchyard {
namespace {

constexpr std::size_t longest_echo = 64; // bytes of an unknown name that an error repeats

bool is_continuation(char c) noexcept
{
    return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U;
}

// The first bytes of a text that a client sent, cut between characters.
std::string_view echo(std::string_view text) noexcept
{
    if (text.size() <= longest_echo)
        return text;
    std::size_t end = longest_echo;
    while (end > 0 && is_continuation(text[end]))
        --end;
    return text.substr(0, end);
}

} // namespace

std::string unknown_field(std::string_view field, std::span<std::string_view const> allowed)
{
    auto const shown = echo(field);
    std::string text = "unknown field '" + std::string(shown) + (shown.size() < field.size() ? "...'" : "'");
    auto const hint = did_you_mean(shown, allowed);
    text += hint.empty() ? ";" : hint;
    text += " allowed: ";
    for (std::size_t i = 0; i < allowed.size(); ++i) {
        text += i == 0 ? "" : ", ";
        text += allowed[i];
    }
    return text;
}

std::string wrong_field(std::string_view field, std::string_view expected, std::string_view why)
{
    std::string text = "field '" + std::string(field) + "'";
    text += why.empty() ? " must be " : ": ";
    text += why.empty() ? expected : why;
    return text;
}

std::string missing_field(std::string_view field, std::string_view expected)
{
    return "field '" + std::string(field) + "' is required: " + std::string(expected);
}

bool read_text(std::string& out, json::value const& value, std::size_t min, std::size_t max)
{
    auto const* const text = value.if_string();
    if (text == nullptr || text->size() < min || text->size() > 4 * max)
        return false;
    std::size_t characters = 0;
    for (auto const c : *text) {
        auto const byte = static_cast<unsigned char>(c);
        if (byte < 0x20 || byte == 0x7F)
            return false;
        characters += is_continuation(c) ? 0U : 1U;
    }
    if (characters < min || characters > max)
        return false;
    out.assign(text->data(), text->size());
    return true;
}

bool read_any_text(std::string& out, json::value const& value)
{
    auto const* const text = value.if_string();
    if (text != nullptr)
        out.assign(text->data(), text->size());
    return text != nullptr;
}

bool read_bool(bool& out, json::value const& value)
{
    auto const* const flag = value.if_bool();
    if (flag != nullptr)
        out = *flag;
    return flag != nullptr;
}

bool read_whole(std::uint64_t& out, json::value const& value, std::uint64_t max)
{
    std::uint64_t number = 0;
    if (auto const* const positive = value.if_uint64())
        number = *positive;
    else if (auto const* const whole = value.if_int64(); whole != nullptr && *whole >= 0)
        number = static_cast<std::uint64_t>(*whole);
    else
        return false;
    if (number > max)
        return false;
    out = number;
    return true;
}

bool read_seconds(std::chrono::milliseconds& out, json::value const& value, std::chrono::milliseconds min,
    std::chrono::milliseconds max)
{
    double seconds = 0;
    if (auto const* const whole = value.if_int64())
        seconds = static_cast<double>(*whole);
    else if (auto const* const fraction = value.if_double())
        seconds = *fraction;
    else
        return false;
    constexpr double furthest = 1e12; // keeps llround() defined; far beyond every limit
    if (!std::isfinite(seconds) || std::abs(seconds) > furthest)
        return false;
    std::chrono::milliseconds const duration(std::llround(seconds * 1e3));
    if (seconds < 0 || duration < min || duration > max)
        return false;
    out = duration;
    return true;
}

bool read_time(UtcTime& out, json::value const& value)
{
    auto const* const text = value.if_string();
    auto const time =
        text != nullptr ? utc_from_rfc3339(std::string_view(text->data(), text->size())) : std::nullopt;
    if (time)
        out = *time;
    return time.has_value();
}

json::value seconds_json(std::chrono::milliseconds duration)
{
    if (duration.count() % 1000 == 0)
        return json::value(duration.count() / 1000);
    return json::value(static_cast<double>(duration.count()) / 1e3);
}

} // namespace switchyard
