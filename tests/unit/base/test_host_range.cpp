#include "core/base/host_range.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <random>
#include <set>

using namespace switchyard;

namespace {

using Names = std::vector<std::string>;

Names expand(std::string_view text)
{
    auto names = expand_hosts(text);
    if (!names)
        FAIL(names.error().detail);
    return *std::move(names);
}

std::string error(std::string_view text)
{
    auto const names = expand_hosts(text);
    REQUIRE_FALSE(names);
    CHECK(names.error().code == Errc::bad_request);
    return names.error().detail;
}

} // namespace

TEST_CASE("host ranges expand in the order of writing")
{
    CHECK(expand("srv1") == Names{"srv1"});
    CHECK(expand("a,b") == Names{"a", "b"});
    CHECK(expand("a, b ") == Names{"a", "b"});
    CHECK(expand("my server,b") == Names{"my server", "b"});
    CHECK(expand("rack1-[01-03,31]") == Names{"rack1-01", "rack1-02", "rack1-03", "rack1-31"});
    CHECK(expand("n[8-11]") == Names{"n8", "n9", "n10", "n11"});
    CHECK(expand("n[08-11]") == Names{"n08", "n09", "n10", "n11"});
    CHECK(expand("pdu[1-2]:[1-3]") == Names{"pdu1:1", "pdu1:2", "pdu1:3", "pdu2:1", "pdu2:2", "pdu2:3"});
    CHECK(expand("a[3,1]b,c") == Names{"a3b", "a1b", "c"});
    CHECK(expand("[1-2]") == Names{"1", "2"});
    CHECK(expand("x[0-0]") == Names{"x0"});
}

TEST_CASE("a name that is meant twice is there once")
{
    CHECK(expand("a,a,b,a") == Names{"a", "b"});
    CHECK(expand("n[1-3,2]") == Names{"n1", "n2", "n3"});
    CHECK(expand("n[1,01]") == Names{"n1", "n01"});
}

TEST_CASE("mistakes in host ranges name their character")
{
    CHECK(error("") == "character 1: a name is missing");
    CHECK(error("a,") == "character 3: a name is missing");
    CHECK(error("a,,b") == "character 3: a name is missing");
    CHECK(error("  ,b") == "character 1: a name is missing");
    CHECK(error("n[3-1]") == "character 3: the range 3-1 is reversed");
    CHECK(error("n[1,20-01]") == "character 5: the range 20-01 is reversed");
    CHECK(error("n[1-3") == "character 2: '[' has no ']'");
    CHECK(error("n[1-") == "character 2: '[' has no ']'");
    CHECK(error("n[") == "character 2: '[' has no ']'");
    CHECK(error("n1]") == "character 3: ']' has no '['");
    CHECK(error("n[]") == "character 3: expected a number, found ']'");
    CHECK(error("n[a-b]") == "character 3: expected a number, found 'a'");
    CHECK(error("n[1-2-3]") == "character 6: expected ',', '-' or ']' after a number, found '-'");
    CHECK(error("n[1[2]]") == "character 4: expected ',', '-' or ']' after a number, found '['");
    CHECK(error("n[1, 2]") == "character 5: expected a number, found ' '");
    CHECK(error("n[01-100]") == "character 3: the ends of 01-100 are padded differently; write 001-100");
    CHECK(error("n[1-010]") == "character 3: the ends of 1-010 are padded differently; write 001-010");
    CHECK(error("n[1-1234567890123456789]") == "character 5: a number has more than 18 digits");
}

TEST_CASE("host ranges have limits")
{
    CHECK(expand("n[1-65536]").size() == 65'536);
    CHECK(expand("n[1-256]-[1-256]").size() == 65'536);
    std::string const too_many = "the range stands for more than 65536 names";
    CHECK(error("n[1-65537]") == too_many);
    CHECK(error("n[1-65536],m") == too_many);
    CHECK(error("n[1-257]-[1-256]") == too_many);
    CHECK(error("n[0-999999999999999999]") == too_many);
    CHECK(error("n[1-65536,1-2]") == too_many);
    CHECK(expand("n[1-65536],n7").size() == 65'536);
    CHECK(expand(std::string(255, 'x')).size() == 1);
    CHECK(error(std::string(256, 'x')) == "character 1: a name is longer than 255 bytes");
    CHECK(error("n[1-60000]" + std::string(100'000, 'x')) == "character 1: a name is longer than 255 bytes");
}

TEST_CASE("names fold into ranges")
{
    CHECK(fold_hosts({}) == "");
    CHECK(fold_hosts({"srv1"}) == "srv1");
    CHECK(fold_hosts({"srv1", "srv1"}) == "srv1");
    CHECK(fold_hosts({"n1", "n2", "n3"}) == "n[1-3]");
    CHECK(fold_hosts({"n3", "n1"}) == "n[1,3]");
    CHECK(fold_hosts({"n1", "n2"}) == "n[1,2]");
    CHECK(fold_hosts({"n08", "n09", "n10"}) == "n[08-10]");
    CHECK(fold_hosts({"n9", "n10", "n11"}) == "n[9-11]");
    CHECK(fold_hosts({"n98", "n099", "n100"}) == "n[98,099,100]");
    CHECK(fold_hosts({"rack1-01", "rack1-02", "rack1-03", "rack1-31"}) == "rack1-[01-03,31]");
    CHECK(fold_hosts({"alpha", "n1", "beta", "n2", "n3"}) == "alpha,n[1-3],beta");
    CHECK(fold_hosts(expand("pdu[1-3]:[1-8]")) == "pdu[1-3]:[1-8]");
    CHECK(fold_hosts(expand("10.0.[0-1].[1-254]")) == "10.0.[0,1].[1-254]");
    CHECK(fold_hosts({"n1234567890123456789", "n1"}) == "n1234567890123456789,n1");
}

TEST_CASE("what was folded expands to the same names")
{
    std::uint64_t const seed = 4;
    INFO("seed " << seed);
    std::mt19937_64 random(seed);
    for (int round = 0; round < 300; ++round) {
        Names names;
        for (auto count = random() % 60 + 1; count > 0; --count) {
            std::string name(1, static_cast<char>('a' + random() % 2));
            for (auto parts = random() % 3; parts > 0; --parts) {
                auto digits = std::to_string(random() % 13);
                name += (random() % 4 == 0 ? "0" : "") + digits + (random() % 2 == 0 ? "-" : "");
            }
            names.push_back(name);
        }
        auto const folded = fold_hosts(names);
        INFO(folded);
        auto const again = expand(folded);
        CHECK(std::set(again.begin(), again.end()) == std::set(names.begin(), names.end()));
    }
}
