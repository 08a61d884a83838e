// What the disk can do: so many writers append a record and wait until it is durable; one thread writes all
// that wait and syncs once for them. The floor under every figure of the store.
//   bench_append FILE WRITERS SECONDS [BYTES]      prints one line of JSON

#include "bench/figures.hpp"
#include "core/base/text.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace {

using switchyard::bench::Stopwatch;

class Journal {
public:
    Journal(char const* path, std::size_t bytes)
        : file_(::open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600)), record_(bytes, 'x')
    {
        if (file_ < 0)
            throw std::runtime_error("cannot open the file");
        thread_ = std::thread([this] { write(); });
    }
    ~Journal()
    {
        {
            std::lock_guard const lock(mutex_);
            ended_ = true;
        }
        arrived_.notify_one();
        thread_.join();
        ::close(file_);
    }
    Journal(Journal const&) = delete;
    Journal& operator=(Journal const&) = delete;

    void append()
    {
        std::unique_lock lock(mutex_);
        auto const mine = ++asked_;
        arrived_.notify_one();
        durable_.wait(lock, [&] { return done_ >= mine; });
    }

private:
    void write()
    {
        std::unique_lock lock(mutex_);
        for (;;) {
            arrived_.wait(lock, [&] { return ended_ || asked_ > done_; });
            if (ended_)
                return;
            auto const until = asked_;
            auto const records = until - done_;
            lock.unlock();
            batch_.clear();
            for (std::uint64_t i = 0; i < records; ++i)
                batch_ += record_;
            if (::write(file_, batch_.data(), batch_.size()) < 0 || ::fdatasync(file_) != 0)
                std::perror("bench_append");
            lock.lock();
            done_ = until;
            durable_.notify_all();
        }
    }

    int file_;
    std::string record_;
    std::string batch_;
    std::mutex mutex_;
    std::condition_variable arrived_;
    std::condition_variable durable_;
    std::uint64_t asked_ = 0;
    std::uint64_t done_ = 0;
    bool ended_ = false;
    std::thread thread_;
};

void run(char const* path, std::size_t writers, std::int64_t seconds, std::size_t bytes)
{
    Journal journal(path, bytes);
    std::atomic<bool> stop = false;
    std::vector<std::vector<std::uint32_t>> latencies(writers);
    std::vector<std::thread> threads;
    Stopwatch const whole;
    for (auto& mine : latencies)
        threads.emplace_back([&journal, &stop, &mine] {
            while (!stop) {
                Stopwatch const one;
                journal.append();
                mine.push_back(one.microseconds());
            }
        });
    std::thread timer([&] {
        std::mutex mutex;
        std::condition_variable never;
        std::unique_lock lock(mutex);
        never.wait_for(lock, std::chrono::seconds(seconds), [] { return false; });
        stop = true;
    });
    timer.join();
    for (auto& thread : threads)
        thread.join();
    switchyard::bench::print_figures(std::move(latencies), whole.seconds());
}

} // namespace

int main(int count, char** arguments)
{
    std::vector<std::int64_t> numbers;
    for (int i = 2; i < count; ++i)
        numbers.push_back(switchyard::parse_integer(arguments[i]).value_or(0));
    if (numbers.size() < 2 || numbers[0] < 1 || numbers[1] < 1) {
        std::fprintf(stderr, "usage: bench_append FILE WRITERS SECONDS [BYTES]\n");
        return 2;
    }
    run(arguments[1], static_cast<std::size_t>(numbers[0]), numbers[1],
        numbers.size() > 2 ? static_cast<std::size_t>(numbers[2]) : 200);
}
