#if __has_include(<catch2/catch.hpp>)
#define CATCH_CONFIG_RUNNER
#include <catch2/catch.hpp>
#else
#include <catch2/catch_all.hpp>
#endif
#include <cstdio>

#include "tests/support/seed.h"

int main(int argc, char** argv) {
  std::printf("LYSOEN_SEED=%llu\n", static_cast<unsigned long long>(lysoen::test::seed()));
  return Catch::Session().run(argc, argv);
}
