#pragma once

#include "core/base/error.hpp"
#include "core/wire/northbound.hpp"

#include <boost/json/array.hpp>

#include <optional>
#include <string_view>

// What ipmitool 1.8.19 prints, and what it means. Its exit status is 1 for everything, so the texts decide;
// with -v it tells a wrong password from a dead host. Source: its lanplus.c, lan.c, ipmi_chassis.c,
// ipmi_main.c and runs against ipmi_sim.
namespace switchyard {

// The error behind a run that failed. `worst` is the effect that the failure has when no text shows that
// nothing can have happened: Effect::possible for a command that acts.
Error ipmitool_error(std::string_view standard_error, Effect worst);

// The BMC does not have the cipher suite; another one may do.
bool wants_other_suite(std::string_view standard_error) noexcept;

// The session is open, and what follows is the command itself. Printed with -v at the end of the address
// discovery.
bool reached_command(std::string_view standard_error) noexcept;

// "Chassis Power is on"; nothing for any other text.
std::optional<PowerState> power_from_ipmitool(std::string_view output) noexcept;

// "Key : value" lines as objects, one for each block between empty lines. Keys become `lower_case`; indented
// lines below a key without a value become an array.
json::array blocks_from_ipmitool(std::string_view output);

} // namespace switchyard
