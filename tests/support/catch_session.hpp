#pragma once

namespace switchyard::test {

// What main() of every test program does; returns its exit status.
int run_tests(int argc, char** argv);

} // namespace switchyard::test
