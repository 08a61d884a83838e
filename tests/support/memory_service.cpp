#include "tests/support/memory_service.hpp"

#include <algorithm>
#include <stdexcept>

namespace switchyard::test {

namespace {

std::string joined(OutletReport const& outlet)
{
    return outlet.outlet.empty() ? outlet.device : outlet.device + ":" + outlet.outlet;
}

template <class Map, class Page, class Take>
std::string page_of(Map const& map, std::string_view after, std::size_t limit, Page& page, Take take)
{
    for (auto i = after.empty() ? map.begin() : map.upper_bound(after); i != map.end(); ++i) {
        if (page.size() == limit)
            return std::prev(i)->first;
        page.push_back(take(i->second));
    }
    return {};
}

} // namespace

// A place in the stream of events. It wakes when one is published.
class MemoryService::Reader final : public Subscription {
public:
    Reader(MemoryService& service, EventId after)
        : service_(&service), after_(after), news_(service.timers_.executor())
    {
        service_->readers_.insert(this);
    }
    ~Reader() override
    {
        if (service_ != nullptr)
            service_->readers_.erase(this);
    }
    void wake() { news_.notify(); }
    void orphan()
    {
        service_ = nullptr;
        news_.notify();
    }

    asio::awaitable<Result<Event>> next() override
    {
        for (;;) {
            if (service_ == nullptr || service_->down_)
                co_return fail(Errc::shutting_down, {});
            if (auto event = take())
                co_return std::move(*event);
            bool const waited = co_await news_.wait();
            if (!waited)
                co_return fail(Errc::cancelled, {});
        }
    }

private:
    std::optional<Event> take()
    {
        auto const last = service_->last_event_;
        auto const& ring = service_->ring_;
        auto const oldest = last.seq - ring.size(); // the newest one that is gone
        if (after_.epoch != last.epoch || after_.seq > last.seq || after_.seq < oldest) {
            after_ = last;
            Event event;
            event.id = last;
            event.reset = true;
            return event;
        }
        if (after_ == last)
            return std::nullopt;
        auto const& event = ring[static_cast<std::size_t>(after_.seq - oldest)];
        after_ = event.id;
        return event;
    }

    MemoryService* service_;
    EventId after_;
    Signal news_;
};

MemoryService::~MemoryService()
{
    for (auto* reader : readers_)
        reader->orphan();
}

void MemoryService::add_device(std::string name, std::vector<std::string> outlets)
{
    Device device;
    device.info.name = name;
    device.info.drivers = {"fake"};
    device.info.status = "ok";
    device.outlets = std::move(outlets);
    devices_.insert_or_assign(std::move(name), std::move(device));
}

void MemoryService::add_target(std::string name, std::vector<std::string> outlets, std::string description)
{
    TargetInfo info;
    info.name = name;
    info.outlets = std::move(outlets);
    info.description = std::move(description);
    targets_.insert_or_assign(std::move(name), std::move(info));
}

void MemoryService::end_with(CommandState state, std::optional<Error> error)
{
    end_state_ = state;
    end_error_ = std::move(error);
}

void MemoryService::set_fault(Call call, std::optional<Error> error)
{
    faults_.erase(call);
    if (error)
        faults_.emplace(call, std::move(*error));
}

void MemoryService::set_ready(bool ready, std::string reason)
{
    ready_ = ready;
    unready_ = std::move(reason);
}

void MemoryService::restart()
{
    last_event_ = {last_event_.epoch + 1, 0};
    ring_.clear();
    for (auto* reader : readers_)
        reader->wake();
}

void MemoryService::shut_down()
{
    down_ = true;
    for (auto* reader : readers_)
        reader->wake();
    for (auto& [id, command] : commands_)
        for (auto* waiter : command->waiting)
            waiter->notify();
}

void MemoryService::publish(Event event)
{
    ++last_event_.seq;
    event.id = last_event_;
    event.at = Clock::utc();
    ring_.push_back(std::move(event));
    if (ring_.size() > ring_size_)
        ring_.pop_front();
    for (auto* reader : readers_)
        reader->wake();
}

PowerState MemoryService::power(std::string const& outlet) const
{
    auto const found = power_.find(outlet);
    return found == power_.end() ? PowerState::unknown : found->second;
}

Result<OutletReport> MemoryService::resolve_outlet(Device const& device, std::string const& outlet) const
{
    if (std::ranges::find(device.outlets, outlet) == device.outlets.end())
        return fail(Errc::unknown_target, "device '" + device.info.name + "' has no outlet '" + outlet + "'");
    if (device.info.status == "failed")
        return fail(Errc::unsupported_action, "device '" + device.info.name + "': " + device.info.reason);
    OutletReport report;
    report.device = device.info.name;
    report.outlet = outlet;
    return report;
}

// With an outlet it is a device; without one a target, a device with one system, or "device:outlet".
Result<std::vector<OutletReport>> MemoryService::resolve(
    std::string const& target, std::optional<std::string> const& outlet) const
{
    std::vector<std::string> names;
    if (auto const found = targets_.find(target); !outlet && found != targets_.end())
        names = found->second.outlets;
    else
        names = {outlet ? target + ":" + *outlet : target};
    std::vector<OutletReport> reports;
    for (auto const& name : names) {
        auto const colon = outlet ? target.size() : name.find(':');
        auto const device = devices_.find(std::string_view(name).substr(0, colon));
        if (device == devices_.end())
            return fail(Errc::unknown_target, "'" + target + "'");
        auto report = resolve_outlet(device->second, colon >= name.size() ? "" : name.substr(colon + 1));
        if (!report)
            return std::unexpected(std::move(report.error()));
        reports.push_back(std::move(*report));
    }
    return reports;
}

PowerState MemoryService::joint_power(std::vector<OutletReport>& outlets) const
{
    std::optional<PowerState> all;
    for (auto& outlet : outlets) {
        outlet.power = power(joined(outlet));
        outlet.confirmed = outlet.power != PowerState::unknown;
        outlet.driver = "fake";
        all = !all || *all == outlet.power ? outlet.power : PowerState::partial;
    }
    return all.value_or(PowerState::unknown);
}

asio::awaitable<Result<Accepted>> MemoryService::submit(Principal const& who, Request request)
{
    ++submitted_;
    last_request_ = request;
    last_principal_ = who;
    if (auto const fault = faults_.find(Call::submit); fault != faults_.end())
        co_return std::unexpected(fault->second);
    if (down_)
        co_return fail(Errc::shutting_down, {});
    auto outlets = resolve(request.target, request.outlet);
    if (!outlets)
        co_return std::unexpected(std::move(outlets.error()));
    if (request.key) {
        if (auto const found = keys_.find({who.name, *request.key}); found != keys_.end()) {
            auto const& first = *commands_.at(found->second);
            if (!first.report.request.same_as(request))
                co_return fail(Errc::key_conflict,
                    "key '" + *request.key + "' belongs to command " + std::to_string(found->second));
            Accepted repeated;
            repeated.id = first.report.id;
            repeated.repeated = true;
            co_return repeated;
        }
        keys_.emplace(std::pair(who.name, *request.key), next_id_);
    }
    auto const id = CommandId{next_id_++};
    auto& slot = commands_[id.value];
    slot = std::make_unique<Command>([this, id] { step(*commands_.at(id.value)); });
    auto& report = slot->report;
    report.id = id;
    report.principal = who.name;
    report.accepted = Clock::utc();
    report.due = report.accepted + request.delay.value_or(std::chrono::milliseconds(0));
    report.deadline = report.due + request.deadline.value_or(std::chrono::minutes(10));
    report.outlets = std::move(*outlets);
    report.request = std::move(request);
    bool const delayed = report.due > report.accepted;
    enter(*slot, delayed ? CommandState::delayed : CommandState::queued);
    if (delayed)
        timers_.arm(slot->timer, Clock::now() + (report.due - report.accepted));
    else
        step(*slot);
    Accepted accepted;
    accepted.id = id;
    co_return accepted;
}

// delayed -> queued -> running -> the end, as far as time allows.
void MemoryService::step(Command& command)
{
    auto const& request = command.report.request;
    if (command.report.state == CommandState::delayed)
        enter(command, CommandState::queued);
    if (held_)
        return;
    if (command.report.state == CommandState::queued) {
        command.report.started = Clock::utc();
        enter(command, CommandState::running);
        auto const whole = duration_ + request.off_time.value_or(std::chrono::milliseconds(0));
        if (whole > Clock::duration::zero())
            return timers_.arm(command.timer, Clock::now() + whole);
    }
    end(command, end_state_, end_error_);
}

void MemoryService::enter(Command& command, CommandState state)
{
    auto const& report = command.report;
    command.report.state = state;
    Event event;
    event.command = report.id;
    event.state = state;
    event.action = report.request.action;
    event.power = report.power;
    event.target = report.request.target;
    if (report.error)
        event.detail = report.error->message();
    publish(std::move(event));
    for (auto* waiter : command.waiting)
        waiter->notify();
}

void MemoryService::end(Command& command, CommandState state, std::optional<Error> error)
{
    auto& report = command.report;
    command.timer.disarm();
    if (state == CommandState::done) {
        auto const action = report.request.action;
        for (auto& outlet : report.outlets) {
            outlet.attempts = 1;
            if (action == Action::off || action == Action::soft)
                power_[joined(outlet)] = PowerState::off;
            else if (action == Action::on || action == Action::cycle)
                power_[joined(outlet)] = PowerState::on;
        }
        report.power = joint_power(report.outlets);
        report.confirmed = report.power != PowerState::unknown;
    }
    report.error = std::move(error);
    if (report.error && !report.outlets.empty())
        report.error_device = report.outlets.front().device;
    report.ended = Clock::utc();
    enter(command, state);
}

void MemoryService::finish(CommandId id, CommandState state, std::optional<Error> error)
{
    auto& command = *commands_.at(id.value);
    if (is_end(command.report.state))
        throw std::logic_error("the command has ended");
    end(command, state, std::move(error));
}

asio::awaitable<Result<Report>> MemoryService::wait(CommandId id, Clock::time_point until)
{
    if (auto const fault = faults_.find(Call::wait); fault != faults_.end())
        co_return std::unexpected(fault->second);
    auto const found = commands_.find(id.value);
    if (found == commands_.end())
        co_return fail(Errc::not_found, "command " + std::to_string(id.value));
    auto& command = *found->second;
    Signal news(timers_.executor());
    TimerNode timer([&news] { news.notify(); });
    timers_.arm(timer, until);
    auto const place = command.waiting.insert(command.waiting.end(), &news);
    bool cancelled = false;
    while (!cancelled && !down_ && !is_end(command.report.state) && Clock::now() < until)
        cancelled = !co_await news.wait();
    command.waiting.erase(place);
    if (cancelled)
        co_return fail(Errc::cancelled, {});
    if (down_ && !is_end(command.report.state))
        co_return fail(Errc::shutting_down, {});
    co_return command.report;
}

asio::awaitable<Result<Report>> MemoryService::look(CommandId id)
{
    if (auto const fault = faults_.find(Call::look); fault != faults_.end())
        co_return std::unexpected(fault->second);
    auto const found = commands_.find(id.value);
    if (found == commands_.end())
        co_return fail(Errc::not_found, "command " + std::to_string(id.value));
    co_return found->second->report;
}

asio::awaitable<Result<Report>> MemoryService::cancel(Principal const& who, CommandId id, CancelMode mode)
{
    last_principal_ = who;
    if (auto const fault = faults_.find(Call::cancel); fault != faults_.end())
        co_return std::unexpected(fault->second);
    auto const found = commands_.find(id.value);
    if (found == commands_.end())
        co_return fail(Errc::not_found, "command " + std::to_string(id.value));
    auto& command = *found->second;
    if (is_end(command.report.state))
        co_return command.report;
    if (command.report.request.action == Action::cycle && command.report.state == CommandState::running)
        command.report.power = mode == CancelMode::leave_off ? PowerState::off : PowerState::on;
    std::optional<Error> error(std::in_place, Errc::cancelled, std::string());
    end(command, CommandState::cancelled, std::move(error));
    co_return command.report;
}

asio::awaitable<Result<CommandPage>> MemoryService::list(CommandFilter filter)
{
    if (auto const fault = faults_.find(Call::list); fault != faults_.end())
        co_return std::unexpected(fault->second);
    auto const matches = [&filter](Report const& report) {
        auto const of_device = [&filter](
                                   OutletReport const& outlet) { return outlet.device == *filter.device; };
        return (!filter.device || std::ranges::any_of(report.outlets, of_device))
            && (!filter.target || report.request.target == *filter.target)
            && (!filter.state || report.state == *filter.state) && (!filter.open || !is_end(report.state));
    };
    CommandPage page;
    auto const below = filter.before ? commands_.lower_bound(filter.before.value) : commands_.end();
    for (auto i = std::make_reverse_iterator(below); i != commands_.rend(); ++i) {
        if (!matches(i->second->report))
            continue;
        if (page.commands.size() == filter.limit) {
            page.next = page.commands.back().id;
            break;
        }
        page.commands.push_back(i->second->report);
    }
    co_return page;
}

asio::awaitable<Result<TargetState>> MemoryService::state(Principal const& who, std::string target,
    std::optional<std::string> outlet, std::chrono::milliseconds, Clock::time_point)
{
    last_principal_ = who;
    if (auto const fault = faults_.find(Call::state); fault != faults_.end())
        co_return std::unexpected(fault->second);
    auto outlets = resolve(target, outlet);
    if (!outlets)
        co_return std::unexpected(std::move(outlets.error()));
    TargetState state;
    state.target = std::move(target);
    state.outlets = std::move(*outlets);
    state.power = joint_power(state.outlets);
    co_return state;
}

TargetPage MemoryService::targets(std::string_view after, std::size_t limit) const
{
    TargetPage page;
    page.next = page_of(targets_, after, limit, page.targets, [](TargetInfo const& info) { return info; });
    return page;
}

DevicePage MemoryService::devices(std::string_view after, std::size_t limit) const
{
    DevicePage page;
    page.next =
        page_of(devices_, after, limit, page.devices, [](Device const& device) { return device.info; });
    return page;
}

Result<TargetInfo> MemoryService::target(std::string_view name) const
{
    auto const found = targets_.find(name);
    if (found == targets_.end())
        return fail(Errc::unknown_target, "'" + std::string(name) + "'");
    return found->second;
}

Result<DeviceInfo> MemoryService::device(std::string_view name) const
{
    auto const found = devices_.find(name);
    if (found == devices_.end())
        return fail(Errc::unknown_target, "'" + std::string(name) + "'");
    return found->second.info;
}

asio::awaitable<Result<>> MemoryService::release(Principal const& who, std::string device)
{
    last_principal_ = who;
    if (auto const fault = faults_.find(Call::release); fault != faults_.end())
        co_return std::unexpected(fault->second);
    auto const found = devices_.find(device);
    if (found == devices_.end())
        co_return fail(Errc::unknown_target, "'" + device + "'");
    if (found->second.info.status == "held")
        found->second.info.status = "ok";
    co_return Result<>{};
}

std::unique_ptr<Subscription> MemoryService::watch(std::optional<EventId> since)
{
    return std::make_unique<Reader>(*this, since.value_or(last_event_));
}

Health MemoryService::health() const
{
    Health health;
    health.ready = ready_;
    health.reason = unready_;
    health.devices = devices_.size();
    health.targets = targets_.size();
    for (auto const& [id, command] : commands_)
        health.open_commands += is_end(command->report.state) ? 0U : 1U;
    for (auto const& [name, device] : devices_)
        health.failed_devices += device.info.status == "failed" ? 1U : 0U;
    return health;
}

} // namespace switchyard::test
