#include "daemon/queue/device.hpp"

#include <algorithm>

namespace switchyard {
namespace {
constexpr std::size_t many_lines = 256;
}

std::string_view Device::driver_name(std::size_t index) const noexcept
{
    return index < config_.drivers.size() ? config_.drivers[index].spec().name : std::string_view();
}

void Device::reconfigure(DeviceConfig config)
{
    if (calls_ > 0) {
        next_config_ = std::make_unique<DeviceConfig>(std::move(config));
        return;
    }
    config_ = std::move(config);
    if (runtime_ != nullptr)
        describe_drivers();
}

void Device::call_ended()
{
    if (--calls_ > 0)
        return;
    if (auto const next = std::move(next_config_))
        reconfigure(std::move(*next));
}

void Device::wake_up()
{
    if (runtime_ != nullptr)
        return;
    runtime_ = std::make_unique<Runtime>();
    describe_drivers();
}

void Device::describe_drivers()
{
    runtime_->drivers.clear();
    runtime_->drivers.resize(config_.drivers.size());
    runtime_->capabilities.clear();
    runtime_->endpoints.clear();
    for (auto const& driver : config_.drivers) {
        runtime_->capabilities.push_back(driver.spec().capabilities(driver));
        runtime_->endpoints.push_back(driver.spec().endpoint(driver));
    }
}

bool Device::idle() const noexcept
{
    return queued == 0 && calls_ == 0
        && (runtime_ == nullptr
            || std::ranges::all_of(runtime_->lines, [](auto const& entry) { return entry.second.idle(); }));
}

Result<Driver*> Device::driver(Toolbox& tools, std::size_t index)
{
    auto& driver = runtime_->drivers[index];
    if (driver == nullptr) {
        auto const& config = config_.drivers[index];
        auto made = config.spec().make(tools, config);
        if (!made)
            return std::unexpected(std::move(made.error()));
        driver = std::move(*made);
    }
    return driver.get();
}

Line& Device::line(std::string const& outlet)
{
    auto const at = runtime_->lines.find(outlet);
    if (at != runtime_->lines.end())
        return at->second;
    tidy_lines();
    return runtime_->lines.try_emplace(outlet, *this, outlet).first->second;
}

Line* Device::find_line(std::string const& outlet) noexcept
{
    if (runtime_ == nullptr)
        return nullptr;
    auto const at = runtime_->lines.find(outlet);
    return at != runtime_->lines.end() ? &at->second : nullptr;
}

void Device::tidy_lines()
{
    if (runtime_->lines.size() >= many_lines)
        std::erase_if(
            runtime_->lines, [](auto const& entry) { return entry.second.idle() && !entry.second.listed; });
}

} // namespace switchyard
