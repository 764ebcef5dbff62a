// The vectors of others, where the shared folder is present: project Wycheproof and the Ed25519 cases of C2SP/CCTV.
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "core/crypto/cipher.h"
#include "core/crypto/hpke.h"
#include "core/crypto/sign.h"
#include "tests/support/catch.h"
#include "tests/support/paths.h"

using namespace lysoen;
using namespace lysoen::crypto;
using nlohmann::json;

namespace {

/// The file under shared/data/vectors, or nothing with a message.
std::optional<json> vectors(const std::string& name) {
  auto shared = test::shared_dir();
  if (!shared) {
    WARN("skipped: no shared folder with data/vectors/" << name << " (set LYSOEN_SHARED)");
    return std::nullopt;
  }
  std::ifstream file(*shared / "data/vectors" / name);
  REQUIRE(file.good());
  return json::parse(file);
}

Bytes hex(const json& from, const char* key) {
  return from_hex(from.at(key).get<std::string>()).value();
}

template <size_t N>
std::optional<std::array<uint8_t, N>> fixed(ByteView bytes) {
  if (bytes.size() != N) return std::nullopt;
  std::array<uint8_t, N> out;
  std::copy(bytes.begin(), bytes.end(), out.begin());
  return out;
}

/// What the types of the API cannot express, the vectors must call invalid.
bool refused_by_type(bool valid) {
  REQUIRE_FALSE(valid);
  return false;
}

/// Calls `check(group, test, valid)` for every test and returns how many it looked at; false means not applicable.
template <class Check>
size_t each(const json& file, Check check) {
  size_t looked_at = 0;
  for (const auto& group : file.at("testGroups"))
    for (const auto& test : group.at("tests")) {
      INFO("tcId " << test.at("tcId") << ": " << test.at("comment"));
      looked_at += check(group, test, test.at("result") == "valid");
    }
  return looked_at;
}

}  // namespace

TEST_CASE("Wycheproof: Ed25519", "[sign][shared]") {
  auto file = vectors("wycheproof/ed25519_test.json");
  if (!file) return;
  size_t count = each(*file, [](const json& group, const json& test, bool valid) {
    auto key = fixed<32>(hex(group.at("publicKey"), "pk"));
    auto signature = fixed<64>(hex(test, "sig"));
    if (!key || !signature) return refused_by_type(valid);
    REQUIRE(verify_raw(*key, hex(test, "msg"), *signature) == valid);
    return true;
  });
  REQUIRE(count > 100);
}

TEST_CASE("CCTV: exactly the Ed25519 signatures that the written rule accepts are accepted", "[sign][shared]") {
  auto file = vectors("cctv/ed25519vectors.json");
  if (!file) return;
  REQUIRE(file->size() == 914);
  const std::set<std::string> refused_for = {"low_order_A", "low_order_R", "non_canonical_A", "non_canonical_R",
                                             "low_order_residue"};
  std::map<std::string, size_t> accepted;
  for (const auto& test : *file) {
    INFO("number " << test.at("number"));
    bool expected = true;
    std::string flags;
    for (const auto& flag : test.at("flags").is_null() ? json::array() : test.at("flags")) {
      expected = expected && !refused_for.count(flag.get<std::string>());
      flags += flag.get<std::string>() + " ";
    }
    auto message = test.at("msg").get<std::string>();
    bool got = verify_raw(*fixed<32>(hex(test, "key")), as_bytes(message), *fixed<64>(hex(test, "sig")));
    REQUIRE(got == expected);
    if (got) ++accepted[flags];
  }
  REQUIRE(accepted == std::map<std::string, size_t>{{"", 1},
                                                    {"low_order_component_A ", 7},
                                                    {"low_order_component_R low_order_component_A ", 35}});
}

TEST_CASE("Wycheproof: X25519 inside the KEM", "[hpke][shared]") {
  auto file = vectors("wycheproof/x25519_test.json");
  if (!file) return;
  // DHKEM (RFC 9180, 4.1) over the shared point that the vector gives.
  auto kem = [](ByteView dh, const KemKeyPair& own, const PublicKey& to) {
    static constexpr std::string_view kSuite{"KEM\x00\x20", 5};
    Bytes input = to_bytes(as_bytes("HPKE-v1"));
    auto add = [](Bytes& bytes, ByteView more) { bytes.insert(bytes.end(), more.begin(), more.end()); };
    add(input, as_bytes(kSuite));
    add(input, as_bytes("eae_prk"));
    add(input, dh);
    Bytes info = {0, 32};
    add(info, as_bytes("HPKE-v1"));
    add(info, as_bytes(kSuite));
    add(info, as_bytes("shared_secret"));
    add(info, own.public_key);
    add(info, to);
    Key32 shared;
    hkdf_expand(hkdf_extract({}, input), info, shared.span());
    return shared;
  };
  size_t low_order = 0;
  size_t count = each(*file, [&](const json&, const json& test, bool) {
    auto to = fixed<32>(hex(test, "public"));
    auto secret = Key32::from(hex(test, "private"));
    auto dh = hex(test, "shared");
    if (!to || !secret) return false;
    auto own = KemKeyPair::from_secret(*secret);
    auto sender = hpke_send_with(own, *to, {});
    bool zero = dh == Bytes(32);
    REQUIRE(sender.ok() == !zero);
    low_order += zero;
    if (zero) return true;
    REQUIRE(sender->context.seal({}, {}) == HpkeContext::schedule(kem(dh, own, *to), {}, {}).seal({}, {}));
    return true;
  });
  REQUIRE(count > 500);
  REQUIRE(low_order > 10);
}

TEST_CASE("Wycheproof: HKDF-SHA-256", "[hash][shared]") {
  auto file = vectors("wycheproof/hkdf_sha256_test.json");
  if (!file) return;
  size_t count = each(*file, [](const json&, const json& test, bool valid) {
    size_t size = test.at("size");
    if (size > 255 * 32) return refused_by_type(valid);  // a broken invariant here, not an input
    Bytes out(size);
    hkdf_expand(hkdf_extract(hex(test, "salt"), hex(test, "ikm")), hex(test, "info"), out);
    REQUIRE((out == hex(test, "okm")) == valid);
    return true;
  });
  REQUIRE(count > 70);
}

TEST_CASE("Wycheproof: HMAC-SHA-256", "[hash][shared]") {
  auto file = vectors("wycheproof/hmac_sha256_test.json");
  if (!file) return;
  size_t count = each(*file, [](const json&, const json& test, bool valid) {
    auto tag = hmac_sha256(hex(test, "key"), {hex(test, "msg")});
    auto expected = hex(test, "tag");
    REQUIRE(expected.size() <= tag.size());
    REQUIRE(equal(ByteView(tag).first(expected.size()), expected) == valid);
    return true;
  });
  REQUIRE(count == 174);
}

TEST_CASE("Wycheproof: ChaCha20-Poly1305", "[cipher][shared]") {
  auto file = vectors("wycheproof/chacha20_poly1305_test.json");
  if (!file) return;
  size_t count = each(*file, [](const json&, const json& test, bool valid) {
    auto nonce = fixed<12>(hex(test, "iv"));
    auto key = Key32::from(hex(test, "key"));
    if (!nonce || !key) return refused_by_type(valid);
    auto aad = hex(test, "aad"), message = hex(test, "msg"), sealed = hex(test, "ct"), tag = hex(test, "tag");
    sealed.insert(sealed.end(), tag.begin(), tag.end());
    REQUIRE((ietf_seal(*key, *nonce, aad, message) == sealed) == valid);
    REQUIRE((ietf_open(*key, *nonce, aad, sealed) == message) == valid);
    return true;
  });
  REQUIRE(count > 250);
}

TEST_CASE("Wycheproof: XChaCha20-Poly1305", "[cipher][shared]") {
  auto file = vectors("wycheproof/xchacha20_poly1305_test.json");
  if (!file) return;
  size_t count = each(*file, [](const json&, const json& test, bool valid) {
    auto nonce = fixed<24>(hex(test, "iv"));
    auto key = Key32::from(hex(test, "key"));
    if (!nonce || !key) return refused_by_type(valid);
    auto aad = hex(test, "aad"), message = hex(test, "msg"), sealed = hex(test, "ct");
    auto tag = fixed<16>(hex(test, "tag"));
    Bytes out(message.size());
    REQUIRE(tag);
    std::array<uint8_t, kTagSize> own_tag{};
    aead_seal(*key, *nonce, aad, message, out, own_tag);
    REQUIRE((out == sealed && own_tag == *tag) == valid);
    REQUIRE((aead_open(*key, *nonce, aad, sealed, *tag, out) && out == message) == valid);
    return true;
  });
  REQUIRE(count > 250);
}
