#include "client/client.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

#include <csignal>
#include <iostream>
#include <unistd.h>

using namespace switchyard;

int main(int argc, char** argv)
{
    asio::io_context io{1};
    Timers timers(io.get_executor());
    client::Terminal terminal(
        std::cout, std::cerr, ::isatty(STDOUT_FILENO) == 1 && ::isatty(STDERR_FILENO) == 1);
    client::Client client(timers, terminal);
    asio::signal_set signals(io, SIGINT, SIGTERM);
    signals.async_wait([&](boost::system::error_code error, int) {
        if (!error)
            client.interrupt();
    });
    auto code = client::ExitCode::failed;
    std::exception_ptr failure;
    asio::co_spawn(
        io, client.run({argv + 1, argv + argc}), [&](std::exception_ptr error, client::ExitCode result) {
            failure = error;
            code = result;
            signals.cancel();
            timers.rest();
        });
    io.run();
    if (failure)
        std::rethrow_exception(failure);
    return static_cast<int>(code);
}
