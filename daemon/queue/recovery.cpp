// Start, reload and stop of the queue.
#include "daemon/queue/dispatcher.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace switchyard {

asio::awaitable<Result<>> Dispatcher::recover()
{
    auto recovered = co_await store_.recover();
    if (!recovered)
        co_return std::unexpected(std::move(recovered.error()));
    events_.set_epoch(recovered->epoch);
    for (auto const& hold : recovered->holds)
        if (auto* const device = yard_.device(hold.device)) {
            device->held = true;
            device->hold_reason = hold.reason;
        }
    // A clock that went back while we were down must not let deadlines pass later or earlier than they were
    // meant: what was left of them is left.
    auto base = Clock::utc();
    if (recovered->last_time && *recovered->last_time > base) {
        log_.warning("the clock is behind the journal, deadlines keep what was left of them",
            {kv("journal", to_rfc3339(*recovered->last_time))});
        base = *recovered->last_time;
    }
    // First those that have their outlets already, so that nothing gets in front of them.
    for (bool const intended : {true, false})
        for (auto const& row : recovered->open)
            if (row.progress.empty() != intended)
                take_up(row, base);
    recovered_ = true;
    if (!recovered->open.empty())
        log_.info("took up open commands", {kv("count", recovered->open.size())});
    yard_.kick_all();
    co_return Result<>();
}

void Dispatcher::take_up(StoredCommand const& row, UtcTime base)
{
    auto parsed = command_from(row);
    if (!parsed) {
        log_.error("a command in the journal cannot be read",
            {kv("command_id", row.id.value), kv("error", parsed.error().detail)});
        return;
    }
    auto& command = *parsed->get();
    auto const now = Clock::now();
    command.accepted_at = now - std::max(base - row.accepted, std::chrono::microseconds{0});
    command.due_at = now + (row.due - base);
    command.deadline_at = now + (row.deadline - base);
    for (auto& step : command.steps) {
        step.command = &command;
        step.device = yard_.device(step.outlet.device);
        if (step.device != nullptr)
            yard_.awake(*step.device);
    }
    reserve(command);
    commands_.emplace(row.id, std::move(*parsed));
    bool const orphan =
        std::ranges::any_of(command.steps, [](Step const& step) { return step.device == nullptr; });
    if (!command.intended && (orphan || !still_meant(command)))
        return end_without_running(command, CommandState::cancelled,
            Error(Errc::cancelled,
                fmt::format("target changed: '{}' no longer means what it did", command.request.target)));
    if (orphan)
        return end_without_running(command, CommandState::indeterminate,
            Error(Errc::indeterminate, "its device is no longer configured", Effect::possible));
    if (!command.intended)
        return start(command);
    resume(command);
}

// Goes on at the step at which it was.
void Dispatcher::resume(Command& command)
{
    auto* const self = &command;
    log_.info("resuming", {kv("command_id", command.id.value), kv("state", name(command.state))});
    if (command.deadline_at > Clock::now()) {
        command.deadline_timer = std::make_unique<TimerNode>([this, self] { deadline_passed(*self); });
        timers_.arm(*command.deadline_timer, command.deadline_at);
    } else if (command.owes_power()) {
        command.state = CommandState::restoring;
    }
    if (command.is_cycle())
        for (auto& step : command.steps)
            if (step.cut)
                step.device->line(step.outlet.outlet).holder = self;
    if (command.phase == Phase::wait && command.cancelled)
        return cancel_cycle(command); // journaled, but not done any more
    if (command.phase == Phase::wait) {
        auto const off_time = command.request.off_time.value_or(milliseconds{0});
        auto const left = std::clamp<std::chrono::microseconds>(
            command.wait_until.value_or(Clock::utc()) - Clock::utc(), std::chrono::microseconds{0}, off_time);
        return end_wait_at(command, Clock::now() + left);
    }
    std::vector<Step*> open;
    for (auto& step : command.steps) {
        bool const takes_part = command.phase != Phase::on || step.cut;
        if (takes_part && !step.outcome)
            open.push_back(&step);
    }
    command.open_steps = open.size();
    if (open.empty())
        return phase_ended(command);
    for (auto* const step : open)
        resume_step(*step);
}

void Dispatcher::resume_step(Step& step)
{
    auto& command = *step.command;
    bool const sent = step.fsm.sent();
    auto const action = command.phase == Phase::off ? Action::off
        : command.phase == Phase::on                ? Action::on
                                                    : command.request.action;
    step.fsm = AttemptFsm(action, command.request.ensure && !sent, command.phase == Phase::on);
    if (sent)
        step.fsm.resume(step.device->rules(), Clock::now(), step.driver_known ? step.driver : 0);
    if (step.fsm.want() != AttemptFsm::Want::nothing)
        return place(step);
    // Nothing can settle it, and it must not be repeated.
    step.outcome = step.fsm.outcome();
    step_ended(step);
}

bool Dispatcher::still_meant(Command const& command) const
{
    auto const outlets = yard_.resolve(command.request.target, command.request.outlet, false);
    if (!outlets) // configured wrongly is not mapped elsewhere: its commands are told so when it is their
                  // turn
        return outlets.error().code == Errc::unreachable;
    return std::ranges::equal(*outlets, command.steps, {}, {}, &Step::outlet);
}

void Dispatcher::reload(Config config)
{
    config_ = config.daemon;
    yard_.apply(std::move(config));
    check_targets();
    yard_.for_each_device([this](Device& device) {
        if (!device.draining || device.drain_until)
            return;
        device.drain_until = Clock::now() + config_.drain_timeout;
        spawn(end_drain(device.name(), *device.drain_until));
    });
    yard_.kick_all();
}

// Unsent commands whose target no longer means the outlets that were frozen when they were accepted.
void Dispatcher::check_targets()
{
    std::vector<Command*> changed;
    for (auto const& [id, command] : commands_) {
        if (command->intended || command->ending)
            continue;
        // A device that is being drained still serves what was meant for it.
        bool const draining =
            std::ranges::any_of(command->steps, [](Step const& step) { return step.device->draining; });
        bool const served = draining && !yard_.has_target(command->request.target);
        if (!served && !still_meant(*command))
            changed.push_back(command.get());
    }
    call_off(std::move(changed), "target changed: '{}' no longer means what it did");
}

// A removed device had its time: what was not sent by then is not sent any more.
asio::awaitable<void> Dispatcher::end_drain(std::string name, Clock::time_point until)
{
    bool const waited = co_await timers_.wait_until(until);
    auto const* const device = yard_.device(name);
    if (!waited || device == nullptr || device->drain_until != until)
        co_return;
    std::vector<Command*> left;
    for (auto const& [id, command] : commands_)
        if (!command->intended && !command->ending
            && std::ranges::any_of(command->steps, [&](Step const& step) { return step.device == device; }))
            left.push_back(command.get());
    call_off(std::move(left), "the device behind '{}' was removed from the configuration");
    yard_.remove_if_drained(name);
}

// Cancels commands of which nothing was sent. Ending one may start a call for the next, so each is looked at
// when it is its turn: a driver that is on its way is refused when it asks whether it may send.
void Dispatcher::call_off(std::vector<Command*> commands, std::string_view why)
{
    std::ranges::sort(commands, {}, &Command::id);
    for (auto* const command : commands) {
        if (command->intended || command->ending)
            continue;
        Error error(Errc::cancelled, fmt::format(fmt::runtime(why), command->request.target));
        if (std::ranges::none_of(command->steps, &Step::in_call)) {
            end_without_running(*command, CommandState::cancelled, std::move(error));
            continue;
        }
        command->cancelled = CancelMode::restore;
        command->verdict = std::move(error);
        command->verdict_state = CommandState::cancelled;
    }
}

void Dispatcher::switch_on_early(Command& command)
{
    auto min_off = milliseconds{0};
    for (auto const& step : command.steps)
        min_off = std::max(min_off, step.device->config().min_off);
    auto const off_since =
        command.wait_until.value_or(Clock::utc()) - command.request.off_time.value_or(milliseconds{0});
    auto const already = std::max(Clock::utc() - off_since, std::chrono::microseconds{0});
    auto const left = std::max<Clock::duration>(min_off - already, Clock::duration{0});
    auto const planned = command.timer != nullptr ? command.timer->when() : Clock::time_point::max();
    end_wait_at(command, std::min(planned, Clock::now() + left));
}

// What a stop waits for: calls, confirmations, ends that are being written, outlets that are owed power.
bool Dispatcher::in_flight() const
{
    auto busy = [](Step const& step) {
        return step.in_call || (step.open() && step.fsm.sent() && step.fsm.want() == AttemptFsm::Want::read);
    };
    return std::ranges::any_of(commands_, [&](auto const& entry) {
        auto const& command = *entry.second;
        return command.ending || command.owes_power() || std::ranges::any_of(command.steps, busy);
    });
}

asio::awaitable<void> Dispatcher::stop(Clock::time_point until)
{
    stopping_ = true;
    std::vector<Command*> dark;
    for (auto const& [id, command] : commands_)
        if (command->phase == Phase::wait && !command->ending)
            dark.push_back(command.get());
    std::ranges::sort(dark, {}, &Command::id);
    for (auto* const command : dark)
        switch_on_early(*command);
    constexpr Clock::duration look_again = std::chrono::milliseconds{20};
    while (in_flight() && Clock::now() < until) {
        bool const waited = co_await timers_.wait_until(std::min(until, Clock::now() + look_again));
        if (!waited)
            break;
    }
    halted_ = true;
    events_.close();
    for (auto const& [id, command] : commands_) {
        command->timer.reset();
        command->deadline_timer.reset();
        tell_waiters(*command);
    }
    yard_.for_each_device([](Device& device) {
        if (device.worker != nullptr)
            device.worker->dismiss_readers();
    });
    // Whatever is still on its way keeps its intent in the journal: the next start settles it.
    tasks_.cancel();
    co_await tasks_.drain(Clock::now() + std::chrono::seconds{10});
    if (!commands_.empty())
        log_.info(
            "stopped with open commands, they go on at the next start", {kv("count", commands_.size())});
}

} // namespace switchyard
