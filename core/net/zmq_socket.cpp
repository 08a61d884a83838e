#include "core/net/zmq_socket.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <stdexcept>

namespace switchyard {

ZmqSocket::ZmqSocket(asio::any_io_executor executor, zmq::context_t& context, zmq::socket_type type)
    : socket_(context, type), descriptor_(executor, socket_.get(zmq::sockopt::fd))
{
    // Closing must never wait for a peer that is not there.
    socket_.set(zmq::sockopt::linger, 0);
}

ZmqSocket::~ZmqSocket()
{
    descriptor_.release(); // it belongs to the library
}

Result<> ZmqSocket::bind(std::string const& endpoint)
{
    try {
        socket_.set(zmq::sockopt::ipv6, endpoint.find('[') != std::string::npos);
        socket_.bind(endpoint);
        return {};
    } catch (zmq::error_t const& error) {
        return fail(Errc::internal, "cannot listen on " + endpoint + ": " + error.what());
    }
}

Result<> ZmqSocket::connect(std::string const& endpoint)
{
    try {
        socket_.set(zmq::sockopt::ipv6, endpoint.find('[') != std::string::npos);
        socket_.connect(endpoint);
        return {};
    } catch (zmq::error_t const& error) {
        return fail(Errc::internal, "cannot connect to " + endpoint + ": " + error.what());
    }
}

void ZmqSocket::disconnect(std::string const& endpoint) noexcept
{
    // The only failure is an endpoint that is not connected any more.
    (void)zmq_disconnect(socket_.handle(), endpoint.c_str());
}

std::string ZmqSocket::last_endpoint() const
{
    return socket_.get(zmq::sockopt::last_endpoint);
}

bool ZmqSocket::receive(ZmqFrames& frames)
{
    frames.count_ = 0;
    zmq::message_t rest;
    for (;;) {
        auto& frame = frames.count_ < ZmqFrames::kept ? frames.frames_[frames.count_] : rest;
        if (zmq_msg_recv(frame.handle(), socket_.handle(), ZMQ_DONTWAIT) < 0) {
            if (errno == EINTR)
                continue;
            return false;
        }
        ++frames.count_;
        if (!frame.more())
            return true;
    }
}

bool ZmqSocket::has_input()
{
    return (socket_.get(zmq::sockopt::events) & ZMQ_POLLIN) != 0;
}

bool ZmqSocket::writable()
{
    bool const writable = (socket_.get(zmq::sockopt::events) & ZMQ_POLLOUT) != 0;
    look_again();
    return writable;
}

asio::awaitable<bool> ZmqSocket::readable()
{
    auto const state = co_await asio::this_coro::cancellation_state;
    for (;;) {
        if (has_input())
            co_return true;
        if (state.cancelled() != asio::cancellation_type::none)
            co_return false;
        waiting_ = true;
        co_await descriptor_.async_wait(
            asio::posix::descriptor_base::wait_read, asio::as_tuple(asio::use_awaitable));
        waiting_ = false;
        nudged_ = false;
    }
}

// Once for all sends of a turn of the loop: the reader goes on after them.
void ZmqSocket::look_again()
{
    if (!waiting_ || nudged_)
        return;
    nudged_ = true;
    descriptor_.cancel();
}

ZmqSocket::Sent ZmqSocket::send(std::span<std::string_view const> frames)
{
    for (std::size_t i = 0; i < frames.size(); ++i) {
        int const flags = ZMQ_DONTWAIT | (i + 1 < frames.size() ? ZMQ_SNDMORE : 0);
        while (zmq_send(socket_.handle(), frames[i].data(), frames[i].size(), flags) < 0) {
            if (errno == EINTR)
                continue;
            if (i > 0 && errno != EHOSTUNREACH && errno != EAGAIN)
                throw std::logic_error(std::string("zmq_send: ") + zmq_strerror(errno));
            auto const sent = errno == EAGAIN ? Sent::full : Sent::gone;
            look_again();
            return sent;
        }
    }
    look_again();
    return Sent::yes;
}

} // namespace switchyard
