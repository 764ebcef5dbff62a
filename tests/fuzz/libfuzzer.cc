// The main of the preset fuzz. With LYSOEN_FUZZ_SEEDS set it writes the target's seeds into that folder first.
#include <cstdlib>
#include <fstream>

#include "tests/fuzz/fuzz.h"

using namespace lysoen;

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  const char* folder = std::getenv("LYSOEN_FUZZ_SEEDS");
  if (!folder) return 0;
  size_t number = 0;
  for (const auto& seed : fuzz::seeds()) {
    std::ofstream file(std::string(folder) + "/seed_" + std::to_string(number++), std::ios::binary);
    file << as_text(seed);
    fuzz::require(file.good(), "the folder for seeds can be written");
  }
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fuzz::run({data, size});
  return 0;
}
