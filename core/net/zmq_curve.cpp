#include "core/net/zmq_curve.hpp"

#include <array>

namespace switchyard {
namespace {

constexpr std::size_t raw_key_size = 32;

std::string_view property(zmq::message_t& frame, char const* name) noexcept
{
    char const* const value = zmq_msg_gets(frame.handle(), name);
    return value != nullptr ? std::string_view(value) : std::string_view();
}

} // namespace

Result<> check_curve_key(std::string_view key, std::string_view what)
{
    std::array<std::uint8_t, raw_key_size> raw{};
    std::string const text(key);
    if (text.size() == curve_key_size && zmq_z85_decode(raw.data(), text.c_str()) != nullptr)
        return {};
    return fail(Errc::bad_request,
        std::string(what)
            + " is not a CURVE key: one has 40 characters of Z85, as zmq_curve_keypair() makes them");
}

Result<std::string> curve_public_key(Secret const& secret)
{
    if (auto const checked = check_curve_key(secret.reveal(), "the secret key"); !checked)
        return std::unexpected(checked.error());
    std::array<char, curve_key_size + 1> text{};
    if (zmq_curve_public(text.data(), std::string(secret.reveal()).c_str()) != 0)
        return fail(Errc::internal, std::string("CURVE is not available: ") + zmq_strerror(errno));
    return std::string(text.data(), curve_key_size);
}

std::string_view curve_user(zmq::message_t& frame) noexcept
{
    return property(frame, "User-Id");
}

std::string_view peer_address(zmq::message_t& frame) noexcept
{
    return property(frame, "Peer-Address");
}

int connection_of(zmq::message_t& frame) noexcept
{
    return zmq_msg_get(frame.handle(), ZMQ_SRCFD);
}

CurveGate::CurveGate(
    asio::any_io_executor executor, zmq::context_t& context, std::vector<std::string> const& clients)
    : socket_(std::move(executor), context, zmq::socket_type::router),
      clients_(clients.begin(), clients.end())
{
}

Result<> CurveGate::open()
{
    for (auto const& client : clients_)
        if (auto const checked = check_curve_key(client, "the client key '" + client + "'"); !checked)
            return checked;
    return socket_.bind("inproc://zeromq.zap.01");
}

Result<> CurveGate::guard(ZmqSocket& socket, Secret const& secret)
{
    if (auto const checked = check_curve_key(secret.reveal(), "curve_secret_key"); !checked)
        return checked;
    socket.options().set(zmq::sockopt::curve_server, true);
    socket.options().set(zmq::sockopt::curve_secretkey, std::string(secret.reveal()));
    socket.options().set(zmq::sockopt::zap_domain, domain);
    return {};
}

asio::awaitable<void> CurveGate::run()
{
    ZmqFrames frames;
    for (;;) {
        bool const readable = co_await socket_.readable();
        if (!readable)
            break;
        while (socket_.receive(frames))
            answer(frames, 2); // route and delimiter come first
    }
}

// RFC 27: version, request id, domain, address, routing id, mechanism, credentials.
void CurveGate::answer(ZmqFrames& frames, std::size_t start)
{
    if (frames.count() < start + 2)
        return; // only the library itself can reach us: this is no request
    std::array<char, curve_key_size + 1> key{};
    bool const curve = frames.count() == start + 7 && frames.text(start + 5) == "CURVE"
        && frames[start + 6].size() == raw_key_size && frames.text(start + 2) == domain
        && zmq_z85_encode(
               key.data(), static_cast<std::uint8_t const*>(frames[start + 6].data()), raw_key_size)
            != nullptr;
    std::string_view const user(key.data(), curve ? curve_key_size : 0);
    bool const allowed = curve && clients_.contains(user);
    std::array<std::string_view, 8> const reply{frames.text(0), frames.text(1), "1.0", frames.text(start + 1),
        allowed ? "200" : "400", allowed ? "OK" : "this key is not allowed",
        allowed ? user : std::string_view(), ""};
    socket_.send(reply);
}

} // namespace switchyard
