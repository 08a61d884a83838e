// Everything at once, by seed: commands, cancels, reads, reloads that move, break and remove devices, stops
// and crashes. In the end all is mended, and nothing may be left open, lost or dark.
#include "tests/unit/queue/yard_tools.hpp"

#include <random>

using namespace switchyard;
using namespace std::chrono_literals;
using test::Bench;

namespace {

class Storm : Bench {
public:
    explicit Storm(std::uint64_t seed_) : random_(seed_)
    {
        faults.latency_min = 1ms;
        faults.latency_max = 4ms;
        faults.seed = seed_;
        GroupConfig rack;
        rack.name = "rack";
        rack.max_in_flight = 1;
        rack.stagger = 300ms;
        config.groups["rack"] = rack;
        for (auto const* const name : {"a", "b", "c"}) {
            auto& device = add_device(name, test::SimWorld::everything(), *name == 'b' ? 2 : 1);
            device.off_time = 3s;
            device.confirm_timeout = 5s;
            device.attempt_timeout = 4s;
            device.auth_retry_after = 30s;
            device.breaker_delay_max = 20s;
            hardware(name).latency = 300ms;
        }
        add_target("two", {{"a", "1"}, {"c", "1"}});
        config.daemon.drain_timeout = 20s;
        whole_ = config;
    }

    void run()
    {
        start();
        for (int turn = 0; turn < 250; ++turn) {
            pass(std::chrono::milliseconds(below(900)));
            play();
        }
        mend();
        for (auto const& [id, row] : disk.commands) {
            INFO("command " << id << " " << name(row.state) << " " << row.request << " " << row.progress);
            CHECK(row.ended.has_value());
        }
        CHECK(accepted_.size() == disk.commands.size());
        for (auto const* const name : {"a", "b", "c"}) {
            INFO("device " << name);
            CHECK(outlet(name, "safe").on);
            CHECK(info(name).queued == 0);
            CHECK_FALSE(info(name).running);
            CHECK(run_one(std::string(name) + ":1").state == CommandState::done);
        }
        CHECK(world.most_in_flight_in_a_queue == 1);
    }

private:
    std::uint64_t below(std::uint64_t end) { return random_() % end; }
    bool one_in(std::uint64_t n) { return below(n) == 0; }
    std::string any_device() { return std::string(1, "abc"[below(3)]); }
    Report run_one(std::string target) { return Bench::run(std::move(target), Action::off); }

    void play()
    {
        auto const what = below(100);
        if (what < 50)
            clients.spawn(client(any_request()));
        else if (what < 62)
            clients.spawn(reader(any_device() + ":1"));
        else if (what < 72 && !accepted_.empty())
            clients.spawn(canceller(accepted_[below(accepted_.size())]));
        else if (what < 80)
            break_something();
        else if (what < 97)
            yard->reload(changed());
        else
            begin_anew();
    }

    Request any_request()
    {
        static constexpr std::array any{
            Action::on, Action::off, Action::off, Action::cycle, Action::cycle, Action::reset, Action::soft};
        bool const safe = one_in(3);
        auto wanted = request(any_device() + (safe ? ":safe" : ":1"), any[below(any.size())]);
        if (safe)
            wanted.action = one_in(2) ? Action::cycle : Action::on;
        else if (one_in(6) && wanted.action != Action::reset && wanted.action != Action::soft)
            wanted.target = "two";
        if (one_in(3))
            wanted.deadline = std::chrono::milliseconds(1 + below(20'000));
        if (one_in(8))
            wanted.delay = std::chrono::milliseconds(below(20'000));
        if (one_in(5) && !safe)
            wanted.coalesce = Coalesce::latest;
        wanted.ensure = one_in(6) && (wanted.action == Action::on || wanted.action == Action::off);
        wanted.priority = static_cast<Priority>(below(3));
        return wanted;
    }
    asio::awaitable<void> client(Request wanted)
    {
        auto const accepted = co_await yard->submit(who, std::move(wanted));
        if (accepted)
            accepted_.push_back(accepted->id);
    }
    asio::awaitable<void> reader(std::string target)
    {
        (void)co_await yard->state(who, std::move(target), std::nullopt, 0ms, Clock::now() + 10s);
    }
    asio::awaitable<void> canceller(CommandId id)
    {
        (void)co_await yard->cancel(who, id, CancelMode::restore);
    }

    void break_something()
    {
        auto& f = hardware(any_device()).faults;
        f = {};
        switch (below(7)) {
        case 0:
            f.unreachable = 1;
            break;
        case 1:
            f.lost_command = 0.5;
            f.unreadable = 0.5;
            break;
        case 2:
            f.hang = 0.5;
            break;
        case 3:
            f.refused = 0.7;
            break;
        case 4:
            f.wrong_password = true;
            break;
        default:
            f.lost_reply = 0.3;
        }
    }
    Config changed()
    {
        Config made = whole_;
        for (auto const* const name : {"a", "b", "c"}) {
            auto& device = made.devices.at(name);
            device.bus = one_in(3) ? "serial" : "";
            device.group = one_in(2) ? "rack" : "";
            device.min_gap = one_in(4) ? 100ms : 0ms;
            device.attempts = static_cast<std::uint32_t>(1 + below(4));
            device.coalesce = one_in(4) ? Coalesce::latest : Coalesce::none;
            if (device.drivers.size() > 1 && one_in(2))
                device.drivers.pop_back();
            if (one_in(8)) {
                device.drivers.clear();
                device.fault = "broken";
            }
        }
        if (one_in(6))
            made.devices.erase("c");
        if (one_in(4) || !made.devices.contains("c"))
            made.targets.at("two").outlets = {{"b", "1"}, {"a", "1"}};
        config = made;
        return made;
    }
    void begin_anew()
    {
        if (one_in(2))
            store->crash();
        loop.run(yard->stop(Clock::now() + std::chrono::milliseconds(below(3000))));
        loop.run(clients.drain(Clock::now() + 1h));
        yard.reset();
        store.reset();
        ++faults.seed;
        config = whole_; // a device that is gone at a start takes its debts with it, and that is not asked
                         // here
        start();
        // What was told to be unknown may have been recorded: it counts from now on.
        accepted_.clear();
        for (auto const& [id, row] : disk.commands)
            accepted_.push_back(row.id);
    }
    void mend()
    {
        for (auto& [name, device] : world.devices())
            device->faults = {};
        yard->reload(whole_);
        auto const limit = Clock::now() + 24h;
        while (yard->open_commands() > 0 && Clock::now() < limit)
            pass(10s);
        loop.run(clients.drain(Clock::now() + 1h));
        pass(1min);
    }

    std::mt19937_64 random_;
    Config whole_;
    std::vector<CommandId> accepted_;
};

} // namespace

TEST_CASE("reloads, stops and crashes in a storm of commands leave nothing open, lost or dark")
{
    for (std::uint64_t seed = 1; seed <= 16; ++seed) {
        INFO("seed " << seed);
        Storm(seed).run();
    }
}
