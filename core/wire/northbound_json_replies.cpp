#include "core/wire/json_fields.hpp"
#include "core/wire/northbound_json.hpp"

// What the daemon answers: reports, states, lists, events.
namespace switchyard {
namespace {

using std::chrono::milliseconds;

constexpr std::uint64_t largest = std::uint64_t{1} << 53U; // what a JSON number carries exactly
constexpr milliseconds longest_age = std::chrono::hours{24 * 3650};

constexpr std::string_view power_names = "one of unknown, on, off, partial";
constexpr std::string_view state_names =
    "one of delayed, queued, running, waiting, restoring, done, failed, expired, cancelled, "
    "superseded, indeterminate";
constexpr std::string_view command_number = "the number of a command";
constexpr std::string_view rfc3339 = "a time like 2026-11-20T13:37:00.123456Z";

bool read_id(CommandId& out, json::value const& value)
{
    return read_whole(out.value, value, largest) && out;
}

bool read_size(std::size_t& out, json::value const& value)
{
    std::uint64_t number = 0;
    if (!read_whole(number, value, largest))
        return false;
    out = static_cast<std::size_t>(number);
    return true;
}

bool read_error(std::optional<Error>& out, json::value const& value, std::string& why)
{
    auto read = error_from_json(value);
    if (!read) {
        why = read.error().detail;
        return false;
    }
    out = std::move(*read);
    return true;
}

Result<std::string> text_from_json(json::value const& value)
{
    std::string text;
    if (!read_any_text(text, value))
        return fail(Errc::bad_request, "must be a text");
    return text;
}

// Readers of plain members, for the tables.
template <auto Member, class T>
bool text_field(T& out, json::value const& value, std::string&)
{
    return read_any_text(out.*Member, value);
}

template <auto Member, class T>
bool flag_field(T& out, json::value const& value, std::string&)
{
    return read_bool(out.*Member, value);
}

template <auto Member, class T>
bool time_field(T& out, json::value const& value, std::string&)
{
    return read_time(out.*Member, value);
}

template <class T>
Result<T> read_reply(json::value const& value, std::string_view what, auto const& fields)
{
    T out{};
    if (auto const read = read_fields(out, value, what, fields, UnknownFields::skip); !read)
        return std::unexpected(read.error());
    return out;
}

json::object to_json(OutletReport const& outlet);

template <class T>
json::array array_of(std::vector<T> const& items)
{
    json::array out;
    out.reserve(items.size());
    for (auto const& item : items)
        out.emplace_back(to_json(item));
    return out;
}

json::array array_of(std::vector<std::string> const& items)
{
    json::array out;
    out.reserve(items.size());
    for (auto const& item : items)
        out.emplace_back(item);
    return out;
}

json::object to_json(OutletReport const& outlet)
{
    json::object out;
    out.reserve(7);
    out.emplace("device", outlet.device);
    if (!outlet.outlet.empty())
        out.emplace("outlet", outlet.outlet);
    if (!outlet.driver.empty())
        out.emplace("driver", outlet.driver);
    out.emplace("power", name(outlet.power));
    out.emplace("confirmed", outlet.confirmed);
    out.emplace("attempts", outlet.attempts);
    if (outlet.error)
        out.emplace("error", switchyard::to_json(*outlet.error));
    return out;
}

bool read_attempts(OutletReport& outlet, json::value const& value, std::string&)
{
    std::uint64_t number = 0;
    if (!read_whole(number, value, 0xFFFF'FFFFU))
        return false;
    outlet.attempts = static_cast<unsigned>(number);
    return true;
}

constexpr std::array<JsonField<OutletReport>, 7> outlet_fields{{
    {"device", "a text", text_field<&OutletReport::device>, true},
    {"outlet", "a text", text_field<&OutletReport::outlet>},
    {"driver", "a text", text_field<&OutletReport::driver>},
    {"power", power_names,
        [](OutletReport& o, json::value const& v, std::string&) {
            return read_name(o.power, v, power_state_from);
        }},
    {"confirmed", "true or false", flag_field<&OutletReport::confirmed>},
    {"attempts", "a whole number", read_attempts},
    {"error", "an error",
        [](OutletReport& o, json::value const& v, std::string& why) { return read_error(o.error, v, why); }},
}};

Result<OutletReport> outlet_from_json(json::value const& value)
{
    return read_reply<OutletReport>(value, "an outlet", outlet_fields);
}

bool read_report_request(Report& report, json::value const& value, std::string& why)
{
    auto read = request_from_json(value, UnknownFields::skip);
    if (!read) {
        why = read.error().detail;
        return false;
    }
    report.request = std::move(*read);
    return true;
}

bool read_report_error(Report& report, json::value const& value, std::string& why)
{
    if (!read_error(report.error, value, why))
        return false;
    auto const* const device = value.as_object().if_contains("device");
    return device == nullptr || read_any_text(report.error_device, *device);
}

constexpr std::array<JsonField<Report>, 16> report_fields{{
    {"id", command_number, [](Report& r, json::value const& v, std::string&) { return read_id(r.id, v); },
        true},
    {"state", state_names,
        [](Report& r, json::value const& v, std::string&) {
            return read_name(r.state, v, command_state_from);
        },
        true},
    {"request", "a request", read_report_request, true},
    {"principal", "a text", text_field<&Report::principal>},
    {"accepted", rfc3339, time_field<&Report::accepted>},
    {"due", rfc3339, time_field<&Report::due>},
    {"deadline", rfc3339, time_field<&Report::deadline>},
    {"started", rfc3339,
        [](Report& r, json::value const& v, std::string&) { return read_time(r.started.emplace(), v); }},
    {"ended", rfc3339,
        [](Report& r, json::value const& v, std::string&) { return read_time(r.ended.emplace(), v); }},
    {"power", power_names,
        [](Report& r, json::value const& v, std::string&) {
            return read_name(r.power, v, power_state_from);
        }},
    {"confirmed", "true or false", flag_field<&Report::confirmed>},
    {"changed", "true or false", flag_field<&Report::changed>},
    {"replaced_by", command_number,
        [](Report& r, json::value const& v, std::string&) { return read_id(r.replaced_by.emplace(), v); }},
    {"error", "an error", read_report_error},
    {"outlets", "a list of outlets",
        [](Report& r, json::value const& v, std::string& why) {
            return read_items(r.outlets, v, why, outlet_from_json);
        }},
    {"result", "any value",
        [](Report& r, json::value const& v, std::string&) {
            r.result = v;
            return true;
        }},
}};

constexpr std::array<JsonField<TargetState>, 4> target_state_fields{{
    {"target", "a text", text_field<&TargetState::target>, true},
    {"power", power_names,
        [](TargetState& s, json::value const& v, std::string&) {
            return read_name(s.power, v, power_state_from);
        },
        true},
    {"age", "a number of seconds",
        [](TargetState& s, json::value const& v, std::string&) {
            return read_seconds(s.age, v, milliseconds{0}, longest_age);
        }},
    {"outlets", "a list of outlets",
        [](TargetState& s, json::value const& v, std::string& why) {
            return read_items(s.outlets, v, why, outlet_from_json);
        }},
}};

constexpr std::array<JsonField<TargetInfo>, 3> target_info_fields{{
    {"name", "a text", text_field<&TargetInfo::name>, true},
    {"outlets", "a list of texts",
        [](TargetInfo& t, json::value const& v, std::string& why) {
            return read_items(t.outlets, v, why, text_from_json);
        }},
    {"description", "a text", text_field<&TargetInfo::description>},
}};

constexpr std::array<JsonField<DeviceInfo>, 11> device_fields{{
    {"name", "a text", text_field<&DeviceInfo::name>, true},
    {"drivers", "a list of texts",
        [](DeviceInfo& d, json::value const& v, std::string& why) {
            return read_items(d.drivers, v, why, text_from_json);
        }},
    {"bus", "a text", text_field<&DeviceInfo::bus>},
    {"group", "a text", text_field<&DeviceInfo::group>},
    {"status", "a text", text_field<&DeviceInfo::status>},
    {"reason", "a text", text_field<&DeviceInfo::reason>},
    {"queued", "a whole number",
        [](DeviceInfo& d, json::value const& v, std::string&) { return read_size(d.queued, v); }},
    {"running", "true or false", flag_field<&DeviceInfo::running>},
    {"breaker", "one of closed, open, half_open",
        [](DeviceInfo& d, json::value const& v, std::string&) {
            return read_name(d.breaker, v, breaker_from);
        }},
    {"auth_latched", "true or false", flag_field<&DeviceInfo::auth_latched>},
    {"last_error", "a text", text_field<&DeviceInfo::last_error>},
}};

bool read_event_id(Event& event, json::value const& value, std::string&)
{
    return read_name<EventId>(event.id, value, event_id_from);
}

constexpr std::array<JsonField<Event>, 9> event_fields{{
    {"id", "the id of an event, like 7.1042", read_event_id, true},
    {"reset", "true or false", flag_field<&Event::reset>},
    {"command", command_number,
        [](Event& e, json::value const& v, std::string&) { return read_id(e.command, v); }},
    {"state", state_names,
        [](Event& e, json::value const& v, std::string&) {
            return read_name(e.state, v, command_state_from);
        }},
    {"action", "one of on, off, cycle, reset, soft, diag, invoke",
        [](Event& e, json::value const& v, std::string&) { return read_name(e.action, v, action_from); }},
    {"power", power_names,
        [](Event& e, json::value const& v, std::string&) { return read_name(e.power, v, power_state_from); }},
    {"at", rfc3339, time_field<&Event::at>},
    {"target", "a text", text_field<&Event::target>},
    {"detail", "a text", text_field<&Event::detail>},
}};

constexpr std::array<JsonField<CommandPage>, 2> page_fields{{
    {"commands", "a list of reports",
        [](CommandPage& p, json::value const& v, std::string& why) {
            return read_items(p.commands, v, why, report_from_json);
        },
        true},
    {"next", command_number,
        [](CommandPage& p, json::value const& v, std::string&) { return read_id(p.next, v); }},
}};

} // namespace

json::object to_json(Report const& report)
{
    json::object out;
    out.reserve(16);
    out.emplace("id", report.id.value);
    out.emplace("state", name(report.state));
    out.emplace("request", to_json(report.request));
    if (!report.principal.empty())
        out.emplace("principal", report.principal);
    out.emplace("accepted", to_rfc3339(report.accepted));
    out.emplace("due", to_rfc3339(report.due));
    out.emplace("deadline", to_rfc3339(report.deadline));
    if (report.started)
        out.emplace("started", to_rfc3339(*report.started));
    if (report.ended)
        out.emplace("ended", to_rfc3339(*report.ended));
    out.emplace("power", name(report.power));
    out.emplace("confirmed", report.confirmed);
    out.emplace("changed", report.changed);
    if (report.replaced_by)
        out.emplace("replaced_by", report.replaced_by->value);
    if (report.error) {
        auto error = to_json(*report.error);
        if (!report.error_device.empty())
            error.emplace("device", report.error_device);
        out.emplace("error", std::move(error));
    }
    out.emplace("outlets", array_of(report.outlets));
    if (!report.result.is_null())
        out.emplace("result", report.result);
    return out;
}

Result<Report> report_from_json(json::value const& value)
{
    return read_reply<Report>(value, "a report", report_fields);
}

json::object to_json(TargetState const& state)
{
    json::object out;
    out.reserve(4);
    out.emplace("target", state.target);
    out.emplace("power", name(state.power));
    out.emplace("age", seconds_json(state.age));
    out.emplace("outlets", array_of(state.outlets));
    return out;
}

Result<TargetState> target_state_from_json(json::value const& value)
{
    return read_reply<TargetState>(value, "a state", target_state_fields);
}

json::object to_json(TargetInfo const& info)
{
    json::object out;
    out.reserve(3);
    out.emplace("name", info.name);
    out.emplace("outlets", array_of(info.outlets));
    if (!info.description.empty())
        out.emplace("description", info.description);
    return out;
}

Result<TargetInfo> target_info_from_json(json::value const& value)
{
    return read_reply<TargetInfo>(value, "a target", target_info_fields);
}

json::object to_json(DeviceInfo const& info)
{
    json::object out;
    out.reserve(11);
    out.emplace("name", info.name);
    out.emplace("drivers", array_of(info.drivers));
    if (!info.bus.empty())
        out.emplace("bus", info.bus);
    if (!info.group.empty())
        out.emplace("group", info.group);
    out.emplace("status", info.status);
    if (!info.reason.empty())
        out.emplace("reason", info.reason);
    out.emplace("queued", info.queued);
    out.emplace("running", info.running);
    out.emplace("breaker", name(info.breaker));
    out.emplace("auth_latched", info.auth_latched);
    if (!info.last_error.empty())
        out.emplace("last_error", info.last_error);
    return out;
}

Result<DeviceInfo> device_info_from_json(json::value const& value)
{
    return read_reply<DeviceInfo>(value, "a device", device_fields);
}

json::object to_json(Event const& event)
{
    json::object out;
    out.reserve(8);
    out.emplace("id", to_string(event.id));
    if (event.reset) {
        out.emplace("reset", true);
        return out;
    }
    out.emplace("command", event.command.value);
    out.emplace("state", name(event.state));
    out.emplace("action", name(event.action));
    out.emplace("power", name(event.power));
    out.emplace("at", to_rfc3339(event.at));
    out.emplace("target", event.target);
    if (!event.detail.empty())
        out.emplace("detail", event.detail);
    return out;
}

Result<Event> event_from_json(json::value const& value)
{
    auto event = read_reply<Event>(value, "an event", event_fields);
    if (event && !event->reset && !event->command)
        return fail(Errc::bad_request, missing_field("command", command_number));
    return event;
}

json::object to_json(CommandPage const& page)
{
    json::object out;
    out.reserve(2);
    out.emplace("commands", array_of(page.commands));
    if (page.next)
        out.emplace("next", page.next.value);
    return out;
}

Result<CommandPage> command_page_from_json(json::value const& value)
{
    return read_reply<CommandPage>(value, "a list of commands", page_fields);
}

} // namespace switchyard
