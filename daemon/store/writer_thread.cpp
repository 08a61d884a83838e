#include "daemon/store/writer_thread.hpp"

#include "daemon/store/rows.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <cstring>

namespace switchyard {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t max_rows = 256; // of one commit: more would only make others wait for the checkpoint
constexpr auto read_time = 2ms;       // of reads between two commits

// Runs on the io thread.
struct Delivery {
    JobList jobs;
    void operator()()
    {
        while (Job* job = jobs.pop()) {
            auto resume = std::move(job->resume);
            resume(); // the job may die in it
        }
    }
};

std::size_t rows_of(Job const& job)
{
    return job.kind == Job::Kind::commit ? static_cast<CommitJob const&>(job).changes.size() : 1;
}

bool is_write(Job const& job)
{
    return job.kind == Job::Kind::append || job.kind == Job::Kind::commit
        || (job.kind == Job::Kind::prune && static_cast<PruneJob const&>(job).counted);
}

} // namespace

WriterThread::WriterThread(asio::any_io_executor executor, Log& log, SqliteOptions options,
    std::move_only_function<void(Error)> fatal)
    : executor_(std::move(executor)),
      log_(log),
      options_(std::move(options)),
      fatal_(std::move(fatal)),
      inbox_(std::make_shared<Inbox>(executor_)),
      refusal_(Error(Errc::internal, "the store is not open yet"))
{
    status_.accepting = false;
    thread_ = std::thread([this] { run(); });
}

WriterThread::~WriterThread()
{
    inbox_->stop();
    thread_.join();
}

StoreStatus WriterThread::status() const
{
    std::lock_guard const lock(status_mutex_);
    return status_;
}

void WriterThread::run()
{
    while (!stopping_ || !pending_.empty() || !held_.empty()) {
        auto patience = 0ms;
        if (pending_.empty() && !stopping_)
            patience = full_ ? options_.room_check : 1h;
        stopping_ = !inbox_->take(pending_, patience);
        turn();
    }
    shut();
}

void WriterThread::turn()
{
    JobList reads;
    JobList writes;
    split(writes, reads);
    if (refusal_) {
        refuse(std::move(writes));
        refuse(std::move(reads));
        return deliver();
    }
    write(std::move(writes));
    deliver(); // before anything else is done with the disk
    read(std::move(reads));
    deliver();
    if (!refusal_)
        checkpoint();
    if (full_ && !refusal_)
        look_for_room();
}

void WriterThread::split(JobList& writes, JobList& reads)
{
    bool const room = !full_ || Clock::now() >= next_look_ || held_.empty() || stopping_;
    if (room)
        writes.append(std::move(held_));
    std::size_t rows = 0;
    while (rows < max_rows) {
        Job* const job = pending_.pop();
        if (job == nullptr)
            break;
        rows += rows_of(*job);
        if (job->kind == Job::Kind::recover) {
            recover(static_cast<RecoverJob&>(*job));
            done_.push(*job);
        } else if (job->kind == Job::Kind::append && full_) {
            job->fail(Error(Errc::store_unavailable, status().reason));
            done_.push(*job);
        } else if (!is_write(*job)) {
            reads.push(*job);
        } else {
            (room ? writes : held_).push(*job);
        }
    }
}

void WriterThread::recover(RecoverJob& job)
{
    if (lock_.held())
        return job.fail(Error(Errc::internal, "the store is open already"));
    auto opened = open_store(
        options_, lock_, journal_, [this](LogLevel level, std::string text) { say(level, std::move(text)); });
    if (!opened) {
        refusal_ = opened.error();
        return job.fail(std::move(opened.error()));
    }
    refusal_.reset();
    mark_ = opened->mark;
    latest_ = opened->recovered.last_time.value_or(UtcTime{});
    last_id_.store(opened->last_id, std::memory_order_relaxed);
    job.result = std::move(opened->recovered);
    set_accepting(true, {});
    if (!make_ballast(options_.path, options_.ballast))
        enter_full("there is no room for the ballast file");
}

void WriterThread::write(JobList writes)
{
    if (writes.empty())
        return;
    auto const start = Clock::now();
    if (auto outcome = transact(writes); !outcome)
        return failed(std::move(outcome.error()), std::move(writes));
    auto const took = Clock::now() - start;
    {
        std::lock_guard const lock(status_mutex_);
        status_.last_commit_seconds = std::chrono::duration<double>(took).count();
    }
    if (options_.committed) {
        std::size_t rows = 0;
        for (Job const* job = writes.first(); job != nullptr; job = job->next)
            ++rows;
        options_.committed(rows, took);
    }
    settle(std::move(writes));
}

Sql<> WriterThread::transact(JobList const& writes)
{
    if (auto done = raise_mark(writes); !done)
        return done;
    if (auto done = journal_.begin(); !done)
        return done;
    for (Job* job = writes.first(); job != nullptr; job = job->next)
        if (auto done = perform(*job); !done)
            return done;
    if (auto const now = Clock::now(); latest_ > UtcTime{} && now - latest_written_ >= 1s) {
        if (auto done = journal_.set_meta("last_time", static_cast<std::uint64_t>(to_number(latest_))); !done)
            return done;
        latest_written_ = now;
    }
    return journal_.commit();
}

Sql<> WriterThread::perform(Job& job)
{
    if (job.kind == Job::Kind::append) {
        auto& append = static_cast<AppendJob&>(job);
        auto outcome = journal_.append(append.command);
        if (!outcome)
            return std::unexpected(std::move(outcome.error()));
        latest_ = std::max(latest_, append.command.accepted);
        append.result = std::move(*outcome);
    } else if (job.kind == Job::Kind::commit) {
        auto& commit = static_cast<CommitJob&>(job);
        auto outcome = journal_.change(commit.changes);
        if (!outcome)
            return std::unexpected(std::move(outcome.error()));
        for (Change const& change : commit.changes)
            if (auto const* end = std::get_if<Finish>(&change))
                latest_ = std::max(latest_, end->ended);
        commit.result = std::move(*outcome);
    } else {
        return journal_.prune_turn(static_cast<PruneJob&>(job));
    }
    return {};
}

// Every id is below a mark that is durable when its command is answered, so that it is never given again: not
// even when its own commit failed. The mark is raised half a block before it is needed.
Sql<> WriterThread::raise_mark(JobList const& writes)
{
    auto highest = last_id_.load(std::memory_order_relaxed);
    if (highest + id_block / 2 < mark_)
        return {};
    for (Job const* job = writes.first(); job != nullptr; job = job->next)
        if (job->kind == Job::Kind::append)
            highest = std::max(highest, static_cast<AppendJob const*>(job)->command.id.value);
    auto const mark = highest + id_block;
    if (int const error = lock_.write(mark, lock_.starts()); error != 0)
        return std::unexpected<SqlError>(
            SqlError(error == ENOSPC || error == EDQUOT ? SQLITE_FULL : SQLITE_IOERR, error,
                std::string("cannot write the lock file (") + std::strerror(error) + ")"));
    mark_ = mark;
    return {};
}

void WriterThread::settle(JobList writes)
{
    std::uint64_t rows = 0;
    while (Job* job = writes.pop()) {
        rows += rows_of(*job);
        if (job->kind == Job::Kind::prune && !static_cast<PruneJob&>(*job).finished)
            pending_.push(*job);
        else
            done_.push(*job);
    }
    std::lock_guard const lock(status_mutex_);
    ++status_.commits;
    status_.rows += rows;
    status_.wal_bytes = static_cast<std::uint64_t>(journal_.log_frames()) * (4096 + 24) + 32;
}

void WriterThread::failed(SqlError error, JobList writes)
{
    journal_.rollback();
    if (!error.full())
        return lose(error, std::move(writes));
    enter_full(error.text);
    JobList results;
    while (Job* job = writes.pop()) {
        if (job->kind == Job::Kind::commit) {
            results.push(*job);
            continue;
        }
        if (job->kind == Job::Kind::append)
            doubtful_.push_back(static_cast<AppendJob&>(*job).command.id);
        job->fail(Error(Errc::store_unavailable, status().reason));
        done_.push(*job);
    }
    if (results.empty())
        return;
    // Once more, with the room that the ballast gave.
    if (auto again = transact(results); again)
        return settle(std::move(results));
    else if (journal_.rollback(); !again.error().full() || stopping_)
        return lose(again.error(), std::move(results));
    held_.append(std::move(results));
    next_look_ = Clock::now() + options_.room_check;
}

void WriterThread::read(JobList reads)
{
    auto const until = Clock::now() + read_time;
    while (Job* job = reads.pop()) {
        auto const done = refusal_ ? Sql<bool>(true) : read_one(*job, until);
        if (refusal_)
            job->fail(Error(Errc::store_unavailable, refusal_->detail));
        if (!done) {
            job->fail(Error(Errc::store_unavailable, done.error().text));
            if (done.error().corrupt())
                lose(done.error(), {});
            else
                say(LogLevel::error, "the store cannot be read: " + done.error().text);
        }
        if (done && !*done)
            pending_.push(*job); // behind the writes that have come meanwhile
        else
            done_.push(*job);
    }
}

Sql<bool> WriterThread::read_one(Job& job, Clock::time_point until)
{
    if (job.kind == Job::Kind::list)
        return journal_.list_turn(static_cast<ListJob&>(job), until);
    if (job.kind == Job::Kind::prune) {
        auto const counted = journal_.count_turn(static_cast<PruneJob&>(job), until);
        return counted ? Sql<bool>(false) : counted; // it goes on as a write
    }
    auto& find = static_cast<FindJob&>(job);
    auto found = journal_.find(find.id);
    if (!found)
        return std::unexpected(std::move(found.error()));
    find.result = std::move(*found);
    return true;
}

void WriterThread::deliver()
{
    if (!done_.empty())
        asio::post(executor_, Delivery{std::move(done_)});
}

} // namespace switchyard
