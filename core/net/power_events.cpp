#include "core/base/text.hpp"
#include "core/net/power_client.hpp"
#include "core/net/power_link.hpp"
#include "core/net/zmq_endpoint.hpp"
#include "core/wire/northbound_json.hpp"

#include <algorithm>

namespace switchyard {
namespace {

constexpr std::string_view default_port = "16422";
constexpr int queued_events = 100'000;

} // namespace

std::string power_endpoint(std::string_view text)
{
    std::string const whole(text);
    if (whole.find("://") != std::string::npos)
        return whole;
    if (whole.starts_with('/') || whole.starts_with('.'))
        return "ipc://" + whole;
    auto const colons = std::ranges::count(whole, ':');
    std::string host = whole;
    if (colons > 1 && !whole.starts_with('['))
        host = "[" + whole + "]";
    bool const has_port = host.starts_with('[') ? host.find("]:") != std::string::npos : colons == 1;
    return "tcp://" + host + (has_port ? "" : ":" + std::string(default_port));
}

std::string events_endpoint(std::string_view endpoint)
{
    std::string const whole(endpoint);
    if (auto const path = ipc_path(endpoint); !path.empty())
        return "ipc://" + std::string(path.substr(0, path.rfind('/') + 1)) + "events.sock";
    auto const colon = whole.rfind(':');
    auto const port = colon != std::string::npos ? parse_integer(endpoint.substr(colon + 1)) : std::nullopt;
    return port ? whole.substr(0, colon + 1) + std::to_string(*port + 1) : whole;
}

PowerEvents::PowerEvents(Timers& timers, PowerAddress address)
    : address_(std::move(address)), socket_(timers.executor(), context_, zmq::socket_type::sub)
{
    set_link_options(socket_);
    socket_.options().set(zmq::sockopt::rcvhwm, queued_events);
}

Result<> PowerEvents::connect(std::string const& endpoint, std::vector<std::string> const& targets)
{
    if (auto const secured = secure_link(socket_, endpoint, address_.curve_server, address_.curve_secret);
        !secured)
        return secured;
    if (targets.empty())
        socket_.options().set(zmq::sockopt::subscribe, "");
    else
        socket_.options().set(zmq::sockopt::subscribe, "reset");
    for (auto const& target : targets)
        socket_.options().set(zmq::sockopt::subscribe, "target." + target + "/");
    return socket_.connect(endpoint);
}

asio::awaitable<Result<Event>> PowerEvents::next()
{
    ZmqFrames frames;
    for (;;) {
        if (socket_.receive(frames)) {
            if (frames.count() != 2)
                continue;
            auto const value = parse_json(frames.text(1));
            co_return value ? event_from_json(*value) : std::unexpected(value.error());
        }
        bool const readable = co_await socket_.readable();
        if (!readable)
            co_return fail(Errc::cancelled, "interrupted");
    }
}

} // namespace switchyard
