#include "core/base/host_range.hpp"

#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>

// What expands stays within the limits, and folding it loses no name.
extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size)
{
    using namespace switchyard;
    auto const names = expand_hosts({reinterpret_cast<char const*>(data), size});
    if (!names) {
        if (names.error().detail.empty())
            __builtin_trap();
        return 0;
    }
    if (names->empty() || names->size() > host_range_limit)
        __builtin_trap();
    if (names->size() > 2000)
        return 0; // folding them takes its time, and teaches nothing new
    auto const again = expand_hosts(fold_hosts(*names));
    if (!again || std::set(again->begin(), again->end()) != std::set(names->begin(), names->end()))
        __builtin_trap();
    return 0;
}
