#pragma once

#include "daemon/store/job.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/post.hpp>

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>

namespace switchyard {

// The way from the io thread to the writer thread. What one turn of the loop submits is handed over together,
// at the turn's end: the writer is woken once, and those who wait share one commit.
class Inbox : public std::enable_shared_from_this<Inbox> {
public:
    explicit Inbox(asio::any_io_executor executor) : executor_(std::move(executor)) {}

    // The io thread's side.
    void push(Job& job)
    {
        gathered_.push(job);
        if (std::exchange(scheduled_, true))
            return;
        // Two owners: the store, and the turn of the loop that comes after the store may have died.
        asio::post(executor_, [self = shared_from_this()] { self->hand_over(); });
    }
    void stop()
    {
        hand_over();
        {
            std::lock_guard const lock(mutex_);
            stopped_ = true;
        }
        wake_.notify_one();
    }

    // The writer's side: takes what is there, after waiting for it up to `patience`. False: nothing will come
    // any more.
    bool take(JobList& into, std::chrono::milliseconds patience)
    {
        std::unique_lock lock(mutex_);
        if (patience.count() > 0) {
            sleeping_ = true;
            wake_.wait_for(lock, patience, [this] { return stopped_ || !queue_.empty(); });
            sleeping_ = false;
        }
        into.append(std::move(queue_));
        return !stopped_;
    }

private:
    void hand_over()
    {
        scheduled_ = false;
        if (gathered_.empty())
            return;
        bool sleeping = false;
        {
            std::lock_guard const lock(mutex_);
            queue_.append(std::move(gathered_));
            sleeping = sleeping_;
        }
        if (sleeping)
            wake_.notify_one();
    }

    asio::any_io_executor executor_;
    JobList gathered_; // by the io thread in this turn
    bool scheduled_ = false;
    std::mutex mutex_;
    std::condition_variable wake_;
    JobList queue_;
    bool sleeping_ = false;
    bool stopped_ = false;
};

} // namespace switchyard
