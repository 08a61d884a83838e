#define CATCH_CONFIG_RUNNER // in one object: it takes 12 s to compile
#include <catch2/catch.hpp>

#include "tests/support/catch_session.hpp"

namespace switchyard::test {

int run_tests(int argc, char** argv)
{
    return Catch::Session().run(argc, argv);
}

} // namespace switchyard::test
