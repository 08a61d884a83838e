#include "core/base/text.hpp"

#include <catch2/catch.hpp>

#include <array>
#include <random>

using namespace switchyard;
using namespace std::chrono_literals;

TEST_CASE("integers are the whole text or nothing")
{
    CHECK(parse_integer("0") == 0);
    CHECK(parse_integer("-12") == -12);
    CHECK(parse_integer("9223372036854775807") == 9223372036854775807);
    for (auto const* const text :
        {"", "-", "+1", " 1", "1 ", "1.0", "0x1", "1e3", "9223372036854775808", "one"}) {
        CAPTURE(text);
        CHECK_FALSE(parse_integer(text));
    }
}

TEST_CASE("durations have a unit or are seconds")
{
    CHECK(parse_duration("500ms") == 500ms);
    CHECK(parse_duration("5s") == 5s);
    CHECK(parse_duration("2m") == 2min);
    CHECK(parse_duration("1h") == 1h);
    CHECK(parse_duration("1d") == 24h);
    CHECK(parse_duration("1.5") == 1500ms);
    CHECK(parse_duration("1.5s") == 1500ms);
    CHECK(parse_duration("0") == 0ms);
    CHECK(parse_duration("3650d") == 24h * 3650);
    for (auto const* const text : {"", "s", "-1s", "1 s", "1S", "1sec", "1w", "3651d", "nan", "inf", "1e3",
             "1e3s", "1,5s", "0x10", "1s2m"}) {
        CAPTURE(text);
        CHECK_FALSE(parse_duration(text));
    }
}

TEST_CASE("durations read back from their shortest form")
{
    CHECK(to_text(0ms) == "0s");
    CHECK(to_text(1500ms) == "1500ms");
    CHECK(to_text(2s) == "2s");
    CHECK(to_text(120s) == "2m");
    CHECK(to_text(90min) == "90m");
    CHECK(to_text(48h) == "48h");
    std::mt19937_64 random(5);
    for (int i = 0; i < 1000; ++i) {
        std::chrono::milliseconds const duration(random() % 300'000'000'000);
        CAPTURE(duration.count());
        CHECK(parse_duration(to_text(duration)) == duration);
    }
}

TEST_CASE("the edit distance counts typing mistakes")
{
    CHECK(edit_distance("", "") == 0);
    CHECK(edit_distance("", "abc") == 3);
    CHECK(edit_distance("abc", "") == 3);
    CHECK(edit_distance("address", "adress") == 1);
    CHECK(edit_distance("dealy", "delay") == 1);
    CHECK(edit_distance("kitten", "sitting") == 3);
}

TEST_CASE("a hint is given for what is near only")
{
    constexpr std::array<std::string_view, 3> words{"ipmitool", "redfish", "snmp"};
    CHECK(did_you_mean("impitool", words) == " - did you mean 'ipmitool'?");
    CHECK(did_you_mean("redfisch", words) == " - did you mean 'redfish'?");
    CHECK(did_you_mean("snnp", words) == " - did you mean 'snmp'?");
    CHECK(did_you_mean("http", words).empty());
    CHECK(did_you_mean("", words).empty());
    constexpr std::array<std::string_view, 2> letters{"a", "bc"};
    CHECK(did_you_mean("x", letters).empty());
    CHECK(did_you_mean("b", letters) == " - did you mean 'bc'?");
    CHECK(did_you_mean("ipmitool", {}).empty());
}
