#include "daemon/config/loader.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>

// Whatever the text is, the loader ends with a configuration or with errors that have a place.
extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size)
{
    using namespace switchyard;
    auto const loaded = parse_config({reinterpret_cast<char const*>(data), size}, "fuzz.toml");
    for (auto const& error : loaded.errors)
        if (error.message.empty() || error.file != "fuzz.toml")
            __builtin_trap();
    if (!loaded.errors.empty())
        return 0;
    for (auto const& [name, target] : loaded.config.targets) {
        if (target.outlets.empty())
            __builtin_trap();
        for (auto const& outlet : target.outlets)
            if (!loaded.config.devices.contains(outlet.device))
                __builtin_trap();
    }
    for (auto const& [name, device] : loaded.config.devices)
        if (device.drivers.empty() || (!device.group.empty() && !loaded.config.groups.contains(device.group)))
            __builtin_trap();
    return 0;
}
