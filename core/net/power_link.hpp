#pragma once

#include "core/base/secret.hpp"
#include "core/net/zmq_socket.hpp"

#include <string>

// What the client's two kinds of connections share.
namespace switchyard {

// Heartbeats, so that a daemon that vanished without a word is noticed, and a limit for its messages.
void set_link_options(ZmqSocket& socket);
// CURVE for tcp when there is a key of the daemon.
Result<> secure_link(
    ZmqSocket& socket, std::string const& endpoint, std::string const& server_key, SecretRef const& secret);

} // namespace switchyard
