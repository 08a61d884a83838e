#include "daemon/application.hpp"

#include "core/base/version.hpp"

#include <boost/asio/as_tuple.hpp>
#include <fmt/format.h>
#include <malloc.h>
#include <sys/resource.h>

#include <csignal>
#include <cstdio>
#include <random>

namespace switchyard {
namespace {

using namespace std::chrono_literals;

constexpr Clock::duration prune_pause = 10min;
constexpr Clock::duration grace_after_loss = 1s;

std::unique_ptr<LogSink> make_sink(bool foreground)
{
    if (!foreground && Systemd::present())
        return std::make_unique<JournalSink>();
    return std::make_unique<TextSink>();
}

// A thousand waiting clients must not meet a limit that was made for shells.
void raise_file_limit()
{
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= limit.rlim_max)
        return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

HttpFrontendOptions http_options(
    HttpConfig const& config, LineHandler& line, std::function<std::string()> metrics)
{
    HttpFrontendOptions options;
    options.listen = config.listen;
    options.limits.max_connections = config.max_connections;
    options.limits.max_header = config.max_header;
    options.limits.max_body = config.max_body;
    options.limits.request_timeout = config.header_timeout;
    options.limits.idle_timeout = config.idle_timeout;
    options.legacy_invalid_status = config.legacy_invalid_status;
    options.line = &line;
    options.metrics = std::move(metrics);
    return options;
}

ZmqFrontendOptions zmq_options(ZmqConfig const& config)
{
    ZmqFrontendOptions options;
    options.listen = config.listen;
    options.publish = config.publish;
    options.max_message = config.max_message;
    options.max_pending = config.max_pending;
    options.curve_secret_key = config.curve_secret_key;
    options.curve_clients = config.curve_clients;
    options.socket_group = config.socket_group;
    return options;
}

SqliteOptions store_options(StoreConfig const& config, Metrics& metrics)
{
    SqliteOptions options(config.path);
    options.ballast = config.ballast;
    options.committed = [&metrics](std::size_t rows, std::chrono::nanoseconds took) {
        metrics.committed(rows, took);
    };
    return options;
}

} // namespace

class Application::Counting final : public QueueObserver {
public:
    explicit Counting(Metrics& metrics) : metrics_(metrics) {}
    void accepted(Action action, Clock::duration took) override { metrics_.accepted(action, took); }
    void finished(Action action, CommandState state, Clock::duration whole) override
    {
        metrics_.finished(action, state, whole);
    }
    void driver_call(std::string_view driver, bool, Clock::duration took) override
    {
        metrics_.driver(driver).called(took);
    }
    void driver_error(std::string_view driver, Errc code) override { metrics_.driver(driver).failed(code); }

private:
    Metrics& metrics_;
};

Application::Application(ApplicationOptions options)
    : options_(std::move(options)),
      sink_(make_sink(options_.foreground)),
      log_(*sink_, LogLevel::info),
      metrics_(version),
      counting_(std::make_unique<Counting>(metrics_))
{
}

Application::~Application() = default;

int Application::run()
{
    if (!load())
        return 1;
    raise_file_limit();
    std::signal(SIGPIPE, SIG_IGN);
    for (int const signal : {SIGTERM, SIGINT, SIGHUP})
        signals_.add(signal);
    make();
    tasks_.spawn(life());
    io_.run();
    if (auto const failure = tasks_.failure())
        std::rethrow_exception(failure);
    return status_;
}

void Application::tell_findings(Loaded const& loaded)
{
    for (auto const& warning : loaded.warnings)
        log_.warning(warning.text());
    for (auto const& error : loaded.errors)
        log_.error(error.text());
}

bool Application::load()
{
    auto loaded = load_config(options_.config_file);
    log_.set_level(options_.log_level.value_or(loaded.config.daemon.log_level));
    tell_findings(loaded);
    if (!loaded.errors.empty())
        return false;
    config_ = std::move(loaded.config);
    settings_ = config_.daemon;
    return true;
}

void Application::make()
{
    store_ = std::make_unique<SqliteStore>(io_.get_executor(), log_, store_options(settings_.store, metrics_),
        [this](Error const& error) { store_lost(error); });
    dispatcher_ = std::make_unique<Dispatcher>(
        Dispatcher::Parts{timers_, tools_, *store_, *counting_, log_, std::random_device{}()},
        std::move(config_));
    config_ = Config();
    line_ = std::make_unique<LineFrontend>(*dispatcher_, log_);
    http_ = std::make_unique<HttpFrontend>(
        timers_, log_, *dispatcher_, http_options(settings_.http, *line_, [this] { return metrics_text(); }));
    zmq_ = std::make_unique<ZmqFrontend>(timers_, *dispatcher_, log_, zmq_options(settings_.zmq));
    malloc_trim(0);
}

asio::awaitable<void> Application::life()
{
    auto const begun = co_await begin();
    if (begun) {
        tasks_.spawn(keep_pruned());
        tasks_.spawn(keep_watchdog(systemd_, timers_));
        co_await serve();
    } else if (!lost_) {
        log_.error("cannot start", {kv("error", begun.error().message())});
        status_ = 1;
    }
    auto const grace = lost_ ? grace_after_loss : Clock::duration(settings_.stop_grace);
    systemd_.extend_timeout(std::chrono::duration_cast<std::chrono::microseconds>(grace + 15s));
    systemd_.stopping("finishing what is in flight");
    co_await end(grace);
}

// Commands are recovered before a client can send one, and the manager is told when both are done.
asio::awaitable<Result<>> Application::begin()
{
    auto recovered = co_await dispatcher_->recover();
    if (!recovered)
        co_return recovered;
    for (Frontend* const frontend : {static_cast<Frontend*>(http_.get()), static_cast<Frontend*>(zmq_.get())})
        if (auto started = frontend->start(); !started)
            co_return started;
    tell_ready();
    co_return Result<>();
}

void Application::tell_ready()
{
    auto const health = dispatcher_->health();
    log_.info("ready",
        {kv("version", version), kv("devices", health.devices), kv("failed", health.failed_devices),
            kv("targets", health.targets), kv("open_commands", health.open_commands)});
    systemd_.ready(fmt::format(
        "{} devices, {} of them failed, {} targets", health.devices, health.failed_devices, health.targets));
}

asio::awaitable<void> Application::serve()
{
    while (!lost_) {
        auto const [error, signal] = co_await signals_.async_wait(asio::as_tuple(asio::use_awaitable));
        if (error)
            break;
        if (signal != SIGHUP) {
            log_.info("stopping", {kv("signal", signal == SIGTERM ? "SIGTERM" : "SIGINT")});
            break;
        }
        reload();
    }
}

asio::awaitable<void> Application::end(Clock::duration grace)
{
    auto const until = Clock::now() + grace;
    // A command that a client waits for may still end in time, so the queue finishes before the doors close.
    co_await dispatcher_->stop(until);
    co_await zmq_->stop(std::max(until, Clock::now() + 1s));
    co_await http_->stop(std::max(until, Clock::now() + 1s));
    signals_.cancel();
    tasks_.cancel();
    timers_.rest();
}

asio::awaitable<void> Application::keep_pruned()
{
    for (;;) {
        bool const waited = co_await timers_.wait_until(Clock::now() + prune_pause);
        if (!waited)
            break;
        auto const pruned = co_await dispatcher_->prune();
        if (pruned && *pruned > 0)
            log_.info("forgot old commands", {kv("count", *pruned)});
    }
}

void Application::reload()
{
    systemd_.reloading("reading the configuration");
    auto loaded = load_config(options_.config_file);
    tell_findings(loaded);
    if (!loaded.errors.empty()) {
        log_.error(
            "the new configuration is refused, the old one serves on", {kv("errors", loaded.errors.size())});
        return tell_ready();
    }
    auto const& fresh = loaded.config.daemon;
    bool const needs_restart = !(fresh.http == settings_.http && fresh.zmq == settings_.zmq)
        || fresh.store.path != settings_.store.path || fresh.store.ballast != settings_.store.ballast
        || fresh.event_ring != settings_.event_ring;
    if (needs_restart)
        log_.warning("listeners, the path of the store and the event ring change with a restart only");
    settings_.stop_grace = fresh.stop_grace;
    log_.set_level(options_.log_level.value_or(fresh.log_level));
    dispatcher_->reload(std::move(loaded.config));
    malloc_trim(0);
    log_.info("reloaded");
    tell_ready();
}

void Application::store_lost(Error const& error)
{
    log_.error("the store is lost, stopping so that a new start reads what the disk holds",
        {kv("error", error.message())});
    lost_ = true;
    status_ = 1;
    signals_.cancel();
}

std::string Application::metrics_text()
{
    auto const health = dispatcher_->health();
    metrics_.set_devices(health.devices - health.failed_devices, health.failed_devices);
    metrics_.set_breakers_open(dispatcher_->open_breakers());
    metrics_.set_oldest_ready_age(dispatcher_->oldest_open().value_or(Clock::duration{0}));
    auto const depth = dispatcher_->depth();
    for (std::size_t state = 0; state < depth.size(); ++state)
        metrics_.set_depth(static_cast<CommandState>(state), depth[state]);
    metrics_.set_wal_bytes(store_->status().wal_bytes);
    metrics_.set_http(http_->stats());
    return metrics_.text();
}

int check_config(std::string const& file)
{
    TextSink sink;
    Log log(sink, LogLevel::error);
    asio::io_context io{1};
    Timers timers(io.get_executor());
    Toolbox tools{timers, log};
    auto loaded = load_config(file);
    if (loaded.errors.empty())
        try_drivers(loaded, tools);
    for (auto const& warning : loaded.warnings)
        fmt::print(stderr, "{} (warning)\n", warning.text());
    for (auto const& error : loaded.errors)
        fmt::print(stderr, "{}\n", error.text());
    if (!loaded.errors.empty()) {
        fmt::print(
            stderr, "{}: {} error{}\n", file, loaded.errors.size(), loaded.errors.size() == 1 ? "" : "s");
        return 1;
    }
    fmt::print("{}: good: {} devices, {} targets, {} groups\n", file, loaded.config.devices.size(),
        loaded.config.targets.size(), loaded.config.groups.size());
    return 0;
}

int dump_schema()
{
    fmt::print("{}", config_schema());
    return 0;
}

int list_drivers()
{
    for (auto const* const driver : all_drivers())
        fmt::print("{:<12}{}\n", driver->name, driver->summary);
    return 0;
}

} // namespace switchyard
