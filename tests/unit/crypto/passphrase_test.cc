#include "core/crypto/passphrase.h"

#include "core/base/bytes.h"
#include "tests/support/catch.h"

using namespace lysoen;
using namespace lysoen::crypto;
using Catch::Matchers::Contains;

namespace {

constexpr std::array<uint8_t, kSaltSize> kSalt{0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17,
                                               0x18, 0x19, 0x1a, 0x1b, 0x1c, 0x1d, 0x1e, 0x1f};

std::string derived(std::string_view passphrase, uint32_t memory_kib, uint32_t passes) {
  auto key = derive_key(passphrase, kSalt, Argon2Cost{memory_kib, passes});
  REQUIRE(key.ok());
  return to_hex(key->view());
}

}  // namespace

// Made with another implementation (OpenSSL's Argon2id, version 0x13, one lane): libsodium offers neither the lanes nor
// the secret that the example of RFC 9106 uses.
TEST_CASE("Passphrase: Argon2id gives the keys that another implementation gives", "[passphrase]") {
  REQUIRE(derived("correct horse battery staple", 65536, 3) ==
          "1a563099620be88a73c7bd53da0b313e98060493b58ba22254a065c3d7db26c3");
#if defined(LYSOEN_TEST_BUILD)
  REQUIRE(derived("correct horse battery staple", 8, 1) ==
          "90da74e47a1d109c1bb7ad2a81127e2089e284ce71c647ebaedc644df9a9f14c");
  REQUIRE(derived("correct horse battery staple", 64, 3) ==
          "6bbea221d26268de7c455b3f689c21b7b64a4d4d8335940131dd00f4821393f7");
  REQUIRE(derived("mot de passe \xc3\xa9t\xc3\xa9", 1024, 4) ==
          "83318ba0ea6ed8e895fd231b2ce43e1717c7a94c84980b3c142ca9e32dd0e75d");
  REQUIRE(derived("", 8, 1) == "c69fb291099106a1690b75a7fd7ab910d391ea4092f9fa9a55e1faec6c896b6e");
#endif
}

TEST_CASE("Passphrase: a cost outside the bounds is refused before memory is taken", "[passphrase]") {
  for (auto cost : {Argon2Cost{0, 3}, Argon2Cost{7, 3}, Argon2Cost{kMemoryKibFloor, 0}, Argon2Cost{UINT32_MAX, 3},
                    Argon2Cost{kMemoryKibCeiling + 1, 3}, Argon2Cost{kMemoryKibFloor, kPassesCeiling + 1}}) {
    REQUIRE_FALSE(cost.allowed());
    auto key = derive_key("anything", kSalt, cost);
    REQUIRE_FALSE(key.ok());
    REQUIRE(key.error().code == ErrorCode::input_refused);
    REQUIRE_THAT(key.error().message, Contains("cost outside the bounds") && Contains("KiB"));
  }
  REQUIRE(Argon2Cost{}.allowed());
  REQUIRE(Argon2Cost{kMemoryKibCeiling, kPassesCeiling}.allowed());
}

TEST_CASE("Passphrase: every bit of passphrase, salt and cost matters", "[passphrase]") {
#if defined(LYSOEN_TEST_BUILD)
  Argon2Cost cost{8, 1};
  auto key = derive_key("passphrase", kSalt, cost);
  auto salt = kSalt;
  salt[15] ^= 1;
  REQUIRE_FALSE(key->equals(*derive_key("passphrasf", kSalt, cost)));
  REQUIRE_FALSE(key->equals(*derive_key("passphrase", salt, cost)));
  REQUIRE_FALSE(key->equals(*derive_key("passphrase", kSalt, Argon2Cost{9, 1})));
  REQUIRE_FALSE(key->equals(*derive_key("passphrase", kSalt, Argon2Cost{8, 2})));
  REQUIRE_FALSE(key->equals(*derive_key(std::string_view("passphrase\0", 11), kSalt, cost)));
  REQUIRE(key->equals(*derive_key("passphrase", kSalt, cost)));
#endif
}
