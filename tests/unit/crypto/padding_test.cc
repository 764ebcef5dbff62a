#include <cmath>
#include <sstream>

#include "core/crypto/cipher.h"
#include "tests/support/seed.h"
#include "tests/support/vector_file.h"

using namespace lysoen;
using namespace lysoen::crypto;

TEST_CASE("Padding: every size comes back, and padded sizes never fall", "[padding]") {
  size_t before = 0;
  for (size_t size = 0; size < 3000; ++size) {
    Bytes plaintext(size,
                    static_cast<uint8_t>(size % 2 ? 0x80 : 0x00));  // the two bytes the mark could be confused with
    auto padded = pad(plaintext);
    REQUIRE(padded.size() == padded_size(size));
    REQUIRE(padded.size() > size);
    REQUIRE(padded.size() >= before);
    REQUIRE(unpadded_size(padded) == size);
    before = padded.size();
  }
}

TEST_CASE("Padding: sizes are few and the waste is at most 12 in 100 above 512 bytes", "[padding]") {
  auto generator = test::generator(1);
  for (int round = 0; round < 2000; ++round) {
    size_t size = 512 + generator() % (size_t{1} << (10 + generator() % 30));
    size_t padded = padded_size(size);
    REQUIRE(static_cast<double>(padded) <= static_cast<double>(size + 1) * 1.12);
    REQUIRE(padded_size(padded - 1) == padded);  // the largest plaintext of its class
    REQUIRE(padded_size(padded) > padded);
    REQUIRE(transport_size(padded) >= padded);
    if (padded > 4096) REQUIRE(transport_size(padded) == padded);  // a second padding adds nothing
  }
  std::vector<size_t> sizes;
  for (size_t size = 0; size < 65536; ++size)
    if (sizes.empty() || sizes.back() != padded_size(size)) sizes.push_back(padded_size(size));
  REQUIRE(sizes.size() < 120);
}

TEST_CASE("Padding: a changed mark, tail or size is refused or means another plaintext", "[padding]") {
  auto generator = test::generator(2);
  for (size_t size : {0, 5, 254, 255, 300, 700}) {
    Bytes plaintext(size);
    for (auto& byte : plaintext) byte = static_cast<uint8_t>(generator());
    auto padded = pad(plaintext);
    for (size_t at = size; at < padded.size(); ++at)
      for (int bit = 0; bit < 8; ++bit) {
        auto changed = padded;
        changed[at] ^= static_cast<uint8_t>(1 << bit);
        REQUIRE(unpadded_size(changed) != size);
      }
    for (size_t cut = 0; cut < padded.size(); ++cut) REQUIRE(unpadded_size(ByteView(padded).first(cut)) != size);
    padded.push_back(0);
    REQUIRE_FALSE(unpadded_size(padded));
  }
}

TEST_CASE("Padding: agrees with the second implementation", "[padding][vectors]") {
  auto sizes = [](const std::string& name, auto function) {
    test::VectorFile vector(test::source_dir() / "tests/vectors/crypto" / name);
    for (const auto& row : vector.all("size")) {
      std::istringstream numbers(row);
      size_t size = 0, expected = 0;
      numbers >> size >> expected;
      INFO(name << ": " << size);
      REQUIRE(function(size) == expected);
    }
  };
  sizes("pad_sizes.txt", padded_size);
  sizes("transport_sizes.txt", transport_size);
  for (const auto& vector : test::vector_files("crypto", "pad_")) {
    if (!vector.has("padded")) continue;
    INFO(vector.name());
    auto padded = vector.bytes("padded");
    auto size = unpadded_size(padded);
    REQUIRE((size ? "opens" : "refused") == vector.expect());
    if (!size) continue;
    REQUIRE(Bytes(padded.begin(), padded.begin() + static_cast<std::ptrdiff_t>(*size)) == vector.bytes("plaintext"));
    REQUIRE(pad(vector.bytes("plaintext")) == padded);
  }
}
