#pragma once

#include "core/base/clock.hpp"
#include "core/base/error.hpp"
#include "daemon/config/model.hpp"
#include "drivers/driver.hpp"

#include <optional>
#include <span>

namespace switchyard {

// What the rules of one device are: its timing and what its drivers can do, in the order of fail-over.
struct AttemptRules {
    DeviceConfig const& config;
    std::span<Capabilities const> drivers;

    bool can_read() const noexcept;
    bool can_do(Action action) const noexcept; // by some driver
    bool absolute() const noexcept;            // on and off by every driver set a state
};

// How one step of a command (switch one outlet on, off, ...) ended.
struct StepOutcome {
    CommandState state = CommandState::done; // done, failed, indeterminate, expired, cancelled or superseded
    PowerState power = PowerState::unknown;
    bool confirmed = false; // the device itself reported `power`
    bool changed = true;    // false: `ensure` found it there
    std::optional<Error> error;
};

// One step as a state machine without clock, socket or store: write, confirm by reading, settle what a lost
// answer left open, back off, fail over, give up. The worker asks what it wants, does that, and tells it what
// came of it.
//
// The effect rule: after an error with Effect::none the next driver may try; after Effect::possible only
// reading settles, and only an absolute on/off may be sent again, by the same driver. What cannot be settled
// is indeterminate.
class AttemptFsm {
public:
    enum class Want : std::uint8_t { write, read, nothing };

    // A debt is the `on` of a cycle whose `off` was sent: it is tried until it is done, whatever the limits
    // say.
    AttemptFsm(Action action, bool ensure, bool debt) : action_(action), debt_(debt), ensure_(ensure)
    {
        if (ensure)
            stage_ = Stage::ensure;
    }

    Action action() const noexcept { return action_; }
    bool debt() const noexcept { return debt_; }
    bool sent() const noexcept { return sent_; }         // an intent was journaled: the device may have acted
    bool possible() const noexcept { return possible_; } // ... and nothing has told that it did not
    bool failed_before() const noexcept { return rounds_ > 0; }
    unsigned attempts() const noexcept { return attempts_; }
    std::optional<Error> const& last_error() const noexcept { return last_error_; }

    Want want() const noexcept;
    Clock::time_point at() const noexcept { return at_; } // not before
    // May this driver make the next write?
    bool allows(AttemptRules const& rules, std::size_t driver) const noexcept;

    void about_to_send() noexcept { sent_ = true; }
    void written(AttemptRules const& rules, Clock::time_point now, std::size_t driver, Result<> const& result,
        double jitter);
    void seen(
        AttemptRules const& rules, Clock::time_point now, Result<PowerState> const& state, double jitter);
    // Nothing more is sent, because the deadline has passed (expired) or the client wants no more
    // (cancelled): true when the step ended by that. A debt, and what is being confirmed, go on; what may
    // have acted never ends as if it had not.
    bool stop_trying(CommandState why);
    // Ends a step that was not sent: cancelled, superseded, unreachable because a breaker is open, ...
    void abandon(CommandState state, Error error);
    // Goes on after a restart: the intent of this driver was journaled and nothing is known of the result.
    void resume(AttemptRules const& rules, Clock::time_point now, std::size_t driver);

    StepOutcome const& outcome() const noexcept { return outcome_; } // requires want() == nothing

private:
    enum class Stage : std::uint8_t { ensure, write, confirm, settle, ended };

    PowerState wanted() const noexcept;
    bool settles_by_reading(AttemptRules const& rules) const noexcept;
    bool switches() const noexcept { return action_ == Action::on || action_ == Action::off; }
    bool may_repeat(AttemptRules const& rules) const noexcept;
    void refused_to_act(AttemptRules const& rules, Clock::time_point now, std::size_t driver,
        Error const& error, double jitter);
    void may_have_acted(AttemptRules const& rules, Clock::time_point now, double jitter);
    void watch(Stage stage, Clock::time_point now, Clock::duration patience, Clock::duration first);
    void give_up_watching(AttemptRules const& rules, Clock::time_point now, double jitter);
    void again_or_end(
        AttemptRules const& rules, Clock::time_point now, double jitter, CommandState state, Error error);
    void end(CommandState state, PowerState power, bool confirmed, std::optional<Error> error = {});

    Action action_;
    bool debt_;
    bool ensure_;
    bool sent_ = false;
    bool possible_ = false;
    Stage stage_ = Stage::write;
    std::uint8_t pinned_ = no_driver; // after Effect::possible only this one may send again
    std::uint16_t tried_ = 0;         // drivers that failed in this round
    std::uint16_t dead_ = 0; // drivers that cannot do this step at all: refused, unsupported, wrong password
    std::uint32_t rounds_ = 0;
    std::uint32_t attempts_ = 0;
    std::uint32_t polls_ = 0;
    PowerState last_seen_ = PowerState::unknown;
    Clock::time_point at_{};
    Clock::time_point watch_until_{};
    std::optional<Error> last_error_;
    StepOutcome outcome_;

    static constexpr std::uint8_t no_driver = 0xff;
};

// Capped exponential back-off with a floor: half of it is certain, half is `jitter` (0 to 1).
Clock::duration backoff(Clock::duration first, Clock::duration cap, unsigned round, double jitter) noexcept;

} // namespace switchyard
