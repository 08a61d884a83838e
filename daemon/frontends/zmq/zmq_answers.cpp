#include "core/base/version.hpp"
#include "core/wire/northbound_json.hpp"
#include "daemon/frontends/zmq/zmq_pending.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>

// From a request to calls of the service, and from their results to JSON.
namespace switchyard {
namespace {

constexpr std::chrono::milliseconds default_wait{60'000};

// The client goes: the operation is cancelled. What it waits for goes on.
template <class T>
asio::awaitable<Result<T>> while_there(ZmqDoor::Bound& bound, asio::awaitable<Result<T>> op)
{
    auto executor = co_await asio::this_coro::executor;
    co_return co_await asio::co_spawn(
        executor, quietly(std::move(op)), asio::bind_cancellation_slot(bound.slot(), asio::use_awaitable));
}

json::object health_json(Health const& health)
{
    json::object out;
    out.emplace("ready", health.ready);
    if (!health.reason.empty())
        out.emplace("reason", health.reason);
    out.emplace("open_commands", health.open_commands);
    out.emplace("devices", health.devices);
    out.emplace("failed_devices", health.failed_devices);
    out.emplace("targets", health.targets);
    return out;
}

template <class T>
json::array array_of(std::vector<T> const& items)
{
    json::array out;
    out.reserve(items.size());
    for (auto const& item : items)
        out.emplace_back(to_json(item));
    return out;
}

template <class T>
json::object answer_with(ZmqRequest const& request, std::string_view field, Result<T> const& result)
{
    if (!result) {
        bool const about_device = request.op == ZmqOp::device;
        return zmq_failure(request.id, result.error(), request.command,
            about_device ? std::string_view(request.subject) : std::string_view());
    }
    auto out = zmq_answer(request.id);
    out.emplace(field, to_json(*result));
    return out;
}

template <class Page>
json::object answer_page(
    ZmqRequest const& request, std::string_view field, Page const& items, std::string const& next)
{
    auto out = zmq_answer(request.id);
    out.emplace(field, array_of(items));
    if (!next.empty())
        out.emplace("next", next);
    return out;
}

} // namespace

// What is known without waiting.
std::optional<json::object> ZmqFrontend::answer_now(ZmqRequest const& request) const
{
    auto out = zmq_answer(request.id);
    switch (request.op) {
    case ZmqOp::ping:
        out.emplace("version", version);
        return out;
    case ZmqOp::health:
        out.emplace("health", health_json(service_.health()));
        return out;
    case ZmqOp::targets: {
        auto const page = service_.targets(request.after, request.limit);
        return answer_page(request, "targets", page.targets, page.next);
    }
    case ZmqOp::devices: {
        auto const page = service_.devices(request.after, request.limit);
        return answer_page(request, "devices", page.devices, page.next);
    }
    case ZmqOp::target:
        return answer_with(request, "target", service_.target(request.subject));
    case ZmqOp::device:
        return answer_with(request, "device", service_.device(request.subject));
    default:
        return std::nullopt;
    }
}

asio::awaitable<json::object> ZmqFrontend::answer(Pending& pending)
{
    auto& request = pending.request;
    switch (request.op) {
    case ZmqOp::submit:
        co_return co_await submit(pending);
    case ZmqOp::wait:
        co_return co_await follow(pending, request.command, std::nullopt);
    case ZmqOp::state:
        co_return co_await state(pending);
    case ZmqOp::look: {
        auto const report = co_await service_.look(request.command);
        co_return answer_with(request, "report", report);
    }
    case ZmqOp::cancel: {
        auto const mode = request.leave_off ? CancelMode::leave_off : CancelMode::restore;
        auto const report = co_await service_.cancel(pending.who, request.command, mode);
        co_return answer_with(request, "report", report);
    }
    case ZmqOp::list: {
        auto const page = co_await service_.list(std::move(request.filter));
        co_return answer_with(request, "page", page);
    }
    case ZmqOp::release: {
        auto const released = co_await service_.release(pending.who, request.subject);
        co_return released ? zmq_answer(request.id)
                           : zmq_failure(request.id, released.error(), {}, request.subject);
    }
    default:
        co_return zmq_failure(request.id, Error(Errc::internal, "this operation is answered at once"));
    }
}

asio::awaitable<json::object> ZmqFrontend::submit(Pending& pending)
{
    auto& request = pending.request;
    auto const accepted = co_await service_.submit(pending.who, std::move(request.request));
    if (!accepted)
        co_return zmq_failure(request.id, accepted.error());
    if (!request.wait) {
        auto out = zmq_answer(request.id);
        out.emplace("command", accepted->id.value);
        out.emplace("repeated", accepted->repeated);
        co_return out;
    }
    if (request.progress)
        pending.door->reply(pending.peer, zmq_accepted(request.id, accepted->id, accepted->repeated));
    co_return co_await follow(pending, accepted->id, accepted->repeated);
}

// Waits for the end of a command and tells its transitions when that was asked for.
asio::awaitable<json::object> ZmqFrontend::follow(
    Pending& pending, CommandId command, std::optional<bool> repeated)
{
    auto& request = pending.request;
    request.command = command; // errors from here on are about it
    ZmqDoor::Bound bound(*pending.door, pending.peer.connection);
    Follower const follower(followers_, command, request.progress ? &pending : nullptr);
    auto const until = Clock::now() + request.wait.value_or(default_wait);
    auto report = co_await while_there(bound, service_.wait(command, until));
    pending.gone = bound.gone();
    if (!report && report.error().code == Errc::cancelled && !pending.gone)
        report = fail(Errc::shutting_down, "the command goes on; ask for it again when the daemon is back");
    auto out = answer_with(request, "report", report);
    if (report && repeated)
        out.emplace("repeated", *repeated);
    co_return out;
}

asio::awaitable<json::object> ZmqFrontend::state(Pending& pending)
{
    auto& request = pending.request;
    ZmqDoor::Bound bound(*pending.door, pending.peer.connection);
    auto const until = Clock::now() + request.wait.value_or(default_wait);
    auto const state = co_await while_there(
        bound, service_.state(pending.who, request.subject, request.outlet, request.max_age, until));
    pending.gone = bound.gone();
    co_return answer_with(request, "state", state);
}

} // namespace switchyard
