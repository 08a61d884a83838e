// A bare Beast coroutine server on one thread: reads a request, answers 200, keeps the connection. No limits,
// no deadlines.
//   bench_bare_beast PORT
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>

#include <charconv>
#include <iostream>
#include <string_view>

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using tcp = asio::ip::tcp;

namespace {

constexpr auto quiet = asio::as_tuple(asio::use_awaitable);

void report(std::exception_ptr error)
{
    if (error)
        std::rethrow_exception(error);
}

asio::awaitable<void> serve(tcp::socket socket)
{
    beast::flat_buffer buffer;
    socket.set_option(tcp::no_delay(true));
    for (;;) {
        http::request<http::string_body> request;
        auto const [read_error, got] = co_await http::async_read(socket, buffer, request, quiet);
        if (read_error)
            co_return;
        http::response<http::string_body> response(http::status::ok, request.version());
        response.set(http::field::server, "bare");
        response.set(http::field::content_type, "text/plain; charset=utf-8");
        response.keep_alive(request.keep_alive());
        response.body() = "OK - accepted request\n";
        response.prepare_payload();
        auto const [write_error, sent] = co_await http::async_write(socket, response, quiet);
        if (write_error || !request.keep_alive())
            co_return;
    }
}

asio::awaitable<void> accept(tcp::acceptor& acceptor)
{
    for (;;) {
        auto [error, socket] = co_await acceptor.async_accept(quiet);
        if (error)
            co_return;
        asio::co_spawn(acceptor.get_executor(), serve(std::move(socket)), report);
    }
}

} // namespace

int main(int argc, char** argv)
{
    std::string_view const text = argc == 2 ? argv[1] : "";
    std::uint16_t port = 0;
    if (std::from_chars(text.data(), text.data() + text.size(), port).ec != std::errc()) {
        std::cerr << "usage: bench_bare_beast PORT\n";
        return 2;
    }
    asio::io_context io(1);
    tcp::acceptor acceptor(io, tcp::endpoint(asio::ip::address_v4::loopback(), port));
    asio::co_spawn(io, accept(acceptor), report);
    asio::signal_set signals(io, SIGINT, SIGTERM);
    signals.async_wait([&io](auto...) { io.stop(); });
    io.run();
    return 0;
}
