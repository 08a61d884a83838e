#pragma once

#include "core/base/error.hpp"
#include "core/base/secret.hpp"
#include "core/net/zmq_socket.hpp"

#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace switchyard {

// CURVE (RFC 26): both sides know the other's public key. Keys are Z85 texts of 40 characters.
inline constexpr std::size_t curve_key_size = 40;

// The text when it is a key; else `bad_request` with a detail that says what a key looks like, never the
// text.
Result<> check_curve_key(std::string_view key, std::string_view what);
// The public key that belongs to a secret one.
Result<std::string> curve_public_key(Secret const& secret);

// The key of the client that sent this frame: the User-Id that CurveGate gave it. Empty without CURVE.
std::string_view curve_user(zmq::message_t& frame) noexcept;
// The file descriptor of the connection that a frame came through, -1 when it is not known.
int connection_of(zmq::message_t& frame) noexcept;
// "localhost:uid:gid:pid" of an ipc peer, an address of a tcp peer.
std::string_view peer_address(zmq::message_t& frame) noexcept;

// Decides which clients may connect to the CURVE sockets of a context: those whose public key is listed (ZAP,
// RFC 27, at inproc://zeromq.zap.01). Sockets without a domain are not asked about.
class CurveGate {
public:
    static constexpr char const* domain = "switchyard";

    CurveGate(
        asio::any_io_executor executor, zmq::context_t& context, std::vector<std::string> const& clients);

    // To be called before the sockets it guards are bound.
    Result<> open();
    // Makes a socket a CURVE server that asks this gate.
    static Result<> guard(ZmqSocket& socket, Secret const& secret);
    // Answers until it is cancelled.
    asio::awaitable<void> run();

private:
    void answer(ZmqFrames& frames, std::size_t start);

    ZmqSocket socket_;
    std::set<std::string, std::less<>> clients_;
};

} // namespace switchyard
