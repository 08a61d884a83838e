#pragma once

#include "core/net/signal.hpp"
#include "core/net/timers.hpp"
#include "daemon/queue/attempt_fsm.hpp"
#include "daemon/store/store.hpp"

#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace switchyard {

class Command;
class Device;
struct Line;

// Where a command stands. Everything but a cycle has only `act`.
enum class Phase : std::uint8_t { act, off, wait, on };

// One outlet of a command, and the step that it is at there.
class Step {
public:
    enum class Place : std::uint8_t {
        nowhere, // not in a line: not yet, or its part is over
        waiting, // in the line of its outlet
        active,  // it has the outlet
        merged   // an equal write in front of it is made for it too
    };

    Command* command = nullptr;
    OutletRef outlet;
    Device* device = nullptr; // nothing when the configuration no longer has it
    Line* line = nullptr;
    Place place = Place::nowhere;
    bool in_call = false; // a driver call for it is on its way
    bool cut = false;     // a cycle's off was sent here: the outlet may be dark until its on is done
    AttemptFsm fsm{Action::on, false, false};
    std::vector<Step*> merged; // those that this write is made for too
    Step* leader = nullptr;    // ... the other way round
    std::uint8_t driver = 0;   // that had the last word, an index into the device's drivers
    bool driver_known = false;
    unsigned attempts = 0; // of the phases before this one
    std::optional<StepOutcome> outcome;
    std::optional<CommandId> taken_by; // a newer command decides about this outlet, which was owed power

    bool open() const noexcept { return place != Place::nowhere; }
    // A driver call that it is part of is on its way: it may act at any moment.
    bool on_its_way() const noexcept
    {
        return in_call || (place == Place::merged && leader->in_call && fsm.sent());
    }
};

// An accepted command in memory, from its append to its durable end.
class Command {
public:
    Command(CommandId id_, std::string principal_, Request request_)
        : id(id_), principal(std::move(principal_)), request(std::move(request_))
    {
    }
    Command(Command const&) = delete;
    Command& operator=(Command const&) = delete;

    CommandId id;
    std::string principal;
    Request request;
    std::vector<Step> steps; // its size never changes once the command is queued: lines point into it
    UtcTime accepted{};
    UtcTime due{};
    UtcTime deadline{};
    std::optional<UtcTime> started;
    Clock::time_point accepted_at{};
    Clock::time_point due_at{};
    Clock::time_point deadline_at{};

    CommandState state = CommandState::queued;
    Phase phase = Phase::act;
    bool native = false;   // a cycle by the device itself
    bool intended = false; // some intent was journaled: from now on it is not simply dropped
    bool ending = false;   // its end is being written
    std::size_t open_steps = 0;
    std::optional<UtcTime> wait_until; // of a cycle's wait
    std::optional<CancelMode> cancelled;
    std::optional<Error> verdict; // how it will end although it has to go on first: a cycle that failed
                                  // halfway
    CommandState verdict_state = CommandState::failed;
    std::optional<CommandId> replaced_by;
    json::value result;

    std::unique_ptr<TimerNode> timer; // the due time, or the end of a cycle's wait
    std::unique_ptr<TimerNode> deadline_timer;
    std::list<Signal*> waiters;

    bool is_cycle() const noexcept { return request.action == Action::cycle && !native; }
    bool is_switch() const noexcept { return request.action == Action::on || request.action == Action::off; }
    bool owes_power() const noexcept; // some outlet is dark because of it
    bool past_deadline() const noexcept { return Clock::now() >= deadline_at; }
    // The order of an outlet: by due time and id.
    bool before(Command const& other) const noexcept
    {
        return due_at != other.due_at ? due_at < other.due_at : id < other.id;
    }
};

// What recovery needs of a command, as the store keeps it.
std::string stored_request(Command const& command);
std::string stored_progress(Command const& command);
// The row of a new command.
StoredCommand stored_command(Command const& command);
// The inverse; fails with `internal` when the row is not what this version wrote.
Result<std::unique_ptr<Command>> command_from(StoredCommand const& row);

Report report_of(Command const& command);
// A report of a command that has ended, from its row.
Result<Report> report_from(StoredCommand const& row);

} // namespace switchyard
