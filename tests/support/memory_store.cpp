#include "tests/support/memory_store.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <ranges>

namespace switchyard::test {
namespace {

constexpr std::size_t max_batch = 256;

Error lost_error()
{
    return Error(Errc::commit_unknown, "the store is lost until the next start");
}

// All or nothing: the caller works on a copy.
Result<> apply(MemoryDisk& disk, Change const& change)
{
    if (auto const* hold = std::get_if<Hold>(&change)) {
        disk.holds[hold->device] = *hold;
        return {};
    }
    if (auto const* release = std::get_if<Release>(&change)) {
        disk.holds.erase(release->device);
        return {};
    }
    auto const* advance = std::get_if<Advance>(&change);
    auto const* end = std::get_if<Finish>(&change);
    auto const id = advance != nullptr ? advance->id : end->id;
    auto const row = disk.commands.find(id.value);
    if (row == disk.commands.end())
        return fail(Errc::internal,
            "a change names command " + std::to_string(id.value) + ", which is not in the store");
    if (advance != nullptr) {
        row->second.state = advance->state;
        row->second.progress = advance->progress;
    } else {
        row->second.state = end->state;
        row->second.ended = end->ended;
        row->second.outcome = end->outcome;
    }
    return {};
}

bool matches(CommandFilter const& filter, StoredCommand const& command)
{
    return !(filter.before && command.id >= filter.before) && !(filter.open && command.ended)
        && (!filter.state || *filter.state == command.state)
        && (!filter.target || *filter.target == command.target)
        && (!filter.device || command.devices.contains("|" + *filter.device + "|"));
}

std::size_t prune_now(MemoryDisk& disk, UtcTime now, UtcTime before, std::uint64_t keep)
{
    auto ended = static_cast<std::uint64_t>(
        std::ranges::count_if(disk.commands, [](auto const& row) { return row.second.ended.has_value(); }));
    return std::erase_if(disk.commands, [&](auto const& row) {
        StoredCommand const& command = row.second;
        if (!command.ended || (*command.ended >= before && ended <= keep))
            return false;
        if (!command.key.empty() && *command.ended > now - std::chrono::hours{24})
            return false;
        --ended;
        return true;
    });
}

} // namespace

MemoryStore::MemoryStore(Timers& timers, MemoryDisk& disk, MemoryFaults faults)
    : timers_(timers), disk_(disk), faults_(faults), random_(faults.seed), durable_([this] { finish(); })
{
}

MemoryStore::~MemoryStore()
{
    durable_.disarm();
    while (!lost_ && !(batch_.empty() && waiting_.empty())) {
        if (batch_.empty())
            std::swap(batch_, waiting_);
        for (Job* job : batch_)
            job->apply(disk_);
        resume(std::exchange(batch_, {}));
    }
}

template <class T>
asio::awaitable<Result<T>> MemoryStore::perform(std::move_only_function<Result<T>(MemoryDisk&)> body)
{
    Work<T> job(std::move(body));
    if (lost_)
        job.fail(lost_error());
    else
        co_await queued(job);
    co_return std::move(job.result);
}

asio::awaitable<void> MemoryStore::queued(Job& job)
{
    return asio::async_initiate<asio::use_awaitable_t<> const, void()>(
        [this, &job](auto handler) {
            job.resume = std::move(handler);
            waiting_.push_back(&job);
            begin();
        },
        asio::use_awaitable);
}

void MemoryStore::begin()
{
    if (!batch_.empty() || waiting_.empty() || lost_)
        return;
    auto const count = std::min(max_batch, waiting_.size());
    batch_.assign(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(count));
    waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(count));
    auto latency = faults_.latency_min;
    if (auto const spread = (faults_.latency_max - faults_.latency_min).count(); spread > 0)
        latency += Clock::duration(static_cast<Clock::rep>(random_() % static_cast<std::uint64_t>(spread)));
    timers_.arm(durable_, Clock::now() + latency);
}

void MemoryStore::finish()
{
    if (chance(faults_.commit_unknown)) {
        lose();
        if (auto callback = std::exchange(fatal, nullptr))
            callback(lost_error());
        return;
    }
    for (Job* job : batch_)
        job->apply(disk_);
    ++status_.commits;
    status_.rows += batch_.size();
    resume(std::exchange(batch_, {}));
    begin();
}

void MemoryStore::crash()
{
    if (!lost_)
        lose();
}

void MemoryStore::lose()
{
    lost_ = true;
    durable_.disarm();
    if (!batch_.empty() && chance(faults_.kept))
        for (Job* job : batch_)
            job->apply(disk_);
    for (Jobs* jobs : {&batch_, &waiting_}) {
        for (Job* job : *jobs)
            job->fail(lost_error());
        resume(std::exchange(*jobs, {}));
    }
}

void MemoryStore::resume(Jobs jobs)
{
    for (Job* job : jobs)
        asio::post(timers_.executor(), std::move(job->resume));
}

bool MemoryStore::chance(double probability)
{
    return probability > 0 && static_cast<double>(random_() >> 11) * 0x1p-53 < probability;
}

asio::awaitable<Result<Recovered>> MemoryStore::recover()
{
    return perform<Recovered>([](MemoryDisk& disk) -> Result<Recovered> {
        Recovered recovered;
        recovered.epoch = ++disk.epoch;
        for (auto const& [id, command] : disk.commands) {
            if (!command.ended)
                recovered.open.push_back(command);
            auto const latest = std::max(command.accepted, command.ended.value_or(command.accepted));
            recovered.last_time = std::max(recovered.last_time.value_or(latest), latest);
        }
        for (auto const& [device, hold] : disk.holds)
            recovered.holds.push_back(hold);
        return recovered;
    });
}

CommandId MemoryStore::next_id()
{
    return CommandId{++disk_.last_id};
}

asio::awaitable<Result<Appended>> MemoryStore::append(StoredCommand command)
{
    if (!lost_ && (!full_.empty() || chance(faults_.append_unavailable)))
        co_return fail(Errc::store_unavailable, full_.empty() ? "a fault of this test" : full_);
    std::move_only_function<Result<Appended>(MemoryDisk&)> body =
        [command = std::move(command)](MemoryDisk& disk) mutable -> Result<Appended> {
        if (!command.key.empty())
            for (auto const& [id, other] : disk.commands)
                if (other.key == command.key && other.principal == command.principal)
                    return Appended{other.id, other};
        if (disk.commands.contains(command.id.value))
            return fail(
                Errc::internal, "command " + std::to_string(command.id.value) + " is in the store already");
        if (is_end(command.state) && !command.ended)
            command.ended = command.accepted;
        disk.commands.emplace(command.id.value, command);
        return Appended{command.id, std::nullopt};
    };
    co_return co_await perform<Appended>(std::move(body));
}

asio::awaitable<Result<>> MemoryStore::commit(std::vector<Change> changes)
{
    std::move_only_function<Result<>(MemoryDisk&)> body = [changes = std::move(changes)](
                                                              MemoryDisk& disk) -> Result<> {
        // Checked first, so that a change that cannot be made undoes nothing.
        for (Change const& change : changes) {
            auto const* advance = std::get_if<Advance>(&change);
            auto const* end = std::get_if<Finish>(&change);
            auto const id = advance != nullptr ? advance->id : end != nullptr ? end->id : CommandId{};
            if (id && !disk.commands.contains(id.value))
                return apply(disk, change);
        }
        for (Change const& change : changes)
            if (auto done = apply(disk, change); !done)
                return done;
        return {};
    };
    co_return co_await perform<void>(std::move(body));
}

asio::awaitable<Result<std::optional<StoredCommand>>> MemoryStore::find(CommandId id)
{
    return perform<std::optional<StoredCommand>>(
        [id](MemoryDisk& disk) -> Result<std::optional<StoredCommand>> {
            auto const row = disk.commands.find(id.value);
            return row == disk.commands.end() ? std::nullopt : std::optional(row->second);
        });
}

asio::awaitable<Result<std::vector<StoredCommand>>> MemoryStore::list(CommandFilter filter)
{
    std::move_only_function<Result<std::vector<StoredCommand>>(MemoryDisk&)> body =
        [filter = std::move(filter)](MemoryDisk& disk) -> Result<std::vector<StoredCommand>> {
        std::vector<StoredCommand> found;
        auto const limit = std::clamp<std::size_t>(filter.limit, 1, 500);
        for (auto const& [id, command] : disk.commands | std::views::reverse) {
            if (found.size() == limit)
                break;
            if (matches(filter, command))
                found.push_back(command);
        }
        return found;
    };
    co_return co_await perform<std::vector<StoredCommand>>(std::move(body));
}

asio::awaitable<Result<std::size_t>> MemoryStore::prune(UtcTime before, std::uint64_t keep)
{
    return perform<std::size_t>([before, keep, now = Clock::utc()](MemoryDisk& disk) -> Result<std::size_t> {
        return prune_now(disk, now, before, keep);
    });
}

StoreStatus MemoryStore::status() const
{
    StoreStatus status = status_;
    status.accepting = !lost_ && full_.empty();
    status.reason = lost_ ? lost_error().detail : full_;
    return status;
}

} // namespace switchyard::test
