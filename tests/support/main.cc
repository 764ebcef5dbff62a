#if __has_include(<catch2/catch.hpp>)
#define CATCH_CONFIG_RUNNER
#include <catch2/catch.hpp>
#else
#include <catch2/catch_all.hpp>
#endif
#include <cstdio>
#include <cstdlib>

#include "core/base/fault.h"
#include "tests/support/seed.h"

int main(int argc, char** argv) {
  std::printf("LYSOEN_SEED=%llu\n", static_cast<unsigned long long>(lysoen::test::seed()));
#ifdef LYSOEN_TEST_BUILD
  if (const char* planted = std::getenv("LYSOEN_TEST_FAULT"); planted && !lysoen::fault::plant(planted)) {
    std::fprintf(stderr, "error: there is no fault '%s' to plant; these are known:\n", planted);
    for (auto name : lysoen::fault::names()) std::fprintf(stderr, "%.*s\n", static_cast<int>(name.size()), name.data());
    return 2;
  }
#endif
  return Catch::Session().run(argc, argv);
}
