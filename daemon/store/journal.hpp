#pragma once

#include "daemon/store/job.hpp"
#include "daemon/store/statement.hpp"

namespace switchyard {

enum class Durability : std::uint8_t {
    full,  // a commit is on the disk when it returns
    normal // a power cut loses the latest commits; for the test that shows that the tests notice
};

// The store's SQL. For one thread, with one connection and never a second one: SQLite from 3.7.0 to 3.51.2
// can corrupt a database when a second connection checkpoints while the first resets the log (fixed
// in 3.51.3, 3.50.7 and 3.44.6), and EXCLUSIVE keeps other processes out for the same reason.
class Journal {
public:
    // The outer result is about the transaction, the inner one about this job alone.
    template <class T>
    using Outcome = Sql<Result<T>>;

    Sql<> open(std::string const& path, Durability durability);
    void close(bool checkpoint) noexcept;
    Sql<bool> whole(); // every page of the file makes sense
    // Brings an older schema up to date. The inner error: the file is of a newer version, or no store at all.
    Outcome<void> upgrade();

    Sql<> begin();
    Sql<> commit();
    void rollback() noexcept;
    std::int64_t log_frames() const noexcept
    {
        return log_frames_;
    } // of 4 KiB, written since the log was started anew
    Sql<> checkpoint();

    Outcome<Appended> append(StoredCommand const& command);
    Outcome<void> change(std::vector<Change> const& changes);
    Sql<> purge(CommandId id); // of an append whose commit failed
    // Looks at a few hundred rows at most; `finished` says when it was the last turn.
    Sql<> prune_turn(PruneJob& job);

    Sql<std::uint64_t> meta(char const* name); // 0 = not there
    Sql<> set_meta(std::string_view name, std::uint64_t value);
    Sql<std::uint64_t> last_id();
    Sql<UtcTime> last_time(); // over the newest thousand; the epoch when there are none
    Sql<std::vector<StoredCommand>> open_commands();
    Sql<std::vector<Hold>> holds();

    Sql<std::optional<StoredCommand>> find(CommandId id);
    // Both go on until `until`; true when they are done.
    Sql<bool> list_turn(ListJob& job, Clock::time_point until);
    Sql<bool> count_turn(PruneJob& job, Clock::time_point until);

private:
    Sql<> prepare();
    Sql<> insert(StoredCommand const& command);
    Sql<std::optional<StoredCommand>> find_key(std::string_view principal, std::string_view key);
    Outcome<void> change_one(Change const& change);

    Database database_;
    Statement begin_, commit_, insert_, advance_, finish_, hold_, release_, erase_, set_meta_;
    Statement find_, find_key_, list_, list_open_, count_, old_, savepoint_, undo_savepoint_,
        release_savepoint_;
    std::int64_t log_frames_ = 0;
};

} // namespace switchyard
