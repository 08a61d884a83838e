#pragma once

#include "core/net/timers.hpp"
#include "daemon/store/writer_thread.hpp"

namespace switchyard {

// The store of a single daemon: one file, one connection, one writer thread. docs/store.md says what it
// promises.
//
// A wait for it cannot be cancelled: it ends when the disk has answered. It lives on the io thread, and the
// loop must run on until everybody who waits has been answered.
class SqliteStore final : public Store {
public:
    // `fatal` is called once, on the io thread, when the store is lost: the process must end with a failure,
    // so that it is started anew and reads what the disk holds.
    SqliteStore(asio::any_io_executor executor, Log& log, SqliteOptions options,
        std::move_only_function<void(Error)> fatal)
        : path_(options.path), writer_(std::move(executor), log, std::move(options), std::move(fatal))
    {
    }

    // Fails with `store_unavailable` when another daemon has the store, when it was written by a newer
    // version, and when it cannot be opened.
    asio::awaitable<Result<Recovered>> recover() override;
    CommandId next_id() override { return writer_.next_id(); }
    asio::awaitable<Result<Appended>> append(StoredCommand command) override;
    asio::awaitable<Result<>> commit(std::vector<Change> changes) override;
    asio::awaitable<Result<std::optional<StoredCommand>>> find(CommandId id) override;
    asio::awaitable<Result<std::vector<StoredCommand>>> list(CommandFilter filter) override;
    asio::awaitable<Result<std::size_t>> prune(UtcTime before, std::uint64_t keep) override;
    StoreStatus status() const override;

private:
    asio::awaitable<void> submitted(Job& job);

    std::string const path_;
    WriterThread writer_; // last: it ends first
};

} // namespace switchyard
