#include "daemon/store/sqlite_store.hpp"
#include "tests/support/run.hpp"
#include "tests/unit/store/scratch.hpp"

#include <catch2/catch.hpp>

#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

using namespace switchyard;
using namespace std::chrono_literals;

namespace {

// A small disk of its own. Mounting needs privileges; without them the test says so and passes.
class SmallDisk {
public:
    SmallDisk() { mounted_ = ::mount("tmpfs", scratch_.directory().c_str(), "tmpfs", 0, "size=6m") == 0; }
    ~SmallDisk()
    {
        if (mounted_)
            ::umount2(scratch_.directory().c_str(), MNT_DETACH);
    }
    bool mounted() const { return mounted_; }
    std::string path(std::string const& name) const { return scratch_.path(name); }
    void fill() const
    {
        int const fd = ::open(path("filler").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        std::string const block(4096, 'x');
        while (::write(fd, block.data(), block.size()) == 4096)
            continue;
        ::close(fd);
    }
    void free() const { ::unlink(path("filler").c_str()); }

private:
    test::Scratch scratch_;
    bool mounted_ = false;
};

StoredCommand make(CommandId id)
{
    StoredCommand command;
    command.id = id;
    command.accepted = Clock::utc();
    command.request = std::string(500, 'x');
    return command;
}

} // namespace

TEST_CASE("a full disk refuses commands, records results, and serves again when there is room")
{
    SmallDisk disk;
    if (!disk.mounted()) {
        WARN("skipped: a small disk cannot be mounted here");
        return;
    }
    test::Loop loop;
    NullSink sink;
    Log log(sink, LogLevel::error);
    SqliteOptions options(disk.path("c.db"));
    options.ballast = 512 * 1024;
    options.reserve = 256 * 1024;
    options.room_check = 10ms;
    bool fatal = false;
    std::optional<SqliteStore> store;
    auto const open = [&] {
        store.reset();
        store.emplace(loop.timers.executor(), log, options, [&](Error const&) { fatal = true; });
        auto recovered = loop.run(store->recover());
        REQUIRE(recovered);
        return std::move(*recovered);
    };
    open();
    for (int round = 0; round < 3; ++round) {
        std::vector<CommandId> recorded;
        std::vector<CommandId> refused;
        disk.fill();
        while (refused.size() < 20) {
            auto const id = store->next_id();
            auto command = make(id);
            auto const appended = loop.run(store->append(std::move(command)));
            if (appended) {
                recorded.push_back(id);
                REQUIRE(recorded.size() < 20'000);
                continue;
            }
            REQUIRE(appended.error().code == Errc::store_unavailable);
            refused.push_back(id);
        }
        CHECK_FALSE(store->status().accepting);
        CHECK(store->status().reason.contains("full"));
        // The results of what is in flight, into the room of the ballast.
        auto const results = std::min<std::size_t>(recorded.size(), 50);
        for (std::size_t i = 0; i < results; ++i) {
            std::vector<Change> changes{Finish{recorded[i], CommandState::done, Clock::utc(), "{}"}};
            REQUIRE(loop.run(store->commit(std::move(changes))));
        }
        disk.free();
        while (!store->status().accepting)
            loop.run(loop.timers.wait_until(Clock::now() + 2ms));
        CHECK(std::filesystem::exists(disk.path("c.db.ballast")));
        auto command = make(store->next_id());
        REQUIRE(loop.run(store->append(std::move(command))));
        for (auto const id : refused)
            CHECK_FALSE(*loop.run(store->find(id)));
        for (std::size_t i = 0; i < recorded.size(); ++i)
            CHECK((*loop.run(store->find(recorded[i])))->ended.has_value() == (i < results));
        auto const recovered = open();
        CHECK(recovered.open.size() >= recorded.size() - results + 1);
        CHECK(*loop.run(store->prune(Clock::utc() + 1h, 0)) >= results);
        for (auto const& left : recovered.open) {
            std::vector<Change> changes{Finish{left.id, CommandState::cancelled, Clock::utc(), ""}};
            REQUIRE(loop.run(store->commit(std::move(changes))));
        }
        CHECK(loop.run(store->prune(Clock::utc() + 1h, 0)));
    }
    CHECK_FALSE(fatal);
}

TEST_CASE(
    "a result that finds no room at all waits for it, and a disk that is full at the start still serves")
{
    SmallDisk disk;
    if (!disk.mounted()) {
        WARN("skipped: a small disk cannot be mounted here");
        return;
    }
    test::Loop loop;
    NullSink sink;
    Log log(sink, LogLevel::error);
    SqliteOptions options(disk.path("c.db"));
    options.ballast = 0;
    options.reserve = 256 * 1024;
    options.room_check = 10ms;
    auto store = std::make_unique<SqliteStore>(loop.timers.executor(), log, options, nullptr);
    REQUIRE(loop.run(store->recover()));
    auto const id = store->next_id();
    REQUIRE(loop.run(store->append(make(id))));
    disk.fill();
    std::vector<Change> changes{Finish{id, CommandState::done, Clock::utc(), std::string(100'000, 'y')}};
    std::optional<Result<>> result;
    asio::co_spawn(loop.io, store->commit(std::move(changes)),
        [&](std::exception_ptr, Result<> value) { result = std::move(value); });
    while (store->status().accepting)
        loop.run(loop.timers.wait_until(Clock::now() + 2ms));
    CHECK_FALSE(result);
    CHECK(*loop.run(store->find(id))); // reads go on
    CHECK(loop.run(store->append(make(store->next_id()))).error().code == Errc::store_unavailable);
    CHECK_FALSE(result);
    disk.free();
    while (!result || !store->status().accepting)
        loop.run(loop.timers.wait_until(Clock::now() + 2ms));
    CHECK(*result);
    CHECK((*loop.run(store->find(id)))->ended);

    store.reset();
    disk.fill();
    options.ballast = 512 * 1024;
    ::truncate(disk.path("filler").c_str(), 4'096 * 1'000); // room for the start, none for the ballast
    disk.free();
    disk.fill();
    store = std::make_unique<SqliteStore>(loop.timers.executor(), log, options, nullptr);
    auto const full = loop.run(store->recover());
    if (!full) // not even the log of the start fits: refused with its reason
        CHECK(full.error().detail.contains("full"));
    disk.free();
    if (full)
        while (!store->status().accepting)
            loop.run(loop.timers.wait_until(Clock::now() + 2ms));
}
