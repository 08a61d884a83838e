#include "core/wire/northbound.hpp"

#include "tests/unit/wire/random_values.hpp"

#include <catch2/catch.hpp>

using namespace switchyard;

namespace {

template <class Enum>
void every_name_reads_back(Enum last, std::optional<Enum> (*from)(std::string_view) noexcept)
{
    for (int i = 0; i <= static_cast<int>(last); ++i) {
        auto const value = static_cast<Enum>(i);
        CAPTURE(name(value));
        CHECK_FALSE(name(value).empty());
        CHECK(from(name(value)) == value);
    }
    CHECK_FALSE(from(""));
    CHECK_FALSE(from("ON"));
    CHECK_FALSE(from("on "));
}

} // namespace

TEST_CASE("every name of every enumeration reads back")
{
    every_name_reads_back(Action::invoke, action_from);
    every_name_reads_back(PowerState::partial, power_state_from);
    every_name_reads_back(Priority::interactive, priority_from);
    every_name_reads_back(Coalesce::latest, coalesce_from);
    every_name_reads_back(CommandState::indeterminate, command_state_from);
    every_name_reads_back(Breaker::half_open, breaker_from);
}

TEST_CASE("reboot is another word for cycle")
{
    CHECK(action_from("reboot") == Action::cycle);
    CHECK(name(Action::cycle) == "cycle");
    CHECK_FALSE(action_from("status"));
}

TEST_CASE("ends are the states from done on")
{
    CHECK_FALSE(is_end(CommandState::restoring));
    CHECK(is_end(CommandState::done));
    CHECK(is_end(CommandState::indeterminate));
}

TEST_CASE("an event id has one spelling")
{
    CHECK(to_string(EventId{7, 1042}) == "7.1042");
    CHECK(event_id_from("7.1042") == EventId{7, 1042});
    CHECK(event_id_from("0.0") == EventId{0, 0});
    CHECK(event_id_from("18446744073709551615.1") == EventId{18446744073709551615ULL, 1});
    for (auto const* const text : {"", ".", "7", "7.", ".7", "7.1.2", "-7.1", "+7.1", "07.1", "7.01", "7 .1",
             "7.1 ", "18446744073709551616.1", "0x7.1", "a.b"}) {
        CAPTURE(text);
        CHECK_FALSE(event_id_from(text));
    }
}

TEST_CASE("the same request differs from another in every field but the key")
{
    Request const request = [] {
        Request r;
        r.target = "srv1";
        r.action = Action::off;
        return r;
    }();
    auto other = request;
    CHECK(request.same_as(other));
    other.key = "k";
    CHECK(request.same_as(other));
    auto const differs = [&](auto change) {
        auto changed = request;
        change(changed);
        return !request.same_as(changed) && !changed.same_as(request);
    };
    CHECK(differs([](Request& r) { r.target = "srv2"; }));
    CHECK(differs([](Request& r) { r.outlet = ""; }));
    CHECK(differs([](Request& r) { r.action = Action::on; }));
    CHECK(differs([](Request& r) { r.operation = "identify"; }));
    CHECK(differs([](Request& r) { r.params["a"] = 1; }));
    CHECK(differs([](Request& r) { r.priority = Priority::bulk; }));
    CHECK(differs([](Request& r) { r.delay = std::chrono::seconds{0}; }));
    CHECK(differs([](Request& r) { r.off_time = std::chrono::seconds{1}; }));
    CHECK(differs([](Request& r) { r.deadline = std::chrono::seconds{1}; }));
    CHECK(differs([](Request& r) { r.coalesce = Coalesce::none; }));
    CHECK(differs([](Request& r) { r.ensure = true; }));
    CHECK(differs([](Request& r) { r.reason = "why"; }));
}

TEST_CASE("RFC 3339 times read back to the microsecond")
{
    test::RandomValues random(20261120);
    for (int i = 0; i < 2000; ++i) {
        auto const time = random.time();
        CAPTURE(to_rfc3339(time));
        CHECK(utc_from_rfc3339(to_rfc3339(time)) == time);
    }
}

TEST_CASE("RFC 3339 times with fewer digits, and what is none")
{
    using namespace std::chrono;
    auto const whole = utc_from_rfc3339("2026-11-20T13:37:05Z");
    REQUIRE(whole);
    CHECK(*whole == sys_days{2026y / 11 / 20} + 13h + 37min + 5s);
    CHECK(utc_from_rfc3339("2026-11-20T13:37:05.5Z") == *whole + 500ms);
    CHECK(utc_from_rfc3339("2026-11-20T13:37:05.000001Z") == *whole + 1us);
    CHECK(utc_from_rfc3339("2024-02-29T00:00:00Z").has_value());
    for (auto const* const text : {"", "2026-11-20T13:37:05", "2026-11-20 13:37:05Z", "2026-11-20T13:37:05.Z",
             "2026-11-20T13:37:05.1234567Z", "2026-11-20T13:37:05+01:00", "2026-02-29T00:00:00Z",
             "2026-13-01T00:00:00Z", "2026-11-20T24:00:00Z", "2026-11-20T13:60:05Z", "2026-11-20T13:37:60Z",
             "2026-11-2xT13:37:05Z", "2026-11-20T13:37:05.12x4Z", "2026-11-20T13:37:05ZZ",
             "-026-11-20T13:37:05Z"}) {
        CAPTURE(text);
        CHECK_FALSE(utc_from_rfc3339(text));
    }
}
