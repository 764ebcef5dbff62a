#include "core/crypto/hash.h"

#include "tests/support/seed.h"
#include "tests/support/vector_file.h"

using namespace lysoen;
using namespace lysoen::crypto;

namespace {

Bytes hex(std::string_view text) {
  return from_hex(text).value();
}

Bytes expand(const Key32& key, ByteView info, size_t size) {
  Bytes out(size);
  hkdf_expand(key, info, out);
  return out;
}

}  // namespace

TEST_CASE("SHA-256: the examples of FIPS 180-4", "[hash]") {
  REQUIRE(sha256({}).hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  REQUIRE(sha256(as_bytes("abc")).hex() == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST_CASE("SHA-256: bytes that come in parts have the hash of the whole", "[hash]") {
  auto generator = test::generator(1);
  for (int round = 0; round < 50; ++round) {
    Bytes bytes(generator() % 500);
    for (auto& byte : bytes) byte = static_cast<uint8_t>(generator());
    Sha256 parts;
    for (size_t at = 0; at < bytes.size();) {
      size_t size = std::min<size_t>(generator() % 130, bytes.size() - at);
      parts.update(ByteView(bytes).subspan(at, size));
      at += size;
    }
    REQUIRE(parts.finish() == sha256(bytes));
  }
}

TEST_CASE("HMAC: parts are what one message is", "[hash]") {
  // RFC 4231, test case 2
  auto tag = hmac_sha256(as_bytes("Jefe"), {as_bytes("what do ya want "), {}, as_bytes("for nothing?")});
  REQUIRE(to_hex(tag) == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

TEST_CASE("HKDF: the three SHA-256 cases of RFC 5869", "[hash]") {
  auto prk = hkdf_extract(hex("000102030405060708090a0b0c"), Bytes(22, 0x0b));
  REQUIRE(to_hex(prk.view()) == "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5");
  REQUIRE(to_hex(expand(prk, hex("f0f1f2f3f4f5f6f7f8f9"), 42)) ==
          "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");

  Bytes input(80), salt(80), info(80);
  for (uint8_t i = 0; i < 80; ++i) input[i] = i, salt[i] = uint8_t(0x60 + i), info[i] = uint8_t(0xb0 + i);
  REQUIRE(to_hex(expand(hkdf_extract(salt, input), info, 82)) ==
          "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09"
          "da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87");

  REQUIRE(to_hex(expand(hkdf_extract({}, Bytes(22, 0x0b)), {}, 42)) ==
          "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8");
}

TEST_CASE("HKDF: the longest output is made of its shorter ones", "[hash]") {
  Key32 prk(std::span<const uint8_t, 32>(sha256(as_bytes("a key")).bytes));
  auto longest = expand(prk, as_bytes("info"), 255 * 32);
  for (size_t size : {size_t{0}, size_t{1}, size_t{31}, size_t{32}, size_t{33}, size_t{8159}})
    REQUIRE(equal(ByteView(longest).first(size), expand(prk, as_bytes("info"), size)));
  REQUIRE(equal(hkdf_expand_key(prk, "info").view(), ByteView(longest).first(32)));
}

TEST_CASE("Labelled hash: agrees with the second implementation", "[hash][vectors]") {
  for (const auto& vector : test::vector_files("crypto", "hash_")) {
    INFO(vector.name());
    bool same = equal(labelled_hash(vector.text("label"), vector.bytes("fields")).view(), vector.bytes("hash"));
    REQUIRE((same ? "equal" : "differs") == vector.expect());
  }
}
