#pragma once

#include "daemon/store/inbox.hpp"

#include <boost/asio/async_result.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <stdexcept>
#include <string>
#include <thread>

namespace switchyard::bench {

// What any journal must pay: the same coroutines, the same hand-over, the same grouping - and then one write
// of the records at the end of a file and one fdatasync, instead of a database.
class RawStore {
public:
    RawStore(asio::any_io_executor executor, std::string const& path)
        : executor_(executor),
          inbox_(std::make_shared<Inbox>(executor)),
          fd_(::open(path.c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600))
    {
        if (fd_ < 0)
            throw std::runtime_error("cannot open " + path);
        thread_ = std::thread([this] { run(); });
    }
    ~RawStore()
    {
        inbox_->stop();
        thread_.join();
        ::close(fd_);
    }
    RawStore(RawStore const&) = delete;
    RawStore& operator=(RawStore const&) = delete;

    // Returns when `bytes` are durable.
    asio::awaitable<void> append(std::size_t bytes)
    {
        Record record(bytes);
        co_await submitted(record);
    }

private:
    struct Record final : Job {
        explicit Record(std::size_t bytes_) : Job(Kind::append), bytes(bytes_) {}
        void fail(Error) override {}
        std::size_t bytes;
    };
    struct Delivery {
        JobList jobs;
        void operator()()
        {
            while (Job* job = jobs.pop()) {
                auto resume = std::move(job->resume);
                resume();
            }
        }
    };
    asio::awaitable<void> submitted(Job& job)
    {
        return asio::async_initiate<asio::use_awaitable_t<> const, void()>(
            [this, &job](auto handler) {
                job.resume = std::move(handler);
                inbox_->push(job);
            },
            asio::use_awaitable);
    }
    void run()
    {
        JobList pending;
        for (bool more = true; more || !pending.empty();) {
            more = inbox_->take(pending, std::chrono::milliseconds(pending.empty() ? 3'600'000 : 0));
            JobList batch;
            batch_.clear();
            for (int i = 0; i < 256 && !pending.empty(); ++i) {
                Job* const job = pending.pop();
                batch_.append(static_cast<Record*>(job)->bytes, 'x');
                batch.push(*job);
            }
            if (batch.empty())
                continue;
            if (::write(fd_, batch_.data(), batch_.size()) < 0 || ::fdatasync(fd_) != 0)
                std::perror("the raw journal");
            asio::post(executor_, Delivery{std::move(batch)});
        }
    }

    asio::any_io_executor executor_;
    std::shared_ptr<Inbox> inbox_; // the other owner is a turn of the loop that hands it over
    int fd_;
    std::string batch_;
    std::thread thread_;
};

} // namespace switchyard::bench
