#pragma once

#include "core/base/error.hpp"
#include "core/wire/northbound.hpp"

#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

// What must survive kill -9. Scheduling lives in memory; the store is its journal and its history.
namespace switchyard {

namespace asio = boost::asio;

// A command as a row. The texts are JSON that the queue writes and reads; the store does not look into them.
struct StoredCommand {
    CommandId id;
    CommandState state = CommandState::queued;
    std::string principal;
    std::string key; // idempotency key; empty = none
    std::string target;
    std::string devices; // "|pdu1|pdu2|": what list() filters by
    UtcTime accepted{};
    UtcTime due{};
    UtcTime deadline{};
    std::optional<UtcTime> ended;
    std::string request;  // as accepted, with the frozen outlets; never changes
    std::string progress; // where its steps are; empty until the first attempt
    std::string outcome;  // the report; empty until it has ended
};

// The state of an open command changes: an intent before the wire, a finished step.
struct Advance {
    CommandId id;
    CommandState state = CommandState::running;
    std::string progress;
};
struct Finish {
    CommandId id;
    CommandState state = CommandState::done;
    UtcTime ended{};
    std::string outcome;
};
// A device is held after an indeterminate command, until it is released.
struct Hold {
    std::string device;
    UtcTime since{};
    std::string reason;
};
struct Release {
    std::string device;
};
using Change = std::variant<Advance, Finish, Hold, Release>;

// How an append ended: recorded, or the principal's key stands for an earlier command already.
struct Appended {
    CommandId id;
    std::optional<StoredCommand> earlier; // the first command of this key; nothing of this append was
                                          // recorded
};

struct Recovered {
    std::vector<StoredCommand> open; // in the order of their ids
    std::vector<Hold> holds;
    std::uint64_t epoch = 0;          // counts the starts of this store, from 1
    std::optional<UtcTime> last_time; // the latest time in the journal
};

struct StoreStatus {
    bool accepting = true; // false: append fails with store_unavailable at once
    std::string reason;
    std::uint64_t commits = 0;
    std::uint64_t rows = 0; // changes and appends that were committed
    double last_commit_seconds = 0;
    std::uint64_t wal_bytes = 0;
    std::uint64_t free_bytes = 0;
};

// Every write returns after it is durable. A second implementation (PostgreSQL, shared by several daemons)
// will come, so nothing outside daemon/store may assume that one process owns the queue.
class Store {
public:
    virtual ~Store() = default;

    // Opens the store, makes it when it is new, upgrades its schema, and reads what is open. Called once,
    // first.
    virtual asio::awaitable<Result<Recovered>> recover() = 0;

    // A number for a new command: never given before, not by an earlier process either, whether or not its
    // append succeeded.
    virtual CommandId next_id() = 0;

    // `store_unavailable`: certainly not recorded. `commit_unknown`: it may be there after a restart.
    virtual asio::awaitable<Result<Appended>> append(StoredCommand command) = 0;
    // All or nothing, in the order of the calls. Fails only when the store is lost for this process
    // (`commit_unknown`).
    virtual asio::awaitable<Result<>> commit(std::vector<Change> changes) = 0;

    virtual asio::awaitable<Result<std::optional<StoredCommand>>> find(CommandId id) = 0;
    // Newest first, at most filter.limit rows and at most about 2 ms of the writer's time a turn.
    virtual asio::awaitable<Result<std::vector<StoredCommand>>> list(CommandFilter filter) = 0;
    // Deletes ended commands that ended before `before`, and the oldest beyond `keep` of them, in small
    // chunks; returns how many. Rows with a key are kept for at least 24 h.
    virtual asio::awaitable<Result<std::size_t>> prune(UtcTime before, std::uint64_t keep) = 0;

    virtual StoreStatus status() const = 0;
};

} // namespace switchyard
