// The store alone, as the queue uses it.
//   bench_store life FILE WRITERS SECONDS     whole lives of commands (accepted, intent, end: three durable
//   writes), one JSON line bench_store restart FILE OPEN ENDED       fills a store with so many commands,
//   then opens it anew: how long until it has them

#include "bench/figures.hpp"
#include "core/base/text.hpp"
#include "core/net/task_group.hpp"
#include "daemon/store/sqlite_store.hpp"

#include <boost/asio/io_context.hpp>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

using namespace switchyard;
using bench::Stopwatch;

namespace {

StoredCommand command(Store& store)
{
    StoredCommand row;
    row.id = store.next_id();
    row.principal = "bench";
    row.target = "t1";
    row.devices = "|d1|";
    row.accepted = Clock::utc();
    row.due = row.accepted;
    row.deadline = row.accepted + std::chrono::minutes{10};
    row.request = R"({"target": "t1", "action": "on", "outlets": ["d1:1"]})";
    return row;
}

void must(bool works, char const* what)
{
    if (!works) {
        std::fprintf(stderr, "bench_store: %s failed\n", what);
        std::exit(1);
    }
}

asio::awaitable<void> live(Store& store, StoredCommand row)
{
    auto const id = row.id;
    auto const appended = co_await store.append(std::move(row));
    must(appended.has_value(), "append");
    std::vector<Change> intent{Advance{id, CommandState::running, R"({"phase": "on"})"}};
    auto const started = co_await store.commit(std::move(intent));
    must(started.has_value(), "intent");
    std::vector<Change> end{
        Finish{id, CommandState::done, Clock::utc(), R"({"power": "on", "confirmed": true})"}};
    auto const ended = co_await store.commit(std::move(end));
    must(ended.has_value(), "end");
}

struct Bench {
    explicit Bench(std::string path)
        : store(io.get_executor(), log, SqliteOptions(std::move(path)), [](Error const& error) {
              std::fprintf(stderr, "bench_store: %s\n", error.message().c_str());
              std::exit(1);
          })
    {
    }
    asio::io_context io{1};
    Timers timers{io.get_executor()};
    NullSink sink;
    Log log{sink, LogLevel::error};
    SqliteStore store;
    TaskGroup group{timers};

    // Opens the store; how many commands are open and how long that took.
    std::size_t open(double& seconds)
    {
        std::size_t found = 0;
        auto task = [&]() -> asio::awaitable<void> {
            Stopwatch const watch;
            auto const recovered = co_await store.recover();
            must(recovered.has_value(), "recover");
            seconds = watch.seconds();
            found = recovered->open.size();
        };
        run(task());
        return found;
    }
    void run(asio::awaitable<void> task)
    {
        group.spawn(std::move(task));
        drain();
    }
    void drain()
    {
        io.restart(); // a loop that ran out of work has stopped
        while (!group.empty())
            io.run_one();
    }
};

int life(std::string path, std::size_t writers, double seconds)
{
    Bench bench(std::move(path));
    double opened = 0;
    bench.open(opened);
    std::vector<std::vector<std::uint32_t>> latencies(writers);
    Stopwatch const whole;
    auto writer = [&](std::vector<std::uint32_t>& mine) -> asio::awaitable<void> {
        while (whole.seconds() < seconds) {
            Stopwatch const one;
            auto row = command(bench.store);
            co_await live(bench.store, std::move(row));
            mine.push_back(one.microseconds());
        }
    };
    for (auto& mine : latencies)
        bench.group.spawn(writer(mine));
    bench.drain();
    bench::print_figures(std::move(latencies), whole.seconds());
    return 0;
}

int restart(std::string const& path, std::int64_t open, std::int64_t ended)
{
    {
        Bench bench(path);
        double opened = 0;
        bench.open(opened);
        auto fill = [&](std::int64_t& left, bool end) -> asio::awaitable<void> {
            while (left-- > 0) {
                auto row = command(bench.store);
                if (end) {
                    co_await live(bench.store, std::move(row));
                    continue;
                }
                auto const appended = co_await bench.store.append(std::move(row));
                must(appended.has_value(), "append");
            }
        };
        for (int i = 0; i < 1000; ++i)
            bench.group.spawn(fill(ended, true));
        bench.drain();
        for (int i = 0; i < 1000; ++i)
            bench.group.spawn(fill(open, false));
        bench.drain();
    }
    Bench bench(path);
    double seconds = 0;
    auto const found = bench.open(seconds);
    std::printf("{\"open\": %zu, \"seconds\": %.3f}\n", found, seconds);
    return 0;
}

} // namespace

int main(int count, char** arguments)
{
    std::vector<std::string_view> const words(arguments + 1, arguments + count);
    auto const number = [&](std::size_t i) { return parse_integer(words[i]).value_or(-1); };
    if (words.size() == 4 && number(2) >= 0 && number(3) >= 0) {
        if (words[0] == "life")
            return life(
                std::string(words[1]), static_cast<std::size_t>(number(2)), static_cast<double>(number(3)));
        if (words[0] == "restart")
            return restart(std::string(words[1]), number(2), number(3));
    }
    std::fprintf(stderr,
        "usage: bench_store life FILE WRITERS SECONDS\n"
        "       bench_store restart FILE OPEN ENDED\n");
    return 2;
}
