// The way of a command: due, launched, sent, waited, concluded, written down.
#include "daemon/queue/dispatcher.hpp"

#include "core/wire/northbound_json.hpp"

#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace switchyard {
namespace {

constexpr std::size_t recent_reports = 512;

Action action_in(Phase phase, Action asked)
{
    switch (phase) {
    case Phase::off:
        return Action::off;
    case Phase::on:
        return Action::on;
    case Phase::act:
    case Phase::wait:
        break;
    }
    return asked;
}

// An on or off that says which state it wants, whatever the state is now.
bool is_plain_switch(Command const& command)
{
    return command.request.action == Action::on || command.request.action == Action::off;
}

bool touches_only(Command const& command, Command const& other)
{
    return std::ranges::all_of(command.steps, [&](Step const& step) {
        return std::ranges::any_of(other.steps, [&](Step const& theirs) { return theirs.outlet == step.outlet; });
    });
}

} // namespace

void Dispatcher::reserve(Command const& command)
{
    for (auto const& step : command.steps)
        if (step.device != nullptr)
            ++step.device->queued;
}

void Dispatcher::unreserve(Command const& command)
{
    for (auto const& step : command.steps)
        if (step.device != nullptr)
            --step.device->queued;
}

void Dispatcher::start(Command& command)
{
    auto* const self = &command;
    command.deadline_timer = std::make_unique<TimerNode>([this, self] { deadline_passed(*self); });
    timers_.arm(*command.deadline_timer, command.deadline_at);
    if (command.due_at <= Clock::now())
        return begin(command);
    delayed_.insert(&command);
    command.timer = std::make_unique<TimerNode>([this, self] {
        delayed_.erase(self);
        self->state = CommandState::queued;
        publish(*self);
        begin(*self);
    });
    timers_.arm(*command.timer, command.due_at);
}

void Dispatcher::begin(Command& command)
{
    if (is_plain_switch(command)) {
        supersede_older(command);
        take_over_debts(command);
    }
    launch(command, command.is_cycle() ? Phase::off : Phase::act);
}

// coalesce = "latest": a newer on or off takes the place of unsent ones that concern nothing else.
void Dispatcher::supersede_older(Command& command)
{
    auto const wanted = command.request.coalesce.value_or(command.steps.front().device->config().coalesce);
    if (wanted != Coalesce::latest)
        return;
    CommandSet older = delayed_;
    for (auto const& step : command.steps)
        for (auto* const waiting : step.device->line(step.outlet.outlet).waiting)
            older.insert(waiting->command);
    for (auto* const other : older) {
        bool const replaceable = other->id < command.id && is_plain_switch(*other) && !other->intended && !other->ending
            && touches_only(*other, command) && std::ranges::none_of(other->steps, &Step::in_call);
        if (!replaceable)
            continue;
        other->replaced_by = command.id;
        end_without_running(*other, CommandState::superseded,
            Error(Errc::superseded, fmt::format("command {} wants {}", command.id.value, name(command.request.action))));
    }
}

// A newer explicit on or off for an outlet that a cycle cannot switch on again: the newer one decides from here.
void Dispatcher::take_over_debts(Command& command)
{
    for (auto const& step : command.steps) {
        auto* const holder = step.device->line(step.outlet.outlet).holder;
        if (holder == nullptr || holder->state != CommandState::restoring || holder->id > command.id)
            continue;
        holder->replaced_by = command.id;
        for (auto& owed : holder->steps)
            if (owed.outlet == step.outlet && owed.open() && !owed.in_call)
                step_restoring(owed);
    }
}

void Dispatcher::launch(Command& command, Phase phase)
{
    command.phase = phase;
    std::vector<Step*> steps;
    for (auto& step : command.steps) {
        if (phase == Phase::on && !step.cut)
            continue;
        step.attempts += step.fsm.attempts();
        step.fsm = AttemptFsm(action_in(phase, command.request.action), command.request.ensure, phase == Phase::on);
        step.outcome.reset();
        steps.push_back(&step);
    }
    command.open_steps = steps.size();
    // Placing a step may end it at once, and with the last one the phase: nothing is touched after that.
    for (auto* const step : steps)
        place(*step);
}

void Dispatcher::place(Step& step)
{
    auto& line = yard_.awake(*step.device).line(step.outlet.outlet);
    if (line.holder == step.command)
        step.device->worker->proceed(step, line);
    else
        step.device->worker->enqueue(step, line);
}

asio::awaitable<Result<>> Dispatcher::about_to_send(Step& step)
{
    auto& command = *step.command;
    if (halted_)
        co_return fail(Errc::shutting_down, "");
    if (!step.fsm.debt() && command.cancelled)
        co_return fail(Errc::cancelled, "");
    if (!step.fsm.debt() && command.past_deadline())
        co_return fail(Errc::expired, "it passed while the device was being reached");
    auto const late = step.merged;
    for (auto* const other : late)
        if (other->command->past_deadline() && other->fsm.expire())
            step.device->worker->conclude(*other);
    std::vector<Step*> sending = step.merged;
    sending.insert(sending.begin(), &step);
    auto const now = Clock::utc();
    std::vector<Change> changes;
    changes.reserve(sending.size());
    for (auto* const one : sending) {
        one->fsm.about_to_send();
        one->driver = step.driver;
        one->driver_known = true;
        one->cut = one->cut || one->command->phase == Phase::off;
        one->command->intended = true;
        if (!one->command->started)
            one->command->started = now;
        if (one->command->state != CommandState::restoring)
            one->command->state = CommandState::running;
        Advance advance;
        advance.id = one->command->id;
        advance.state = one->command->state;
        advance.progress = stored_progress(*one->command);
        changes.emplace_back(std::move(advance));
    }
    step.line->known.reset();
    auto const written = co_await store_.commit(std::move(changes));
    if (!written)
        co_return fail(Errc::commit_unknown, written.error().detail);
    for (auto const* const one : sending) {
        publish(*one->command);
        log_.info("sending", {kv("command_id", one->command->id.value), kv("action", name(step.fsm.action())),
                                 kv("device", step.outlet.device), kv("outlet", step.outlet.outlet),
                                 kv("driver", step.device->driver_name(step.driver)), kv("try", step.fsm.attempts() + 1)});
    }
    co_return Result<>();
}

void Dispatcher::step_ended(Step& step)
{
    auto& command = *step.command;
    auto const& outcome = *step.outcome;
    // Documented evidence that the device did not act clears the debt; so does power that is on again.
    bool const did_not_act = command.phase == Phase::off && outcome.state == CommandState::failed && !step.fsm.possible();
    bool const on_again = command.phase == Phase::on && outcome.state == CommandState::done;
    bool const not_sent = command.phase == Phase::off && !step.fsm.sent();
    if (did_not_act || on_again || not_sent)
        step.cut = false;
    if (outcome.state == CommandState::indeterminate
        && step.device->config().on_indeterminate == OnIndeterminate::hold && !step.device->held)
        hold(*step.device, command);
    if (--command.open_steps == 0)
        phase_ended(command);
}

void Dispatcher::step_restoring(Step& step)
{
    auto& command = *step.command;
    bool const leave = command.cancelled == CancelMode::leave_off;
    if (command.replaced_by || leave) {
        step.cut = false; // somebody else decides now
        auto const by = command.replaced_by.value_or(CommandId{});
        if (leave)
            step.fsm.abandon(CommandState::cancelled, Error(Errc::cancelled, "left off as asked"));
        else
            step.fsm.abandon(
                CommandState::superseded, Error(Errc::superseded, fmt::format("command {} took over", by.value)));
        return step.device->worker->conclude(step);
    }
    if (command.state == CommandState::restoring)
        return;
    command.state = CommandState::restoring;
    log_.warning("cannot switch on again yet, trying until it works",
        {kv("command_id", command.id.value), kv("device", step.outlet.device), kv("outlet", step.outlet.outlet)});
    journal(command);
}

void Dispatcher::hold(Device& device, Command const& command)
{
    device.held = true;
    device.hold_reason = fmt::format("command {} is indeterminate", command.id.value);
    log_.warning("held until it is released", {kv("device", device.name()), kv("reason", device.hold_reason)});
    std::vector<Change> changes;
    changes.emplace_back(Hold{device.name(), Clock::utc(), device.hold_reason});
    spawn(write_changes(std::move(changes)));
}

void Dispatcher::phase_ended(Command& command)
{
    if (command.phase == Phase::off)
        return off_ended(command);
    conclude(command);
}

void Dispatcher::off_ended(Command& command)
{
    auto const bad = std::ranges::find_if(
        command.steps, [](Step const& step) { return step.outcome && step.outcome->state != CommandState::done; });
    if (bad != command.steps.end()) {
        command.verdict = bad->outcome->error.value_or(Error());
        command.verdict_state = bad->outcome->state;
        return command.owes_power() ? launch(command, Phase::on) : conclude(command);
    }
    if (command.cancelled)
        return cancel_cycle(command);
    start_wait(command);
}

void Dispatcher::start_wait(Command& command)
{
    auto const off_time = command.request.off_time.value_or(milliseconds{0});
    command.phase = Phase::wait;
    command.state = CommandState::waiting;
    command.wait_until = Clock::utc() + off_time;
    journal(command);
    end_wait_at(command, Clock::now() + off_time);
    if (stopping_)
        switch_on_early(command);
}

void Dispatcher::end_wait_at(Command& command, Clock::time_point when)
{
    auto* const self = &command;
    command.timer = std::make_unique<TimerNode>([this, self] {
        if (self->state != CommandState::restoring)
            self->state = CommandState::running;
        launch(*self, Phase::on);
    });
    timers_.arm(*command.timer, when);
}

// Where a cancelled cycle stands decides: it goes on to `on` without waiting, or stays off as asked.
void Dispatcher::cancel_cycle(Command& command)
{
    bool const off_phase_runs = command.phase == Phase::off && command.open_steps > 0;
    if (off_phase_runs)
        return; // after this step
    command.verdict = Error(Errc::cancelled, "");
    command.verdict_state = CommandState::cancelled;
    bool const leave_off = command.cancelled == CancelMode::leave_off;
    if (command.phase == Phase::on) {
        for (auto& step : command.steps)
            if (leave_off && step.open() && !step.in_call && step.fsm.want() == AttemptFsm::Want::write)
                step_restoring(step);
        return;
    }
    command.timer.reset();
    if (!leave_off)
        return launch(command, Phase::on);
    for (auto& step : command.steps)
        step.cut = false;
    conclude(command);
}

// Nothing of it was sent: it ends here, but for a driver call that is on its way to the point of asking.
void Dispatcher::drop(Command& command)
{
    if (command.open_steps == 0 && !command.intended)
        return end_without_running(command, CommandState::cancelled, Error(Errc::cancelled, ""));
    for (auto& step : command.steps) {
        if (!step.open() || step.in_call || step.fsm.sent())
            continue;
        step.device->worker->withdraw(step);
        step.fsm.abandon(CommandState::cancelled, Error(Errc::cancelled, ""));
        step.outcome = step.fsm.outcome();
        step_ended(step);
    }
}

void Dispatcher::end_without_running(Command& command, CommandState state, Error error)
{
    delayed_.erase(&command);
    command.timer.reset();
    for (auto& step : command.steps)
        if (step.open())
            step.device->worker->withdraw(step);
    command.open_steps = 0;
    command.verdict = std::move(error);
    command.verdict_state = state;
    conclude(command);
}

void Dispatcher::deadline_passed(Command& command)
{
    if (command.ending)
        return;
    if (command.owes_power()) {
        if (command.phase == Phase::on || command.phase == Phase::wait) {
            command.state = CommandState::restoring;
            journal(command);
        }
        tell_waiters(command);
    }
    std::vector<Step*> over;
    for (auto& step : command.steps)
        if (step.open() && !step.in_call && step.fsm.expire())
            over.push_back(&step);
    for (auto* const step : over)
        step->device->worker->conclude(*step);
}

CommandState Dispatcher::verdict_of(Command const& command) const
{
    if (command.verdict)
        return command.verdict_state;
    constexpr std::array worst_first{CommandState::indeterminate, CommandState::failed, CommandState::expired,
        CommandState::cancelled, CommandState::superseded};
    for (auto const state : worst_first)
        if (std::ranges::any_of(
                command.steps, [&](Step const& step) { return step.outcome && step.outcome->state == state; }))
            return state;
    return CommandState::done;
}

void Dispatcher::conclude(Command& command)
{
    command.ending = true;
    if (command.deadline_timer != nullptr)
        command.deadline_timer->disarm(); // not destroyed: it may be what brought us here
    for (auto& step : command.steps)
        if (step.device != nullptr && step.device->awake())
            if (auto* const line = step.device->find_line(step.outlet.outlet))
                step.device->worker->release(*line, command);
    spawn(write_end(command, verdict_of(command)));
}

asio::awaitable<void> Dispatcher::write_end(Command& command, CommandState state)
{
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
    log_.info("ended", {kv("command_id", command.id.value), kv("state", name(state)), kv("target", command.request.target),
                           kv("power", name(report.power)), kv("confirmed", report.confirmed ? "yes" : "no"),
                           kv("error", report.error ? report.error->message() : "")});
    Event event;
    event.command = command.id;
    event.state = state;
    event.action = command.request.action;
    event.power = report.power;
    event.target = command.request.target;
    event.at = *report.ended;
    if (report.error)
        event.detail = report.error->message();
    events_.publish(std::move(event));
    recent_.push_back(std::move(report));
    if (recent_.size() > recent_reports)
        recent_.pop_front();
    tell_waiters(command);
    unreserve(command);
    bool const drained = std::ranges::any_of(
        command.steps, [](Step const& step) { return step.device != nullptr && step.device->draining; });
    commands_.erase(finish.id);
    if (drained)
        yard_.remove_drained();
}

void Dispatcher::journal(Command& command)
{
    Advance advance;
    advance.id = command.id;
    advance.state = command.state;
    advance.progress = stored_progress(command);
    spawn(write_progress(command.id, std::move(advance)));
}

asio::awaitable<void> Dispatcher::write_progress(CommandId id, Advance advance)
{
    auto const state = advance.state;
    std::vector<Change> changes;
    changes.emplace_back(std::move(advance));
    auto const written = co_await store_.commit(std::move(changes));
    if (auto const* const command = find(id); written && command != nullptr && command->state == state)
        publish(*command);
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

} // namespace switchyard
