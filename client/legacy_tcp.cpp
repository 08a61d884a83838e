#include "client/legacy.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>

#include <array>

// The two ways of PDUDaemon, bytes only.
namespace switchyard::client {
namespace {

using asio::ip::tcp;

constexpr std::size_t reply_limit = 65'536;
constexpr std::chrono::seconds connect_limit{10};
constexpr auto told = asio::as_tuple(asio::use_awaitable); // errors come as values

Error unreachable(std::string const& host, std::string const& port, boost::system::error_code error)
{
    return Error(Errc::unreachable, host + " port " + port + ": " + error.message());
}

asio::awaitable<Result<>> connect(tcp::socket& socket, std::string host, std::string port)
{
    tcp::resolver resolver(socket.get_executor());
    auto const [unresolved, addresses] = co_await resolver.async_resolve(host, port, told);
    if (unresolved)
        co_return std::unexpected(unreachable(host, port, unresolved));
    auto const [unconnected, address] = co_await asio::async_connect(socket, addresses, told);
    if (unconnected)
        co_return std::unexpected(unreachable(host, port, unconnected));
    co_return Result<>();
}

// Sends and reads until the other side closes. As with PDUDaemon the answer takes as long as the device does.
asio::awaitable<Result<std::string>> exchange(
    Timers& timers, std::string host, std::string port, std::string text)
{
    tcp::socket socket(timers.executor());
    auto connecting = connect(socket, host, port);
    auto const connected =
        co_await with_deadline(timers, Clock::now() + connect_limit, std::move(connecting));
    if (!connected)
        co_return std::unexpected(connected.error());
    auto const [unsent, bytes] = co_await asio::async_write(socket, asio::buffer(text), told);
    if (unsent)
        co_return std::unexpected(unreachable(host, port, unsent));
    std::string reply;
    std::array<char, 4096> part;
    while (reply.size() < reply_limit) {
        auto const [error, size] = co_await socket.async_read_some(asio::buffer(part), told);
        reply.append(part.data(), size);
        if (error)
            break;
    }
    co_return reply;
}

} // namespace

asio::awaitable<Result<std::string>> ask_by_line(
    Timers& timers, std::string host, std::string port, std::string line)
{
    auto reply = co_await exchange(timers, std::move(host), std::move(port), std::move(line));
    if (reply) {
        auto const begin = reply->find_first_not_of(" \t\r\n");
        auto const end = reply->find_last_not_of(" \t\r\n");
        reply = begin == std::string::npos ? std::string() : reply->substr(begin, end - begin + 1);
    }
    co_return reply;
}

asio::awaitable<Result<unsigned>> ask_by_http(
    Timers& timers, std::string host, std::string port, std::string path)
{
    auto const text = "GET " + path + " HTTP/1.1\r\nHost: " + host + ":" + port
        + "\r\nUser-Agent: pduclient\r\nAccept: */*\r\nConnection: close\r\n\r\n";
    auto const reply = co_await exchange(timers, host, port, text);
    if (!reply)
        co_return std::unexpected(reply.error());
    // "HTTP/1.1 200 OK"
    if (!reply->starts_with("HTTP/1.") || reply->size() < 12)
        co_return fail(Errc::unreachable, host + " port " + port + ": it does not speak HTTP");
    unsigned status = 0;
    for (char const c : std::string_view(*reply).substr(9, 3))
        status = status * 10 + static_cast<unsigned>(c >= '0' && c <= '9' ? c - '0' : 0);
    co_return status;
}

} // namespace switchyard::client
