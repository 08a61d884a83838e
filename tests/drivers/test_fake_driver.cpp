#include "drivers/driver.hpp"
#include "tests/support/run.hpp"

#include <catch2/catch.hpp>

using namespace switchyard;

TEST_CASE("the fake driver is in the table")
{
    REQUIRE(find_driver("fake") != nullptr);
    CHECK(find_driver("fake")->name == "fake");
}
