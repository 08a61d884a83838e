// The store beside the raw journal (raw_store.hpp), in interleaved rounds of one run; medians of the ratios.
//   bench_store_ratio FOLDER [SECONDS-A-ROUND [ROUNDS [LOAD]]]      prints a table in Markdown
// FOLDER is on the disk to be measured; LOAD is the beginning of a row's name: only those are measured. A
// command's life is three durable writes: accepted, intent, end.

#include "bench/figures.hpp"
#include "bench/store/raw_store.hpp"
#include "core/base/text.hpp"
#include "core/net/task_group.hpp"
#include "daemon/store/sqlite_store.hpp"

#include <boost/asio/io_context.hpp>

#include <array>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <random>

using namespace switchyard;
using namespace std::chrono_literals;
using bench::RawStore;
using bench::Stopwatch;

namespace {

std::string const request_text =
    R"({"target": "srv1", "action": "on", "priority": "normal", "outlets": ["pdu1:1"]})";
std::string const progress_text = R"({"phase": "on", "driver": "ipmitool", "attempt": 1})";
std::string const outcome_text =
    R"({"power": "on", "confirmed": true, "outlets": [{"device": "pdu1", "outlet": "1"}]})";
constexpr std::size_t row_overhead = 70; // the times, names and numbers of a row, as they are stored

struct Figures {
    std::vector<std::uint32_t> latencies; // microseconds
    double seconds = 0;
    double rate() const { return static_cast<double>(latencies.size()) / seconds; }
    double at(double part)
    {
        std::ranges::sort(latencies);
        auto const index = static_cast<std::size_t>(part * static_cast<double>(latencies.size()));
        return latencies.empty() ? 0 : latencies[std::min(index, latencies.size() - 1)];
    }
};

double median(std::vector<double> values)
{
    std::ranges::sort(values);
    return values.empty() ? 0 : values[values.size() / 2];
}

void must(bool works, char const* what)
{
    if (!works) {
        std::fprintf(stderr, "bench_store_ratio: %s failed\n", what);
        std::exit(1);
    }
}

// One peer: how it makes a command's first write, and how a later one.
struct Sqlite {
    Sqlite(asio::io_context& io, std::string const& folder)
        : store(io.get_executor(), log, SqliteOptions(folder + "/commands.db"), nullptr)
    {
    }
    asio::awaitable<void> open()
    {
        auto const recovered = co_await store.recover();
        must(recovered.has_value(), "recover");
    }
    asio::awaitable<CommandId> accept()
    {
        StoredCommand row;
        row.id = store.next_id();
        row.principal = "http";
        row.target = "srv1";
        row.devices = "|pdu1|";
        row.accepted = Clock::utc();
        row.due = row.accepted;
        row.deadline = row.accepted + 10min;
        row.request = request_text;
        auto const id = row.id;
        auto const appended = co_await store.append(std::move(row));
        must(appended.has_value(), "append");
        co_return id;
    }
    asio::awaitable<void> live_on(CommandId id)
    {
        std::vector<Change> intent;
        intent.emplace_back(Advance{id, CommandState::running, progress_text});
        auto const started = co_await store.commit(std::move(intent));
        must(started.has_value(), "intent");
        std::vector<Change> end;
        end.emplace_back(Finish{id, CommandState::done, Clock::utc(), outcome_text});
        auto const ended = co_await store.commit(std::move(end));
        must(ended.has_value(), "end");
    }
    NullSink sink;
    Log log{sink, LogLevel::error};
    SqliteStore store;
};

struct Raw {
    Raw(asio::io_context& io, std::string const& folder) : store(io.get_executor(), folder + "/raw.log") {}
    asio::awaitable<void> open() { co_return; }
    asio::awaitable<CommandId> accept()
    {
        co_await store.append(row_overhead + request_text.size());
        co_return CommandId{};
    }
    asio::awaitable<void> live_on(CommandId)
    {
        co_await store.append(16 + progress_text.size());
        co_await store.append(24 + outcome_text.size());
    }
    RawStore store;
};

enum class Load { life, accept, steady };

template <class Peer>
class Run {
public:
    Run(std::string const& folder, Load load, std::size_t writers, double seconds)
        : load_(load), seconds_(seconds), writers_(writers), peer_(io_, folder)
    {
    }
    Figures measure()
    {
        group_.spawn(peer_.open());
        drain();
        whole_ = Stopwatch();
        if (load_ == Load::steady)
            group_.spawn(arrivals());
        else
            for (std::size_t i = 0; i < writers_; ++i)
                group_.spawn(writer());
        drain();
        figures_.seconds = whole_.seconds();
        return std::move(figures_);
    }

private:
    void drain()
    {
        io_.restart();
        while (!group_.empty())
            io_.run_one();
    }
    asio::awaitable<void> writer()
    {
        while (whole_.seconds() < seconds_) {
            Stopwatch const since;
            co_await one(since);
        }
    }
    asio::awaitable<void> one(Stopwatch since)
    {
        auto const id = co_await peer_.accept();
        if (load_ == Load::life)
            co_await peer_.live_on(id);
        figures_.latencies.push_back(since.microseconds());
    }
    // 1,000 a second by chance, each measured from the moment at which it should have come.
    asio::awaitable<void> arrivals()
    {
        std::mt19937_64 random(11);
        auto next = Clock::now();
        while (whole_.seconds() < seconds_) {
            auto const wait = -std::log(1 - static_cast<double>(random() >> 11) * 0x1p-53) / 1'000;
            next += std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(wait));
            co_await timers_.wait_until(next);
            group_.spawn(late(next));
        }
    }
    asio::awaitable<void> late(Clock::time_point due)
    {
        co_await peer_.accept();
        figures_.latencies.push_back(static_cast<std::uint32_t>((Clock::now() - due) / 1us));
    }

    Load load_;
    double seconds_;
    std::size_t writers_;
    asio::io_context io_{1};
    Timers timers_{io_.get_executor()};
    Stopwatch whole_;
    Figures figures_;
    Peer peer_;
    TaskGroup group_{timers_};
};

template <class Peer>
Figures measure(std::string const& folder, Load load, std::size_t writers, double seconds)
{
    auto const own = folder + "/bench-store";
    std::filesystem::remove_all(own);
    std::filesystem::create_directory(own);
    auto figures = Run<Peer>(own, load, writers, seconds).measure();
    std::filesystem::remove_all(own);
    return figures;
}

struct Row {
    char const* name;
    Load load;
    std::size_t writers;
};

void compare(Row const& row, std::string const& folder, double seconds, std::int64_t rounds)
{
    std::vector<double> ratios;
    std::vector<double> store_rates;
    std::vector<double> raw_rates;
    std::array<std::vector<double>, 4> tails; // p50 and p99.9 of the store, then of the raw journal
    std::vector<double> tail_ratios;
    for (std::int64_t round = 0; round < rounds; ++round) {
        auto store = measure<Sqlite>(folder, row.load, row.writers, seconds);
        auto raw = measure<Raw>(folder, row.load, row.writers, seconds);
        ratios.push_back(store.rate() / raw.rate());
        store_rates.push_back(store.rate());
        raw_rates.push_back(raw.rate());
        tails[0].push_back(store.at(0.5));
        tails[1].push_back(store.at(0.999));
        tails[2].push_back(raw.at(0.5));
        tails[3].push_back(raw.at(0.999));
        tail_ratios.push_back(store.at(0.999) / std::max(raw.at(0.999), 1.0));
    }
    std::printf("| %s | %zu | %.0f | %.0f | %.0f %% | %.0f / %.0f | %.0f / %.0f | %.1f |\n", row.name,
        row.writers, median(store_rates), median(raw_rates), 100 * median(ratios), median(tails[0]),
        median(tails[1]), median(tails[2]), median(tails[3]), median(tail_ratios));
    std::fflush(stdout);
}

} // namespace

int main(int count, char** arguments)
{
    if (count < 2 || count > 5) {
        std::fprintf(stderr, "usage: bench_store_ratio FOLDER [SECONDS-A-ROUND [ROUNDS [LOAD]]]\n");
        return 2;
    }
    auto const seconds = static_cast<double>(count > 2 ? parse_integer(arguments[2]).value_or(2) : 2);
    auto const rounds = count > 3 ? parse_integer(arguments[3]).value_or(5) : 5;
    std::printf("| store | writers | commands/s | raw append + fdatasync | ratio | p50 / p99.9 us | raw p50 "
                "/ p99.9 us "
                "| p99.9 ratio |\n|---|---|---|---|---|---|---|---|\n");
    for (auto const& row : {Row{"whole life", Load::life, 1}, Row{"whole life", Load::life, 16},
             Row{"whole life", Load::life, 64}, Row{"accepted", Load::accept, 1},
             Row{"accepted", Load::accept, 16}, Row{"accepted", Load::accept, 64},
             Row{"accepted at 1,000/s", Load::steady, 1}})
        if (std::string_view(row.name).starts_with(count > 4 ? arguments[4] : ""))
            compare(row, arguments[1], seconds, rounds);
    return 0;
}
