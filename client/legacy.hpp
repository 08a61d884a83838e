#pragma once

#include "client/context.hpp"

// PDUDaemon's pduclient: its texts, and its exits 0, 1 and 127 only.
namespace switchyard::client {

asio::awaitable<ExitCode> run_legacy(Context& context);

// The reply of a foreign daemon: `ack` is what its line protocol said (stripped), `status` what its HTTP
// said. Fails with `unreachable` when it cannot be reached.
asio::awaitable<Result<std::string>> ask_by_line(
    Timers& timers, std::string host, std::string port, std::string line);
asio::awaitable<Result<unsigned>> ask_by_http(
    Timers& timers, std::string host, std::string port, std::string path);

} // namespace switchyard::client
