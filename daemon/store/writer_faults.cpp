#include "daemon/store/rows.hpp"
#include "daemon/store/writer_thread.hpp"

#include <algorithm>

// What the writer does when the disk does not do as it is told, and at the end.
namespace switchyard {
namespace {

constexpr std::int64_t checkpoint_frames = 1'000; // a log that grows is slower than one that is written again

} // namespace

void WriterThread::checkpoint()
{
    if (journal_.log_frames() < checkpoint_frames)
        return;
    auto const done = journal_.checkpoint();
    if (done)
        return;
    if (done.error().full())
        enter_full(done.error().text);
    else
        lose(done.error(), {});
}

void WriterThread::enter_full(std::string const& text)
{
    if (full_.exchange(true))
        return;
    next_look_ = Clock::now() + options_.room_check;
    set_accepting(false, "the disk of the store is full: " + text);
    bool const helped = drop_ballast(options_.path);
    say(LogLevel::error,
        "the disk is full (" + text + "): no commands are taken until there is room"
            + (helped ? "; results are written into the room of the ballast file" : ""));
}

void WriterThread::look_for_room()
{
    if (Clock::now() < next_look_)
        return;
    next_look_ = Clock::now() + options_.room_check;
    if (!held_.empty() || free_bytes(options_.path) < options_.ballast + options_.reserve)
        return;
    if (!make_ballast(options_.path, options_.ballast))
        return;
    if (auto done = purge(); !done) {
        journal_.rollback();
        drop_ballast(options_.path);
        if (!done.error().full())
            lose(done.error(), {});
        return;
    }
    doubtful_.clear();
    full_ = false;
    set_accepting(true, {});
    say(LogLevel::info, "the disk has room again: commands are taken");
}

// What was refused for want of room must not come back, whatever the disk has kept of it.
Sql<> WriterThread::purge()
{
    if (auto done = journal_.begin(); !done)
        return done;
    for (auto const id : doubtful_)
        if (auto done = journal_.purge(id); !done)
            return done;
    // Written in any case: service resumes only when a commit works.
    if (auto done = journal_.set_meta("id_mark", mark_); !done)
        return done;
    return journal_.commit();
}

void WriterThread::lose(SqlError const& error, JobList jobs)
{
    std::string const text = error.text + " (SQLite code " + std::to_string(error.code) + ")";
    if (error.corrupt())
        note_suspicion(options_.path);
    refusal_ = Error(Errc::commit_unknown, "the store is lost until the next start: " + text);
    set_accepting(false, refusal_->detail);
    refuse(std::move(jobs));
    refuse(std::move(held_));
    deliver();
    // Nothing more is written, not even a checkpoint: what the log holds is judged by the next start.
    journal_.close(false);
    say(LogLevel::error, "the store failed and the daemon must start anew: " + text);
    if (fatal_ && !stopping_) // at the end there is nobody left to be told
        asio::post(executor_,
            [fatal = std::exchange(fatal_, nullptr), error = *refusal_]() mutable { fatal(error); });
}

void WriterThread::refuse(JobList jobs)
{
    while (Job* job = jobs.pop()) {
        bool const reads = job->kind == Job::Kind::find || job->kind == Job::Kind::list;
        job->fail(reads ? Error(Errc::store_unavailable, refusal_->detail) : *refusal_);
        done_.push(*job);
    }
}

// A clean end leaves no gap in the ids and nothing in the log.
void WriterThread::shut()
{
    deliver();
    if (refusal_ || full_)
        return journal_.close(false);
    auto const last = last_id_.load(std::memory_order_relaxed);
    bool written = journal_.begin() && journal_.set_meta("id_mark", last);
    if (latest_ > UtcTime{})
        written = written && journal_.set_meta("last_time", static_cast<std::uint64_t>(to_number(latest_)));
    written = written && journal_.commit();
    if (!written)
        journal_.rollback();
    journal_.close(written);
    if (written)
        lock_.write(last, lock_.starts());
}

// Logged on the io thread, like everything else.
void WriterThread::say(LogLevel level, std::string text)
{
    asio::post(executor_, [log = &log_, level, text = std::move(text)] {
        if (level == LogLevel::error)
            log->error(text);
        else
            log->info(text);
    });
}

void WriterThread::set_accepting(bool accepting, std::string reason)
{
    std::lock_guard const lock(status_mutex_);
    status_.accepting = accepting;
    status_.reason = std::move(reason);
}

} // namespace switchyard
