// What is written into the journal, and what is told once it is durable.
#include "daemon/queue/dispatcher.hpp"

#include "core/wire/northbound_json.hpp"

#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace switchyard {
namespace {

constexpr std::size_t recent_reports = 512;

} // namespace

void Dispatcher::hold(Device& device, Command const& command)
{
    device.held = true;
    device.hold_reason = fmt::format("command {} is indeterminate", command.id.value);
    log_.warning(
        "held until it is released", {kv("device", device.name()), kv("reason", device.hold_reason)});
    std::vector<Change> changes;
    changes.emplace_back(Hold{device.name(), Clock::utc(), device.hold_reason});
    spawn(write_changes(std::move(changes)));
}

asio::awaitable<void> Dispatcher::write_end(Command& command, CommandState state)
{
    auto const id = command.id;
    Report report = report_of(command);
    report.state = state;
    report.ended = Clock::utc();
    std::vector<Change> changes;
    Finish finish;
    finish.id = command.id;
    finish.state = state;
    finish.ended = *report.ended;
    finish.outcome = json::serialize(to_json(report));
    changes.emplace_back(std::move(finish));
    auto const written = co_await store_.commit(std::move(changes));
    if (!written)
        co_return; // the store is lost and so is this process: the next one settles it from the journal
    command.state = state;
    observer_.finished(command.request.action, state, Clock::now() - command.accepted_at);
    if (log_.wants(LogLevel::info))
        log_.info("ended",
            {kv("command_id", command.id.value), kv("state", name(state)),
                kv("target", command.request.target), kv("power", name(report.power)),
                kv("confirmed", report.confirmed ? "yes" : "no"),
                kv("error", report.error ? report.error->message() : "")});
    Event event = event_of(command);
    event.power = report.power;
    event.at = *report.ended;
    if (report.error)
        event.detail = report.error->message();
    events_.publish(std::move(event));
    recent_.push_back(std::move(report));
    if (recent_.size() > recent_reports)
        recent_.pop_front();
    tell_waiters(command);
    unreserve(command);
    std::vector<std::string> drained;
    for (auto const& step : command.steps)
        if (step.device != nullptr && step.device->draining)
            drained.push_back(step.outlet.device);
    commands_.erase(id);
    for (auto const& device : drained)
        yard_.remove_if_drained(device);
}

void Dispatcher::journal(Command& command)
{
    Advance advance;
    advance.id = command.id;
    advance.state = command.state;
    advance.progress = stored_progress(command);
    spawn(write_progress(std::move(advance), event_of(command)));
}

// Later commits come back later, so the events of a command are in order.
asio::awaitable<void> Dispatcher::write_progress(Advance advance, Event event)
{
    std::vector<Change> changes;
    changes.emplace_back(std::move(advance));
    auto const written = co_await store_.commit(std::move(changes));
    if (written)
        events_.publish(std::move(event));
}

asio::awaitable<void> Dispatcher::write_changes(std::vector<Change> changes)
{
    (void)co_await store_.commit(std::move(changes));
}

// After the halt nothing is begun: what it would have written is left to the next start.
void Dispatcher::spawn(asio::awaitable<void> task)
{
    if (!halted_)
        tasks_.spawn(std::move(task));
}

void Dispatcher::tell_waiters(Command& command)
{
    for (auto* const waiter : std::exchange(command.waiters, {}))
        waiter->notify();
}

Event Dispatcher::event_of(Command const& command) const
{
    Event event;
    event.command = command.id;
    event.state = command.state;
    event.action = command.request.action;
    event.target = command.request.target;
    event.at = Clock::utc();
    return event;
}

void Dispatcher::publish(Command const& command)
{
    events_.publish(event_of(command));
}

} // namespace switchyard
