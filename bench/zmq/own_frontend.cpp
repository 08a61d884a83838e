// Switchyard's ZeroMQ frontend before a service that accepts every command at once and keeps nothing: what
// the protocol itself costs, to be measured beside `bench_zmq router`.
//   bench_zmq_frontend ENDPOINT
#include "daemon/frontends/zmq/zmq_frontend.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

#include <iostream>

namespace {

using namespace switchyard;

Report done(CommandId id)
{
    Report report;
    report.id = id;
    report.state = CommandState::done;
    return report;
}

class NoEvents final : public Subscription {
public:
    explicit NoEvents(asio::any_io_executor executor) : never_(std::move(executor)) {}
    asio::awaitable<Result<Event>> next() override
    {
        co_await never_.wait();
        co_return fail(Errc::cancelled, {});
    }

private:
    Signal never_;
};

class Yes final : public PowerService {
public:
    explicit Yes(asio::any_io_executor executor) : executor_(std::move(executor)) {}
    asio::awaitable<Result<Accepted>> submit(Principal const&, Request) override
    {
        Accepted accepted;
        accepted.id = CommandId{++last_};
        co_return accepted;
    }
    asio::awaitable<Result<Report>> wait(CommandId id, Clock::time_point) override { co_return done(id); }
    asio::awaitable<Result<Report>> look(CommandId id) override { co_return done(id); }
    asio::awaitable<Result<Report>> cancel(Principal const&, CommandId id, CancelMode) override
    {
        co_return done(id);
    }
    asio::awaitable<Result<CommandPage>> list(CommandFilter) override { co_return CommandPage(); }
    asio::awaitable<Result<TargetState>> state(Principal const&, std::string, std::optional<std::string>,
        std::chrono::milliseconds, Clock::time_point) override
    {
        co_return TargetState();
    }
    TargetPage targets(std::string_view, std::size_t) const override { return {}; }
    DevicePage devices(std::string_view, std::size_t) const override { return {}; }
    Result<TargetInfo> target(std::string_view) const override { return TargetInfo(); }
    Result<DeviceInfo> device(std::string_view) const override { return DeviceInfo(); }
    asio::awaitable<Result<>> release(Principal const&, std::string) override { co_return Result<>(); }
    std::unique_ptr<Subscription> watch(std::optional<EventId>) override
    {
        return std::make_unique<NoEvents>(executor_);
    }
    Health health() const override { return {}; }

private:
    asio::any_io_executor executor_;
    std::uint64_t last_ = 0;
};

} // namespace

int main(int argc, char** argv)
{
    asio::io_context io(1);
    Timers timers(io.get_executor());
    TextSink sink;
    Log log(sink, LogLevel::warning);
    Yes service(io.get_executor());
    ZmqFrontendOptions options;
    options.listen = {argc == 2 ? argv[1] : ""};
    ZmqFrontend frontend(timers, service, log, std::move(options));
    if (auto const started = frontend.start(); !started) {
        std::cerr << started.error().message() << "\nusage: bench_zmq_frontend ENDPOINT\n";
        return 2;
    }
    asio::signal_set signals(io, SIGINT, SIGTERM);
    signals.async_wait([&](auto...) {
        asio::co_spawn(io, frontend.stop(Clock::now() + std::chrono::seconds(1)),
            [&](std::exception_ptr) { io.stop(); });
    });
    io.run();
    return 0;
}
