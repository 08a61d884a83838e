#pragma once

#include "daemon/store/inbox.hpp"
#include "daemon/store/opening.hpp"

#include <atomic>
#include <memory>
#include <thread>

namespace switchyard {

// The one thread that touches the database. It takes what has queued up during the last commit and makes it
// one commit: whoever waits shares its sync.
//
// Its states: open; full (no room: commands are refused, results use the room of the ballast, or wait for
// room); lost (an error after which nobody can say what the disk holds: everything is answered
// `commit_unknown`, and the process must end).
class WriterThread {
public:
    WriterThread(asio::any_io_executor executor, Log& log, SqliteOptions options,
        std::move_only_function<void(Error)> fatal);
    ~WriterThread(); // commits what was submitted, answers it, and closes the database

    void submit(Job& job) { inbox_->push(job); }
    CommandId next_id() noexcept { return CommandId{last_id_.fetch_add(1, std::memory_order_relaxed) + 1}; }
    bool full() const noexcept { return full_.load(std::memory_order_relaxed); }
    StoreStatus status() const;

private:
    void run();
    void turn();
    void split(JobList& writes, JobList& reads);
    void recover(RecoverJob& job);
    void write(JobList writes);
    Sql<> transact(JobList const& writes);
    Sql<> perform(Job& job);
    Sql<> raise_mark(JobList const& writes);
    void settle(JobList writes);
    void failed(SqlError error, JobList writes);
    void read(JobList reads);
    Sql<bool> read_one(Job& job, Clock::time_point until);
    void checkpoint();
    void enter_full(std::string const& text);
    void look_for_room();
    Sql<> purge();
    void lose(SqlError const& error, JobList jobs);
    void refuse(JobList jobs);
    void deliver();
    void shut();
    void say(LogLevel level, std::string text);
    void set_accepting(bool accepting, std::string reason);

    asio::any_io_executor executor_;
    Log& log_;
    SqliteOptions const options_;
    std::move_only_function<void(Error)> fatal_;
    std::shared_ptr<Inbox> inbox_; // the other owner is a turn of the loop that hands it over
    std::atomic<std::uint64_t> last_id_ = 0;
    std::atomic<bool> full_ = false;
    mutable std::mutex status_mutex_;
    StoreStatus status_;

    // From here on the thread's own.
    LockFile lock_;
    Journal journal_;
    JobList pending_;
    JobList held_;                    // results that found no room
    JobList done_;                    // to be delivered
    std::optional<Error> refusal_;    // what writes are answered while there is no usable store
    std::vector<CommandId> doubtful_; // of appends that found no room
    std::uint64_t mark_ = 0;
    UtcTime latest_{};
    Clock::time_point latest_written_{};
    Clock::time_point next_look_{}; // for room
    bool stopping_ = false;
    std::thread thread_;
};

} // namespace switchyard
