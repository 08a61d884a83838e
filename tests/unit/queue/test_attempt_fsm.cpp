#include "daemon/queue/attempt_fsm.hpp"

#include <catch2/catch.hpp>

using namespace switchyard;
using namespace std::chrono_literals;
using Want = AttemptFsm::Want;

namespace {

Capabilities able(bool read = true, bool absolute = true)
{
    Capabilities all;
    all.actions = {
        Action::on, Action::off, Action::cycle, Action::reset, Action::soft, Action::diag, Action::invoke};
    all.read = read;
    all.absolute = absolute;
    all.atomic_cycle = true;
    return all;
}

struct Machine {
    explicit Machine(Action action, bool debt = false, bool ensure = false) : fsm(action, ensure, debt)
    {
        config.name = "d";
    }
    AttemptRules rules() const { return {config, drivers}; }
    void wrote(Result<> const& result, std::size_t driver = 0, bool sent = true)
    {
        if (sent)
            fsm.about_to_send();
        fsm.written(rules(), now, driver, result, 0.5);
    }
    void saw(Result<PowerState> const& state)
    {
        now = std::max(now, fsm.at());
        fsm.seen(rules(), now, state, 0.5);
    }
    // Reads until the machine wants something else.
    void keeps_seeing(Result<PowerState> const& state)
    {
        for (int i = 0; i < 1000 && fsm.want() == Want::read; ++i)
            saw(state);
    }
    void not_reached(std::size_t driver = 0) { wrote(fail(Errc::unreachable, "silent"), driver, false); }
    void lost() { wrote(fail(Errc::timed_out, "lost", Effect::possible)); }

    DeviceConfig config;
    std::vector<Capabilities> drivers{able()};
    AttemptFsm fsm;
    Clock::time_point now{1h};
};

Result<PowerState> const unreadable = fail(Errc::protocol, "garbage");

} // namespace

TEST_CASE("an on is done when the device reports it")
{
    Machine m(Action::on);
    CHECK(m.fsm.want() == Want::write);
    m.wrote({});
    CHECK(m.fsm.want() == Want::read);
    m.saw(PowerState::off);
    CHECK(m.fsm.want() == Want::read);
    CHECK(m.fsm.at() > m.now);
    m.saw(PowerState::on);
    REQUIRE(m.fsm.want() == Want::nothing);
    CHECK(m.fsm.outcome().state == CommandState::done);
    CHECK(m.fsm.outcome().confirmed);
    CHECK(m.fsm.outcome().power == PowerState::on);
}

TEST_CASE("without read-back, or when it is not wanted, it is done and not confirmed")
{
    Machine m(Action::off);
    SECTION("the device cannot")
    {
        m.drivers = {able(false)};
    }
    SECTION("the configuration does not want it")
    {
        m.config.confirm = false;
    }
    m.wrote({});
    REQUIRE(m.fsm.want() == Want::nothing);
    CHECK(m.fsm.outcome().state == CommandState::done);
    CHECK_FALSE(m.fsm.outcome().confirmed);
    CHECK(m.fsm.outcome().power == PowerState::off);
}

TEST_CASE("reset, diag and operations are done when they were sent")
{
    for (auto const action : {Action::reset, Action::diag, Action::invoke}) {
        Machine m(action);
        m.wrote({});
        REQUIRE(m.fsm.want() == Want::nothing);
        CHECK(m.fsm.outcome().state == CommandState::done);
        CHECK(m.fsm.outcome().power == PowerState::unknown);
    }
}

TEST_CASE("what may have acted and says nothing about power is indeterminate, and not repeated")
{
    for (auto const action : {Action::reset, Action::diag, Action::invoke, Action::cycle}) {
        Machine m(action);
        m.lost();
        REQUIRE(m.fsm.want() == Want::nothing);
        CHECK(m.fsm.outcome().state == CommandState::indeterminate);
        CHECK(m.fsm.outcome().error->code == Errc::timed_out);
    }
}

TEST_CASE("a soft shutdown waits for the power to be off and never forces")
{
    Machine m(Action::soft);
    m.config.soft_timeout = 60s;
    SECTION("it goes off")
    {
        m.wrote({});
        m.saw(PowerState::on);
        m.saw(PowerState::off);
        CHECK(m.fsm.outcome().state == CommandState::done);
    }
    SECTION("it does not")
    {
        m.wrote({});
        m.keeps_seeing(PowerState::on);
        REQUIRE(m.fsm.want() == Want::nothing);
        CHECK(m.fsm.outcome().state == CommandState::failed);
        CHECK(m.fsm.outcome().error->code == Errc::timed_out);
        CHECK(m.fsm.outcome().power == PowerState::on);
        CHECK(m.now >= Clock::time_point{1h} + 60s);
    }
    SECTION("the answer is lost and it stays on: nobody knows whether it was asked")
    {
        m.lost();
        m.keeps_seeing(PowerState::on);
        CHECK(m.fsm.outcome().state == CommandState::indeterminate);
    }
    CHECK(m.fsm.attempts() == 1);
}

TEST_CASE("a device's own cycle is done when it reports on")
{
    Machine m(Action::cycle);
    m.wrote({});
    CHECK(m.fsm.at() > m.now);
    m.saw(PowerState::off);
    m.saw(PowerState::on);
    CHECK(m.fsm.outcome().state == CommandState::done);
    CHECK(m.fsm.outcome().power == PowerState::on);
}

TEST_CASE("ensure reads first and does nothing when the state is there")
{
    Machine m(Action::on, false, true);
    CHECK(m.fsm.want() == Want::read);
    SECTION("there")
    {
        m.saw(PowerState::on);
        CHECK(m.fsm.outcome().state == CommandState::done);
        CHECK_FALSE(m.fsm.outcome().changed);
        CHECK_FALSE(m.fsm.sent());
    }
    SECTION("not there")
    {
        m.saw(PowerState::off);
        CHECK(m.fsm.want() == Want::write);
    }
    SECTION("not readable")
    {
        m.saw(unreadable);
        CHECK(m.fsm.want() == Want::write);
    }
}

TEST_CASE("after an effect of none the next driver tries, each once a round")
{
    Machine m(Action::on);
    m.config.attempts = 2;
    m.drivers = {able(), able(), able()};
    m.not_reached(0);
    CHECK_FALSE(m.fsm.allows(m.rules(), 0));
    CHECK(m.fsm.allows(m.rules(), 1));
    CHECK(m.fsm.at() <= m.now);
    m.not_reached(1);
    m.not_reached(2);
    REQUIRE(m.fsm.want() == Want::write);
    CHECK(m.fsm.failed_before());
    CHECK(m.fsm.at() > m.now); // the second round waits
    CHECK(m.fsm.allows(m.rules(), 0));
    m.not_reached(0);
    m.not_reached(1);
    m.not_reached(2);
    REQUIRE(m.fsm.want() == Want::nothing);
    CHECK(m.fsm.outcome().state == CommandState::failed);
    CHECK(m.fsm.outcome().error->code == Errc::unreachable);
    CHECK(m.fsm.attempts() == 6);
}

TEST_CASE("a driver that cannot do the action is passed over")
{
    Machine m(Action::soft);
    Capabilities poor;
    poor.actions = {Action::on, Action::off};
    m.drivers = {poor, able()};
    CHECK_FALSE(m.fsm.allows(m.rules(), 0));
    CHECK(m.fsm.allows(m.rules(), 1));
    CHECK_FALSE(m.fsm.allows(m.rules(), 2));
}

TEST_CASE("a refusal is final for that driver, and a wrong password is never tried again")
{
    for (auto const code : {Errc::refused, Errc::auth_failed, Errc::unsupported_action, Errc::bad_request}) {
        Machine m(Action::on);
        m.drivers = {able(), able()};
        m.wrote(fail(code, "no"), 0, false);
        REQUIRE(m.fsm.want() == Want::write);
        m.not_reached(1);
        REQUIRE(m.fsm.want() == Want::write);
        CHECK_FALSE(m.fsm.allows(m.rules(), 0));
        CHECK(m.fsm.allows(m.rules(), 1));
        m.wrote(fail(code, "no"), 1, false);
        REQUIRE(m.fsm.want() == Want::nothing);
        CHECK(m.fsm.outcome().state == CommandState::failed);
        CHECK(m.fsm.outcome().error->code == code);
    }
}

TEST_CASE("after a possible effect only the same driver may send again")
{
    Machine m(Action::on);
    m.drivers = {able(), able()};
    m.lost();
    CHECK(m.fsm.possible());
    m.keeps_seeing(PowerState::off);
    REQUIRE(m.fsm.want() == Want::write);
    CHECK(m.fsm.allows(m.rules(), 0));
    CHECK_FALSE(m.fsm.allows(m.rules(), 1));
    m.not_reached(0); // this one did nothing, but the first one may still have
    CHECK(m.fsm.want() == Want::read);
}

TEST_CASE("a lost answer is settled by reading")
{
    Machine m(Action::on);
    m.lost();
    REQUIRE(m.fsm.want() == Want::read);
    SECTION("it acted")
    {
        m.saw(PowerState::on);
        CHECK(m.fsm.outcome().state == CommandState::done);
        CHECK(m.fsm.attempts() == 1);
    }
    SECTION("it did not, three times")
    {
        for (int i = 0; i < 3; ++i) {
            m.keeps_seeing(PowerState::off);
            if (m.fsm.want() == Want::write)
                m.lost();
        }
        m.keeps_seeing(PowerState::off);
        REQUIRE(m.fsm.want() == Want::nothing);
        CHECK(m.fsm.outcome().state == CommandState::failed);
        CHECK(m.fsm.outcome().power == PowerState::off);
        CHECK(m.fsm.attempts() == 3);
    }
    SECTION("nobody can tell")
    {
        for (int i = 0; i < 5 && m.fsm.want() != Want::nothing; ++i) {
            m.keeps_seeing(unreadable);
            if (m.fsm.want() == Want::write)
                m.lost();
        }
        REQUIRE(m.fsm.want() == Want::nothing);
        CHECK(m.fsm.outcome().state == CommandState::indeterminate);
        CHECK(m.fsm.outcome().error->detail.find("garbage") != std::string::npos);
    }
}

TEST_CASE("an absolute write without read-back is sent again by the same driver, then indeterminate")
{
    Machine m(Action::off);
    m.drivers = {able(false)};
    m.lost();
    m.lost();
    CHECK(m.fsm.want() == Want::write);
    m.lost();
    CHECK(m.fsm.outcome().state == CommandState::indeterminate);
    CHECK(m.fsm.attempts() == 3);
}

TEST_CASE("a toggle is never sent twice after it was sent")
{
    Machine m(Action::on);
    SECTION("it took the command and reports the other state")
    {
        m.drivers = {able(true, false)};
        m.wrote({});
        m.keeps_seeing(PowerState::off);
        CHECK(m.fsm.outcome().state == CommandState::failed);
        CHECK(m.fsm.outcome().power == PowerState::off);
    }
    SECTION("the answer was lost, a read settles it")
    {
        m.drivers = {able(true, false)};
        m.lost();
        m.saw(PowerState::on);
        CHECK(m.fsm.outcome().state == CommandState::done);
    }
    SECTION("the answer was lost, and there is no read")
    {
        m.drivers = {able(false, false)};
        m.lost();
        CHECK(m.fsm.outcome().state == CommandState::indeterminate);
    }
    CHECK(m.fsm.want() == Want::nothing);
    CHECK(m.fsm.attempts() == 1);
}

TEST_CASE("a toggle that is owed is repeated only after the device has said for long that it is off")
{
    Machine m(Action::on, true);
    m.drivers = {able(true, false)};
    m.lost();
    auto const began = m.now;
    m.keeps_seeing(PowerState::off);
    CHECK(m.fsm.want() == Want::write);
    CHECK(m.now - began >= m.config.confirm_timeout);
    m.lost();
    for (int i = 0; i < 500; ++i)
        m.saw(unreadable);
    CHECK(m.fsm.want() == Want::read); // goes on asking
    m.saw(PowerState::on);
    CHECK(m.fsm.outcome().state == CommandState::done);
}

TEST_CASE("a debt knows no last try, with a pause between two")
{
    Machine m(Action::on, true);
    m.config.retry_delay = 0ms;
    m.config.retry_delay_max = 0ms;
    for (int i = 0; i < 100; ++i) {
        m.not_reached();
        REQUIRE(m.fsm.want() == Want::write);
        CHECK(m.fsm.at() >= m.now + 500ms);
        CHECK_FALSE(m.fsm.stop_trying(CommandState::expired));
    }
    m.wrote(fail(Errc::auth_failed, ""), 0, false);
    CHECK(m.fsm.want() == Want::write);
    CHECK(m.fsm.allows(m.rules(), 0));
    m.wrote({});
    m.keeps_seeing(PowerState::off);
    CHECK(m.fsm.want() == Want::write);
}

TEST_CASE("the deadline ends what is not being settled")
{
    Machine m(Action::on);
    SECTION("nothing was tried")
    {
        CHECK(m.fsm.stop_trying(CommandState::expired));
        CHECK(m.fsm.outcome().state == CommandState::expired);
        CHECK(m.fsm.outcome().error->code == Errc::expired);
    }
    SECTION("the last try is named")
    {
        m.not_reached();
        CHECK(m.fsm.stop_trying(CommandState::expired));
        CHECK(m.fsm.outcome().error->detail.find("silent") != std::string::npos);
    }
    SECTION("what is being confirmed goes on")
    {
        m.wrote({});
        CHECK_FALSE(m.fsm.stop_trying(CommandState::expired));
        m.saw(PowerState::on);
        CHECK(m.fsm.outcome().state == CommandState::done);
    }
    SECTION("a retry after a lost answer is what the last read said")
    {
        m.lost();
        m.keeps_seeing(PowerState::off);
        CHECK(m.fsm.stop_trying(CommandState::expired));
        CHECK(m.fsm.outcome().state == CommandState::failed);
        CHECK(m.fsm.outcome().power == PowerState::off);
    }
    SECTION("or indeterminate when nothing could be read")
    {
        m.drivers = {able(false)};
        m.lost();
        CHECK(m.fsm.stop_trying(CommandState::cancelled));
        CHECK(m.fsm.outcome().state == CommandState::indeterminate);
    }
    CHECK_FALSE(m.fsm.stop_trying(CommandState::expired)); // it has ended
}

TEST_CASE("what about_to_send refused ends the step as it says")
{
    std::pair<Errc, CommandState> const ends[] = {{Errc::cancelled, CommandState::cancelled},
        {Errc::expired, CommandState::expired}, {Errc::superseded, CommandState::superseded}};
    for (auto const& [code, state] : ends) {
        Machine m(Action::on);
        m.wrote(fail(Errc::refused, "documented not to have acted"), 0, true); // a first try without effect
        m.fsm = AttemptFsm(Action::on, false, false);
        m.fsm.about_to_send();
        m.wrote(fail(code, ""), 0, false);
        CHECK(m.fsm.outcome().state == state);
    }
    Machine m(Action::on);
    m.lost();
    m.keeps_seeing(PowerState::off);
    m.wrote(fail(Errc::cancelled, ""), 0, false); // but the earlier try may have acted
    CHECK(m.fsm.want() == Want::read);
}

TEST_CASE("a step that an earlier life had sent is settled first")
{
    SECTION("absolute: by reading")
    {
        Machine m(Action::on);
        m.fsm.resume(m.rules(), m.now, 0);
        CHECK(m.fsm.want() == Want::read);
        CHECK(m.fsm.sent());
        m.saw(PowerState::on);
        CHECK(m.fsm.outcome().state == CommandState::done);
    }
    SECTION("absolute without read-back: sent again")
    {
        Machine m(Action::on);
        m.drivers = {able(false)};
        m.fsm.resume(m.rules(), m.now, 0);
        CHECK(m.fsm.want() == Want::write);
    }
    SECTION("reset: indeterminate")
    {
        Machine m(Action::reset);
        m.fsm.resume(m.rules(), m.now, 0);
        CHECK(m.fsm.outcome().state == CommandState::indeterminate);
    }
    SECTION("a driver that a reload took away pins nothing")
    {
        Machine m(Action::on);
        m.fsm.resume(m.rules(), m.now, 7);
        m.keeps_seeing(PowerState::off);
        CHECK(m.fsm.allows(m.rules(), 0));
    }
}

TEST_CASE("somebody else's read does not touch a step that waits to be written")
{
    Machine m(Action::on);
    m.fsm.seen(m.rules(), m.now, PowerState::on, 0.5);
    CHECK(m.fsm.want() == Want::write);
}

TEST_CASE("back-off doubles up to its cap, half of it certain")
{
    for (unsigned round = 0; round < 40; ++round)
        for (double const jitter : {0.0, 0.3, 1.0}) {
            auto const delay = backoff(1s, 60s, round, jitter);
            auto const full = std::min<Clock::duration>(1s * (1LL << std::min(round, 10U)), 60s);
            CHECK(delay >= full / 2);
            CHECK(delay <= full);
        }
    CHECK(backoff(0s, 60s, 10, 1.0) == 0s);
    CHECK(backoff(90s, 60s, 0, 1.0) == 60s);
}
