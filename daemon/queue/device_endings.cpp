// How the steps of a DeviceWorker end, and what that means for those that were merged into them.
#include "daemon/queue/device_worker.hpp"

#include <algorithm>

namespace switchyard {
namespace {

bool mergeable(Step const& step)
{
    auto const& command = *step.command;
    return command.is_switch() && !command.request.ensure && step.device->rules().absolute();
}

} // namespace

// Equal absolute writes that wait right behind this one are made with it, when it is sent for the first time.
void DeviceWorker::gather(Step& step)
{
    if (!mergeable(step) || step.fsm.attempts() > 0 || step.fsm.sent())
        return;
    auto& waiting = step.line->waiting;
    while (!waiting.empty()) {
        auto& next = *waiting.front();
        bool const equal = next.fsm.action() == step.fsm.action() && mergeable(next) && !next.fsm.sent();
        if (!equal || next.fsm.want() != AttemptFsm::Want::write || next.command->past_deadline())
            return;
        waiting.pop_front();
        next.place = Step::Place::merged;
        next.leader = &step;
        step.merged.push_back(&next);
    }
}

// The leader of a merged write leaves alone: the next one leads on, with what is known of the tries so far.
void DeviceWorker::hand_over(Step& leader)
{
    auto merged = std::exchange(leader.merged, {});
    if (merged.empty())
        return;
    auto& next = *merged.front();
    merged.erase(merged.begin());
    if (leader.fsm.want() == AttemptFsm::Want::nothing) { // not allowed to send: a new start
        next.attempts += leader.fsm.attempts();
        next.fsm = AttemptFsm(leader.fsm.action(), false, false);
        for (auto* const other : merged)
            other->fsm = next.fsm;
    } else {
        next.fsm = leader.fsm;
    }
    next.driver = leader.driver;
    next.driver_known = leader.driver_known;
    next.leader = nullptr;
    next.place = Step::Place::active;
    next.line->active = &next;
    for (auto* const other : merged)
        other->leader = &next;
    next.merged = std::move(merged);
}

// The result of a call was told to its machine: what now?
void DeviceWorker::digest(Step& step)
{
    if (step.fsm.want() == AttemptFsm::Want::write) {
        auto const merged = step.merged; // those who wanted to leave while it was being settled
        for (auto* const other : merged)
            if (other->command->cancelled || other->command->past_deadline())
                stop(*other, other->command->cancelled ? CommandState::cancelled : CommandState::expired);
        if (step.command->cancelled && stop(step, CommandState::cancelled))
            return;
    }
    if (step.fsm.want() == AttemptFsm::Want::nothing)
        finish(step);
    else if (step.fsm.debt() && step.fsm.failed_before())
        host_.step_restoring(step);
}

// The step has its outcome: it leaves its outlet, and those that were merged into it share what is true for
// them too.
void DeviceWorker::finish(Step& step)
{
    auto& line = *step.line;
    auto const state = step.fsm.outcome().state;
    if (step.place == Step::Place::waiting)
        std::erase(line.waiting, &step);
    if (step.place == Step::Place::merged)
        std::erase(step.leader->merged, &step);
    if (line.active == &step)
        line.active = nullptr;
    if (state == CommandState::expired || state == CommandState::cancelled
        || state == CommandState::superseded)
        hand_over(step);
    step.leader = nullptr;
    step.outcome = step.fsm.outcome();
    step.place = Step::Place::nowhere;
    step.line = nullptr;
    auto const share = std::exchange(step.merged, {});
    for (auto* other : share) {
        other->outcome = step.outcome;
        other->driver = step.driver;
        other->driver_known = step.driver_known;
        other->attempts += step.fsm.attempts();
        other->leader = nullptr;
        other->place = Step::Place::nowhere;
        other->line = nullptr;
    }
    host_.step_ended(step);
    for (auto* other : share)
        host_.step_ended(*other);
}

void DeviceWorker::conclude(Step& step)
{
    finish(step);
    kick();
}

void DeviceWorker::stop_trying(Step& step, CommandState why)
{
    if (!step.open() || step.on_its_way())
        return;
    if (stop(step, why))
        kick();
}

bool DeviceWorker::stop(Step& step, CommandState why)
{
    // What was sent for a merged step is known to its leader only.
    bool const by_leader = step.place == Step::Place::merged && step.fsm.sent();
    AttemptFsm fsm = by_leader ? step.leader->fsm : step.fsm;
    if (!fsm.stop_trying(why))
        return false;
    hand_over(step);
    step.fsm = std::move(fsm);
    finish(step);
    return true;
}

} // namespace switchyard
