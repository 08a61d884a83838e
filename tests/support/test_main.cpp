#define CATCH_CONFIG_MAIN // in one object: it takes 12 s to compile
#include <catch2/catch.hpp>
