// The real dispatcher, workers and a memory store under virtual time with seeded faults. Each seed is one
// life of a small yard: clients that send, cancel and ask, devices that lie, hang and go away, and a daemon
// that is killed now and then. Then everything is mended, and what must be true is checked.
// SWITCHYARD_SEEDS=N runs more seeds, SWITCHYARD_SEED=S only that one.
#include "tests/support/yard_fixture.hpp"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <cstdlib>
#include <functional>
#include <iostream>

using namespace switchyard;
using namespace std::chrono_literals;
using test::SimWorld;
using test::YardFixture;

namespace {

struct Ledger { // what the clients remember
    std::map<std::uint64_t, Request> acknowledged;
    std::vector<Request> unknown; // commit_unknown: they may or may not have been recorded
    std::map<std::string, std::uint64_t> keys;
    unsigned refused = 0;
    unsigned cancels = 0;
    unsigned crashes = 0;
};

// A store that breaks one promise, to see that these tests would notice.
enum class Mutant { none, no_intent, blind_replay };

class MutantStore final : public Store {
public:
    MutantStore(Store& real, Mutant mutant) : real_(real), mutant_(mutant) {}

    asio::awaitable<Result<Recovered>> recover() override
    {
        auto recovered = co_await real_.recover();
        if (recovered && mutant_ == Mutant::blind_replay)
            for (auto& row : recovered->open)
                row.progress.clear(); // as if nothing had been sent
        co_return recovered;
    }
    CommandId next_id() override { return real_.next_id(); }
    asio::awaitable<Result<Appended>> append(StoredCommand command) override
    {
        return real_.append(std::move(command));
    }
    asio::awaitable<Result<>> commit(std::vector<Change> changes) override
    {
        if (mutant_ == Mutant::no_intent)
            std::erase_if(
                changes, [](Change const& change) { return std::holds_alternative<Advance>(change); });
        return real_.commit(std::move(changes));
    }
    asio::awaitable<Result<std::optional<StoredCommand>>> find(CommandId id) override
    {
        return real_.find(id);
    }
    asio::awaitable<Result<std::vector<StoredCommand>>> list(CommandFilter filter) override
    {
        return real_.list(filter);
    }
    asio::awaitable<Result<std::size_t>> prune(UtcTime before, std::uint64_t keep) override
    {
        return real_.prune(before, keep);
    }
    StoreStatus status() const override { return real_.status(); }

private:
    Store& real_;
    Mutant mutant_;
};

class Life : YardFixture {
public:
    explicit Life(std::uint64_t seed_, Mutant mutant = Mutant::none)
        : YardFixture(seed_), random_(seed_ * 7919 + 1), clients_(loop.timers), mutant_(mutant)
    {
        build();
        faults.latency_min = 1ms;
        faults.latency_max = 5ms;
        faults.append_unavailable = 0.01;
        faults.seed = seed_;
    }

    // The trace; what was wrong is in problems().
    std::string run()
    {
        start();
        for (int turn = 0; turn < 150; ++turn)
            play();
        mend();
        settle();
        check();
        stop();
        loop.run(clients_.drain(Clock::now() + 1h));
        return fmt::format("{:016x} acts={} acknowledged={} crashes={}",
            std::hash<std::string>{}(fmt::format("{}", fmt::join(world.trace, "|"))), world.trace.size(),
            ledger_.acknowledged.size(), ledger_.crashes);
    }
    std::vector<std::string> const& problems() const { return problems_; }

private:
    bool chance(double probability)
    {
        return std::uniform_real_distribution<double>()(random_) < probability;
    }
    std::uint64_t below(std::uint64_t end) { return random_() % end; }

    // 0-2: a BMC, readable. 3: a PDU that cannot be read. 4: a toggling relay board. 5: two ways to one BMC.
    // 6, 7: one bus.
    void build()
    {
        for (int i = 0; i < 8; ++i) {
            auto capabilities = SimWorld::everything();
            if (i == 3 || i == 4)
                capabilities.read = false;
            if (i == 4)
                capabilities.absolute = false;
            auto& device = add_device(name_of(i), capabilities, i == 5 ? 2 : 1);
            device.off_time = std::chrono::seconds(1 + below(20));
            device.attempt_timeout = 10s;
            device.confirm_timeout = 15s;
            device.soft_timeout = 30s;
            device.native_cycle = i == 2;
            device.min_gap = i == 1 ? 200ms : 0ms;
            device.auth_retry_after = 1min;
            if (i >= 6) {
                device.bus = "bus";
                world.device(name_of(i)).queue = "bus";
            }
            if (i == 0 || i == 1)
                device.group = "rack";
        }
        GroupConfig group;
        group.name = "rack";
        group.max_in_flight = 1;
        group.stagger = 500ms;
        config.groups["rack"] = group;
        add_target("dual", {{"d6", "1"}, {"d7", "1"}});
        for (auto& [name, device] : world.devices()) {
            auto& f = device->faults;
            device->latency = std::chrono::milliseconds(5 + below(2000));
            f.unreachable = chance(0.5) ? 0.2 : 0;
            f.lost_reply = chance(0.5) ? 0.1 : 0;
            f.lost_command = chance(0.5) ? 0.1 : 0;
            f.hang = chance(0.3) ? 0.05 : 0;
            f.refused = chance(0.3) ? 0.05 : 0;
            f.unreadable = chance(0.3) ? 0.2 : 0;
        }
    }
    template <class T>
    static std::string name_of(T i)
    {
        return fmt::format("d{}", i);
    }

    // Outlet "safe" of each device is never switched off on purpose: whatever happens it must be on in the
    // end.
    Request random_request()
    {
        bool const safe = chance(0.3);
        bool const dual = !safe && chance(0.1);
        auto const device = name_of(below(8));
        std::string const outlet = safe ? "safe" : std::to_string(1 + below(3));
        Request wanted;
        wanted.target = dual ? "dual" : device + ":" + outlet;
        static constexpr std::array any{Action::on, Action::off, Action::cycle, Action::cycle, Action::reset,
            Action::soft, Action::invoke};
        static constexpr std::array harmless{Action::on, Action::cycle, Action::cycle, Action::reset};
        wanted.action = safe ? harmless[below(harmless.size())]
            : dual           ? any[below(4)]
                             : any[below(any.size())];
        if (wanted.action == Action::invoke)
            wanted.operation = "identify";
        bool const switches = wanted.action == Action::on || wanted.action == Action::off;
        wanted.ensure = switches && chance(0.2);
        wanted.priority = static_cast<Priority>(below(3));
        if (chance(0.1))
            wanted.delay = std::chrono::seconds(below(60));
        if (chance(0.3))
            wanted.deadline = std::chrono::seconds(1 + below(120));
        if (switches && chance(0.1))
            wanted.coalesce = Coalesce::latest;
        if (chance(0.3))
            wanted.key = fmt::format("key-{}", below(40));
        return wanted;
    }

    asio::awaitable<void> client(Request wanted)
    {
        auto* const daemon = yard.get();
        auto const accepted = co_await daemon->submit(who, wanted);
        if (!accepted) {
            if (accepted.error().code == Errc::commit_unknown)
                ledger_.unknown.push_back(std::move(wanted));
            else
                ++ledger_.refused;
            co_return;
        }
        if (wanted.key) {
            auto const [at, fresh] = ledger_.keys.try_emplace(*wanted.key, accepted->id.value);
            if (at->second != accepted->id.value)
                problems_.push_back(fmt::format(
                    "key {} has commands {} and {}", *wanted.key, at->second, accepted->id.value));
        }
        if (!accepted->repeated)
            ledger_.acknowledged.emplace(accepted->id.value, std::move(wanted));
    }
    asio::awaitable<void> cancel_one(CommandId id, CancelMode mode)
    {
        (void)co_await yard->cancel(who, id, mode);
        ++ledger_.cancels;
    }
    asio::awaitable<void> ask(std::string target)
    {
        (void)co_await yard->state(who, std::move(target), std::nullopt, 0ms, Clock::now() + 20s);
    }

    void play()
    {
        pass(std::chrono::milliseconds(below(3000)));
        auto const what = below(100);
        if (what < 70) {
            for (auto burst = 1 + below(4); burst > 0; --burst)
                clients_.spawn(client(random_request()));
        } else if (what < 78 && !ledger_.acknowledged.empty()) {
            auto at = ledger_.acknowledged.begin();
            std::advance(at, static_cast<long>(below(ledger_.acknowledged.size())));
            bool const safe = at->second.target.ends_with("safe");
            clients_.spawn(cancel_one(
                CommandId{at->first}, !safe && chance(0.3) ? CancelMode::leave_off : CancelMode::restore));
        } else if (what < 92) {
            clients_.spawn(ask(random_request().target));
        } else if (what < 96) {
            auto& device = world.device(name_of(below(8)));
            device.faults.wrong_password = !device.faults.wrong_password && chance(0.3);
        } else {
            kill();
        }
        check_always();
    }

    void kill()
    {
        ++ledger_.crashes;
        store->crash();
        loop.run(yard->stop(Clock::now()));
        loop.run(clients_.drain(Clock::now() + 1h));
        yard.reset();
        store.reset();
        ++faults.seed;
        for (auto& [name, device] : world.devices())
            device->last_end = {}; // the pause between two calls is not remembered over a death
        pass(std::chrono::milliseconds(below(60'000)));
        start();
    }

    void check_always()
    {
        if (world.most_in_flight_in_a_queue > 1)
            problems_.emplace_back("two calls in flight in one queue");
    }

    void mend()
    {
        for (auto& [name, device] : world.devices())
            device->faults = {};
        faults.append_unavailable = 0;
        yard->reload(config); // refused logins may be tried again
    }

    void settle()
    {
        auto const limit = Clock::now() + 48h;
        while (yard->open_commands() > 0 && Clock::now() < limit)
            pass(1min);
        loop.run(clients_.drain(Clock::now() + 1h));
        pass(5min);
    }

    void check()
    {
        if (yard->open_commands() > 0)
            problems_.push_back(fmt::format("{} commands are still open", yard->open_commands()));
        // Every acknowledged command is still known, and has ended.
        for (auto const& [id, wanted] : ledger_.acknowledged) {
            auto const row = disk.commands.find(id);
            if (row == disk.commands.end())
                problems_.push_back(fmt::format("acknowledged command {} is lost", id));
            else if (!is_end(row->second.state))
                problems_.push_back(fmt::format("command {} has not ended: {} {} {}", id,
                    name(row->second.state), row->second.request, row->second.progress));
        }
        check_not_repeated();
        for (auto& [name, device] : world.devices()) {
            if (!device->outlets["safe"].on && name != "d4") // a toggling board is not asked to be safe
                problems_.push_back(fmt::format("{}:safe was left off\n{}", name, story(name + ":safe")));
            if (name == "d1" && device->shortest_gap < 200ms)
                problems_.emplace_back("the pause between two calls of d1 was not kept");
        }
        if (loop.timers.next().value_or(Clock::now()) > Clock::now() + 49h)
            problems_.emplace_back("a timer is armed for a time beyond every deadline");
        std::ranges::sort(problems_);
        problems_.erase(std::ranges::unique(problems_).begin(), problems_.end());
    }

    std::string story(std::string const& target)
    {
        std::string text;
        for (auto const& act : world.trace)
            if (act.find(" " + target + " ") != std::string::npos)
                text += act + "\n";
        for (auto const& [id, row] : disk.commands)
            if (row.target == target)
                text += fmt::format("{} {} accepted {} {} {} {}\n", id, name(row.state),
                    to_rfc3339(row.accepted), row.request, row.progress, row.outcome);
        return text;
    }

    // What must not be repeated was done at most once for each command that asked for it.
    void check_not_repeated()
    {
        std::map<std::string, unsigned> resets, operations;
        auto count = [&](Request const& wanted) {
            if (wanted.action == Action::reset)
                ++resets[wanted.target];
            if (wanted.action == Action::invoke)
                ++operations[wanted.target];
        };
        for (auto const& [id, wanted] : ledger_.acknowledged)
            count(wanted);
        for (auto const& wanted : ledger_.unknown)
            count(wanted);
        for (auto& [device, hardware] : world.devices())
            for (auto& [outlet, state] : hardware->outlets) {
                auto const target = device + ":" + outlet;
                if (state.resets > resets[target] || state.operations > operations[target])
                    problems_.push_back(
                        fmt::format("{} was reset {} times for {} commands, operated {} times for {}", target,
                            state.resets, resets[target], state.operations, operations[target]));
            }
    }

    std::unique_ptr<Store> disguise(Store& real) override
    {
        return mutant_ == Mutant::none ? nullptr : std::make_unique<MutantStore>(real, mutant_);
    }

    std::mt19937_64 random_;
    TaskGroup clients_;
    Mutant mutant_;
    Ledger ledger_;
    std::vector<std::string> problems_;
};

std::string live(std::uint64_t seed)
{
    Life life(seed);
    auto trace = life.run();
    INFO("seed " << seed);
    CHECK(life.problems() == std::vector<std::string>{});
    return trace;
}

// How many of these lives show that this mutant is wrong.
unsigned caught(Mutant mutant, std::uint64_t seeds)
{
    unsigned count = 0;
    for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
        Life life(seed, mutant);
        life.run();
        count += life.problems().empty() ? 0 : 1;
    }
    return count;
}

std::uint64_t number_from(char const* variable, std::uint64_t fallback)
{
    char const* const text = std::getenv(variable);
    return text != nullptr ? std::strtoull(text, nullptr, 10) : fallback;
}

} // namespace

TEST_CASE("the same seed gives the same trace")
{
    CHECK(live(11) == live(11));
    CHECK(live(11) != live(12));
}

TEST_CASE("whatever fails, nothing is lost, repeated, left dark or left open")
{
    if (auto const only = number_from("SWITCHYARD_SEED", 0); only > 0) {
        std::cout << live(only) << "\n";
        return;
    }
    auto const seeds = number_from("SWITCHYARD_SEEDS", 200);
    for (std::uint64_t seed = 1; seed <= seeds; ++seed)
        live(seed);
}

TEST_CASE("a store that forgets intents, and one that replays blindly, are caught")
{
    CHECK(caught(Mutant::no_intent, 6) > 0);
    CHECK(caught(Mutant::blind_replay, 6) > 0);
}
