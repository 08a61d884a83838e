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

// Those that were merged into a write that is over for this step alone: they wait again, in front.
void DeviceWorker::take_merged_back(Step& leader)
{
    auto const merged = std::exchange(leader.merged, {});
    std::vector<Step*> ended;
    for (auto at = merged.rbegin(); at != merged.rend(); ++at) {
        auto& step = **at;
        step.leader = nullptr;
        step.place = Step::Place::waiting;
        step.line->waiting.push_front(&step);
        if (!step.fsm.sent())
            continue;
        // It was sent for it too, so it has to be settled for it too; unless the device is known not to have
        // acted.
        step.attempts += leader.fsm.attempts();
        step.fsm = AttemptFsm(step.fsm.action(), false, false);
        if (leader.fsm.possible())
            step.fsm.resume(step.device->rules(), Clock::now(), step.driver);
        if (step.fsm.want() == AttemptFsm::Want::nothing)
            ended.push_back(&step);
    }
    for (auto* const step : ended)
        finish(*step);
}

// The result of a call was told to its machine: what now?
void DeviceWorker::digest(Step& step)
{
    if (step.command->cancelled && step.fsm.want() == AttemptFsm::Want::write)
        step.fsm.stop_trying(CommandState::cancelled);
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
    auto const& outcome = step.fsm.outcome();
    bool const own_end = outcome.state != CommandState::done
        && (outcome.state == CommandState::expired || outcome.state == CommandState::superseded
            || step.command->cancelled || step.command->past_deadline());
    if (step.place == Step::Place::waiting)
        std::erase(line.waiting, &step);
    if (step.place == Step::Place::merged)
        std::erase(step.leader->merged, &step);
    if (line.active == &step)
        line.active = nullptr;
    step.leader = nullptr;
    step.outcome = outcome;
    step.place = Step::Place::nowhere;
    step.line = nullptr;
    if (own_end)
        take_merged_back(step);
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
    take_merged_back(step);
    finish(step);
    kick();
}

void DeviceWorker::stop_trying(Step& step, CommandState why)
{
    if (!step.open() || step.on_its_way())
        return;
    // What was sent for a merged step is known to its leader only.
    bool const by_leader = step.place == Step::Place::merged && step.fsm.sent();
    AttemptFsm fsm = by_leader ? step.leader->fsm : step.fsm;
    if (!fsm.stop_trying(why))
        return;
    step.fsm = std::move(fsm);
    conclude(step);
}

} // namespace switchyard
