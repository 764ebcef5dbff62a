#include <lysoen/sync/sync.h>

#include "core/crypto/hpke.h"
#include "core/crypto/sign.h"
#include "tests/support/catch.h"
#include "tests/support/sim_link.h"

using namespace lysoen;
using namespace std::chrono_literals;
using test::SimCarrier;

namespace {

struct Joiner {
  test::ManualClock clock;
  test::SeededRandom random{test::seed()};
  test::SimLoop loop{clock};
  SimCarrier carrier{loop, clock};
  crypto::SigningKey key = crypto::SigningKey::generate(random);

  RelayInfo relay(std::vector<std::string> urls) {
    RelayInfo relay;
    relay.id.bytes = crypto::SigningKey::generate(random).public_key();
    relay.fallback_key = crypto::KemKeyPair::generate(random).public_key;
    random.fill(relay.gate_key);
    relay.urls = std::move(urls);
    return relay;
  }

  JoinOutcome join(std::vector<RelayInfo> relays, JoinOptions options = {}) {
    JoinErrand errand;
    errand.relays = std::move(relays);
    errand.invite_id.bytes = key.public_key();
    errand.request = Bytes(400, 1);
    errand.sign = [this](std::string_view label, ByteView message) -> Result<Signature> {
      return key.sign(label, message);
    };
    JoinClient client(std::move(errand), carrier, loop, {clock, random}, std::move(options));
    std::optional<JoinOutcome> outcome;
    client.start([&](JoinOutcome done) { outcome = std::move(done); });
    REQUIRE(loop.run());
    REQUIRE(outcome);
    return *outcome;
  }
};

}  // namespace

TEST_CASE("Joining: every relay of the invite is tried, then again after a wait, then the reason is said", "[client]") {
  Joiner joiner;
  joiner.carrier.respond = [](const CarrierRequest&) {
    return SimCarrier::Reply{SimCarrier::failure("connection refused", 0, 0), 5ms};
  };
  auto outcome = joiner.join({joiner.relay({"http://a", "http://b"}), joiner.relay({"http://c"})}, {.tries = 2});
  CHECK_FALSE(outcome.posted);
  REQUIRE(outcome.failure);
  CHECK(outcome.failure->message == "connection refused");
  std::vector<std::string> urls;
  for (auto& seen : joiner.carrier.seen) urls.push_back(seen.url);
  CHECK(urls == std::vector<std::string>{"http://a", "http://b", "http://c", "http://a", "http://b", "http://c"});
}

TEST_CASE("Joining: something that answers in a relay's place gets no further than a retry", "[client]") {
  Joiner joiner;
  joiner.carrier.respond = [&](const CarrierRequest&) {
    Bytes noise(512);
    joiner.random.fill(noise);
    return SimCarrier::Reply{SimCarrier::success(noise, 500), 5ms};
  };
  auto outcome = joiner.join({joiner.relay({"http://a"})}, {.tries = 3});
  CHECK_FALSE(outcome.posted);
  REQUIRE(outcome.failure);
  CHECK(outcome.failure->code == ErrorCode::no_network);
  CHECK(joiner.carrier.seen.size() == 3);
  CHECK(outcome.bytes_down == 3 * 512);
}

TEST_CASE("Joining: an invite without relays says how to go on", "[client]") {
  Joiner joiner;
  auto outcome = joiner.join({});
  REQUIRE(outcome.failure);
  CHECK(outcome.failure->message == "cannot join through a relay: the invite names none");
  CHECK(outcome.failure->hint == "hand the join request to the admin as a file");
}

TEST_CASE("Joining: the deadline ends it", "[client]") {
  Joiner joiner;
  joiner.carrier.respond = [](const CarrierRequest&) {
    return SimCarrier::Reply{SimCarrier::failure("nothing", 0, 0), 10h};
  };
  auto began = joiner.clock.monotonic();
  auto outcome = joiner.join({joiner.relay({"http://a"})}, {.deadline = 90s, .tries = 100});
  REQUIRE(outcome.failure);
  CHECK(joiner.clock.monotonic() - began <= 91s);
}
