#pragma once

#include "daemon/queue/device_worker.hpp"
#include "daemon/service.hpp"

#include <map>
#include <memory>

namespace switchyard {

// What there is to switch: devices, the targets that name their outlets, groups and queues. It outlives
// reloads: a device keeps its queue and its memory when its configuration changes.
class Yard {
public:
    Yard(QueueContext& context, WorkerHost& host) : context_(context), host_(host) {}

    // Takes a configuration, the first one or a new one. Devices that are gone drain; remove_drained() takes
    // them away.
    void apply(Config config);
    void remove_drained();
    void remove_if_drained(std::string_view name);

    // The outlets behind a name (decided once, when a command is accepted): a target, a device with one
    // system or "device:outlet"; with `outlet`, the name is a device. Fails with `unknown_target`, or
    // `unreachable` when it is configured wrongly. A suggestion for a wrong name looks at all names: not for
    // those who ask for many.
    Result<std::vector<OutletRef>> resolve(
        std::string_view name, std::optional<std::string> const& outlet, bool suggest = true) const;
    bool has_target(std::string_view name) const { return targets_.contains(name); }

    Device* device(std::string_view name) const;
    // The device with its queue, made when it is first needed. A new `bus` takes effect here, once nothing
    // waits.
    Device& awake(Device& device);
    Group* group_of(Device const& device) const;
    void kick_all();

    TargetPage targets(std::string_view after, std::size_t limit) const;
    Result<TargetInfo> target(std::string_view name) const;
    DevicePage devices(std::string_view after, std::size_t limit) const;
    DeviceInfo info(Device const& device) const;
    std::size_t device_count() const noexcept { return devices_.size(); }
    std::size_t failed_count() const noexcept { return failed_; }
    std::size_t target_count() const noexcept { return targets_.size(); }
    template <class F>
    void for_each_device(F&& f)
    {
        for (auto& [name, device] : devices_)
            f(*device);
    }

private:
    Result<OutletRef> outlet_of(Device const& device, std::string_view outlet) const;
    Error unknown(std::string_view name, bool suggest = true) const;
    void detach(Device& device);
    bool drained(Device const& device) const noexcept;

    QueueContext& context_;
    WorkerHost& host_;
    std::map<std::string, std::unique_ptr<Group>, std::less<>> groups_;
    std::map<std::string, std::unique_ptr<DeviceWorker>, std::less<>> buses_; // queues that several devices
                                                                              // share
    std::map<std::string, std::unique_ptr<Device>, std::less<>> devices_;
    std::map<std::string, std::unique_ptr<DeviceWorker>, std::less<>> workers_; // of devices with a queue of
                                                                                // their own
    std::map<std::string, TargetConfig, std::less<>> targets_;
    std::size_t failed_ = 0;
};

} // namespace switchyard
