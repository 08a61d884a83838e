#pragma once

#include "tests/support/yard_fixture.hpp"

#include <catch2/catch.hpp>

#include <optional>
#include <vector>

namespace switchyard::test {

// A yard with what these tests ask of it again and again.
struct Bench : YardFixture {
    Bench() : clients(loop.timers) {}
    ~Bench()
    {
        if (yard != nullptr)
            stop();
        loop.run(clients.drain(Clock::now() + std::chrono::hours{1}));
    }

    SimWorld::Device& hardware(std::string const& name) { return world.device(name); }
    SimWorld::Outlet& outlet(std::string const& device, std::string const& name = "")
    {
        return world.outlet(device, name);
    }
    static Request with_deadline(Request wanted, milliseconds deadline)
    {
        wanted.deadline = deadline;
        return wanted;
    }
    CommandId send(Request wanted)
    {
        auto const accepted = submit(std::move(wanted));
        if (!accepted)
            throw std::runtime_error(accepted.error().message());
        return accepted->id;
    }
    CommandId send(std::string target, Action action) { return send(request(std::move(target), action)); }
    Errc refused(Request wanted)
    {
        auto const accepted = submit(std::move(wanted));
        return accepted ? Errc::internal : accepted.error().code;
    }
    CommandState state_of(CommandId id) { return look(id).state; }
    Report look(CommandId id)
    {
        auto report = loop.run(yard->look(id));
        if (!report)
            throw std::runtime_error(report.error().message());
        return std::move(*report);
    }
    Report cancel(CommandId id, CancelMode mode = CancelMode::restore)
    {
        auto report = loop.run(yard->cancel(who, id, mode));
        if (!report)
            throw std::runtime_error(report.error().message());
        return std::move(*report);
    }
    Result<TargetState> read(std::string target, milliseconds max_age = milliseconds{0},
        Clock::duration patience = std::chrono::minutes{1})
    {
        return loop.run(yard->state(who, std::move(target), std::nullopt, max_age, Clock::now() + patience));
    }
    DeviceInfo info(std::string const& name) { return *yard->device(name); }
    void restart()
    {
        crash();
        start();
    }
    // What the devices did, as "1on 2off": outlet and action in the order of the acts.
    std::string acts()
    {
        std::string all;
        for (auto const& act : world.trace) {
            auto const rest = act.substr(act.find(' ') + 1);
            all += (all.empty() ? "" : " ") + rest;
        }
        return all;
    }
    void dead(std::string const& name, bool is = true) { hardware(name).faults.unreachable = is ? 1 : 0; }

    TaskGroup clients;
};

} // namespace switchyard::test
