#pragma once

#include "core/wire/northbound.hpp"

#include <boost/json/array.hpp>

// JSON of protocol version 1. Reading is strict: an unknown field, a wrong type or a value out of range is `bad_request`
// with a detail that names the field and what is allowed. Durations are seconds, whole or with a fraction.
namespace switchyard {

inline constexpr int protocol_version = 1;

// A body of at most this depth, no more. Fails with `bad_request` and the byte at which it stopped being JSON.
Result<json::value> parse_json(std::string_view text);

Result<Request> request_from_json(json::value const& value);
json::object to_json(Request const& request);

// {"code": "unreachable", "message": "...", "detail": "...", "effect": "possible"}
json::object to_json(Error const& error);
Result<Error> error_from_json(json::value const& value);

json::object to_json(Report const& report);
Result<Report> report_from_json(json::value const& value);

json::object to_json(TargetState const& state);
Result<TargetState> target_state_from_json(json::value const& value);

json::object to_json(TargetInfo const& info);
Result<TargetInfo> target_info_from_json(json::value const& value);

json::object to_json(DeviceInfo const& info);
Result<DeviceInfo> device_info_from_json(json::value const& value);

json::object to_json(Event const& event);
Result<Event> event_from_json(json::value const& value);

json::object to_json(CommandPage const& page);
Result<CommandPage> command_page_from_json(json::value const& value);

} // namespace switchyard
