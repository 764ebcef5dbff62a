#include "core/crypto/hpke.h"

#include <sstream>

#include "tests/support/seed.h"
#include "tests/support/vector_file.h"

using namespace lysoen;
using namespace lysoen::crypto;
using Catch::Matchers::Contains;

namespace {

struct Message {
  uint64_t sequence;
  Bytes aad, plaintext, ciphertext;
};

/// One of the RFC's setups, from our files or from the RFC's own listing.
struct Setup {
  Bytes ephemeral_secret, receiver_secret, receiver_public, encapsulation, shared_secret, info, psk, psk_id;
  std::vector<Message> messages;
  std::vector<std::pair<Bytes, std::string>> exports;

  std::optional<HpkeContext::Psk> psk_option() const {
    if (psk.empty()) return std::nullopt;
    return HpkeContext::Psk{psk, psk_id};
  }
};

Setup from_vector(const test::VectorFile& vector) {
  Setup setup{vector.bytes("ephemeral_secret"),
              vector.bytes("receiver_secret"),
              vector.bytes("receiver_public"),
              vector.bytes("encapsulation"),
              vector.bytes("shared_secret"),
              vector.bytes("info"),
              vector.has("psk") ? vector.bytes("psk") : Bytes{},
              vector.has("psk_id") ? vector.bytes("psk_id") : Bytes{},
              {},
              {}};
  for (const auto& row : vector.all("message")) {
    std::istringstream words(row);
    std::string sequence, aad, plaintext, ciphertext;
    words >> sequence >> aad >> plaintext >> ciphertext;
    setup.messages.push_back({std::stoull(sequence), *from_hex(aad), *from_hex(plaintext), *from_hex(ciphertext)});
  }
  for (const auto& row : vector.all("export")) {
    std::istringstream words(row);
    std::string context, value;
    words >> context >> value;
    setup.exports.emplace_back(context == "-" ? Bytes{} : *from_hex(context), value);
  }
  return setup;
}

void check_setup(const Setup& setup) {
  auto ephemeral = KemKeyPair::from_secret(Key32::from(setup.ephemeral_secret).value());
  auto receiver = KemKeyPair::from_secret(Key32::from(setup.receiver_secret).value());
  REQUIRE(to_bytes(receiver.public_key) == setup.receiver_public);
  auto sender = hpke_send_with(ephemeral, receiver.public_key, setup.info, setup.psk_option());
  REQUIRE(sender.ok());
  REQUIRE(to_bytes(sender->encapsulation) == setup.encapsulation);
  auto opener = hpke_receive(receiver, sender->encapsulation, setup.info, setup.psk_option());
  REQUIRE(opener.ok());
  auto scheduled = HpkeContext::schedule(Key32::from(setup.shared_secret).value(), setup.info, setup.psk_option());

  uint64_t sequence = 0;
  for (const auto& message : setup.messages) {
    for (; sequence < message.sequence; ++sequence) {  // messages the RFC does not list
      auto skipped = sender->context.seal({}, {});
      REQUIRE(opener->open({}, skipped).ok());
      REQUIRE(scheduled.seal({}, {}) == skipped);
    }
    INFO("message " << sequence);
    REQUIRE(sender->context.seal(message.aad, message.plaintext) == message.ciphertext);
    REQUIRE(scheduled.seal(message.aad, message.plaintext) == message.ciphertext);
    auto opened = opener->open(message.aad, message.ciphertext);
    REQUIRE(opened.ok());
    REQUIRE(*opened == message.plaintext);
    ++sequence;
  }
  for (const auto& [context, value] : setup.exports) {
    REQUIRE(to_hex(sender->context.export_key(as_text(context)).view()) == value);
    REQUIRE(to_hex(opener->export_key(as_text(context)).view()) == value);
  }
}

/// The RFC's listing: `key: value` lines under "# <Mode> Setup Information".
std::vector<Setup> from_listing(const std::filesystem::path& path) {
  std::vector<Setup> setups;
  std::ifstream file(path);
  std::string mode;
  Message message;
  Bytes context;
  for (std::string line; std::getline(file, line);) {
    if (line.rfind("# ", 0) == 0 && line.find("Setup Information") != std::string::npos) mode.clear();
    auto colon = line.find(": ");
    if (colon == std::string::npos) continue;
    auto key = line.substr(0, colon), value = line.substr(colon + 2);
    if (key == "mode") {
      mode = value;
      if (mode == "0" || mode == "1") setups.emplace_back();
    }
    if (mode != "0" && mode != "1") continue;  // auth modes are not part of the suite
    if (key == "sequence number") {
      message.sequence = std::stoull(value);
      continue;
    }
    auto bytes = from_hex(value).value_or(Bytes{});
    auto& setup = setups.back();
    if (key == "skEm") setup.ephemeral_secret = bytes;
    if (key == "skRm") setup.receiver_secret = bytes;
    if (key == "pkRm") setup.receiver_public = bytes;
    if (key == "enc") setup.encapsulation = bytes;
    if (key == "shared_secret") setup.shared_secret = bytes;
    if (key == "info") setup.info = bytes;
    if (key == "psk") setup.psk = bytes;
    if (key == "psk_id") setup.psk_id = bytes;
    if (key == "aad") message.aad = bytes;
    if (key == "pt") message.plaintext = bytes;
    if (key == "ct") message.ciphertext = bytes, setup.messages.push_back(message);
    if (key == "exporter_context") context = bytes;
    if (key == "exported_value") setup.exports.emplace_back(context, value);
  }
  return setups;
}

}  // namespace

TEST_CASE("HPKE: the base and PSK setups of RFC 9180", "[hpke][vectors]") {
  for (const auto& vector : test::vector_files("hpke")) {
    INFO(vector.name());
    auto setup = from_vector(vector);
    REQUIRE((setup.messages.size() == 6 && setup.exports.size() == 3));
    check_setup(setup);
  }
}

TEST_CASE("HPKE: the RFC's own listing", "[hpke][shared]") {
  auto shared = test::shared_dir();
  if (!shared) {
    WARN("skipped: no shared folder with data/vectors/hpke (set LYSOEN_SHARED)");
    return;
  }
  auto setups = from_listing(*shared / "data/vectors/hpke/x25519_hkdf_sha256_chacha20poly1305.txt");
  REQUIRE(setups.size() == 2);
  for (const auto& setup : setups) {
    REQUIRE((setup.messages.size() == 6 && setup.exports.size() == 3));
    check_setup(setup);
  }
}

TEST_CASE("HPKE: a sealed message opens only for its receiver, info, aad and PSK, and unchanged", "[hpke]") {
  test::SeededRandom random(test::seed());
  auto receiver = KemKeyPair::generate(random), other = KemKeyPair::generate(random);
  Bytes info(10, 1), aad(4, 2), text(33, 3), psk(32, 4), psk_id(5, 5), other_psk(32, 6);
  HpkeContext::Psk shared{psk, psk_id}, wrong{other_psk, psk_id};

  auto sealed = hpke_seal(receiver.public_key, info, aad, text, random);
  REQUIRE(sealed.ok());
  REQUIRE(sealed->size() == text.size() + 48);
  REQUIRE(*hpke_open(receiver, info, aad, *sealed) == text);
  REQUIRE_FALSE(hpke_open(other, info, aad, *sealed).ok());
  REQUIRE_FALSE(hpke_open(receiver, aad, aad, *sealed).ok());
  REQUIRE_FALSE(hpke_open(receiver, info, info, *sealed).ok());
  REQUIRE_FALSE(hpke_open(receiver, info, aad, *sealed, shared).ok());

  auto with_psk = hpke_seal(receiver.public_key, info, aad, text, random, shared);
  REQUIRE(*hpke_open(receiver, info, aad, *with_psk, shared) == text);
  REQUIRE_FALSE(hpke_open(receiver, info, aad, *with_psk, wrong).ok());
  REQUIRE_FALSE(hpke_open(receiver, info, aad, *with_psk).ok());

  size_t opened = 0;
  for (size_t bit = 0; bit < sealed->size() * 8; ++bit) {
    if (bit == 255) continue;  // X25519 ignores the top bit of a coordinate; the next test looks at it
    auto changed = *sealed;
    changed[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
    opened += hpke_open(receiver, info, aad, changed).ok();
  }
  for (size_t size = 0; size < sealed->size(); ++size)
    opened += hpke_open(receiver, info, aad, ByteView(*sealed).first(size)).ok();
  REQUIRE(opened == 0);
}

TEST_CASE("HPKE: the ignored bit of an encapsulation is bound all the same", "[hpke]") {
  test::SeededRandom random(test::seed());
  auto receiver = KemKeyPair::generate(random);
  auto sealed = *hpke_seal(receiver.public_key, {}, {}, Bytes(5), random);
  sealed[31] ^= 0x80;
  REQUIRE_FALSE(hpke_open(receiver, {}, {}, sealed).ok());
}

TEST_CASE("HPKE: a message that does not open leaves the counter where it was", "[hpke]") {
  test::SeededRandom random(test::seed());
  auto receiver = KemKeyPair::generate(random);
  auto sender = hpke_send(receiver.public_key, {}, random);
  auto opener = hpke_receive(receiver, sender->encapsulation, {});
  auto first = sender->context.seal({}, Bytes{1}), second = sender->context.seal({}, Bytes{2});
  REQUIRE_FALSE(opener->open({}, second).ok());  // out of order
  REQUIRE_FALSE(opener->open({}, Bytes(3)).ok());
  REQUIRE(*opener->open({}, first) == Bytes{1});
  REQUIRE_FALSE(opener->open({}, first).ok());  // again
  REQUIRE(*opener->open({}, second) == Bytes{2});
}

TEST_CASE("HPKE: points of low order are refused with a message that says no more", "[hpke]") {
  test::SeededRandom random(test::seed());
  auto own = KemKeyPair::generate(random);
  const char* const points[] = {"0000000000000000000000000000000000000000000000000000000000000000",
                                "0100000000000000000000000000000000000000000000000000000000000000",
                                "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
                                "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
                                "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
                                "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
                                "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"};
  for (const char* text : points) {
    PublicKey point;
    auto raw = *from_hex(text);
    std::copy(raw.begin(), raw.end(), point.begin());
    auto sent = hpke_send(point, {}, random);
    REQUIRE_FALSE(sent.ok());
    REQUIRE(sent.error().code == ErrorCode::trust_refused);
    REQUIRE_THAT(sent.error().message, Contains("cannot seal to a public key"));
    auto received = hpke_receive(own, point, {});
    REQUIRE_FALSE(received.ok());
    REQUIRE(received.error().message == "cannot open a sealed message: it does not authenticate");
  }
}
