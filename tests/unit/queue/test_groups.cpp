#include "daemon/queue/groups.hpp"
#include "tests/support/run.hpp"

#include <catch2/catch.hpp>

#include <string>

using namespace switchyard;
using namespace std::chrono_literals;

namespace {

struct Yard {
    Yard() { loop.use(time); }
    GroupConfig limits(std::uint32_t most, milliseconds stagger)
    {
        GroupConfig config;
        config.max_in_flight = most;
        config.stagger = stagger;
        return config;
    }
    void pass(Clock::duration duration) { loop.run(loop.timers.wait_until(Clock::now() + duration)); }
    VirtualTime time;
    test::Loop loop;
    std::string order; // who got a permit after waiting
};

struct Member final : GroupMember {
    Member(Yard& yard_, Group& group_, char name_, bool on_ = true)
        : yard(yard_), group(group_), name(name_), on(on_)
    {
    }
    void kick() override
    {
        ++kicks;
        if (wants && group.acquire(*this, on, false)) {
            wants = false;
            yard.order += name;
        }
    }
    Yard& yard;
    Group& group;
    char name;
    bool on;
    bool wants = true;
    unsigned kicks = 0;
};

} // namespace

TEST_CASE("no more than max_in_flight, and those who wait come first in, first out")
{
    Yard yard;
    Group group(yard.loop.timers, yard.limits(2, 0ms));
    Member a(yard, group, 'a'), b(yard, group, 'b'), c(yard, group, 'c'), d(yard, group, 'd'),
        e(yard, group, 'e');
    for (auto* member : {&a, &b, &c, &d, &e})
        member->kick();
    CHECK(yard.order == "ab");
    group.release();
    CHECK(yard.order == "abc");
    group.release();
    group.release();
    CHECK(yard.order == "abcde");
}

TEST_CASE("two on start no closer than the stagger, in their order, and without being asked in vain")
{
    Yard yard;
    Group group(yard.loop.timers, yard.limits(0, 500ms));
    Member a(yard, group, 'a'), b(yard, group, 'b'), c(yard, group, 'c');
    for (auto* member : {&a, &b, &c})
        member->kick();
    CHECK(yard.order == "a");
    group.release();
    CHECK(b.kicks == 1);
    yard.pass(499ms);
    CHECK(yard.order == "a");
    yard.pass(1ms);
    CHECK(yard.order == "ab");
    yard.pass(500ms);
    CHECK(yard.order == "abc");
    CHECK(c.kicks == 2);
}

TEST_CASE("an off does not wait for the stagger of others, nor behind them")
{
    Yard yard;
    Group group(yard.loop.timers, yard.limits(1, 10s));
    Member a(yard, group, 'a'), b(yard, group, 'b'), off(yard, group, 'x', false);
    for (auto* member : {&a, &b, &off})
        member->kick();
    CHECK(yard.order == "a");
    group.release();
    CHECK(yard.order == "ax");
    group.release();
    yard.pass(10s);
    CHECK(yard.order == "axb");
}

TEST_CASE("a stop ignores the stagger, not the cap")
{
    Yard yard;
    Group group(yard.loop.timers, yard.limits(2, 1h));
    Member a(yard, group, 'a');
    a.wants = false;
    CHECK(group.acquire(a, true, false));
    CHECK_FALSE(group.acquire(a, true, false));
    CHECK(group.acquire(a, true, true));
    CHECK_FALSE(group.acquire(a, true, true));
    group.leave(a);
}

TEST_CASE("who leaves is not called again, and a reload may raise the limits")
{
    Yard yard;
    Group group(yard.loop.timers, yard.limits(1, 0ms));
    Member a(yard, group, 'a'), c(yard, group, 'c');
    {
        Member b(yard, group, 'b');
        a.kick();
        b.kick();
        c.kick();
        group.leave(b);
    }
    group.release();
    CHECK(yard.order == "ac");
    Member d(yard, group, 'd');
    d.kick();
    group.reconfigure(yard.limits(2, 0ms));
    CHECK(yard.order == "acd");
}
