#include "daemon/store/sqlite_store.hpp"

#include <boost/asio/async_result.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace switchyard {

asio::awaitable<void> SqliteStore::submitted(Job& job)
{
    return asio::async_initiate<asio::use_awaitable_t<> const, void()>(
        [this, &job](auto handler) {
            job.resume = std::move(handler);
            writer_.submit(job);
        },
        asio::use_awaitable);
}

asio::awaitable<Result<Recovered>> SqliteStore::recover()
{
    RecoverJob job;
    co_await submitted(job);
    co_return std::move(job.result);
}

asio::awaitable<Result<Appended>> SqliteStore::append(StoredCommand command)
{
    if (writer_.full()) // refused at once, without waiting for the writer
        co_return fail(Errc::store_unavailable, writer_.status().reason);
    AppendJob job(std::move(command));
    co_await submitted(job);
    co_return std::move(job.result);
}

asio::awaitable<Result<>> SqliteStore::commit(std::vector<Change> changes)
{
    if (changes.empty())
        co_return Result<>();
    CommitJob job(std::move(changes));
    co_await submitted(job);
    co_return std::move(job.result);
}

asio::awaitable<Result<std::optional<StoredCommand>>> SqliteStore::find(CommandId id)
{
    FindJob job(id);
    co_await submitted(job);
    co_return std::move(job.result);
}

asio::awaitable<Result<std::vector<StoredCommand>>> SqliteStore::list(CommandFilter filter)
{
    ListJob job(std::move(filter));
    co_await submitted(job);
    co_return std::move(job.result);
}

asio::awaitable<Result<std::size_t>> SqliteStore::prune(UtcTime before, std::uint64_t keep)
{
    PruneJob job(Clock::utc(), before, keep);
    co_await submitted(job);
    co_return std::move(job.result);
}

StoreStatus SqliteStore::status() const
{
    auto status = writer_.status();
    status.free_bytes = free_bytes(path_);
    return status;
}

} // namespace switchyard
