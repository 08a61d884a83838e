#include "core/wire/northbound_json.hpp"
#include "core/wire/zmq_message.hpp"

#include <boost/json/serialize.hpp>

// The client's half of the envelope: writing requests, reading answers.
namespace switchyard {
namespace {

json::object filter_json(CommandFilter const& filter)
{
    json::object out;
    if (filter.device)
        out.emplace("device", *filter.device);
    if (filter.target)
        out.emplace("target", *filter.target);
    if (filter.state)
        out.emplace("state", name(*filter.state));
    if (filter.open)
        out.emplace("open", true);
    if (filter.before)
        out.emplace("before", filter.before.value);
    out.emplace("limit", filter.limit);
    return out;
}

void add_page(json::object& out, ZmqRequest const& request)
{
    if (!request.after.empty())
        out.emplace("after", request.after);
    out.emplace("limit", request.limit);
}

void add_state(json::object& out, ZmqRequest const& request)
{
    out.emplace("target", request.subject);
    if (request.outlet)
        out.emplace("outlet", *request.outlet);
    if (request.max_age.count() > 0)
        out.emplace("max_age", seconds_json(request.max_age));
}

void add_body(json::object& out, ZmqRequest const& request)
{
    switch (request.op) {
    case ZmqOp::submit:
        out.emplace("request", to_json(request.request));
        return;
    case ZmqOp::cancel:
        if (request.leave_off)
            out.emplace("leave_off", true);
        [[fallthrough]];
    case ZmqOp::wait:
    case ZmqOp::look:
        out.emplace("command", request.command.value);
        return;
    case ZmqOp::list:
        out.emplace("filter", filter_json(request.filter));
        return;
    case ZmqOp::state:
        add_state(out, request);
        return;
    case ZmqOp::targets:
    case ZmqOp::devices:
        add_page(out, request);
        return;
    case ZmqOp::target:
        out.emplace("target", request.subject);
        return;
    case ZmqOp::device:
    case ZmqOp::release:
        out.emplace("device", request.subject);
        return;
    case ZmqOp::health:
    case ZmqOp::ping:
        return;
    }
}

} // namespace

std::string encode(ZmqRequest const& request)
{
    json::object out;
    out.emplace("v", protocol_version);
    out.emplace("id", request.id);
    out.emplace("op", name(request.op));
    add_body(out, request);
    if (request.wait)
        out.emplace("wait", seconds_json(*request.wait));
    if (request.progress)
        out.emplace("progress", true);
    return json::serialize(out);
}

Result<ZmqReply> decode_zmq_reply(std::string_view frame)
{
    auto value = parse_json(frame);
    if (!value)
        return fail(Errc::protocol, "the daemon's answer is " + value.error().detail);
    auto* const object = value->if_object();
    if (object == nullptr)
        return fail(Errc::protocol, "the daemon's answer is not a JSON object");
    ZmqReply out;
    auto const* const id = object->if_contains("id");
    if (id != nullptr && !id->is_null() && !read_whole(out.id, *id, std::uint64_t{1} << 53U))
        return fail(Errc::protocol, "the daemon's answer has an id that was never sent");
    if (auto const* const ok = object->if_contains("ok")) {
        out.final = true;
        auto const* const error = object->if_contains("error");
        bool const good = ok->is_bool() && ok->get_bool();
        if (!good && error == nullptr)
            return fail(Errc::protocol, "the daemon's answer has neither 'ok' nor an error");
        if (!good) {
            auto read = error_from_json(*error);
            out.error = read ? std::move(*read)
                             : Error(Errc::protocol, "the daemon's error is unclear: " + read.error().detail);
        }
    }
    out.body = std::move(*object);
    return out;
}

} // namespace switchyard
