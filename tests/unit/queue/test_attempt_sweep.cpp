// Every sequence of results up to a length, for every action and a few kinds of devices: what must hold
// whatever comes.
#include "daemon/queue/attempt_fsm.hpp"

#include <catch2/catch.hpp>

#include <array>

using namespace switchyard;
using namespace std::chrono_literals;
using Want = AttemptFsm::Want;

namespace {

struct Kind {
    bool read;
    bool absolute;
    std::size_t drivers;
};

// What a write can end with: the index decides whether the intent was journaled.
std::array<std::pair<bool, Result<>>, 8> const writes{{
    {true, Result<>()},
    {true, fail(Errc::timed_out, "", Effect::possible)},
    {true, fail(Errc::refused, "", Effect::none)},
    {true, fail(Errc::protocol, "", Effect::none)},
    {false, fail(Errc::unreachable, "")},
    {false, fail(Errc::auth_failed, "")},
    {false, fail(Errc::cancelled, "")},
    {false, fail(Errc::expired, "")},
}};
std::array<Result<PowerState>, 4> const reads{
    {Result<PowerState>(PowerState::on), Result<PowerState>(PowerState::off),
        Result<PowerState>(PowerState::unknown), Result<PowerState>(fail(Errc::unreachable, ""))}};

struct Run {
    Run(Action action_, bool debt_, bool ensure_, Kind kind_)
        : action(action_), debt(debt_), kind(kind_), fsm(action_, ensure_, debt_)
    {
        Capabilities can;
        can.actions = {action_};
        can.read = kind.read;
        can.absolute = kind.absolute;
        drivers.assign(kind.drivers, can);
        config.attempts = 2;
        config.confirm_timeout = 300ms; // so that a few reads are the whole of its patience
        config.soft_timeout = 300ms;
    }
    AttemptRules rules() const { return {config, drivers}; }

    Action action;
    bool debt;
    Kind kind;
    DeviceConfig config;
    std::vector<Capabilities> drivers;
    AttemptFsm fsm;
    Clock::time_point now{1h};
    bool may_have_acted = false; // an intent, and no evidence that nothing came of it
    bool off_for_certain = false;
    std::optional<PowerState> last_read; // since the last write
    std::optional<std::size_t> sender;
};

std::string problem;

void expect(bool fine, char const* what)
{
    if (!fine && problem.empty())
        problem = what;
}

PowerState wanted(Action action)
{
    return action == Action::off || action == Action::soft ? PowerState::off : PowerState::on;
}

void check_end(Run const& run)
{
    auto const& end = run.fsm.outcome();
    bool const switches = run.action == Action::on || run.action == Action::off;
    if (end.state == CommandState::done && end.confirmed)
        expect(run.last_read == wanted(run.action), "done and confirmed for a state that was not read");
    if (end.state == CommandState::done && switches && run.last_read)
        expect(*run.last_read == wanted(run.action) || *run.last_read == PowerState::unknown,
            "done although the device reported the other state");
    if (end.state == CommandState::failed && run.may_have_acted)
        expect(
            run.last_read.has_value() || end.confirmed, "failed without a read although it may have acted");
    if (end.state == CommandState::cancelled || end.state == CommandState::expired)
        expect(!run.may_have_acted, "ended as if nothing had been sent");
    if (run.debt) {
        bool const hopeless = !run.kind.absolute && !run.kind.read; // a toggle that nobody can read
        expect(end.state == CommandState::done || hopeless || !run.may_have_acted, "a debt was given up");
        expect(end.state != CommandState::expired && end.state != CommandState::failed, "a debt failed");
    }
}

void write(Run& run, std::size_t which)
{
    std::size_t driver = 0;
    while (driver < run.drivers.size() && !run.fsm.allows(run.rules(), driver))
        ++driver;
    expect(driver < run.drivers.size(), "it wants to write and allows nobody");
    if (driver == run.drivers.size())
        return;
    auto const& [sent, result] = writes[which];
    if (sent) {
        bool const repeatable = run.kind.absolute || (run.debt && run.off_for_certain);
        bool const power = run.action == Action::on || run.action == Action::off;
        expect(!run.may_have_acted || (repeatable && power), "what may have acted was sent again");
        expect(!run.may_have_acted || run.sender == driver, "another driver went on after a possible effect");
        run.fsm.about_to_send();
        run.sender = driver;
        if (result || result.error().effect == Effect::possible)
            run.may_have_acted = true;
        run.last_read.reset();
        run.off_for_certain = false;
    }
    run.fsm.written(run.rules(), run.now, driver, result, 0.5);
}

void read(Run& run, std::size_t which)
{
    auto const& state = reads[which];
    if (state && *state != PowerState::unknown) {
        run.last_read = *state;
        run.off_for_certain = *state == PowerState::off;
    }
    run.fsm.seen(run.rules(), run.now, state, 0.5);
}

std::size_t walk(Run const& run, unsigned depth)
{
    auto const want = run.fsm.want();
    if (want == Want::nothing) {
        check_end(run);
        return 1;
    }
    auto stopped = run.fsm;
    if (stopped.stop_trying(CommandState::expired)) {
        expect(!run.debt, "a deadline ended a debt");
        auto copy = run;
        copy.fsm = stopped;
        check_end(copy);
    }
    if (depth == 0)
        return 1;
    std::size_t paths = 0;
    auto const choices = want == Want::write ? writes.size() : reads.size();
    for (std::size_t choice = 0; choice < choices; ++choice) {
        if (want == Want::write && run.debt && choice >= 6)
            continue; // a debt is not asked about cancel and deadline
        auto next = run;
        next.now = std::max(next.now, next.fsm.at());
        want == Want::write ? write(next, choice) : read(next, choice);
        paths += walk(next, depth - 1);
    }
    return paths;
}

} // namespace

TEST_CASE("whatever the device answers, nothing is repeated that must not be, and no end is a lie")
{
    std::size_t paths = 0;
    for (auto const action : {Action::on, Action::off, Action::soft, Action::reset, Action::cycle})
        for (bool const debt : {false, true})
            for (bool const ensure : {false, true})
                for (auto const kind : {Kind{true, true, 1}, Kind{true, true, 2}, Kind{false, true, 1},
                         Kind{true, false, 1}, Kind{false, false, 2}}) {
                    bool const switches = action == Action::on || action == Action::off;
                    if ((debt && action != Action::on) || (ensure && !switches))
                        continue;
                    INFO(name(action) << " debt " << debt << " ensure " << ensure << " read " << kind.read
                                      << " absolute " << kind.absolute << " drivers " << kind.drivers);
                    problem.clear();
                    paths += walk(Run(action, debt, ensure, kind), 6);
                    CHECK(problem == "");
                }
    CHECK(paths > 10'000);
}
