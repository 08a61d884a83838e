#include "core/base/clock.hpp"

#include <cstdint>

namespace switchyard {
namespace {

// Exactly `count` digits at `at`; -1 when there is anything else.
int digits(std::string_view text, std::size_t at, std::size_t count) noexcept
{
    int value = 0;
    for (auto const c : text.substr(at, count)) {
        if (c < '0' || c > '9')
            return -1;
        value = value * 10 + (c - '0');
    }
    return value;
}

// ".123Z" as microseconds; -1 when it is anything else.
int fraction(std::string_view text) noexcept
{
    if (text == "Z")
        return 0;
    if (text.size() < 3 || text.size() > 8 || text.front() != '.' || text.back() != 'Z')
        return -1;
    int value = digits(text, 1, text.size() - 2);
    for (std::size_t i = text.size() - 2; i < 6 && value > 0; ++i)
        value *= 10;
    return value;
}

} // namespace

// By hand: a report has five times, and {fmt} takes ten times as long for one.
std::string to_rfc3339(UtcTime time)
{
    auto const day = std::chrono::floor<std::chrono::days>(time);
    std::chrono::year_month_day const date{day};
    std::chrono::hh_mm_ss const clock{time - day};
    std::string text = "0000-00-00T00:00:00.000000Z";
    auto const put = [&](std::size_t last, std::size_t count, std::int64_t value) {
        for (; count > 0; --count, --last, value /= 10)
            text[last] = static_cast<char>('0' + value % 10);
    };
    put(3, 4, static_cast<int>(date.year()));
    put(6, 2, static_cast<unsigned>(date.month()));
    put(9, 2, static_cast<unsigned>(date.day()));
    put(12, 2, clock.hours().count());
    put(15, 2, clock.minutes().count());
    put(18, 2, clock.seconds().count());
    put(25, 6, clock.subseconds().count());
    return text;
}

std::optional<UtcTime> utc_from_rfc3339(std::string_view text) noexcept
{
    constexpr std::string_view shape = "0000-00-00T00:00:00";
    if (text.size() <= shape.size())
        return std::nullopt;
    for (auto const at : {4U, 7U, 10U, 13U, 16U})
        if (text[at] != shape[at])
            return std::nullopt;
    auto const year = digits(text, 0, 4), month = digits(text, 5, 2), day = digits(text, 8, 2);
    auto const hour = digits(text, 11, 2), minute = digits(text, 14, 2), second = digits(text, 17, 2);
    auto const micros = fraction(text.substr(shape.size()));
    if (year < 0 || month < 0 || day < 0 || hour < 0 || minute < 0 || second < 0 || micros < 0)
        return std::nullopt;
    auto const date = std::chrono::year{year} / month / day;
    if (!date.ok() || hour > 23 || minute > 59 || second > 59)
        return std::nullopt;
    return std::chrono::sys_days{date} + std::chrono::hours{hour} + std::chrono::minutes{minute}
    + std::chrono::seconds{second} + std::chrono::microseconds{micros};
}

} // namespace switchyard
