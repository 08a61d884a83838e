#pragma once

#include "core/net/task_group.hpp"
#include "daemon/queue/dispatcher.hpp"
#include "tests/support/memory_store.hpp"
#include "tests/support/run.hpp"
#include "tests/support/sim_world.hpp"

#include <memory>

namespace switchyard::test {

// The real dispatcher and workers over a memory store and simulated devices, in virtual time.
struct YardFixture {
    explicit YardFixture(std::uint64_t seed_ = 1) : seed(seed_), world(loop.timers, seed_) { loop.use(time); }
    virtual ~YardFixture()
    {
        if (yard != nullptr)
            stop();
    }

    DeviceConfig& add_device(
        std::string const& name, Capabilities capabilities = SimWorld::everything(), std::size_t drivers = 1)
    {
        return config.devices.insert_or_assign(name, world.add(name, capabilities, drivers)).first->second;
    }
    void add_target(std::string const& name, std::vector<OutletRef> outlets)
    {
        TargetConfig target;
        target.name = name;
        target.outlets = std::move(outlets);
        config.targets.insert_or_assign(name, std::move(target));
    }
    void start()
    {
        store = std::make_unique<MemoryStore>(loop.timers, disk, faults);
        disguised = disguise(*store);
        Store& used = disguised != nullptr ? *disguised : *store;
        yard = std::make_unique<Dispatcher>(
            Dispatcher::Parts{loop.timers, tools, used, observer, log, seed}, config);
        auto const recovered = loop.run(yard->recover());
        if (!recovered)
            throw std::runtime_error(recovered.error().message());
    }
    void stop(Clock::duration grace = std::chrono::seconds{10})
    {
        loop.run(yard->stop(Clock::now() + grace));
        yard.reset();
        store.reset();
    }
    // kill -9: nothing is written any more, and the frames go.
    void crash()
    {
        store->crash();
        loop.run(yard->stop(Clock::now()));
        yard.reset();
        store.reset();
        ++faults.seed;
    }
    // A test may put a store of its own in front of the real one.
    virtual std::unique_ptr<Store> disguise(Store&) { return nullptr; }

    static Request request(std::string target, Action action)
    {
        Request wanted;
        wanted.target = std::move(target);
        wanted.action = action;
        return wanted;
    }
    Result<Accepted> submit(Request wanted) { return loop.run(yard->submit(who, std::move(wanted))); }
    Result<Accepted> submit(std::string target, Action action)
    {
        return submit(request(std::move(target), action));
    }
    Report wait(CommandId id, Clock::duration patience = std::chrono::hours{24})
    {
        auto report = loop.run(yard->wait(id, Clock::now() + patience));
        if (!report)
            throw std::runtime_error(report.error().message());
        return std::move(*report);
    }
    Report run(Request wanted)
    {
        auto const accepted = submit(std::move(wanted));
        if (!accepted)
            throw std::runtime_error(accepted.error().message());
        return wait(accepted->id);
    }
    Report run(std::string target, Action action) { return run(request(std::move(target), action)); }
    void pass(Clock::duration duration) { loop.run(loop.timers.wait_until(Clock::now() + duration)); }

    std::uint64_t seed;
    VirtualTime time;
    Loop loop;
    SimWorld world;
    MemoryDisk disk;
    MemoryFaults faults;
    NullSink sink;
    Log log{sink, LogLevel::error};
    Toolbox tools{loop.timers, log};
    QueueObserver observer;
    Config config;
    Principal who{"test"};
    std::unique_ptr<MemoryStore> store;
    std::unique_ptr<Store> disguised;
    std::unique_ptr<Dispatcher> yard;
};

} // namespace switchyard::test
