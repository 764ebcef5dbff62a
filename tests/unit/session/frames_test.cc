// Frames: sealed, padded, and told apart from a cut and from a change.
#include "sync/session/frames.h"
#include "core/crypto/cipher.h"
#include "sync/session/compact.h"
#include "sync/session/hello.h"
#include "sync/session/keys.h"
#include "tests/support/catch.h"
#include "tests/support/field_device.h"

using namespace lysoen;
using namespace lysoen::session;
using namespace lysoen::test;

namespace {

struct Pair {
  FrameKey seal, open;
};

Pair request_keys(Random& random) {
  auto relay = crypto::KemKeyPair::generate(random);
  auto info = request_info(RelayId{}, relay.public_key);
  auto sender = crypto::hpke_send(relay.public_key, info, random);
  auto receiver = crypto::hpke_receive(relay, sender->encapsulation, info);
  return {FrameKey::of_request(std::move(sender->context)), FrameKey::of_request(std::move(*receiver))};
}

Pair answer_keys(Random& random) {
  auto exported = crypto::Key32::random(random);
  Bytes nonce(kNonceSize);
  random.fill(nonce);
  return {FrameKey::of_answer(exported, PublicKey{1}, nonce), FrameKey::of_answer(exported, PublicKey{1}, nonce)};
}

}  // namespace

TEST_CASE("Frames: what was sealed comes out in order, and the whole has a step's size", "[session]") {
  SeededRandom random(seed() ^ 1);
  auto sizes = generator(1);
  for (int round = 0; round < 40; ++round) {
    auto keys = round % 2 ? request_keys(random) : answer_keys(random);
    FrameSealer out(std::move(keys.seal), Bytes(40));
    std::vector<Bytes> bodies;
    for (uint64_t left = sizes() % 5; left > 0; --left) {
      bodies.emplace_back(sizes() % (round < 35 ? 900 : wire::kFrameMax));
      random.fill(bodies.back());
      out.add_frame(77, bodies.back());
    }
    auto bytes = out.finish({round % 3 == 0});
    CHECK(bytes.size() == crypto::transport_size(bytes.size()));
    FrameOpener opener(std::move(keys.open));
    size_t at = 40;
    Frame frame;
    for (const auto& body : bodies) {
      REQUIRE(opener.next(bytes, at, frame) == FrameOpener::Step::frame);
      CHECK(frame.body == body);
      CHECK(frame.type == 77);
    }
    while (!opener.ended()) REQUIRE(opener.next(bytes, at, frame) == FrameOpener::Step::frame);
    CHECK(frame.final);
    CHECK(at == bytes.size());
    CHECK(opener.next(bytes, at, frame) == FrameOpener::Step::more);
    bytes.push_back(0);
    CHECK(opener.next(bytes, at, frame) == FrameOpener::Step::spoiled);
  }
}

TEST_CASE("Frames: a cut asks for more, a change spoils, at every byte and bit", "[session]") {
  SeededRandom random(seed() ^ 2);
  for (bool request : {true, false}) {
    auto exported = crypto::Key32::random(random);
    auto relay = crypto::KemKeyPair::generate(random);
    auto sender = crypto::hpke_send(relay.public_key, {}, random);
    auto encapsulation = sender->encapsulation;
    auto opening = [&] {
      if (!request) return FrameKey::of_answer(exported, PublicKey{1}, {});
      return FrameKey::of_request(std::move(*crypto::hpke_receive(relay, encapsulation, {})));
    };
    FrameSealer out(
        request ? FrameKey::of_request(std::move(sender->context)) : FrameKey::of_answer(exported, PublicKey{1}, {}),
        {});
    out.add_frame(5, Bytes(30, 9));
    out.add_frame(6, Bytes(1, 9));
    out.add_frame(17 | kFinalBit, {});
    auto bytes = std::move(out).unfinished();
    auto run = [&](ByteView from) {
      FrameOpener opener(opening());
      Frame frame;
      size_t at = 0, count = 0;
      for (;; ++count) {
        auto step = opener.next(from, at, frame);
        if (step == FrameOpener::Step::spoiled) return std::pair(count, true);
        if (step == FrameOpener::Step::more) return std::pair(count, false);
      }
    };
    CHECK(run(bytes) == std::pair<size_t, bool>(3, false));
    for (size_t cut = 0; cut < bytes.size(); ++cut) {
      auto [count, spoiled] = run(ByteView(bytes).first(cut));
      CHECK(!spoiled);
      CHECK(count < 3);
    }
    for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
      auto changed = bytes;
      changed[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
      CHECK(run(changed).second);
    }
    // Frames taken out, swapped or repeated.
    size_t first = 30 + kFrameOverhead;
    CHECK(run(ByteView(bytes).subspan(first)).second);
    auto doubled = Bytes(bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(first));
    doubled.insert(doubled.end(), bytes.begin(), bytes.end());
    CHECK(run(doubled) == std::pair<size_t, bool>(1, true));
  }
}

TEST_CASE("Frames: headers look like noise", "[session]") {
  SeededRandom random(seed() ^ 3);
  std::set<Bytes> seen;
  for (int i = 0; i < 200; ++i) {
    auto keys = answer_keys(random);
    FrameSealer out(std::move(keys.seal), {});
    out.add_frame(1, Bytes(10));
    auto bytes = std::move(out).unfinished();
    seen.insert(Bytes(bytes.begin(), bytes.begin() + kFrameHeaderSize));
  }
  CHECK(seen.size() == 200);
}

TEST_CASE("Frames: parts of something large go together only in order", "[session]") {
  Bytes whole(500 * 1024);
  SeededRandom random(seed() ^ 4);
  random.fill(whole);
  auto parts = split<wire::Welcome>(whole);
  REQUIRE(parts.size() == 3);
  Assembler assembler;
  CHECK(!*assembler.add(parts[0]));
  CHECK(!assembler.add(parts[2]).ok());
  CHECK(!assembler.add(parts[1]).ok());
  CHECK(!*assembler.add(parts[0]));
  CHECK(!*assembler.add(parts[1]));
  auto done = assembler.add(parts[2]);
  REQUIRE(done.ok());
  CHECK(**done == whole);
}

TEST_CASE("Compact: what is left out comes back, and a report costs at most 8 bytes more than its ciphertext",
          "[session]") {
  SeededRandom random(seed() ^ 5);
  FieldDevice device(TeamId{}, random);
  AudienceId audience;
  random.fill(audience.bytes);
  for (int i = 0; i < 300; ++i) device.write(audience, 320);
  for (uint64_t first : {1u, 2u, 100u, 256u, 257u, 300u}) {
    for (size_t size : {1u, 2000u, 100000u}) {
      auto batch = **device.store.read(device.feed_for(audience), first, size);
      auto wire_bytes = wire::encode(elide(batch, device.id));
      CHECK(wire_bytes.size() <=
            batch.entries.size() * (320 + 8) + 160 + (batch.left.size() + batch.right.size()) * 32 + 36);
      auto read = wire::decode<Batch>(wire_bytes);
      REQUIRE(read.ok());
      auto whole = complete(*read, device.id);
      REQUIRE(whole.ok());
      CHECK(*whole == batch);
      if (first > 1) CHECK(complete(*read, {}).error().message.find("names no device") != std::string::npos);
    }
  }
  auto batch = **device.store.read(device.feed_for(audience), 5, 1);
  batch.prev = {};
  CHECK(!complete(batch, device.id).ok());
}

TEST_CASE("Keys: a certificate is taken from the relay's identity only, whatever bit changes", "[session]") {
  SeededRandom random(seed() ^ 6);
  auto identity = crypto::SigningKey::generate(random), other = crypto::SigningKey::generate(random);
  CertifiedKey key{PublicKey{7}, 1000, 2000, 3000};
  auto certified = certify_exchange_key(identity, key);
  CHECK(certified.size() == kCertifiedKeySize);
  RelayId id{identity.public_key()};
  auto read = read_certified_key(id, certified);
  REQUIRE(read);
  CHECK(read->key == key.key);
  CHECK(read->destroy_at_ms == 3000);
  CHECK(!read_certified_key(RelayId{other.public_key()}, certified));
  for (size_t bit = 0; bit < certified.size() * 8; ++bit) {
    auto changed = certified;
    changed[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
    CHECK(!read_certified_key(id, changed));
  }
  for (size_t cut = 0; cut < certified.size(); ++cut) CHECK(!read_certified_key(id, ByteView(certified).first(cut)));
}

TEST_CASE("Hello: its signature and the digest of heads depend on every field", "[session]") {
  wire::Hello hello;
  hello.counter = 5;
  Envelope envelope;
  auto base = hello_message(envelope, hello);
  CHECK(base.size() == 1 + 32 * 5 + 8 + 2);
  auto differs = [&](auto change) {
    auto changed = hello;
    auto where = envelope;
    change(changed, where);
    CHECK(hello_message(where, changed) != base);
  };
  differs([](auto& h, auto&) { h.counter = 6; });
  differs([](auto& h, auto&) { h.version_max = 6; });
  differs([](auto& h, auto&) { h.team.bytes[3] = 6; });
  differs([](auto& h, auto&) { h.device.bytes[3] = 6; });
  differs([](auto&, auto& e) { e.relay.bytes[3] = 6; });
  differs([](auto&, auto& e) { e.key[3] = 6; });
  differs([](auto&, auto& e) { e.encapsulation[3] = 6; });
  FeedHead one{{DeviceId{}, AudienceId{}, 1}, 5, {}}, two{{DeviceId{}, AudienceId{}, 2}, 5, {}};
  CHECK(heads_digest({one, two}) == heads_digest({two, one}));
  CHECK(heads_digest({one}) != heads_digest({one, two}));
  auto none = two;
  none.seq = 0;
  CHECK(heads_digest({one, none}) == heads_digest({one}));
}
