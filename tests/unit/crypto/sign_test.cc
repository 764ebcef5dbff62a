#include "core/crypto/sign.h"

#include <set>

#include "tests/support/seed.h"
#include "tests/support/vector_file.h"

using namespace lysoen;
using namespace lysoen::crypto;

TEST_CASE("Signature: the first three examples of RFC 8032", "[sign]") {
  struct Row {
    const char *seed, *key, *message, *signature;
  };
  const Row rows[] = {{"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
                       "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
                       "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46"
                       "bd25bf5f0595bbe24655141438e7a100b"},
                      {"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
                       "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
                       "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8"
                       "c387b2eaeb4302aeeb00d291612bb0c00"},
                      {"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
                       "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
                       "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc65"
                       "94a7c15e9716ed28dc027beceea1ec40a"}};
  for (const auto& row : rows) {
    auto key = SigningKey::from_seed(Key32::from(*from_hex(row.seed)).value());
    REQUIRE(to_hex(key.public_key()) == row.key);
    Signature signature;
    auto raw = *from_hex(row.signature);
    std::copy(raw.begin(), raw.end(), signature.begin());
    REQUIRE(verify_raw(key.public_key(), *from_hex(row.message), signature));
  }
}

TEST_CASE("Signature: what is signed is label, zero byte, message", "[sign]") {
  test::SeededRandom random(test::seed());
  auto key = SigningKey::generate(random);
  auto signature = key.sign("lysoen/1 entries", as_bytes("abc"));
  REQUIRE(verify_raw(key.public_key(), as_bytes(std::string_view("lysoen/1 entries\0abc", 20)), signature));
  REQUIRE(verify(key.public_key(), "lysoen/1 entries", as_bytes("abc"), signature));
  REQUIRE_FALSE(verify(key.public_key(), "lysoen/1 entriesa", as_bytes("bc"), signature));
  REQUIRE_FALSE(verify(key.public_key(), "lysoen/1 entrie", as_bytes("sabc"), signature));
  REQUIRE_FALSE(verify(key.public_key(), "lysoen/1 receipt", as_bytes("abc"), signature));
  REQUIRE_FALSE(verify(SigningKey::generate(random).public_key(), "lysoen/1 entries", as_bytes("abc"), signature));
  REQUIRE(key.copy().sign("lysoen/1 entries", as_bytes("abc")) == signature);
}

TEST_CASE("Signature: no flipped bit of key, message or signature verifies", "[sign]") {
  test::SeededRandom random(test::seed());
  auto key = SigningKey::generate(random);
  Bytes message(20, 7);
  auto signature = key.sign("lysoen/1 test", message);
  size_t accepted = 0;
  for (size_t bit = 0; bit < 512; ++bit) {
    auto changed = signature;
    changed[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
    accepted += verify(key.public_key(), "lysoen/1 test", message, changed);
  }
  for (size_t bit = 0; bit < 256; ++bit) {
    auto changed = key.public_key();
    changed[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
    accepted += verify(changed, "lysoen/1 test", message, signature);
  }
  for (size_t bit = 0; bit < message.size() * 8; ++bit) {
    auto changed = message;
    changed[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
    accepted += verify(key.public_key(), "lysoen/1 test", changed, signature);
  }
  REQUIRE(accepted == 0);
}

TEST_CASE("Signature: the edges of the acceptance rule hold without the shared vectors", "[sign]") {
  for (const auto& vector : test::vector_files("crypto", "ed25519_")) {
    INFO(vector.name());
    SignPublic key;
    Signature signature;
    auto raw_key = vector.bytes("key"), raw = vector.bytes("signature");
    REQUIRE((raw_key.size() == key.size() && raw.size() == signature.size()));
    std::copy(raw_key.begin(), raw_key.end(), key.begin());
    std::copy(raw.begin(), raw.end(), signature.begin());
    REQUIRE((verify_raw(key, vector.bytes("message"), signature) ? "accepted" : "refused") == vector.expect());
  }
}
