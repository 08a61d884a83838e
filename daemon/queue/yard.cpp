#include "daemon/queue/yard.hpp"

#include "core/base/text.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace switchyard {
namespace {

constexpr std::size_t names_to_compare = 20'000; // a suggestion is not worth more than a few milliseconds

TargetInfo info_of(TargetConfig const& target)
{
    TargetInfo info;
    info.name = target.name;
    info.description = target.description;
    for (auto const& outlet : target.outlets)
        info.outlets.push_back(outlet.text());
    return info;
}

} // namespace

void Yard::apply(Config config)
{
    for (auto& [name, group] : config.groups) {
        if (auto const at = groups_.find(name); at != groups_.end())
            at->second->reconfigure(std::move(group));
        else
            groups_.emplace(name, std::make_unique<Group>(context_.timers, std::move(group)));
    }
    failed_ = 0;
    for (auto& [name, device] : devices_)
        if (device->draining = !config.devices.contains(name); !device->draining)
            device->drain_until.reset();
    for (auto& [name, device] : config.devices) {
        if (!device.fault.empty()) {
            ++failed_;
            context_.log.error("device failed", {kv("device", name), kv("reason", device.fault)});
        }
        if (auto const at = devices_.find(name); at == devices_.end())
            devices_.emplace_hint(devices_.end(), name, std::make_unique<Device>(std::move(device)));
        else if (!(at->second->latest_config() == device))
            at->second->reconfigure(std::move(device));
    }
    targets_ = std::move(config.targets);
    context_.health.forget_latches();
    remove_drained();
}

bool Yard::drained(Device const& device) const noexcept
{
    bool const own_busy = device.worker != nullptr && device.bus.empty() && device.worker->busy();
    return device.draining && device.idle() && !own_busy;
}

void Yard::remove_drained()
{
    std::vector<std::string> names;
    for (auto const& [name, device] : devices_)
        if (drained(*device))
            names.push_back(name);
    for (auto const& name : names)
        remove_if_drained(name);
}

void Yard::remove_if_drained(std::string_view name)
{
    auto const at = devices_.find(name);
    if (at == devices_.end() || !drained(*at->second))
        return;
    context_.log.info("device removed", {kv("device", name)});
    if (at->second->worker != nullptr)
        detach(*at->second);
    devices_.erase(at);
}

// Takes an idle device out of its queue; a queue of its own goes with it.
void Yard::detach(Device& device)
{
    device.worker->forget(device);
    if (device.bus.empty()) {
        for (auto& [name, group] : groups_)
            group->leave(*device.worker);
        workers_.erase(device.name());
    }
    device.worker = nullptr;
}

Device* Yard::device(std::string_view name) const
{
    auto const at = devices_.find(name);
    return at != devices_.end() ? at->second.get() : nullptr;
}

Device& Yard::awake(Device& device)
{
    device.wake_up();
    auto const& bus = device.config().bus;
    if (device.worker != nullptr) {
        bool const stays =
            device.bus == bus || !device.idle() || (device.bus.empty() && device.worker->busy());
        if (stays)
            return device;
        detach(device);
    }
    auto& worker = bus.empty() ? workers_[device.name()] : buses_[bus];
    if (worker == nullptr)
        worker = std::make_unique<DeviceWorker>(context_, host_);
    device.worker = worker.get();
    device.bus = bus;
    return device;
}

Group* Yard::group_of(Device const& device) const
{
    auto const& group = device.config().group;
    if (group.empty())
        return nullptr;
    auto const at = groups_.find(group);
    return at != groups_.end() ? at->second.get() : nullptr;
}

void Yard::kick_all()
{
    for (auto& [device, worker] : workers_)
        worker->kick();
    for (auto& [bus, worker] : buses_)
        worker->kick();
}

Result<OutletRef> Yard::outlet_of(Device const& device, std::string_view outlet) const
{
    if (!device.usable())
        return fail(Errc::unreachable,
            fmt::format("device {} does not work: {}", device.name(), device.config().fault));
    if (device.draining)
        return fail(
            Errc::unknown_target, fmt::format("device {} was removed from the configuration", device.name()));
    auto const& driver = device.config().drivers.front();
    auto canonical = driver.spec().canonical_outlet(driver, outlet);
    if (!canonical)
        return std::unexpected(std::move(canonical.error()));
    return OutletRef(device.name(), std::move(*canonical));
}

Result<std::vector<OutletRef>> Yard::resolve(
    std::string_view name, std::optional<std::string> const& outlet, bool suggest) const
{
    auto const target = targets_.find(name);
    auto only = [](Result<OutletRef> found) -> Result<std::vector<OutletRef>> {
        if (!found)
            return std::unexpected(std::move(found.error()));
        return std::vector{std::move(*found)};
    };
    if (outlet) {
        if (auto const* const found = device(name))
            return only(outlet_of(*found, *outlet));
        if (target != targets_.end())
            return fail(Errc::unknown_target,
                fmt::format("'{}' is a target and stands for its outlets by itself; leave outlet '{}' out",
                    name, *outlet));
        return std::unexpected(unknown(name, suggest));
    }
    if (target != targets_.end()) {
        if (!target->second.fault.empty())
            return fail(
                Errc::unreachable, fmt::format("target {} does not work: {}", name, target->second.fault));
        for (auto const& part : target->second.outlets)
            if (auto const* const found = device(part.device); found != nullptr && !found->usable())
                return fail(Errc::unreachable,
                    fmt::format("device {} does not work: {}", part.device, found->config().fault));
        return target->second.outlets;
    }
    if (auto const* const found = device(name))
        return only(outlet_of(*found, ""));
    if (auto const colon = name.find(':'); colon != std::string_view::npos)
        if (auto const* const found = device(name.substr(0, colon)))
            return only(outlet_of(*found, name.substr(colon + 1)));
    return std::unexpected(unknown(name, suggest));
}

Error Yard::unknown(std::string_view name, bool suggest) const
{
    std::vector<std::string_view> names;
    if (suggest && targets_.size() + devices_.size() <= names_to_compare) {
        for (auto const& [known, target] : targets_)
            names.push_back(known);
        for (auto const& [known, device] : devices_)
            names.push_back(known);
    }
    return Error(Errc::unknown_target, fmt::format("'{}'{}", name, did_you_mean(name, names)));
}

TargetPage Yard::targets(std::string_view after, std::size_t limit) const
{
    TargetPage page;
    for (auto at = after.empty() ? targets_.begin() : targets_.upper_bound(after); at != targets_.end();
        ++at) {
        if (page.targets.size() == limit) {
            page.next = page.targets.back().name;
            break;
        }
        page.targets.push_back(info_of(at->second));
    }
    return page;
}

Result<TargetInfo> Yard::target(std::string_view name) const
{
    auto const at = targets_.find(name);
    if (at == targets_.end())
        return std::unexpected(unknown(name));
    return info_of(at->second);
}

DevicePage Yard::devices(std::string_view after, std::size_t limit) const
{
    DevicePage page;
    for (auto at = after.empty() ? devices_.begin() : devices_.upper_bound(after); at != devices_.end();
        ++at) {
        if (page.devices.size() == limit) {
            page.next = page.devices.back().name;
            break;
        }
        page.devices.push_back(info(*at->second));
    }
    return page;
}

DeviceInfo Yard::info(Device const& device) const
{
    DeviceInfo info;
    auto const& config = device.config();
    info.name = config.name;
    info.bus = config.bus;
    info.group = config.group;
    info.queued = device.queued;
    info.running = device.worker != nullptr && device.worker->busy();
    info.last_error = device.last_error;
    for (std::size_t i = 0; i < config.drivers.size(); ++i) {
        info.drivers.emplace_back(config.drivers[i].spec().name);
        if (!device.awake())
            continue;
        if (auto const* const health = context_.health.find(device.endpoint(i))) {
            info.breaker = std::max(info.breaker, health->breaker());
            info.auth_latched = info.auth_latched || health->latched();
        }
    }
    if (!device.usable()) {
        info.status = "failed";
        info.reason = config.fault;
    } else if (device.draining) {
        info.status = "draining";
        info.reason = "removed from the configuration";
    } else if (device.held) {
        info.status = "held";
        info.reason = device.hold_reason;
    } else {
        info.status = "ok";
    }
    return info;
}

} // namespace switchyard
