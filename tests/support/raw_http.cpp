#include "tests/support/raw_http.hpp"

#include "core/base/text.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

#include <stdexcept>

namespace switchyard::test {

namespace {

using tcp = asio::ip::tcp;

asio::awaitable<Result<std::string>> read_piece(tcp::socket& socket)
{
    std::string piece(65'536, '\0');
    auto const [error, size] =
        co_await socket.async_read_some(asio::buffer(piece), asio::as_tuple(asio::use_awaitable));
    if (error == asio::error::operation_aborted)
        co_return fail(Errc::cancelled, error.message());
    piece.resize(size); // nothing at the end, whether it closed or reset
    co_return piece;
}

} // namespace

std::string RawReply::header(std::string_view name) const
{
    for (auto const& field : headers)
        if (http_equal(field.name, name))
            return field.value;
    return {};
}

int RawReply::status() const
{
    auto const blank = status_line.find(' ');
    return static_cast<int>(parse_integer(std::string_view(status_line).substr(blank + 1, 3)).value_or(-1));
}

RawHttp::RawHttp(Loop& loop, std::uint16_t port) : loop_(loop), socket_(loop.io)
{
    socket_.connect(tcp::endpoint(asio::ip::address_v4::loopback(), port));
}

void RawHttp::send(std::string_view bytes)
{
    asio::write(socket_, asio::buffer(bytes));
}

std::size_t RawHttp::offer(std::string_view bytes)
{
    socket_.non_blocking(true);
    boost::system::error_code full;
    auto const size = socket_.write_some(asio::buffer(bytes), full);
    socket_.non_blocking(false);
    return size;
}

void RawHttp::half_close()
{
    socket_.shutdown(tcp::socket::shutdown_send);
}

void RawHttp::close()
{
    socket_.close();
}

void RawHttp::reset()
{
    socket_.set_option(asio::socket_base::linger(true, 0));
    socket_.close();
}

void RawHttp::take_little()
{
    socket_.set_option(asio::socket_base::receive_buffer_size(4'096));
}

bool RawHttp::more()
{
    auto const piece =
        loop_.run(with_deadline(loop_.timers, Clock::now() + std::chrono::seconds(10), read_piece(socket_)));
    if (!piece)
        throw std::runtime_error("nothing came for ten seconds after: " + buffer_);
    buffer_.append(*piece);
    return !piece->empty();
}

std::string RawHttp::read_until(std::string_view mark)
{
    while (buffer_.find(mark) == std::string::npos)
        if (!more())
            throw std::runtime_error("the server closed after: " + buffer_);
    auto const size = buffer_.find(mark) + mark.size();
    auto text = buffer_.substr(0, size);
    buffer_.erase(0, size);
    return text;
}

std::string RawHttp::read_line()
{
    auto line = read_until("\n");
    line.resize(line.size() - (line.ends_with("\r\n") ? 2 : 1));
    return line;
}

std::string RawHttp::read_to_end()
{
    while (more())
        continue;
    return std::exchange(buffer_, {});
}

bool RawHttp::at_end()
{
    return buffer_.empty() && !more();
}

RawReply RawHttp::reply(bool head)
{
    RawReply reply;
    reply.status_line = read_line();
    for (auto line = read_line(); !line.empty(); line = read_line()) {
        auto const colon = line.find(": ");
        reply.headers.emplace_back(line.substr(0, colon), line.substr(colon + 2));
    }
    auto const length = parse_integer(reply.header("Content-Length"));
    while (!head && length && buffer_.size() < static_cast<std::size_t>(*length))
        if (!more())
            throw std::runtime_error("the body ended early: " + buffer_);
    if (!head && length) {
        reply.body = buffer_.substr(0, static_cast<std::size_t>(*length));
        buffer_.erase(0, reply.body.size());
    }
    return reply;
}

} // namespace switchyard::test
