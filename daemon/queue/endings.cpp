// How a command ends before or otherwise than it was meant to: cancelled, superseded, taken over, past its
// deadline.
#include "daemon/queue/dispatcher.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace switchyard {
namespace {

bool touches_only(Command const& command, Command const& other)
{
    return std::ranges::all_of(command.steps, [&](Step const& step) {
        return std::ranges::any_of(
            other.steps, [&](Step const& theirs) { return theirs.outlet == step.outlet; });
    });
}

} // namespace

asio::awaitable<Result<Report>> Dispatcher::cancel(Principal const& who, CommandId id, CancelMode mode)
{
    auto* const command = find(id);
    if (command == nullptr)
        co_return co_await ended_report(id);
    if (command->ending)
        co_return co_await wait(id, Clock::time_point::max());
    log_.info("cancel asked for",
        {kv("command_id", id.value), kv("principal", who.name),
            kv("mode", mode == CancelMode::leave_off ? "leave_off" : "restore")});
    command->cancelled = mode;
    if (!command->intended || !command->is_cycle()) {
        drop(*command);
        if (!command->intended || command->ending)
            co_return co_await wait(id, Clock::time_point::max());
    }
    Advance advance;
    advance.id = id;
    advance.state = command->state;
    advance.progress = stored_progress(*command);
    std::vector<Change> changes;
    changes.emplace_back(std::move(advance));
    auto const written = co_await store_.commit(std::move(changes));
    if (!written)
        co_return std::unexpected(written.error());
    if (auto* const still = find(id); still != nullptr && !still->ending && still->is_cycle())
        cancel_cycle(*still);
    co_return co_await look(id);
}

// Where a cancelled cycle stands decides: it goes on to `on` without waiting, or stays off as asked.
void Dispatcher::cancel_cycle(Command& command)
{
    // What is on its way is waited for; off_ended() comes back here.
    bool const off_phase_runs = command.phase == Phase::off && command.open_steps > 0;
    if (off_phase_runs)
        return drop(command);
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

// It ends here, but for a driver call that is on its way and for what has to be settled.
void Dispatcher::drop(Command& command)
{
    if (command.open_steps == 0 && !command.intended)
        return end_without_running(command, CommandState::cancelled, Error(Errc::cancelled, ""));
    for (auto& step : command.steps)
        if (step.open())
            step.device->worker->stop_trying(step, CommandState::cancelled);
}

void Dispatcher::end_without_running(Command& command, CommandState state, Error error)
{
    no_longer_delayed(command);
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
        restoring(command);
        tell_waiters(command);
    }
    // The last one to end ends the phase, and a cycle begins its next one: that one is no debt of this
    // deadline.
    for (auto& step : command.steps)
        if (step.open() && !step.fsm.debt())
            step.device->worker->stop_trying(step, CommandState::expired);
}

// coalesce = "latest": a newer on or off takes the place of unsent ones that concern nothing else.
void Dispatcher::supersede_older(Command& command)
{
    auto const wanted = command.request.coalesce.value_or(command.steps.front().device->config().coalesce);
    if (wanted != Coalesce::latest)
        return;
    std::map<CommandId, Command*> older; // never by address: a seed must give one trace
    auto add = [&](Command& other) { older.emplace(other.id, &other); };
    for (auto const& step : command.steps) {
        auto const from = delayed_.lower_bound(std::pair(step.outlet, CommandId{}));
        for (auto at = from; at != delayed_.end() && at->first.first == step.outlet; ++at)
            add(*at->second);
        auto const& line = step.device->line(step.outlet.outlet);
        for (auto* const waiting : line.waiting)
            add(*waiting->command);
        if (line.active == nullptr)
            continue;
        add(*line.active->command);
        for (auto* const merged : line.active->merged)
            add(*merged->command);
    }
    for (auto const& [id, other] : older) {
        bool const replaceable = id < command.id && other->is_switch() && !other->intended && !other->ending
            && touches_only(*other, command) && std::ranges::none_of(other->steps, &Step::on_its_way);
        if (!replaceable)
            continue;
        other->replaced_by = command.id;
        end_without_running(*other, CommandState::superseded,
            Error(Errc::superseded,
                fmt::format("command {} wants {}", command.id.value, name(command.request.action))));
    }
}

// A newer explicit off for an outlet that a cycle cannot switch on again: it is meant to be dark now. A newer
// on waits behind the debt instead: if it took the debt over and then failed, nobody would be left to switch
// the outlet on.
void Dispatcher::take_over_debts(Command& command)
{
    for (auto const& step : command.steps) {
        auto* const holder = yard_.awake(*step.device).line(step.outlet.outlet).holder;
        if (holder == nullptr || holder->state != CommandState::restoring || !holder->before(command))
            continue;
        for (auto& owed : holder->steps)
            if (owed.outlet == step.outlet && owed.open() && !owed.in_call && owed.fsm.debt()) {
                owed.taken_by = command.id;
                step_restoring(owed);
            }
    }
}

// A newer off that waits behind a debt takes the outlet over.
namespace {
Command const* newer_off(Step const& owed)
{
    for (auto const* const waiting : owed.line->waiting) {
        auto const& command = *waiting->command;
        bool const wants_off = command.request.action == Action::off && !command.cancelled && !command.ending;
        if (wants_off && owed.command->before(command))
            return &command;
    }
    return nullptr;
}
} // namespace

void Dispatcher::step_restoring(Step& step)
{
    auto& command = *step.command;
    bool const leave = command.cancelled == CancelMode::leave_off;
    if (!step.taken_by)
        if (auto const* const newer = newer_off(step))
            step.taken_by = newer->id;
    if (!step.taken_by && !leave)
        return restoring(command);
    step.cut = false; // somebody else decides now
    if (leave) {
        step.fsm.abandon(CommandState::cancelled, Error(Errc::cancelled, "left off as asked"));
    } else {
        command.replaced_by = step.taken_by;
        step.fsm.abandon(CommandState::superseded,
            Error(Errc::superseded, fmt::format("command {} took over", step.taken_by->value)));
    }
    step.device->worker->conclude(step);
}

void Dispatcher::restoring(Command& command)
{
    if (command.state == CommandState::restoring)
        return;
    command.state = CommandState::restoring;
    log_.warning("not switched on again yet, trying until it works",
        {kv("command_id", command.id.value), kv("target", command.request.target)});
    journal(command);
}

} // namespace switchyard
