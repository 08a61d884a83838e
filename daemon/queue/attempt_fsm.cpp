#include "daemon/queue/attempt_fsm.hpp"

#include "core/base/text.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace switchyard {
namespace {

using namespace std::chrono_literals;

constexpr Clock::duration first_poll = 100ms;
constexpr Clock::duration slowest_poll = 2s;
constexpr Clock::duration soft_poll = 1s;
constexpr Clock::duration debt_pause = 500ms; // between two tries of a debt, at least: it has no last try
constexpr std::size_t most_drivers = 16;      // bits of the masks

// The driver cannot do this step, now or later: trying it again is useless, or locks an account.
bool is_final(Errc code) noexcept
{
    return code == Errc::auth_failed || code == Errc::refused || code == Errc::unsupported_action
        || code == Errc::bad_request;
}

// Ends that about_to_send() decides, before anything was sent.
std::optional<CommandState> end_before_sending(Errc code) noexcept
{
    switch (code) {
    case Errc::cancelled:
        return CommandState::cancelled;
    case Errc::expired:
        return CommandState::expired;
    case Errc::superseded:
        return CommandState::superseded;
    default:
        return std::nullopt;
    }
}

} // namespace

Clock::duration backoff(Clock::duration first, Clock::duration cap, unsigned round, double jitter) noexcept
{
    auto delay = first;
    for (unsigned i = 0; i < round && delay < cap; ++i)
        delay *= 2;
    delay = std::min(delay, cap);
    return delay / 2 + std::chrono::duration_cast<Clock::duration>(delay / 2 * jitter);
}

bool AttemptRules::can_read() const noexcept
{
    return std::ranges::any_of(drivers, [](auto const& driver) { return driver.read; });
}

bool AttemptRules::can_do(Action action) const noexcept
{
    return std::ranges::any_of(drivers, [&](auto const& driver) { return driver.actions.contains(action); });
}

bool AttemptRules::absolute() const noexcept
{
    return std::ranges::all_of(drivers, [](auto const& driver) { return driver.absolute; });
}

AttemptFsm::Want AttemptFsm::want() const noexcept
{
    switch (stage_) {
    case Stage::write:
        return Want::write;
    case Stage::ensure:
    case Stage::confirm:
    case Stage::settle:
        return Want::read;
    case Stage::ended:
        break;
    }
    return Want::nothing;
}

bool AttemptFsm::allows(AttemptRules const& rules, std::size_t driver) const noexcept
{
    if (driver >= rules.drivers.size() || driver >= most_drivers)
        return false;
    if (pinned_ != no_driver && pinned_ < rules.drivers.size())
        return driver == pinned_ && rules.drivers[driver].actions.contains(action_);
    return ((tried_ | dead_) >> driver & 1U) == 0 && rules.drivers[driver].actions.contains(action_);
}

PowerState AttemptFsm::wanted() const noexcept
{
    return action_ == Action::off || action_ == Action::soft ? PowerState::off : PowerState::on;
}

bool AttemptFsm::settles_by_reading(AttemptRules const& rules) const noexcept
{
    return rules.can_read() && (switches() || action_ == Action::soft);
}

// After it may have acted: only what sets a state. A toggle that is owed is the exception, once the device
// has said for the whole of its patience that the outlet is still off.
bool AttemptFsm::may_repeat(AttemptRules const& rules) const noexcept
{
    return switches() && (rules.absolute() || (debt_ && last_seen_ != PowerState::unknown));
}

void AttemptFsm::written(AttemptRules const& rules, Clock::time_point now, std::size_t driver,
    Result<> const& result, double jitter)
{
    ++attempts_;
    if (!result) {
        last_error_ = result.error();
        if (!possible_ && result.error().effect == Effect::none)
            if (auto const state = end_before_sending(result.error().code))
                return end(*state, PowerState::unknown, false, last_error_);
        if (result.error().effect == Effect::none)
            return refused_to_act(rules, now, driver, result.error(), jitter);
        possible_ = true;
        pinned_ = static_cast<std::uint8_t>(driver);
        return may_have_acted(rules, now, jitter);
    }
    possible_ = true;
    last_error_.reset();
    pinned_ = static_cast<std::uint8_t>(driver);
    bool const reads_back = rules.can_read() && rules.config.confirm;
    if (action_ == Action::soft && rules.can_read())
        return watch(Stage::confirm, now, rules.config.soft_timeout, 0s);
    if (switches() && reads_back)
        return watch(Stage::confirm, now, rules.config.confirm_timeout, 0s);
    if (action_ == Action::cycle && reads_back)
        return watch(Stage::confirm, now, rules.config.confirm_timeout, first_poll);
    bool const power_known = switches() || action_ == Action::cycle;
    end(CommandState::done, power_known ? wanted() : PowerState::unknown, false);
}

// Effect::none: the next driver may try; after the last one the round is over.
void AttemptFsm::refused_to_act(
    AttemptRules const& rules, Clock::time_point now, std::size_t driver, Error const& error, double jitter)
{
    auto const bit = static_cast<std::uint16_t>(1U << driver);
    tried_ = static_cast<std::uint16_t>(tried_ | bit);
    if (is_final(error.code) && !debt_)
        dead_ = static_cast<std::uint16_t>(dead_ | bit);
    // What an earlier attempt may have done is not undone by a later one that certainly did nothing.
    if (possible_)
        return may_have_acted(rules, now, jitter);
    for (std::size_t i = 0; i < rules.drivers.size(); ++i)
        if (allows(rules, i)) {
            stage_ = Stage::write;
            at_ = now;
            return;
        }
    tried_ = 0;
    bool const hopeless = [&] {
        for (std::size_t i = 0; i < rules.drivers.size(); ++i)
            if (allows(rules, i))
                return false;
        return true;
    }();
    if (hopeless && !debt_)
        return end(CommandState::failed, PowerState::unknown, false, error);
    again_or_end(rules, now, jitter, CommandState::failed, error);
}

void AttemptFsm::may_have_acted(AttemptRules const& rules, Clock::time_point now, double jitter)
{
    if (settles_by_reading(rules)) {
        auto const patience =
            action_ == Action::soft ? rules.config.soft_timeout : rules.config.confirm_timeout;
        return watch(Stage::settle, now, patience, 0s);
    }
    Error error = last_error_.value_or(Error(Errc::indeterminate, "the answer was lost", Effect::possible));
    if (may_repeat(rules))
        return again_or_end(rules, now, jitter, CommandState::indeterminate, std::move(error));
    end(CommandState::indeterminate, PowerState::unknown, false, std::move(error));
}

void AttemptFsm::watch(Stage stage, Clock::time_point now, Clock::duration patience, Clock::duration first)
{
    stage_ = stage;
    polls_ = 0;
    last_seen_ = PowerState::unknown;
    watch_until_ = now + patience;
    at_ = now + first;
}

void AttemptFsm::seen(
    AttemptRules const& rules, Clock::time_point now, Result<PowerState> const& state, double jitter)
{
    bool const known = state && *state != PowerState::unknown;
    if (stage_ == Stage::ensure) {
        ensure_ = false;
        if (known && *state == wanted()) {
            end(CommandState::done, *state, true);
            outcome_.changed = false;
            return;
        }
        stage_ = Stage::write;
        at_ = now;
        return;
    }
    if (stage_ != Stage::confirm && stage_ != Stage::settle)
        return; // somebody else's read while this step waits for its turn to write
    if (known && *state == wanted())
        return end(CommandState::done, *state, true);
    if (known)
        last_seen_ = *state;
    if (!state)
        last_error_ = state.error();
    if (now >= watch_until_)
        return give_up_watching(rules, now, jitter);
    auto const first = action_ == Action::soft ? soft_poll : first_poll;
    auto const pause = std::min<Clock::duration>(first * (1 << std::min(polls_, 6U)), slowest_poll);
    at_ = std::min(now + pause, watch_until_);
    ++polls_;
    // A lost answer, and the device says that it did not act: sending again beats asking it for the whole
    // time.
    bool const tries_left = debt_ || rounds_ + 1 < rules.config.attempts;
    if (stage_ == Stage::settle && known && switches() && rules.absolute() && polls_ > 3 && tries_left)
        give_up_watching(rules, now, jitter);
}

void AttemptFsm::give_up_watching(AttemptRules const& rules, Clock::time_point now, double jitter)
{
    if (last_seen_ == PowerState::unknown) {
        Error error(Errc::indeterminate, "the power state could not be read", Effect::possible);
        if (last_error_)
            error.detail += " (" + last_error_->message() + ")";
        if (may_repeat(rules))
            return again_or_end(rules, now, jitter, CommandState::indeterminate, std::move(error));
        if (debt_) { // a toggle is not repeated blindly, and a debt is not given up: it goes on asking
            ++rounds_;
            watch(stage_, now, rules.config.confirm_timeout, slowest_poll);
            return;
        }
        return end(CommandState::indeterminate, PowerState::unknown, false, std::move(error));
    }
    auto const waited = action_ == Action::soft ? rules.config.soft_timeout : rules.config.confirm_timeout;
    Error error(Errc::timed_out,
        stage_ == Stage::settle && last_error_
            ? fmt::format("{}, and the device still reports {}", last_error_->message(), name(last_seen_))
            : fmt::format("the device took the command but still reports {} after {}", name(last_seen_),
                  to_text(waited)),
        Effect::possible);
    if (may_repeat(rules))
        return again_or_end(rules, now, jitter, CommandState::failed, std::move(error));
    // A soft shutdown that was sent for certain has failed; one whose answer was lost is not known to have
    // been asked for.
    bool const lost = stage_ == Stage::settle && action_ == Action::soft;
    end(lost ? CommandState::indeterminate : CommandState::failed, last_seen_, true, std::move(error));
}

void AttemptFsm::again_or_end(
    AttemptRules const& rules, Clock::time_point now, double jitter, CommandState state, Error error)
{
    ++rounds_;
    if (!debt_ && rounds_ >= rules.config.attempts)
        return end(state, last_seen_, last_seen_ != PowerState::unknown, std::move(error));
    last_error_ = std::move(error);
    stage_ = Stage::write;
    auto const pause =
        backoff(rules.config.retry_delay, rules.config.retry_delay_max, std::min(rounds_ - 1, 30U), jitter);
    at_ = now + (debt_ ? std::max(pause, debt_pause) : pause);
}

bool AttemptFsm::stop_trying(CommandState why)
{
    if (debt_ || stage_ == Stage::ended || stage_ == Stage::confirm || stage_ == Stage::settle)
        return false;
    if (!possible_) {
        Error error(why == CommandState::cancelled ? Errc::cancelled : Errc::expired, "");
        if (last_error_)
            error.detail = "the last try ended with: " + last_error_->message();
        end(why, PowerState::unknown, false, std::move(error));
        return true;
    }
    Error error = last_error_.value_or(Error(Errc::indeterminate, "", Effect::possible));
    auto const state = last_seen_ == PowerState::unknown ? CommandState::indeterminate : CommandState::failed;
    end(state, last_seen_, last_seen_ != PowerState::unknown, std::move(error));
    return true;
}

void AttemptFsm::abandon(CommandState state, Error error)
{
    end(state, PowerState::unknown, false, std::move(error));
}

void AttemptFsm::resume(AttemptRules const& rules, Clock::time_point now, std::size_t driver)
{
    if (driver < rules.drivers.size() && driver < most_drivers)
        pinned_ = static_cast<std::uint8_t>(driver);
    sent_ = true;
    possible_ = true;
    last_error_ =
        Error(Errc::indeterminate, "the daemon stopped while the command was being sent", Effect::possible);
    may_have_acted(rules, now, 0.0);
}

void AttemptFsm::end(CommandState state, PowerState power, bool confirmed, std::optional<Error> error)
{
    stage_ = Stage::ended;
    outcome_.state = state;
    outcome_.power = power;
    outcome_.confirmed = confirmed;
    outcome_.error = std::move(error);
}

} // namespace switchyard
