#include "core/wire/northbound_json.hpp"

#include <boost/json/parser.hpp>

// Parsing, requests and errors; what the daemon answers is in northbound_json_replies.cpp.
namespace switchyard {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds year = std::chrono::hours{24 * 365};
constexpr std::size_t name_limit = 255;
constexpr std::size_t reason_limit = 500;

constexpr std::string_view actions = "one of on, off, cycle, reset, soft, diag, invoke";

// A request as read, with what only matters while it is checked.
struct Draft {
    Request request;
    bool has_operation = false;
    bool has_params = false;
    bool has_ensure = false;
    bool is_status = false;
};

bool read_optional_seconds(
    std::optional<milliseconds>& out, json::value const& value, milliseconds min = milliseconds{0})
{
    milliseconds duration{};
    if (!read_seconds(duration, value, min, year))
        return false;
    out = duration;
    return true;
}

bool read_outlet(Draft& draft, json::value const& value, std::string&)
{
    return read_text(draft.request.outlet.emplace(), value, 0, name_limit);
}

bool read_action(Draft& draft, json::value const& value, std::string&)
{
    auto const* const text = value.if_string();
    draft.is_status = text != nullptr && *text == "status";
    return draft.is_status || read_name<Action>(draft.request.action, value, action_from);
}

bool read_operation(Draft& draft, json::value const& value, std::string&)
{
    draft.has_operation = true;
    return read_text(draft.request.operation, value, 1, name_limit);
}

bool read_params(Draft& draft, json::value const& value, std::string&)
{
    auto const* const params = value.if_object();
    if (params != nullptr)
        draft.request.params = *params;
    draft.has_params = true;
    return params != nullptr;
}

bool read_key(Draft& draft, json::value const& value, std::string&)
{
    auto& key = draft.request.key.emplace();
    if (!read_text(key, value, 1, name_limit))
        return false;
    for (auto const c : key)
        if (static_cast<unsigned char>(c) > 0x7E)
            return false;
    return true;
}

bool read_coalesce(Draft& draft, json::value const& value, std::string&)
{
    return read_name<Coalesce>(draft.request.coalesce.emplace(), value, coalesce_from);
}

bool read_ensure(Draft& draft, json::value const& value, std::string&)
{
    draft.has_ensure = true;
    return read_bool(draft.request.ensure, value);
}

constexpr std::array<JsonField<Draft>, 13> request_fields{{
    {"target", "a name of 1 to 255 characters",
        [](Draft& d, json::value const& v, std::string&) {
            return read_text(d.request.target, v, 1, name_limit);
        },
        true},
    {"outlet", "a text of at most 255 characters", read_outlet},
    {"action", actions, read_action, true},
    {"operation", "a name of 1 to 255 characters", read_operation},
    {"params", "an object", read_params},
    {"priority", "one of bulk, normal, interactive",
        [](Draft& d, json::value const& v, std::string&) {
            return read_name(d.request.priority, v, priority_from);
        }},
    {"key", "a text of 1 to 255 printable ASCII characters", read_key},
    {"delay", "a number of seconds from 0 to 31536000",
        [](Draft& d, json::value const& v, std::string&) {
            return read_optional_seconds(d.request.delay, v);
        }},
    {"off_time", "a number of seconds from 0 to 31536000",
        [](Draft& d, json::value const& v, std::string&) {
            return read_optional_seconds(d.request.off_time, v);
        }},
    {"deadline", "a number of seconds from 0.001 to 31536000",
        [](Draft& d, json::value const& v, std::string&) {
            return read_optional_seconds(d.request.deadline, v, milliseconds{1});
        }},
    {"coalesce", "one of none, latest", read_coalesce},
    {"ensure", "true or false", read_ensure},
    {"reason", "a text of at most 500 characters, without control characters",
        [](Draft& d, json::value const& v, std::string&) {
            return read_text(d.request.reason, v, 0, reason_limit);
        }},
}};

// What one field says about another.
Result<> check(Draft const& draft)
{
    auto const& request = draft.request;
    if (draft.is_status)
        return fail(Errc::unsupported_action,
            "'status' is not a command: ask for the state of the target instead (GET "
            "/v1/targets/{name}/state)");
    bool const invoke = request.action == Action::invoke;
    if (invoke && !draft.has_operation)
        return fail(Errc::bad_request, "field 'operation' is required with action 'invoke'");
    if (!invoke && draft.has_operation)
        return fail(Errc::bad_request, "field 'operation' is only allowed with action 'invoke'");
    if (!invoke && draft.has_params)
        return fail(Errc::bad_request, "field 'params' is only allowed with action 'invoke'");
    if (draft.has_ensure && request.action != Action::on && request.action != Action::off)
        return fail(Errc::bad_request, "field 'ensure' is only allowed with actions 'on' and 'off'");
    if (request.off_time && request.action != Action::cycle)
        return fail(Errc::bad_request, "field 'off_time' is only allowed with action 'cycle'");
    return {};
}

bool read_code(Error& error, json::value const& value, std::string& why)
{
    auto const* const text = value.if_string();
    if (text == nullptr)
        return false;
    auto const code = errc_from(std::string_view(text->data(), text->size()));
    if (code)
        error.code = *code;
    else
        why = code.error();
    return code.has_value();
}

bool read_effect(Error& error, json::value const& value, std::string&)
{
    auto const* const text = value.if_string();
    if (text == nullptr || (*text != "none" && *text != "possible"))
        return false;
    error.effect = *text == "none" ? Effect::none : Effect::possible;
    return true;
}

constexpr std::array<JsonField<Error>, 4> error_fields{{
    {"code", "the name of an error", read_code, true},
    {"message", "a text", [](Error&, json::value const& v, std::string&) { return v.is_string(); }},
    {"detail", "a text",
        [](Error& e, json::value const& v, std::string&) { return read_any_text(e.detail, v); }},
    {"effect", "one of none, possible", read_effect},
}};

} // namespace

Result<json::value> parse_json(std::string_view text)
{
    json::parse_options options;
    options.max_depth = json_depth;
    std::array<unsigned char, 4096> stack; // what most requests need; longer ones go on on the heap
    json::parser parser(json::storage_ptr(), options, stack.data(), stack.size());
    json::error_code error;
    auto const read = parser.write_some(text.data(), text.size(), error);
    if (!error && read == text.size())
        return parser.release();
    if (error == json::error::incomplete)
        return fail(Errc::bad_request,
            "not JSON: the text ends at byte " + std::to_string(text.size()) + " inside a value");
    if (error == json::error::too_deep)
        return fail(Errc::bad_request,
            "the JSON is nested deeper than " + std::to_string(json_depth) + " levels at byte "
                + std::to_string(read));
    auto const reason = error ? error.message() : std::string("more text after the value");
    return fail(Errc::bad_request, "not JSON at byte " + std::to_string(read) + ": " + reason);
}

Result<Request> request_from_json(json::value const& value, UnknownFields unknown)
{
    Draft draft;
    if (auto const read = read_fields(draft, value, "the request", request_fields, unknown); !read)
        return std::unexpected(read.error());
    if (auto const checked = check(draft); !checked)
        return std::unexpected(checked.error());
    return std::move(draft.request);
}

json::object to_json(Request const& request)
{
    json::object out;
    out.reserve(8);
    out.emplace("target", request.target);
    if (request.outlet)
        out.emplace("outlet", *request.outlet);
    out.emplace("action", name(request.action));
    if (!request.operation.empty())
        out.emplace("operation", request.operation);
    if (!request.params.empty())
        out.emplace("params", request.params);
    if (request.priority != Priority::normal)
        out.emplace("priority", name(request.priority));
    if (request.key)
        out.emplace("key", *request.key);
    if (request.delay)
        out.emplace("delay", seconds_json(*request.delay));
    if (request.off_time)
        out.emplace("off_time", seconds_json(*request.off_time));
    if (request.deadline)
        out.emplace("deadline", seconds_json(*request.deadline));
    if (request.coalesce)
        out.emplace("coalesce", name(*request.coalesce));
    if (request.ensure)
        out.emplace("ensure", true);
    if (!request.reason.empty())
        out.emplace("reason", request.reason);
    return out;
}

json::object to_json(Error const& error)
{
    json::object out;
    out.reserve(6); // a frontend adds the device and the command
    out.emplace("code", name(error.code));
    out.emplace("message", error.message());
    if (!error.detail.empty())
        out.emplace("detail", error.detail);
    out.emplace("effect", error.effect == Effect::none ? "none" : "possible");
    return out;
}

Result<Error> error_from_json(json::value const& value)
{
    Error error;
    if (auto const read = read_fields(error, value, "an error", error_fields, UnknownFields::skip); !read)
        return std::unexpected(read.error());
    return error;
}

} // namespace switchyard
