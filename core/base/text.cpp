#include "core/base/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <vector>

namespace switchyard {
namespace {

struct Unit {
    std::string_view suffix;
    double milliseconds;
};
constexpr std::array units{
    Unit{"ms", 1.0}, Unit{"s", 1e3}, Unit{"m", 60e3}, Unit{"h", 3600e3}, Unit{"d", 86400e3}};
constexpr double longest = 10 * 365.0 * 86400e3;

// How many bytes the UTF-8 sequence at the front has, 0 when it is none (RFC 3629 section 4: no overlong
// form, no surrogate).
std::size_t utf8_length(std::string_view text) noexcept
{
    auto const byte = [text](std::size_t i) {
        return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
    };
    auto const continues = [&byte](std::size_t i) { return (byte(i) & 0xc0U) == 0x80U; };
    auto const first = byte(0);
    if (first < 0x80)
        return 1;
    if (first >= 0xc2 && first <= 0xdf)
        return continues(1) ? 2 : 0;
    if (first >= 0xe0 && first <= 0xef) {
        bool const overlong = first == 0xe0 && byte(1) < 0xa0;
        bool const surrogate = first == 0xed && byte(1) > 0x9f;
        return continues(1) && continues(2) && !overlong && !surrogate ? 3 : 0;
    }
    if (first >= 0xf0 && first <= 0xf4) {
        bool const outside = (first == 0xf0 && byte(1) < 0x90) || (first == 0xf4 && byte(1) > 0x8f);
        return continues(1) && continues(2) && continues(3) && !outside ? 4 : 0;
    }
    return 0;
}

} // namespace

std::optional<std::int64_t> parse_integer(std::string_view text) noexcept
{
    std::int64_t value = 0;
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size())
        return std::nullopt;
    return value;
}

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) noexcept
{
    double value = 0;
    auto const [end, error] =
        std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
    if (error != std::errc{} || !std::isfinite(value) || value < 0)
        return std::nullopt;
    std::string_view const suffix(end, static_cast<std::size_t>(text.data() + text.size() - end));
    double factor = 1e3;
    if (!suffix.empty()) {
        auto const* const unit = std::ranges::find(units, suffix, &Unit::suffix);
        if (unit == units.end())
            return std::nullopt;
        factor = unit->milliseconds;
    }
    if (value * factor > longest)
        return std::nullopt;
    return std::chrono::milliseconds(std::llround(value * factor));
}

std::string to_text(std::chrono::milliseconds duration)
{
    auto const count = duration.count();
    if (count % 1000 != 0)
        return fmt::format("{}ms", count);
    if (count == 0 || count % 60'000 != 0)
        return fmt::format("{}s", count / 1000);
    if (count % 3'600'000 != 0)
        return fmt::format("{}m", count / 60'000);
    return fmt::format("{}h", count / 3'600'000);
}

std::size_t edit_distance(std::string_view a, std::string_view b)
{
    std::vector<std::size_t> before(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j)
        last[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            std::size_t const cost = a[i - 1] == b[j - 1] ? 0 : 1;
            row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + cost});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = std::min(row[j], before[j - 2] + 1);
        }
        before.swap(last);
        last.swap(row);
    }
    return last[b.size()];
}

std::string did_you_mean(std::string_view word, std::span<std::string_view const> candidates)
{
    std::string_view best;
    std::size_t best_distance = std::max<std::size_t>(1, word.size() / 3) + 1;
    for (auto const candidate : candidates) {
        auto const distance = edit_distance(word, candidate);
        bool const has_something_in_common = distance < std::max(word.size(), candidate.size());
        if (distance < best_distance && has_something_in_common) {
            best = candidate;
            best_distance = distance;
        }
    }
    return best.empty() ? std::string() : fmt::format(" - did you mean '{}'?", best);
}

bool is_utf8(std::string_view text) noexcept
{
    while (!text.empty()) {
        auto const length = utf8_length(text);
        if (length == 0)
            return false;
        text.remove_prefix(length);
    }
    return true;
}

} // namespace switchyard
