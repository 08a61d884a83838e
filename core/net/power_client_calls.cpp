#include "core/net/power_client.hpp"
#include "core/wire/northbound_json.hpp"

// What can be asked of a daemon.
namespace switchyard {
namespace {

Error unclear(std::string detail)
{
    return Error(Errc::protocol, "the daemon's answer is not understood: " + std::move(detail));
}

template <class T>
Result<T> field(
    Result<json::object> const& answer, std::string_view name, Result<T> (*read)(json::value const&))
{
    if (!answer)
        return std::unexpected(answer.error());
    auto const* const value = answer->if_contains(name);
    if (value == nullptr)
        return std::unexpected(unclear("it has no field '" + std::string(name) + "'"));
    auto result = read(*value);
    if (!result)
        return std::unexpected(unclear(result.error().detail));
    return result;
}

template <class T>
Result<std::string> page(Result<json::object> const& answer, std::string_view name, std::vector<T>& out,
    Result<T> (*read)(json::value const&))
{
    if (!answer)
        return std::unexpected(answer.error());
    std::string next;
    std::string why;
    auto const* const items = answer->if_contains(name);
    if (items == nullptr || !read_items(out, *items, why, read))
        return std::unexpected(unclear(std::string(name) + ": " + why));
    if (auto const* const text = answer->if_contains("next"))
        read_any_text(next, *text);
    return next;
}

ZmqRequest about(ZmqOp op, CommandId command)
{
    ZmqRequest request;
    request.op = op;
    request.command = command;
    return request;
}

ZmqRequest about(ZmqOp op, std::string subject)
{
    ZmqRequest request;
    request.op = op;
    request.subject = std::move(subject);
    return request;
}

ZmqRequest page_of(ZmqOp op, std::string after, std::size_t limit)
{
    ZmqRequest request;
    request.op = op;
    request.after = std::move(after);
    request.limit = limit;
    return request;
}

} // namespace

asio::awaitable<Result<PowerClient::Accepted>> PowerClient::submit(Request what)
{
    ZmqRequest request;
    request.op = ZmqOp::submit;
    request.request = std::move(what);
    auto const answer = co_await ask(std::move(request));
    if (!answer)
        co_return std::unexpected(answer.error());
    Accepted accepted;
    auto const* const command = answer->if_contains("command");
    if (command == nullptr || !read_whole(accepted.id.value, *command, std::uint64_t{1} << 53U))
        co_return std::unexpected(unclear("it has no command"));
    if (auto const* const repeated = answer->if_contains("repeated"))
        read_bool(accepted.repeated, *repeated);
    co_return accepted;
}

asio::awaitable<Result<Report>> PowerClient::run(
    Request what, Clock::time_point until, Progress const& progress)
{
    ZmqRequest request;
    request.op = ZmqOp::submit;
    request.request = std::move(what);
    request.wait.emplace(0); // what is left until `until`, set when it is sent
    request.progress = true;
    auto const answer = co_await ask_until(std::move(request), until, &progress);
    co_return field<Report>(answer, "report", report_from_json);
}

asio::awaitable<Result<Report>> PowerClient::wait(CommandId id, Clock::time_point until)
{
    auto request = about(ZmqOp::wait, id);
    request.wait.emplace(0);
    auto const answer = co_await ask_until(std::move(request), until, nullptr);
    co_return field<Report>(answer, "report", report_from_json);
}

asio::awaitable<Result<Report>> PowerClient::look(CommandId id)
{
    auto request = about(ZmqOp::look, id);
    auto const answer = co_await ask(std::move(request));
    co_return field<Report>(answer, "report", report_from_json);
}

asio::awaitable<Result<Report>> PowerClient::cancel(CommandId id, CancelMode mode)
{
    auto request = about(ZmqOp::cancel, id);
    request.leave_off = mode == CancelMode::leave_off;
    auto const answer = co_await ask(std::move(request));
    co_return field<Report>(answer, "report", report_from_json);
}

asio::awaitable<Result<CommandPage>> PowerClient::list(CommandFilter filter)
{
    ZmqRequest request;
    request.op = ZmqOp::list;
    request.filter = std::move(filter);
    auto const answer = co_await ask(std::move(request));
    co_return field<CommandPage>(answer, "page", command_page_from_json);
}

asio::awaitable<Result<TargetState>> PowerClient::state(std::string target, std::optional<std::string> outlet,
    std::chrono::milliseconds max_age, Clock::time_point until)
{
    auto request = about(ZmqOp::state, std::move(target));
    request.outlet = std::move(outlet);
    request.max_age = max_age;
    request.wait.emplace(0);
    auto const answer = co_await ask_until(std::move(request), until, nullptr);
    co_return field<TargetState>(answer, "state", target_state_from_json);
}

asio::awaitable<Result<TargetInfo>> PowerClient::target(std::string name)
{
    auto request = about(ZmqOp::target, std::move(name));
    auto const answer = co_await ask(std::move(request));
    co_return field<TargetInfo>(answer, "target", target_info_from_json);
}

asio::awaitable<Result<DeviceInfo>> PowerClient::device(std::string name)
{
    auto request = about(ZmqOp::device, std::move(name));
    auto const answer = co_await ask(std::move(request));
    co_return field<DeviceInfo>(answer, "device", device_info_from_json);
}

asio::awaitable<Result<PowerClient::Targets>> PowerClient::targets(std::string after, std::size_t limit)
{
    auto request = page_of(ZmqOp::targets, std::move(after), limit);
    auto const answer = co_await ask(std::move(request));
    Targets out;
    auto next = page<TargetInfo>(answer, "targets", out.targets, target_info_from_json);
    if (!next)
        co_return std::unexpected(std::move(next.error()));
    out.next = std::move(*next);
    co_return out;
}

asio::awaitable<Result<PowerClient::Devices>> PowerClient::devices(std::string after, std::size_t limit)
{
    auto request = page_of(ZmqOp::devices, std::move(after), limit);
    auto const answer = co_await ask(std::move(request));
    Devices out;
    auto next = page<DeviceInfo>(answer, "devices", out.devices, device_info_from_json);
    if (!next)
        co_return std::unexpected(std::move(next.error()));
    out.next = std::move(*next);
    co_return out;
}

asio::awaitable<Result<>> PowerClient::release(std::string device)
{
    auto request = about(ZmqOp::release, std::move(device));
    auto const answer = co_await ask(std::move(request));
    co_return answer ? Result<>() : std::unexpected(answer.error());
}

asio::awaitable<Result<json::object>> PowerClient::health()
{
    ZmqRequest request;
    request.op = ZmqOp::health;
    auto const answer = co_await ask(std::move(request));
    if (!answer)
        co_return std::unexpected(answer.error());
    auto const* const health = answer->if_contains("health");
    if (health == nullptr || !health->is_object())
        co_return std::unexpected(unclear("it has no field 'health'"));
    co_return health->get_object();
}

} // namespace switchyard
