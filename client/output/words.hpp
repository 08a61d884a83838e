#pragma once

#include "core/wire/northbound.hpp"

#include <string>
#include <string_view>

// What people read about commands.
namespace switchyard::client {

// "done, power on", "failed: the device does not answer: no route to host (device bmc1)"
std::string outcome(Report const& report);
// "2026-11-20T13:37:00.123456Z srv1: cycle waiting, power off (command 17)"
std::string line_of(Event const& event);
// What to do about it, for `name` (a target or device); empty when there is nothing to say.
std::string advice(Errc code, std::string_view name);
// "srv1 (command 17)"
std::string command_of(std::string_view target, CommandId id);

} // namespace switchyard::client
