#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace switchyard {

// The whole text as a decimal number, with an optional minus sign; nothing when it is anything else or out of
// range.
std::optional<std::int64_t> parse_integer(std::string_view text) noexcept;
// "500ms", "5s", "2m", "1h", "1d", or a number of seconds ("1.5"). Nothing for anything else, for a negative
// one, and for more than ten years.
std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) noexcept;
// The shortest of the above forms: "1.5s" is "1500ms", "120s" is "2m".
std::string to_text(std::chrono::milliseconds duration);

// Whole sequences only, no overlong form, no surrogate (RFC 3629).
bool is_utf8(std::string_view text) noexcept;

// Edit distance with transpositions (Damerau), for short names.
std::size_t edit_distance(std::string_view a, std::string_view b);
// " - did you mean 'ipmitool'?" for the nearest candidate within a third of the length, else nothing.
std::string did_you_mean(std::string_view word, std::span<std::string_view const> candidates);

} // namespace switchyard
