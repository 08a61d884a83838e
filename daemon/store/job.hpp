#pragma once

#include "daemon/store/store.hpp"

#include <functional>
#include <utility>

// What a caller of the store waits for. A job lives in the frame of the coroutine that waits; the writer
// thread borrows it from submit() until it is delivered, so that a command's way through the store costs no
// allocation of its own.
namespace switchyard {

struct Job {
    enum class Kind : std::uint8_t { recover, append, commit, prune, find, list };

    explicit Job(Kind kind_) : kind(kind_) {}
    virtual ~Job() = default;
    Job(Job const&) = delete;
    Job& operator=(Job const&) = delete;
    virtual void fail(Error error) = 0;

    Kind const kind;
    Job* next = nullptr;
    std::move_only_function<void()> resume; // on the io thread
};

template <class T, Job::Kind K>
struct JobOf : Job {
    JobOf() : Job(K) {}
    void fail(Error error) override { result = std::unexpected<Error>(std::move(error)); }
    Result<T> result;
};

struct RecoverJob final : JobOf<Recovered, Job::Kind::recover> {};
struct AppendJob final : JobOf<Appended, Job::Kind::append> {
    explicit AppendJob(StoredCommand command_) : command(std::move(command_)) {}
    StoredCommand command;
};
struct CommitJob final : JobOf<void, Job::Kind::commit> {
    explicit CommitJob(std::vector<Change> changes_) : changes(std::move(changes_)) {}
    std::vector<Change> changes;
};
struct FindJob final : JobOf<std::optional<StoredCommand>, Job::Kind::find> {
    explicit FindJob(CommandId id_) : id(id_) {}
    CommandId id;
};
struct ListJob final : JobOf<std::vector<StoredCommand>, Job::Kind::list> {
    explicit ListJob(CommandFilter filter_) : filter(std::move(filter_)) {}
    CommandFilter filter; // `before` moves down as rows are looked at
};
struct PruneJob final : JobOf<std::size_t, Job::Kind::prune> {
    PruneJob(UtcTime now_, UtcTime before_, std::uint64_t keep_) : now(now_), before(before_), keep(keep_) {}
    UtcTime now;
    UtcTime before;
    std::uint64_t keep;
    CommandId cursor;        // rows up to here were looked at
    std::uint64_t ended = 0; // commands that have ended and are left
    bool counted = false;
    bool finished = false;
};

// Jobs in a row. One that dies with jobs in it lets go of those who wait: their frames end without an answer.
class JobList {
public:
    JobList() = default;
    JobList(JobList&& other) noexcept
        : first_(std::exchange(other.first_, nullptr)), last_(std::exchange(other.last_, nullptr))
    {
    }
    JobList& operator=(JobList&&) = delete;
    ~JobList()
    {
        // The handler is taken out of the job first: its end is the end of the frame that the job lives in.
        while (Job* job = pop())
            auto const handler = std::move(job->resume);
    }
    bool empty() const noexcept { return first_ == nullptr; }
    Job* first() const noexcept { return first_; }
    void push(Job& job) noexcept
    {
        job.next = nullptr;
        (last_ != nullptr ? last_->next : first_) = &job;
        last_ = &job;
    }
    Job* pop() noexcept
    {
        Job* const job = first_;
        if (job != nullptr)
            first_ = job->next;
        if (first_ == nullptr)
            last_ = nullptr;
        return job;
    }
    void append(JobList&& other) noexcept
    {
        if (other.empty())
            return;
        (last_ != nullptr ? last_->next : first_) = std::exchange(other.first_, nullptr);
        last_ = std::exchange(other.last_, nullptr);
    }

private:
    Job* first_ = nullptr;
    Job* last_ = nullptr;
};

} // namespace switchyard
