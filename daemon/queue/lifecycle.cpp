// The way of a command: due, launched, sent, waited, concluded, written down.
#include "daemon/queue/dispatcher.hpp"

#include <algorithm>

namespace switchyard {
namespace {

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
    for (auto const& step : command.steps)
        delayed_.emplace(std::pair(step.outlet, command.id), self);
    command.timer = std::make_unique<TimerNode>([this, self] {
        no_longer_delayed(*self);
        self->state = CommandState::queued;
        publish(*self);
        begin(*self);
    });
    timers_.arm(*command.timer, command.due_at);
}

void Dispatcher::no_longer_delayed(Command& command)
{
    for (auto const& step : command.steps)
        delayed_.erase(std::pair(step.outlet, command.id));
}

void Dispatcher::begin(Command& command)
{
    if (command.is_switch()) {
        supersede_older(command);
        if (command.request.action == Action::off)
            take_over_debts(command);
    }
    launch(command, command.is_cycle() ? Phase::off : Phase::act);
}

void Dispatcher::launch(Command& command, Phase phase)
{
    command.phase = phase;
    std::vector<Step*> steps;
    for (auto& step : command.steps) {
        if (phase == Phase::on && !step.cut)
            continue;
        step.attempts += step.fsm.attempts();
        step.fsm =
            AttemptFsm(action_in(phase, command.request.action), command.request.ensure, phase == Phase::on);
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
    auto const merged = step.merged;
    for (auto* const other : merged)
        if (other->command->past_deadline() && !other->fsm.sent())
            step.device->worker->stop_trying(*other, CommandState::expired);
    std::vector<Step*> sending = step.merged;
    sending.insert(sending.begin(), &step);
    auto const now = Clock::utc();
    std::vector<Change> changes;
    std::vector<Event> events;
    changes.reserve(sending.size());
    for (auto* const one : sending) {
        one->fsm.about_to_send();
        one->driver = step.driver;
        one->driver_known = true;
        one->cut = one->cut || one->command->phase == Phase::off;
        one->command->intended = true;
        if (!one->command->started)
            one->command->started = now;
        if (one->command->state != CommandState::restoring && one->command->state != CommandState::running) {
            one->command->state = CommandState::running;
            events.push_back(event_of(*one->command));
        }
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
    for (auto& event : events)
        events_.publish(std::move(event));
    if (!log_.wants(LogLevel::info))
        co_return Result<>();
    for (auto const* const one : sending)
        log_.info("sending",
            {kv("command_id", one->command->id.value), kv("action", name(step.fsm.action())),
                kv("device", step.outlet.device), kv("outlet", step.outlet.outlet),
                kv("driver", step.device->driver_name(step.driver)), kv("try", step.fsm.attempts() + 1)});
    co_return Result<>();
}

void Dispatcher::step_ended(Step& step)
{
    auto& command = *step.command;
    auto const& outcome = *step.outcome;
    // Documented evidence that the device did not act clears the debt; so does power that is on again.
    bool const did_not_act =
        command.phase == Phase::off && outcome.state == CommandState::failed && !step.fsm.possible();
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

void Dispatcher::phase_ended(Command& command)
{
    if (command.phase == Phase::off)
        return off_ended(command);
    conclude(command);
}

void Dispatcher::off_ended(Command& command)
{
    auto const bad = std::ranges::find_if(command.steps,
        [](Step const& step) { return step.outcome && step.outcome->state != CommandState::done; });
    if (bad != command.steps.end()) {
        command.verdict = bad->outcome->error.value_or(Error());
        command.verdict_state = bad->outcome->state;
        if (command.cancelled == CancelMode::leave_off)
            for (auto& step : command.steps)
                step.cut = false;
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
    if (command.state != CommandState::restoring)
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
    command.timer = std::make_unique<TimerNode>([this, self] { launch(*self, Phase::on); });
    timers_.arm(*command.timer, when);
}

CommandState Dispatcher::verdict_of(Command const& command) const
{
    if (command.verdict)
        return command.verdict_state;
    constexpr std::array worst_first{CommandState::indeterminate, CommandState::failed, CommandState::expired,
        CommandState::cancelled, CommandState::superseded};
    for (auto const state : worst_first)
        if (std::ranges::any_of(command.steps,
                [&](Step const& step) { return step.outcome && step.outcome->state == state; }))
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

} // namespace switchyard
