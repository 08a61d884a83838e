#pragma once

#include "core/net/timers.hpp"
#include "daemon/store/store.hpp"

#include <functional>
#include <map>
#include <random>
#include <string>
#include <vector>

namespace switchyard::test {

// What survives a crash. The test owns it and lends it to one MemoryStore after another, as a disk outlives
// processes.
struct MemoryDisk {
    std::map<std::uint64_t, StoredCommand> commands;
    std::map<std::string, Hold> holds;
    std::uint64_t epoch = 0;
    std::uint64_t last_id = 0;
};

// All chances are from 0 to 1 and drawn from `seed`, so that a run can be repeated.
struct MemoryFaults {
    std::uint64_t seed = 1;
    Clock::duration latency_min{0}; // of one commit
    Clock::duration latency_max{0};
    double append_unavailable = 0; // an append is refused with `store_unavailable`; nothing of it is recorded
    double commit_unknown = 0;     // a commit is lost and the store with it: everybody who waits gets
                                   // `commit_unknown`
    double kept = 0.5; // that a commit which was lost, or cut by a crash, is on the disk nevertheless
};

// A Store without a disk, for simulations: group commit after a latency by Timers, so that virtual time
// works, and faults by seed. The semantics are those of SqliteStore; one contract test holds both to them. A
// wait for it cannot be cancelled.
class MemoryStore final : public Store {
public:
    MemoryStore(Timers& timers, MemoryDisk& disk, MemoryFaults faults = {});
    ~MemoryStore() override; // as a graceful end: what waits is committed at once

    asio::awaitable<Result<Recovered>> recover() override;
    CommandId next_id() override;
    asio::awaitable<Result<Appended>> append(StoredCommand command) override;
    asio::awaitable<Result<>> commit(std::vector<Change> changes) override;
    asio::awaitable<Result<std::optional<StoredCommand>>> find(CommandId id) override;
    asio::awaitable<Result<std::vector<StoredCommand>>> list(CommandFilter filter) override;
    asio::awaitable<Result<std::size_t>> prune(UtcTime before, std::uint64_t keep) override;
    StoreStatus status() const override;

    // kill -9: what is not durable is gone, but the commit in flight may be kept (MemoryFaults::kept). Who
    // waits is told `commit_unknown` in the next turn of the loop, and so is every later call. Make the next
    // store on the same disk.
    void crash();
    // The disk is full (a reason) or has room again (empty). Full: append fails with `store_unavailable`,
    // commit works.
    void set_full(std::string reason) { full_ = std::move(reason); }
    // Fires once when a commit is lost by MemoryFaults::commit_unknown, as SqliteStore's does; never by
    // crash().
    std::move_only_function<void(Error)> fatal;

private:
    struct Job { // lives in the frame that waits for it
        virtual ~Job() = default;
        virtual void apply(MemoryDisk& disk) = 0;
        virtual void fail(Error error) = 0;
        std::move_only_function<void()> resume;
    };
    template <class T>
    struct Work final : Job {
        explicit Work(std::move_only_function<Result<T>(MemoryDisk&)> body_) : body(std::move(body_)) {}
        void apply(MemoryDisk& disk) override { result = body(disk); }
        void fail(Error error) override { result = std::unexpected(std::move(error)); }
        std::move_only_function<Result<T>(MemoryDisk&)> body;
        Result<T> result;
    };
    using Jobs = std::vector<Job*>;

    template <class T>
    asio::awaitable<Result<T>> perform(std::move_only_function<Result<T>(MemoryDisk&)> body);
    asio::awaitable<void> queued(Job& job);
    void begin();
    void finish();
    void lose();
    void resume(Jobs jobs);
    bool chance(double probability);

    Timers& timers_;
    MemoryDisk& disk_;
    MemoryFaults faults_;
    std::mt19937_64 random_;
    Jobs waiting_;
    Jobs batch_; // the commit in flight
    TimerNode durable_;
    std::string full_;
    bool lost_ = false;
    StoreStatus status_;
};

} // namespace switchyard::test
