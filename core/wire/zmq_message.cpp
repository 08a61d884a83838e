#include "core/wire/zmq_message.hpp"

#include "core/base/text.hpp"
#include "core/wire/northbound_json.hpp"

#include <boost/json/serialize.hpp>

#include <algorithm>

namespace switchyard {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t name_limit = 255;
constexpr std::size_t page_limit = 500;
constexpr std::uint64_t largest = std::uint64_t{1} << 53U; // what a JSON number carries exactly

constexpr std::array<std::string_view, 13> op_names{"submit", "wait", "look", "cancel", "list", "state",
    "targets", "target", "devices", "device", "release", "health", "ping"};

bool read_command(CommandId& out, json::value const& value)
{
    return read_whole(out.value, value, largest) && out;
}

bool read_wait(ZmqRequest& out, json::value const& value, std::string&)
{
    return read_seconds(out.wait.emplace(), value, milliseconds{0}, longest_wait);
}

bool read_limit(std::size_t& out, json::value const& value)
{
    std::uint64_t limit = 0;
    if (!read_whole(limit, value, page_limit) || limit == 0)
        return false;
    out = static_cast<std::size_t>(limit);
    return true;
}

using Field = JsonField<ZmqRequest>;

// The three that every message has are read before; here they are only known.
constexpr auto known = [](ZmqRequest&, json::value const&, std::string&) { return true; };
constexpr Field v_field{"v", "1", known, true};
constexpr Field id_field{"id", "a text or a number", known, true};
constexpr Field op_field{"op", "an operation", known, true};

// Read on its own, after the envelope: its errors are the same as over HTTP.
constexpr Field request_field{"request", "an object with a target and an action", known, true};
constexpr Field wait_field{"wait", "a number of seconds from 0 to 86400", read_wait};
constexpr Field progress_field{"progress", "true or false",
    [](ZmqRequest& r, json::value const& v, std::string&) { return read_bool(r.progress, v); }};
constexpr Field command_field{"command", "the number of a command",
    [](ZmqRequest& r, json::value const& v, std::string&) { return read_command(r.command, v); }, true};
constexpr Field after_field{"after", "the 'next' of the page before",
    [](ZmqRequest& r, json::value const& v, std::string&) { return read_text(r.after, v, 0, name_limit); }};
constexpr Field limit_field{"limit", "a number from 1 to 500",
    [](ZmqRequest& r, json::value const& v, std::string&) { return read_limit(r.limit, v); }};
constexpr Field subject_field(std::string_view name)
{
    return {name, "a name of 1 to 255 characters",
        [](ZmqRequest& r, json::value const& v, std::string&) {
            return read_text(r.subject, v, 1, name_limit);
        },
        true};
}

constexpr std::array<JsonField<CommandFilter>, 6> filter_fields{{
    {"device", "a name of 1 to 255 characters",
        [](CommandFilter& f, json::value const& v, std::string&) {
            return read_text(f.device.emplace(), v, 1, name_limit);
        }},
    {"target", "a name of 1 to 255 characters",
        [](CommandFilter& f, json::value const& v, std::string&) {
            return read_text(f.target.emplace(), v, 1, name_limit);
        }},
    {"state",
        "one of delayed, queued, running, waiting, restoring, done, failed, expired, cancelled, superseded, "
        "indeterminate",
        [](CommandFilter& f, json::value const& v, std::string&) {
            return read_name(f.state.emplace(), v, command_state_from);
        }},
    {"open", "true or false",
        [](CommandFilter& f, json::value const& v, std::string&) { return read_bool(f.open, v); }},
    {"before", "the number of a command",
        [](CommandFilter& f, json::value const& v, std::string&) { return read_command(f.before, v); }},
    {"limit", "a number from 1 to 500",
        [](CommandFilter& f, json::value const& v, std::string&) { return read_limit(f.limit, v); }},
}};

bool read_filter(ZmqRequest& out, json::value const& value, std::string& why)
{
    auto const read = read_fields(out.filter, value, "the filter", filter_fields, UnknownFields::refuse);
    if (!read)
        why = read.error().detail;
    return read.has_value();
}

template <class... Fields>
Result<> read_as(ZmqRequest& out, json::value const& value, Fields const&... fields)
{
    std::array<Field, 3 + sizeof...(fields)> const table{v_field, id_field, op_field, fields...};
    return read_fields(out, value, "the message", table, UnknownFields::refuse);
}

Result<> read_submit(ZmqRequest& out, json::value const& value)
{
    if (auto read = read_as(out, value, request_field, wait_field, progress_field); !read)
        return read;
    auto request = request_from_json(value.get_object().at("request"));
    if (!request)
        return std::unexpected(std::move(request.error()));
    out.request = std::move(*request);
    if (out.progress && !out.wait)
        return fail(Errc::bad_request, "field 'progress' is only allowed with 'wait'");
    return {};
}

Result<> read_body(ZmqRequest& out, json::value const& value)
{
    switch (out.op) {
    case ZmqOp::submit:
        return read_submit(out, value);
    case ZmqOp::wait:
        return read_as(out, value, command_field, wait_field, progress_field);
    case ZmqOp::look:
        return read_as(out, value, command_field);
    case ZmqOp::cancel:
        return read_as(out, value, command_field,
            Field{"leave_off", "true or false",
                [](ZmqRequest& r, json::value const& v, std::string&) { return read_bool(r.leave_off, v); }});
    case ZmqOp::list:
        return read_as(out, value, Field{"filter", "an object", read_filter});
    case ZmqOp::state:
        return read_as(out, value, subject_field("target"), wait_field,
            Field{"outlet", "a text of at most 255 characters",
                [](ZmqRequest& r, json::value const& v, std::string&) {
                    return read_text(r.outlet.emplace(), v, 0, name_limit);
                }},
            Field{"max_age", "a number of seconds from 0 to 86400",
                [](ZmqRequest& r, json::value const& v, std::string&) {
                    return read_seconds(r.max_age, v, milliseconds{0}, longest_wait);
                }});
    case ZmqOp::targets:
    case ZmqOp::devices:
        return read_as(out, value, after_field, limit_field);
    case ZmqOp::target:
        return read_as(out, value, subject_field("target"));
    case ZmqOp::device:
    case ZmqOp::release:
        return read_as(out, value, subject_field("device"));
    case ZmqOp::health:
    case ZmqOp::ping:
        break;
    }
    return read_as(out, value);
}

bool read_client_id(json::value& out, json::value const* value)
{
    if (value == nullptr)
        return false;
    std::string text;
    if (!value->is_int64() && !value->is_uint64() && !read_text(text, *value, 1, name_limit))
        return false;
    out = *value;
    return true;
}

Result<ZmqOp> read_op(json::value const* value)
{
    auto const* const text = value != nullptr ? value->if_string() : nullptr;
    std::string all;
    for (auto const op : op_names)
        all += (all.empty() ? "" : ", ") + std::string(op);
    if (text == nullptr)
        return fail(Errc::bad_request, "field 'op' must be one of " + all);
    std::string_view const word(text->data(), text->size());
    auto const found = std::ranges::find(op_names, word);
    if (found != op_names.end())
        return static_cast<ZmqOp>(found - op_names.begin());
    auto const shown = std::string(word.substr(0, 40));
    auto const hint = did_you_mean(shown, op_names);
    return fail(Errc::bad_request,
        "unknown operation '" + shown + "'" + (hint.empty() ? ";" : hint) + " known: " + all);
}

json::object head(json::value const& id)
{
    json::object out;
    out.reserve(4);
    out.emplace("v", protocol_version);
    out.emplace("id", id);
    return out;
}

} // namespace

std::string_view name(ZmqOp op) noexcept
{
    return op_names[static_cast<std::size_t>(op)];
}

std::expected<ZmqRequest, ZmqRejection> decode_zmq_request(std::string_view frame)
{
    ZmqRequest out;
    auto const refuse = [&out](Error error) {
        return std::unexpected(ZmqRejection(std::move(out.id), std::move(error)));
    };
    auto const value = parse_json(frame);
    if (!value)
        return refuse(value.error());
    auto const* const object = value->if_object();
    if (object == nullptr)
        return refuse(Error(Errc::bad_request, "the message must be a JSON object"));
    bool const has_id = read_client_id(out.id, object->if_contains("id"));
    auto const* const version = object->if_contains("v");
    if (version == nullptr)
        return refuse(Error(Errc::bad_request, "field 'v' is missing: it must be 1"));
    std::uint64_t number = 0;
    if (!read_whole(number, *version, largest) || number != protocol_version)
        return refuse(Error(Errc::bad_request, "this daemon speaks protocol version 1: field 'v' must be 1"));
    if (!has_id)
        return refuse(
            Error(Errc::bad_request, "field 'id' must be a text of 1 to 255 characters or a whole number"));
    auto const op = read_op(object->if_contains("op"));
    if (!op)
        return refuse(op.error());
    out.op = *op;
    if (auto const read = read_body(out, *value); !read)
        return refuse(read.error());
    return out;
}

json::object zmq_answer(json::value const& id)
{
    auto out = head(id);
    out.emplace("ok", true);
    return out;
}

json::object zmq_failure(
    json::value const& id, Error const& error, CommandId command, std::string_view device)
{
    auto out = head(id);
    out.emplace("ok", false);
    auto body = to_json(error);
    if (!device.empty())
        body.emplace("device", device);
    if (command)
        body.emplace("command", command.value);
    out.emplace("error", std::move(body));
    return out;
}

json::object zmq_accepted(json::value const& id, CommandId command, bool repeated)
{
    auto out = head(id);
    json::object body;
    body.emplace("command", command.value);
    body.emplace("repeated", repeated);
    out.emplace("accepted", std::move(body));
    return out;
}

json::object zmq_progress(json::value const& id, Event const& event)
{
    auto out = head(id);
    out.emplace("event", to_json(event));
    return out;
}

std::string topic_of(Event const& event)
{
    return event.reset ? std::string("reset")
                       : "target." + event.target + "/" + std::to_string(event.command.value);
}

} // namespace switchyard
