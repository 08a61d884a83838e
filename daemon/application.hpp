#pragma once

#include "core/net/task_group.hpp"
#include "daemon/config/loader.hpp"
#include "daemon/frontends/http/http_frontend.hpp"
#include "daemon/frontends/line/line_frontend.hpp"
#include "daemon/frontends/zmq/zmq_frontend.hpp"
#include "daemon/ops/metrics.hpp"
#include "daemon/ops/systemd.hpp"
#include "daemon/queue/dispatcher.hpp"
#include "daemon/store/sqlite_store.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

#include <memory>
#include <string>

namespace switchyard {

struct ApplicationOptions {
    std::string config_file = "/etc/switchyard/switchyard.toml";
    bool foreground = false;           // log text to standard error, under systemd too
    std::optional<LogLevel> log_level; // overrides the configuration's
};

// The composition root: the only place that names concrete classes. What is made later may use what was made
// earlier, and goes first: log, store, queue, frontends.
class Application {
public:
    explicit Application(ApplicationOptions options);
    ~Application();
    Application(Application const&) = delete;
    Application& operator=(Application const&) = delete;

    // Serves until SIGTERM or SIGINT; SIGHUP reloads. Returns the exit status: 0 after an orderly stop, 1
    // when it could not start or lost its store.
    int run();

private:
    class Counting;

    bool load();
    void make();
    asio::awaitable<void> life();
    asio::awaitable<Result<>> begin();
    asio::awaitable<void> serve();
    asio::awaitable<void> end(Clock::duration grace);
    asio::awaitable<void> keep_pruned();
    void reload();
    void tell_findings(Loaded const& loaded);
    void tell_ready();
    void store_lost(Error const& error);
    std::string metrics_text();

    ApplicationOptions options_;
    Config config_; // until the queue takes it
    DaemonConfig settings_;
    std::unique_ptr<LogSink> sink_;
    Log log_;
    asio::io_context io_{1};
    Timers timers_{io_.get_executor()};
    Toolbox tools_{timers_, log_};
    asio::signal_set signals_{io_};
    Systemd systemd_;
    Metrics metrics_;
    std::unique_ptr<Counting> counting_;
    std::unique_ptr<SqliteStore> store_;
    std::unique_ptr<Dispatcher> dispatcher_;
    std::unique_ptr<LineFrontend> line_;
    std::unique_ptr<HttpFrontend> http_;
    std::unique_ptr<ZmqFrontend> zmq_;
    TaskGroup tasks_{timers_};
    int status_ = 0;
    bool lost_ = false;
};

// What the command line can do without serving. Each returns the exit status.
int check_config(std::string const& file);
int dump_schema();
int list_drivers();

} // namespace switchyard
