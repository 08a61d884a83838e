// Switchyard's HTTP server on one thread with a handler that answers 200, to be measured beside
// bench_bare_beast.
//   bench_http_server PORT
#include "core/net/http_server.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

#include <iostream>

namespace {

class Answer final : public switchyard::HttpHandler {
public:
    boost::asio::awaitable<switchyard::HttpResponse> handle(switchyard::HttpRequest const&) override
    {
        switchyard::HttpResponse response(200, "text/plain; charset=utf-8", "OK - accepted request\n");
        co_return response;
    }
};

} // namespace

int main(int argc, char** argv)
{
    using namespace switchyard;
    boost::asio::io_context io(1);
    Timers timers(io.get_executor());
    TextSink sink;
    Log log(sink, LogLevel::warning);
    Answer answer;
    HttpServer server(timers, log, answer, HttpServerLimits());
    if (auto const listening = server.listen({std::string("127.0.0.1:") + (argc == 2 ? argv[1] : "")});
        !listening) {
        std::cerr << listening.error().message() << "\nusage: bench_http_server PORT\n";
        return 2;
    }
    boost::asio::signal_set signals(io, SIGINT, SIGTERM);
    signals.async_wait([&](auto...) {
        boost::asio::co_spawn(io, server.stop(Clock::now() + std::chrono::seconds(1)),
            [&io](std::exception_ptr) { io.stop(); });
    });
    io.run();
    return 0;
}
