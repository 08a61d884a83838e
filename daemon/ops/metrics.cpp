#include "daemon/ops/metrics.hpp"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <array>
#include <deque>

namespace switchyard {

namespace {

using prometheus::Counter;
using prometheus::Family;
using prometheus::Gauge;
using prometheus::Histogram;
using prometheus::Registry;

constexpr std::size_t action_count = static_cast<std::size_t>(Action::invoke) + 1;
constexpr std::size_t open_states = static_cast<std::size_t>(CommandState::done);
constexpr std::size_t end_states = static_cast<std::size_t>(CommandState::indeterminate) + 1 - open_states;

// Seconds. A commit takes some 100 us on a good disk; a command may wait for minutes.
Histogram::BucketBoundaries short_times()
{
    return {1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 1e-2, 2.5e-2, 5e-2, 0.1, 0.25, 1, 10};
}
Histogram::BucketBoundaries long_times()
{
    return {1e-3, 1e-2, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600};
}
Histogram::BucketBoundaries row_counts()
{
    return {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024};
}

double seconds(Clock::duration duration)
{
    return std::chrono::duration<double>(duration).count();
}

Family<Counter>& counters(Registry& registry, std::string const& name, std::string const& help)
{
    return prometheus::BuildCounter().Name("switchyard_" + name).Help(help).Register(registry);
}

Family<Gauge>& gauges(Registry& registry, std::string const& name, std::string const& help)
{
    return prometheus::BuildGauge().Name("switchyard_" + name).Help(help).Register(registry);
}

Family<Histogram>& histograms(Registry& registry, std::string const& name, std::string const& help)
{
    return prometheus::BuildHistogram().Name("switchyard_" + name).Help(help).Register(registry);
}

// A counter that somebody else counts.
class Mirror {
public:
    explicit Mirror(Counter& counter) : counter_(counter) {}
    void show(std::uint64_t total)
    {
        counter_.Increment(static_cast<double>(total - shown_));
        shown_ = total;
    }

private:
    Counter& counter_;
    std::uint64_t shown_ = 0;
};

} // namespace

class Metrics::Series {
public:
    explicit Series(std::string_view version);

    class DriverSeries final : public Driver {
    public:
        DriverSeries(Series& all, std::string_view name);
        void called(Clock::duration took) override { duration_.Observe(seconds(took)); }
        void failed(Errc code) override { errors_[static_cast<std::size_t>(code)]->Increment(); }
        std::string const name;

    private:
        Histogram& duration_;
        std::array<Counter*, errc_count> errors_{};
    };

    Registry registry;
    Family<Counter>& driver_errors =
        counters(registry, "driver_errors_total", "Driver calls that failed, by error");
    Family<Histogram>& driver_calls =
        histograms(registry, "driver_call_duration_seconds", "Time of one driver call");
    std::array<Counter*, action_count> accepted{};
    std::array<std::array<Counter*, end_states>, action_count> finished{};
    std::array<Histogram*, action_count> durations{};
    std::array<Gauge*, open_states> depth{};
    Histogram& accept_duration =
        histograms(registry, "accept_duration_seconds", "From submission until the command is durable")
            .Add({}, short_times());
    Histogram& commit_duration =
        histograms(registry, "store_commit_duration_seconds", "Time of one commit of the store")
            .Add({}, short_times());
    Histogram& commit_rows =
        histograms(registry, "store_commit_rows", "Writes that shared one commit").Add({}, row_counts());
    Gauge& wal_bytes = gauges(registry, "store_wal_bytes", "Size of the store's write-ahead log").Add({});
    Gauge& oldest_ready = gauges(registry, "oldest_ready_age_seconds",
        "How long the oldest command that is due has waited for its device")
                              .Add({});
    Gauge& breakers =
        gauges(registry, "breaker_open", "Drivers of devices whose circuit breaker is open").Add({});
    Family<Gauge>& devices = gauges(registry, "devices", "Devices by status");
    Gauge& devices_good = devices.Add({{"status", "ok"}});
    Gauge& devices_failed = devices.Add({{"status", "failed"}});
    Gauge& http_open = gauges(registry, "http_connections_open", "HTTP connections").Add({});
    Mirror http_accepted{
        counters(registry, "http_connections_accepted_total", "HTTP connections taken").Add({})};
    Mirror http_refused{
        counters(registry, "http_connections_refused_total", "HTTP connections beyond the limit").Add({})};
    Mirror http_requests{counters(registry, "http_requests_total", "HTTP requests").Add({})};
    Mirror http_malformed{
        counters(registry, "http_requests_malformed_total", "HTTP requests that were malformed").Add({})};
    Mirror http_late{
        counters(registry, "http_timeouts_total", "HTTP clients that sent or read too slowly").Add({})};
    Mirror http_hung_up{
        counters(registry, "http_hangups_total", "HTTP clients that went away while they waited").Add({})};
    std::deque<DriverSeries> drivers;
};

Metrics::Series::Series(std::string_view version)
{
    auto& accepted_family = counters(registry, "commands_accepted_total", "Commands accepted, by action");
    auto& finished_family =
        counters(registry, "commands_finished_total", "Commands ended, by action and outcome");
    auto& duration_family = histograms(
        registry, "command_duration_seconds", "From the acceptance of a command to its end, by action");
    auto& depth_family = gauges(registry, "queue_depth", "Open commands, by state");
    for (std::size_t a = 0; a < action_count; ++a) {
        std::string const action(name(static_cast<Action>(a)));
        accepted[a] = &accepted_family.Add({{"action", action}});
        durations[a] = &duration_family.Add({{"action", action}}, long_times());
        for (std::size_t s = 0; s < end_states; ++s) {
            std::string const outcome(name(static_cast<CommandState>(open_states + s)));
            finished[a][s] = &finished_family.Add({{"action", action}, {"outcome", outcome}});
        }
    }
    for (std::size_t s = 0; s < open_states; ++s)
        depth[s] = &depth_family.Add({{"state", std::string(name(static_cast<CommandState>(s)))}});
    gauges(registry, "build_info", "1, with the version as a label")
        .Add({{"version", std::string(version)}})
        .Set(1);
    gauges(registry, "start_time_seconds", "When the daemon started, in seconds since 1970")
        .Add({})
        .Set(std::chrono::duration<double>(Clock::utc().time_since_epoch()).count());
}

Metrics::Series::DriverSeries::DriverSeries(Series& all, std::string_view name_)
    : name(name_), duration_(all.driver_calls.Add({{"driver", name}}, long_times()))
{
    for (std::size_t code = 0; code < errc_count; ++code)
        errors_[code] = &all.driver_errors.Add(
            {{"driver", name}, {"code", std::string(switchyard::name(static_cast<Errc>(code)))}});
}

Metrics::Metrics(std::string_view version) : series_(std::make_unique<Series>(version)) {}

Metrics::~Metrics() = default;

void Metrics::accepted(Action action, Clock::duration took)
{
    series_->accepted[static_cast<std::size_t>(action)]->Increment();
    series_->accept_duration.Observe(seconds(took));
}

void Metrics::finished(Action action, CommandState outcome, Clock::duration whole)
{
    if (!is_end(outcome))
        return;
    auto const a = static_cast<std::size_t>(action);
    series_->finished[a][static_cast<std::size_t>(outcome) - open_states]->Increment();
    series_->durations[a]->Observe(seconds(whole));
}

void Metrics::committed(std::size_t rows, Clock::duration took)
{
    series_->commit_duration.Observe(seconds(took));
    series_->commit_rows.Observe(static_cast<double>(rows));
}

Metrics::Driver& Metrics::driver(std::string_view name)
{
    for (auto& known : series_->drivers)
        if (known.name == name)
            return known;
    return series_->drivers.emplace_back(*series_, name);
}

void Metrics::set_depth(CommandState open_state, std::size_t commands)
{
    if (!is_end(open_state))
        series_->depth[static_cast<std::size_t>(open_state)]->Set(static_cast<double>(commands));
}

void Metrics::set_oldest_ready_age(Clock::duration age)
{
    series_->oldest_ready.Set(seconds(age));
}

void Metrics::set_breakers_open(std::size_t drivers)
{
    series_->breakers.Set(static_cast<double>(drivers));
}

void Metrics::set_devices(std::size_t good, std::size_t failed)
{
    series_->devices_good.Set(static_cast<double>(good));
    series_->devices_failed.Set(static_cast<double>(failed));
}

void Metrics::set_wal_bytes(std::size_t bytes)
{
    series_->wal_bytes.Set(static_cast<double>(bytes));
}

void Metrics::set_http(HttpServerStats const& stats)
{
    series_->http_open.Set(static_cast<double>(stats.open));
    series_->http_accepted.show(stats.accepted);
    series_->http_refused.show(stats.refused);
    series_->http_requests.show(stats.requests);
    series_->http_malformed.show(stats.malformed);
    series_->http_late.show(stats.timed_out);
    series_->http_hung_up.show(stats.hung_up);
}

// The library writes the older text format. OpenMetrics names a family of counters without the _total of its
// samples, and ends with a mark, by which a cut answer is known.
std::string Metrics::text() const
{
    constexpr std::string_view total = "_total ";
    std::string const old = prometheus::TextSerializer().Serialize(series_->registry.Collect());
    std::string text;
    text.reserve(old.size());
    for (std::size_t at = 0; at < old.size();) {
        auto const end = std::min(old.find('\n', at), old.size() - 1) + 1;
        auto const line = std::string_view(old).substr(at, end - at);
        auto const suffix = line.starts_with("# ") ? line.find(total) : std::string_view::npos;
        if (suffix == std::string_view::npos)
            text += line;
        else
            text.append(line.substr(0, suffix)).append(" ").append(line.substr(suffix + total.size()));
        at = end;
    }
    return text + "# EOF\n";
}

} // namespace switchyard
