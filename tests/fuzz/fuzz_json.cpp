#include "core/wire/northbound_json.hpp"

#include <boost/json/serialize.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace {

using namespace switchyard;

// Boost.JSON 1.81 reads some fractions one unit in the last place off: what holds them cannot be compared as
// text.
bool has_fraction(json::value const& value)
{
    if (auto const* const array = value.if_array())
        return std::ranges::any_of(*array, has_fraction);
    if (auto const* const object = value.if_object())
        return std::ranges::any_of(*object, [](auto const& member) { return has_fraction(member.value()); });
    return value.is_double();
}

// What was read writes the same text when it is read back.
template <class T>
void check(json::value const& value, Result<T> (*read)(json::value const&))
{
    auto const first = read(value);
    if (!first)
        return;
    auto const written = json::serialize(to_json(*first));
    auto const parsed = parse_json(written);
    if (!parsed)
        return; // a value at the limit of depth is written one level deeper
    auto const second = read(*parsed);
    if (!second || (!has_fraction(*parsed) && json::serialize(to_json(*second)) != written))
        __builtin_trap();
}

Result<Request> request(json::value const& value)
{
    return request_from_json(value);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size)
{
    auto const value = parse_json({reinterpret_cast<char const*>(data), size});
    if (!value)
        return 0;
    check<Request>(*value, request);
    check<Report>(*value, report_from_json);
    check<Error>(*value, error_from_json);
    check<TargetState>(*value, target_state_from_json);
    check<TargetInfo>(*value, target_info_from_json);
    check<DeviceInfo>(*value, device_info_from_json);
    check<Event>(*value, event_from_json);
    check<CommandPage>(*value, command_page_from_json);
    return 0;
}
