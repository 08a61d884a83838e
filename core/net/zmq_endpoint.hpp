#pragma once

#include "core/base/error.hpp"
#include "core/net/zmq_socket.hpp"

#include <string>
#include <string_view>

namespace switchyard {

// The path of "ipc:///run/x.sock"; empty for other transports and for abstract names ("ipc://@x").
std::string_view ipc_path(std::string_view endpoint) noexcept;

// Binds. For an ipc path it makes the folder (0755) when it is missing, removes the socket of a process that
// has died, and leaves the new one readable and writable for its owner and for `group` (0660; when there is
// such a group and we may). Fails when a living process listens there.
Result<> bind_endpoint(ZmqSocket& socket, std::string const& endpoint, std::string const& group);

// Whether somebody listens at an ipc path: errno of a plain connect, 0 when somebody does.
int probe_ipc(std::string_view path) noexcept;

} // namespace switchyard
