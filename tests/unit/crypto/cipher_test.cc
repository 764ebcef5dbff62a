#include "core/crypto/cipher.h"

#include <cstdlib>
#include <new>

#include "tests/support/seed.h"
#include "tests/support/vector_file.h"

using namespace lysoen;
using namespace lysoen::crypto;

namespace {

Bytes random_bytes(size_t size, std::mt19937_64& generator) {
  Bytes bytes(size);
  for (auto& byte : bytes) byte = static_cast<uint8_t>(generator());
  return bytes;
}

Key32 random_key(std::mt19937_64& generator) {
  return Key32::from(random_bytes(32, generator)).value();
}

/// Calls `open` with every one-bit change and every cut of `sealed`; none may open.
template <class Open>
void refuses_every_change(const Bytes& sealed, Open open) {
  REQUIRE(open(sealed));
  size_t opened = 0;
  for (size_t bit = 0; bit < sealed.size() * 8; ++bit) {
    auto changed = sealed;
    changed[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
    opened += open(changed);
  }
  for (size_t size = 0; size < sealed.size(); ++size)
    opened += open(Bytes(sealed.begin(), sealed.begin() + static_cast<std::ptrdiff_t>(size)));
  auto longer = sealed;
  longer.push_back(0);
  opened += open(longer);
  REQUIRE(opened == 0);
}

size_t allocations = 0;

}  // namespace

// Counted for the test that page encryption takes nothing from the heap; the sanitizers bring their own.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
void* operator new(size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size ? size : 1)) return memory;
  std::abort();
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, size_t) noexcept {
  std::free(memory);
}
#endif

TEST_CASE("AEAD: opens in place what it sealed in place, without an allocation", "[cipher]") {
  auto generator = test::generator(1);
  auto key = random_key(generator);
  auto page = random_bytes(4056, generator), original = page, aad = random_bytes(40, generator);
  std::array<uint8_t, kNonceSize> nonce{1, 2, 3};
  std::array<uint8_t, kTagSize> tag{};
  size_t before = allocations;
  aead_seal(key, nonce, aad, page, page, tag);
  bool changed = page != original;
  bool opened = aead_open(key, nonce, aad, page, tag, page);
  size_t after = allocations;
  REQUIRE(changed);
  REQUIRE(opened);
  REQUIRE(page == original);
  REQUIRE(after == before);
}

TEST_CASE("AEAD: what does not authenticate leaves nothing readable behind", "[cipher]") {
  auto generator = test::generator(2);
  auto key = random_key(generator), other = random_key(generator);
  auto text = random_bytes(100, generator), aad = random_bytes(7, generator), more = random_bytes(8, generator);
  std::array<uint8_t, kNonceSize> nonce{};
  std::array<uint8_t, kTagSize> tag{};
  Bytes sealed(100), out(100, 0xEE);
  aead_seal(key, nonce, aad, text, sealed, tag);
  REQUIRE_FALSE(aead_open(other, nonce, aad, sealed, tag, out));
  REQUIRE(out == Bytes(100));
  REQUIRE_FALSE(aead_open(key, nonce, more, sealed, tag, out));
  REQUIRE_FALSE(aead_open(key, nonce, more, sealed, tag, sealed));  // in place
  REQUIRE(sealed == Bytes(100));
}

TEST_CASE("AEAD box: no flipped bit and no cut opens", "[cipher]") {
  auto generator = test::generator(3);
  test::SeededRandom random(generator());
  auto key = random_key(generator);
  auto aad = random_bytes(5, generator);
  for (size_t size : {0, 1, 77}) {
    auto text = random_bytes(size, generator);
    auto box = aead_seal_box(key, aad, text, random);
    REQUIRE(box.size() == size + kNonceSize + kTagSize);
    REQUIRE(aead_open_box(key, aad, box) == text);
    REQUIRE(aead_seal_box(key, aad, text, random) != box);  // a fresh nonce
    refuses_every_change(box, [&](const Bytes& changed) { return aead_open_box(key, aad, changed).has_value(); });
  }
}

TEST_CASE("IETF ChaCha20-Poly1305: no flipped bit and no cut opens", "[cipher]") {
  auto generator = test::generator(4);
  auto key = random_key(generator);
  std::array<uint8_t, 12> nonce{9};
  auto text = random_bytes(33, generator);
  auto sealed = ietf_seal(key, nonce, {}, text);
  REQUIRE(ietf_open(key, nonce, {}, sealed) == text);
  refuses_every_change(sealed, [&](const Bytes& changed) { return ietf_open(key, nonce, {}, changed).has_value(); });
}

TEST_CASE("Entry cipher: no flipped bit of entry or header and no cut opens", "[cipher]") {
  auto generator = test::generator(5);
  auto key = random_key(generator);
  auto header = random_bytes(50, generator);
  for (size_t size : {0, 1, 64, 130}) {
    auto body = random_bytes(size, generator);
    auto sealed = siv_seal(key, header, body);
    REQUIRE(sealed.size() == kSivTag + size);
    REQUIRE(siv_open(key, header, sealed) == body);
    refuses_every_change(sealed, [&](const Bytes& changed) { return siv_open(key, header, changed).has_value(); });
    refuses_every_change(header, [&](const Bytes& changed) { return siv_open(key, changed, sealed).has_value(); });
  }
}

TEST_CASE("Entry cipher: a key used twice shows equality of bodies and nothing else", "[cipher]") {
  auto generator = test::generator(6);
  auto key = random_key(generator);
  auto header = random_bytes(50, generator), body = random_bytes(256, generator), other = body;
  other.back() ^= 1;
  REQUIRE(siv_seal(key, header, body) == siv_seal(key, header, body));
  auto one = siv_seal(key, header, body), two = siv_seal(key, header, other);
  size_t equal_bytes = 0;
  for (size_t i = 0; i < one.size(); ++i) equal_bytes += one[i] == two[i];
  REQUIRE(equal_bytes < 20);  // 288 bytes, about one in 256 by chance
}

TEST_CASE("Entry cipher: an entry opens under no second key", "[cipher]") {
  auto generator = test::generator(7);
  auto header = random_bytes(50, generator), body = random_bytes(256, generator);
  auto sealed = siv_seal(random_key(generator), header, body);
  for (int i = 0; i < 1000; ++i) REQUIRE_FALSE(siv_open(random_key(generator), header, sealed));
}

TEST_CASE("Entry cipher: agrees with the second implementation", "[cipher][vectors]") {
  for (const auto& vector : test::vector_files("crypto", "siv_")) {
    INFO(vector.name());
    auto key = Key32::from(vector.bytes("entry_key")).value();
    auto header = vector.bytes("header"), sealed = vector.bytes("sealed");
    auto body = siv_open(key, header, sealed);
    REQUIRE((body ? "opens" : "refused") == vector.expect());
    if (!body) continue;
    REQUIRE(*body == vector.bytes("body"));
    REQUIRE(siv_seal(key, header, *body) == sealed);
  }
}
