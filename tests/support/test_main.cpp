#include "tests/support/catch_session.hpp"

// Not in the library of tests/support: a fuzz target that links it has a main of its own.
int main(int argc, char** argv)
{
    return switchyard::test::run_tests(argc, argv);
}
