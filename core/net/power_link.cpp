#include "core/net/power_link.hpp"

#include "core/net/zmq_curve.hpp"

namespace switchyard {
namespace {

constexpr int heartbeat_interval = 5'000;                  // ms
constexpr std::int64_t largest_message = 64 * 1024 * 1024; // a page of 500 long reports has less

} // namespace

void set_link_options(ZmqSocket& socket)
{
    auto& options = socket.options();
    options.set(zmq::sockopt::heartbeat_ivl, heartbeat_interval);
    options.set(zmq::sockopt::heartbeat_timeout, 3 * heartbeat_interval);
    options.set(zmq::sockopt::maxmsgsize, largest_message);
}

Result<> secure_link(
    ZmqSocket& socket, std::string const& endpoint, std::string const& server_key, SecretRef const& secret)
{
    if (server_key.empty() || !endpoint.starts_with("tcp://"))
        return {};
    if (auto const checked = check_curve_key(server_key, "the daemon's key"); !checked)
        return checked;
    auto const own = secret.resolve();
    if (!own)
        return std::unexpected(own.error());
    auto const own_public = curve_public_key(*own);
    if (!own_public)
        return std::unexpected(own_public.error());
    socket.options().set(zmq::sockopt::curve_serverkey, server_key);
    socket.options().set(zmq::sockopt::curve_secretkey, std::string(own->reveal()));
    socket.options().set(zmq::sockopt::curve_publickey, *own_public);
    return {};
}

} // namespace switchyard
