#pragma once

#include "core/wire/json_fields.hpp"
#include "core/wire/northbound.hpp"

#include <boost/json/array.hpp>

// JSON of protocol version 1. Reading is strict: an unknown field of a request, a wrong type or a value out
// of range is `bad_request` with a detail that names the field and what is allowed. What a daemon answers may
// carry fields that this version does not know (a newer daemon, an older client); they are skipped. What is
// absent or has its default is left out in writing. Durations are seconds, whole or with a fraction; times
// are RFC 3339 in UTC.
namespace switchyard {

inline constexpr int protocol_version = 1;
inline constexpr std::size_t json_depth = 16;

// One JSON value and nothing else, of at most json_depth levels, in UTF-8. Fails with `bad_request` and a
// detail that names the byte (from 0) at which it stopped being JSON.
Result<json::value> parse_json(std::string_view text);

// Also fails with `unsupported_action` for the action "status", which is read, not commanded.
Result<Request> request_from_json(json::value const& value, UnknownFields unknown = UnknownFields::refuse);
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
