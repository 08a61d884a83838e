// The store in a process of its own, for tests that kill it or break its disk. It tells on standard output
// what it was answered, one line a write, each before the next step is taken:
//   store_child run FILE WRITERS LIVES full|normal    LIVES 0 = for ever; ends with 3 when the store is lost,
//   4 when refused
//     start EPOCH | ask ID | accepted ID | refused ID | advanced ID | ended ID | unknown ID
//   store_child dump FILE
//     row ID STATE PROGRESS | next ID

#include "core/base/text.hpp"
#include "core/net/task_group.hpp"
#include "daemon/store/sqlite_store.hpp"

#include <boost/asio/io_context.hpp>
#include <unistd.h>

#include <cstdio>
#include <string>

using namespace switchyard;
using namespace std::chrono_literals;

namespace {

void tell(std::string line)
{
    line += '\n';
    // A pipe takes so little as a whole or not at all: the reader never sees half a line.
    if (::write(STDOUT_FILENO, line.data(), line.size()) < 0)
        std::perror("store_child");
}
std::string line(std::string_view word, CommandId id)
{
    return std::string(word) + " " + std::to_string(id.value);
}

struct World {
    World(std::string path, Durability durability) : options(std::move(path))
    {
        options.ballast = 128 * 1024;
        options.reserve = 0;
        options.room_check = 5ms;
        options.durability = durability;
        store.emplace(io.get_executor(), log, options, [this](Error const&) { lost = true; });
    }
    asio::io_context io{1};
    Timers timers{io.get_executor()};
    TextSink sink;
    Log log{sink, LogLevel::error};
    SqliteOptions options;
    std::optional<SqliteStore> store;
    TaskGroup group{timers};
    bool lost = false;
    int status = 0;

    void run()
    {
        while (!group.empty())
            io.run_one();
        store.reset();
        io.restart();
        io.poll();
    }
};

asio::awaitable<bool> accept(World& world, CommandId id)
{
    StoredCommand command;
    command.id = id;
    command.principal = "child";
    command.key = "key-" + std::to_string(id.value);
    command.target = "srv";
    command.devices = "|pdu|";
    command.accepted = Clock::utc();
    command.request = std::string(400, 'r');
    tell(line("ask", id));
    auto const appended = co_await world.store->append(std::move(command));
    if (appended)
        tell(line("accepted", id));
    else
        tell(line(appended.error().code == Errc::store_unavailable ? "refused" : "unknown", id));
    co_return appended.has_value();
}

asio::awaitable<bool> change(World& world, CommandId id, std::vector<Change> changes, std::string_view word)
{
    auto const done = co_await world.store->commit(std::move(changes));
    tell(line(done ? word : "unknown", id));
    co_return done.has_value();
}

asio::awaitable<void> live(World& world)
{
    for (int refusals = 0; !world.lost && refusals < 1'000; ++refusals) {
        auto const id = world.store->next_id();
        bool const accepted = co_await accept(world, id);
        if (!accepted) {
            co_await world.timers.wait_until(Clock::now() + 2ms);
            continue;
        }
        std::vector<Change> intent{Advance{id, CommandState::running, "p" + std::to_string(id.value)}};
        bool const advanced = co_await change(world, id, std::move(intent), "advanced");
        if (!advanced)
            co_return;
        std::vector<Change> end{
            Finish{id, CommandState::done, Clock::utc(), "{}"}, Hold{"pdu", Clock::utc(), ""}};
        co_await change(world, id, std::move(end), "ended");
        co_return;
    }
}

asio::awaitable<void> writer(World& world, std::int64_t lives)
{
    for (std::int64_t i = 0; (lives == 0 || i < lives) && !world.lost; ++i)
        co_await live(world);
}

asio::awaitable<void> run(World& world, std::int64_t writers, std::int64_t lives)
{
    auto const recovered = co_await world.store->recover();
    if (!recovered) {
        std::fprintf(stderr, "store_child: %s\n", recovered.error().message().c_str());
        world.status = 4;
        co_return;
    }
    tell("start " + std::to_string(recovered->epoch));
    for (std::int64_t i = 0; i < writers; ++i)
        world.group.spawn(writer(world, lives));
}

asio::awaitable<void> dump(World& world)
{
    auto const recovered = co_await world.store->recover();
    if (!recovered) {
        std::fprintf(stderr, "store_child: %s\n", recovered.error().message().c_str());
        world.status = 4;
        co_return;
    }
    CommandFilter filter;
    filter.limit = 500;
    for (;;) {
        auto const page = co_await world.store->list(filter);
        if (!page || page->empty())
            break;
        for (auto const& row : *page)
            tell(line("row", row.id) + " " + std::string(name(row.state)) + " " + row.progress);
        filter.before = page->back().id;
    }
    tell(line("next", world.store->next_id()));
}

} // namespace

int main(int count, char** arguments)
{
    std::vector<std::string> const words(arguments + 1, arguments + count);
    if (words.size() == 5 && words[0] == "run") {
        World world(words[1], words[4] == "normal" ? Durability::normal : Durability::full);
        world.group.spawn(
            run(world, parse_integer(words[2]).value_or(1), parse_integer(words[3]).value_or(1)));
        world.run();
        return world.lost ? 3 : world.status;
    }
    if (words.size() == 2 && words[0] == "dump") {
        World world(words[1], Durability::full);
        world.group.spawn(dump(world));
        world.run();
        return world.lost ? 3 : world.status;
    }
    std::fprintf(stderr, "usage: store_child run FILE WRITERS LIVES full|normal | dump FILE\n");
    return 2;
}
