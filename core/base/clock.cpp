#include "core/base/clock.hpp"

#include <fmt/format.h>

namespace switchyard {

std::string to_rfc3339(UtcTime time)
{
    auto const day = std::chrono::floor<std::chrono::days>(time);
    std::chrono::year_month_day const date{day};
    std::chrono::hh_mm_ss const clock{time - day};
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z", static_cast<int>(date.year()),
        static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), clock.hours().count(),
        clock.minutes().count(), clock.seconds().count(), clock.subseconds().count());
}

} // namespace switchyard
