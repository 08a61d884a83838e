#pragma once

#include "core/wire/northbound.hpp"

#include <boost/json/value.hpp>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

// The envelope of protocol version 1 over ZeroMQ: one JSON object a message. docs/protocol.md is its
// reference.
namespace switchyard {

enum class ZmqOp : std::uint8_t {
    submit,
    wait,
    look,
    cancel,
    list,
    state,
    targets,
    target,
    devices,
    device,
    release,
    health,
    ping
};
std::string_view name(ZmqOp op) noexcept;

inline constexpr std::chrono::milliseconds longest_wait = std::chrono::hours{24};

// What a client asks. `id` is its own (a text of at most 255 characters or a whole number) and comes back in
// every answer.
struct ZmqRequest {
    json::value id;
    ZmqOp op = ZmqOp::ping;
    Request request;                               // submit
    CommandId command;                             // wait, look, cancel
    std::optional<std::chrono::milliseconds> wait; // submit, wait, state: how long the answer may take
    bool progress = false;               // submit, wait: every transition comes as a message of its own
    bool leave_off = false;              // cancel
    CommandFilter filter;                // list
    std::string subject;                 // state, target: the target; device, release: the device
    std::optional<std::string> outlet;   // state
    std::chrono::milliseconds max_age{}; // state
    std::string after;                   // targets, devices
    std::size_t limit = 100;             // targets, devices: 1 to 500
};

// Why a message is no request, and the id to answer to (null when it has none that can be used).
struct ZmqRejection {
    ZmqRejection(json::value id_, Error error_) : id(std::move(id_)), error(std::move(error_)) {}
    json::value id;
    Error error;
};

// Strict: an unknown field, or one that does not belong to the operation, is `bad_request` with what is
// allowed.
std::expected<ZmqRequest, ZmqRejection> decode_zmq_request(std::string_view frame);
// What a client sends; decode_zmq_request() reads it back.
std::string encode(ZmqRequest const& request);

// {"v": 1, "id": ..., "ok": true}; the caller adds what was asked for.
json::object zmq_answer(json::value const& id);
// {"v": 1, "id": ..., "ok": false, "error": {..., "device": ..., "command": ...}}; what is unknown is left
// out.
json::object zmq_failure(
    json::value const& id, Error const& error, CommandId command = {}, std::string_view device = {});
// {"v": 1, "id": ..., "accepted": {"command": 17, "repeated": false}}: comes before the answer.
json::object zmq_accepted(json::value const& id, CommandId command, bool repeated);
// {"v": 1, "id": ..., "event": {...}}: comes before the answer.
json::object zmq_progress(json::value const& id, Event const& event);

// A message from the daemon. It is the answer when `final`; otherwise it is progress, and `body` says which.
struct ZmqReply {
    std::uint64_t id = 0; // ours are numbers
    bool final = false;
    std::optional<Error> error;
    json::object body;
};
Result<ZmqReply> decode_zmq_reply(std::string_view frame);

// The first frame of a published event: "target.srv1/17"; "reset" when events were lost. The slash ends the
// name, so that a subscription to "target.srv1/" does not match srv10.
std::string topic_of(Event const& event);

} // namespace switchyard
