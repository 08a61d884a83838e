#include "tests/support/sim_world.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace switchyard::test {
namespace {

SimWorld* current = nullptr; // a DriverSpec is a plain function: the one world of a test is found here

class SimDriver final : public Driver {
public:
    SimDriver(SimWorld& world, SimWorld::Device& device, bool second)
        : world_(world), device_(device), second_(second)
    {
    }

    Capabilities capabilities() const noexcept override { return device_.capabilities; }

    asio::awaitable<Result<PowerState>> read(Attempt&, std::string const& outlet) override
    {
        Call const call(world_, device_);
        ++device_.reads;
        bool const waited = co_await world_.timers().wait_until(Clock::now() + world_.up_to(device_.latency));
        if (!waited)
            co_return fail(Errc::cancelled, "");
        if (faults().wrong_password)
            co_return fail(Errc::auth_failed, "wrong password");
        if (world_.chance(faults().unreachable))
            co_return fail(Errc::unreachable, "no answer to a read");
        if (world_.chance(faults().unreadable))
            co_return fail(Errc::protocol, "garbage");
        co_return device_.outlets[outlet].on ? PowerState::on : PowerState::off;
    }

    asio::awaitable<Result<>> write(Attempt& attempt, std::string const& outlet, Action action) override
    {
        Call const call(world_, device_);
        bool const waited = co_await world_.timers().wait_until(Clock::now() + world_.up_to(device_.latency));
        if (!waited)
            co_return fail(Errc::cancelled, "");
        if (faults().wrong_password)
            co_return fail(Errc::auth_failed, "wrong password");
        if (world_.chance(faults().unreachable))
            co_return fail(Errc::unreachable, "no answer");
        if (auto const allowed = co_await attempt.about_to_send(); !allowed)
            co_return allowed;
        co_return co_await send(outlet, action);
    }

    asio::awaitable<Result<json::value>> invoke(
        Attempt& attempt, std::string const& outlet, Operation const&) override
    {
        auto const done = co_await write(attempt, outlet, Action::invoke);
        if (!done)
            co_return std::unexpected(done.error());
        co_return json::value{{"done", true}};
    }

private:
    struct Call {
        Call(SimWorld& world_, SimWorld::Device& device_) : world(world_), device(device_)
        {
            ++device.calls;
            if (device.last_end != Clock::time_point{})
                device.shortest_gap = std::min(device.shortest_gap, Clock::now() - device.last_end);
            device.most_in_flight = std::max(device.most_in_flight, ++device.in_flight);
            auto& flying = ++world.in_flight_by_queue[device.queue];
            world.most_in_flight_in_a_queue = std::max(world.most_in_flight_in_a_queue, flying);
        }
        ~Call()
        {
            --device.in_flight;
            --world.in_flight_by_queue[device.queue];
            device.last_end = Clock::now();
        }
        SimWorld& world;
        SimWorld::Device& device;
    };

    asio::awaitable<Result<>> send(std::string const& outlet, Action action)
    {
        auto const faults = this->faults();
        if (world_.chance(faults.refused))
            co_return fail(Errc::refused, "not now");
        auto const delay = world_.up_to(device_.latency);
        if (world_.chance(faults.lost_command)) {
            co_await world_.timers().wait_until(Clock::now() + delay);
            co_return fail(Errc::timed_out, "no answer", Effect::possible);
        }
        world_.act_later(device_, outlet, action, delay);
        auto const answer = Clock::now() + delay + world_.up_to(device_.latency);
        bool const hangs = world_.chance(faults.hang);
        bool const waited = co_await world_.timers().wait_until(hangs ? Clock::time_point::max() : answer);
        if (!waited)
            co_return fail(Errc::cancelled, "no answer", Effect::possible);
        if (world_.chance(faults.lost_reply))
            co_return fail(Errc::timed_out, "the answer was lost", Effect::possible);
        co_return Result<>();
    }

    SimFaults const& faults() const
    {
        return second_ && device_.second_faults ? *device_.second_faults : device_.faults;
    }

    SimWorld& world_;
    SimWorld::Device& device_;
    bool second_;
};

Result<std::unique_ptr<Driver>> make(Toolbox&, DriverConfig const& config)
{
    return std::make_unique<SimDriver>(
        *current, current->device(config.device()), config.spec().name == "sim2");
}

Result<std::string> any_outlet(DriverConfig const&, std::string_view outlet)
{
    return std::string(outlet);
}

std::string endpoint(DriverConfig const& config)
{
    return fmt::format("{}|{}", config.spec().name, config.device());
}

Capabilities capabilities(DriverConfig const& config)
{
    return current->device(config.device()).capabilities;
}

constexpr DriverSpec sim_driver{"sim", "simulated", {}, make, any_outlet, endpoint, capabilities};
constexpr DriverSpec second_driver{
    "sim2", "another way to the same", {}, make, any_outlet, endpoint, capabilities};

} // namespace

SimWorld::SimWorld(Timers& timers, std::uint64_t seed) : timers_(timers), random_(seed)
{
    current = this;
}

SimWorld::~SimWorld()
{
    current = nullptr;
}

Capabilities SimWorld::everything()
{
    Capabilities all;
    all.actions = {
        Action::on, Action::off, Action::cycle, Action::reset, Action::soft, Action::diag, Action::invoke};
    all.read = true;
    all.absolute = true;
    all.atomic_cycle = true;
    return all;
}

DeviceConfig SimWorld::add(std::string const& name, Capabilities capabilities, std::size_t drivers)
{
    auto device = std::make_unique<Device>();
    device->name = name;
    device->queue = name;
    device->capabilities = capabilities;
    devices_[name] = std::move(device);
    DeviceConfig config;
    config.name = name;
    config.drivers.emplace_back(sim_driver, name);
    if (drivers > 1)
        config.drivers.emplace_back(second_driver, name);
    return config;
}

Clock::duration SimWorld::up_to(Clock::duration most)
{
    return Clock::duration{
        std::uniform_int_distribution<Clock::rep>(1, std::max<Clock::rep>(most.count(), 1))(random_)};
}

void SimWorld::act_later(Device& device, std::string const& outlet, Action action, Clock::duration after)
{
    std::erase_if(pending_, [](auto const& node) { return !node->armed(); });
    auto node = std::make_unique<TimerNode>([this, &device, outlet, action] { act(device, outlet, action); });
    timers_.arm(*node, Clock::now() + after);
    pending_.push_back(std::move(node));
}

void SimWorld::act(Device& device, std::string const& name, Action action)
{
    auto& outlet = device.outlets[name];
    auto switch_to = [&](bool on) {
        if (outlet.on != on)
            ++(on ? outlet.switched_on : outlet.switched_off);
        outlet.on = on;
    };
    trace.push_back(fmt::format(
        "{} {}:{} {}", Clock::now().time_since_epoch().count(), device.name, name, switchyard::name(action)));
    switch (action) {
    case Action::on:
        return switch_to(true);
    case Action::off:
    case Action::soft:
        return switch_to(false);
    case Action::cycle:
        switch_to(false);
        return switch_to(true);
    case Action::reset:
    case Action::diag:
        ++outlet.resets;
        return;
    case Action::invoke:
        ++outlet.operations;
        return;
    }
}

} // namespace switchyard::test
