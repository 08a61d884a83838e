#include "drivers/driver.hpp"

#include <catch2/catch.hpp>

TEST_CASE("the exec driver is in the table") { CHECK(switchyard::find_driver("exec") != nullptr); }
