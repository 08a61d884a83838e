#include "daemon/queue/device_worker.hpp"

#include <algorithm>

namespace switchyard {
namespace {

using namespace std::chrono_literals;

constexpr unsigned reads_before_a_write = 8;   // a poller must not keep writes from being sent
constexpr Clock::duration ageing = 60s;        // waiting so long lifts a command by one priority
constexpr Clock::duration probe_pause = 100ms; // somebody else probes this endpoint: look again

// The urgency of a line is that of the most urgent command in it: its head inherits it.
int urgency(Line const& line, Step const& head, Clock::time_point now)
{
    int best = 0;
    auto consider = [&](Step const& step) {
        int const lift = static_cast<int>((now - step.command->due_at) / ageing);
        best = std::max(best, static_cast<int>(step.command->request.priority) + lift);
    };
    consider(head);
    for (auto const* step : line.waiting)
        consider(*step);
    for (auto const* step : head.merged)
        consider(*step);
    return best;
}

// What an earlier life of the daemon has sent is settled before anything new is.
bool before(Step const& a, Step const& b)
{
    if (a.fsm.sent() != b.fsm.sent())
        return a.fsm.sent();
    return a.command->before(*b.command);
}

} // namespace

DeviceWorker::DeviceWorker(QueueContext& context, WorkerHost& host)
    : context_(context), host_(host), wake_([this] {
          next_wake_ = Clock::time_point::max();
          kick();
      })
{
}

void DeviceWorker::enqueue(Step& step, Line& line)
{
    step.line = &line;
    step.place = Step::Place::waiting;
    // Nearly always at the end: commands come in the order of their ids.
    auto at = line.waiting.end();
    while (at != line.waiting.begin() && before(step, **std::prev(at)))
        --at;
    line.waiting.insert(at, &step);
    list(line);
    kick();
}

void DeviceWorker::proceed(Step& step, Line& line)
{
    step.line = &line;
    step.place = Step::Place::active;
    line.active = &step;
    line.holder = step.command;
    list(line);
    kick();
}

void DeviceWorker::withdraw(Step& step)
{
    auto& line = *step.line;
    switch (step.place) {
    case Step::Place::nowhere:
        return;
    case Step::Place::waiting:
        std::erase(line.waiting, &step);
        break;
    case Step::Place::merged:
        std::erase(step.leader->merged, &step);
        step.leader = nullptr;
        break;
    case Step::Place::active:
        line.active = nullptr;
        hand_over(step);
        break;
    }
    step.place = Step::Place::nowhere;
    step.line = nullptr;
    kick();
}

void DeviceWorker::release(Line& line, Command& holder)
{
    if (line.holder != &holder)
        return;
    line.holder = nullptr;
    list(line);
    kick();
}

void DeviceWorker::read(Line& line, StateReader& reader)
{
    line.readers.push_back(&reader);
    list(line);
    kick();
}

void DeviceWorker::forget(Line& line, StateReader& reader)
{
    std::erase(line.readers, &reader);
    std::erase(being_read_, &reader);
}

void DeviceWorker::forget(Device const& device)
{
    std::erase_if(lines_, [&](Line* line) {
        if (&line->device != &device)
            return false;
        line->listed = false;
        return true;
    });
}

void DeviceWorker::dismiss_readers()
{
    for (auto* const line : lines_)
        for (auto* const reader : line->readers)
            reader->done.notify();
}

void DeviceWorker::kick()
{
    if (busy_ || picking_ || host_.halted())
        return;
    auto unit = pick();
    if (!unit)
        return;
    busy_ = true;
    context_.tasks.spawn(run(*unit));
}

void DeviceWorker::list(Line& line)
{
    if (line.listed)
        return;
    line.listed = true;
    lines_.push_back(&line);
}

void DeviceWorker::wake_at(Clock::time_point when)
{
    if (when >= next_wake_ || when == Clock::time_point::max())
        return;
    next_wake_ = when;
    context_.timers.arm(wake_, when);
}

std::optional<DeviceWorker::Unit> DeviceWorker::pick()
{
    picking_ = true;
    auto unit = pick_next();
    picking_ = false;
    return unit;
}

std::optional<DeviceWorker::Unit> DeviceWorker::pick_next()
{
    for (;;) {
        std::erase_if(lines_, [](Line* line) {
            if (!line->idle())
                return false;
            line->listed = false;
            return true;
        });
        if (lines_.empty())
            return std::nullopt;
        auto const now = Clock::now();
        if (!rested(now))
            return std::nullopt;
        std::optional<Unit> unit;
        if (reads_in_a_row_ < reads_before_a_write)
            unit = pick_read(now);
        if (!unit)
            unit = pick_write(now);
        if (!unit && !verdict_ && reads_in_a_row_ >= reads_before_a_write)
            unit = pick_read(now);
        if (!verdict_)
            return unit;
        // Ending a step changes the lines, so it is done here and not in the middle of looking at them.
        auto const verdict = *std::exchange(verdict_, std::nullopt);
        if (!verdict.error) {
            stop(*verdict.step, CommandState::expired);
            continue;
        }
        hand_over(*verdict.step);
        verdict.step->fsm.abandon(CommandState::failed, *verdict.error);
        finish(*verdict.step);
    }
}

bool DeviceWorker::rested(Clock::time_point now)
{
    auto const gap = lines_.front()->device.config().min_gap;
    if (gap.count() == 0 || last_end_ == Clock::time_point{} || now >= last_end_ + gap)
        return true;
    wake_at(last_end_ + gap);
    return false;
}

// A debt is always served; what was sent is settled although the device is held.
bool DeviceWorker::may_start(Step const& step) const
{
    if (step.fsm.debt())
        return true;
    return !host_.paused() && (!step.device->held || step.fsm.sent());
}

bool DeviceWorker::wants_read(Line const& line, Clock::time_point now)
{
    if (!line.readers.empty())
        return true;
    auto const* step = line.active;
    if (step == nullptr && line.holder == nullptr && !line.waiting.empty())
        step = line.waiting.front(); // it wants to know the state before it does anything
    if (step == nullptr || step->fsm.want() != AttemptFsm::Want::read)
        return false;
    if (step->place == Step::Place::waiting && !may_start(*step))
        return false;
    if (step->fsm.at() > now) {
        wake_at(step->fsm.at());
        return false;
    }
    return true;
}

std::optional<DeviceWorker::Unit> DeviceWorker::pick_read(Clock::time_point now)
{
    auto const at = std::ranges::find_if(lines_, [&](Line const* line) { return wants_read(*line, now); });
    if (at == lines_.end())
        return std::nullopt;
    Line* const line = *at;
    // To the end: outlets take turns.
    std::rotate(at, std::next(at), lines_.end());
    if (line->active == nullptr && line->holder == nullptr && !line->waiting.empty()
        && line->waiting.front()->fsm.want() == AttemptFsm::Want::read && may_start(*line->waiting.front()))
        activate(*line->waiting.front());
    line->in_read = true;
    Unit unit;
    unit.line = line;
    return unit;
}

// The step of this outlet that could be written now, if there is one.
Step* DeviceWorker::write_head(Line& line, Clock::time_point now)
{
    auto* step = line.active;
    if (step == nullptr) {
        if (line.holder != nullptr || line.waiting.empty())
            return nullptr;
        step = line.waiting.front();
    }
    if (step->in_call || step->fsm.want() != AttemptFsm::Want::write)
        return nullptr;
    if (!step->fsm.debt() && step->command->past_deadline())
        return step; // to be told so
    if (!may_start(*step))
        return nullptr;
    if (step->fsm.at() > now) {
        wake_at(step->fsm.at());
        return nullptr;
    }
    return step;
}

std::optional<DeviceWorker::Unit> DeviceWorker::pick_write(Clock::time_point now)
{
    struct Candidate {
        Step* step;
        int urgency;
    };
    std::vector<Candidate> candidates;
    for (auto* line : lines_)
        if (auto* const step = write_head(*line, now))
            candidates.push_back({step, urgency(*line, *step, now)});
    std::ranges::sort(candidates, [](auto const& a, auto const& b) {
        return a.urgency != b.urgency ? a.urgency > b.urgency : before(*a.step, *b.step);
    });
    for (auto const& candidate : candidates) {
        auto& step = *candidate.step;
        if (!step.fsm.debt() && step.command->past_deadline()) {
            verdict_ = Verdict{&step, std::nullopt};
            return std::nullopt;
        }
        auto const driver = usable_driver(step, now);
        if (verdict_)
            return std::nullopt;
        if (!driver)
            continue;
        auto* const group = host_.group_of(*step.device);
        bool const switches_on = step.fsm.action() == Action::on || step.fsm.action() == Action::cycle;
        if (group != nullptr && !group->acquire(*this, switches_on, host_.stopping()))
            continue;
        if (step.place == Step::Place::waiting)
            activate(step);
        gather(step);
        step.in_call = true; // from the choice on: the call may begin in the next turn only
        Unit unit;
        unit.line = step.line;
        unit.step = &step;
        unit.driver = *driver;
        unit.group = group;
        return unit;
    }
    return std::nullopt;
}

// The first driver that may make this write and whose endpoint is well. Without one the step waits for the
// first that will be, or ends when that is never or too late for somebody who is watching.
std::optional<std::size_t> DeviceWorker::usable_driver(Step& step, Clock::time_point now)
{
    auto& device = *step.device;
    auto const rules = device.rules();
    auto earliest = Clock::time_point::max();
    std::optional<Error> why;
    bool probed = false;
    for (std::size_t i = 0; i < rules.drivers.size(); ++i) {
        if (!step.fsm.allows(rules, i))
            continue;
        auto const* const health = context_.health.find(device.endpoint(i));
        // A debt does not ask the breaker; but nothing may lock an account.
        if (health == nullptr || health->usable(now) || (step.fsm.debt() && !health->latched()))
            return i;
        probed = probed || health->breaker() == Breaker::half_open;
        earliest = std::min(earliest, health->usable_at());
        why = health->why_not();
    }
    if (!why) {
        no_driver_left(step);
        return std::nullopt;
    }
    if (probed)
        earliest = std::min(earliest, now + probe_pause);
    bool const never = earliest == Clock::time_point::max();
    bool const too_late =
        step.command->request.priority == Priority::interactive && earliest > step.command->deadline_at;
    if ((never || too_late) && !step.fsm.debt() && !step.fsm.possible())
        verdict_ = Verdict{&step, std::move(why)};
    else
        wake_at(earliest);
    return std::nullopt;
}

// A reload took away what could do it. A debt waits for the reload that brings it back.
void DeviceWorker::no_driver_left(Step& step)
{
    if (step.fsm.debt())
        return;
    verdict_ = Verdict{&step, std::nullopt};
    if (step.fsm.possible())
        return; // nobody is left who could settle it
    auto const& fault = step.device->config().fault;
    verdict_->error = fault.empty()
        ? Error(Errc::unsupported_action, "no driver of the device can do this any more")
        : Error(Errc::unreachable, "the device does not work: " + fault);
}

void DeviceWorker::activate(Step& step)
{
    auto& line = *step.line;
    std::erase(line.waiting, &step);
    line.active = &step;
    step.place = Step::Place::active;
    if (step.command->is_cycle())
        line.holder = step.command;
}

} // namespace switchyard
