// A relay as the vault knows it: a key that signs receipts.
#pragma once
#include "core/crypto/hpke.h"
#include "core/feed/receipt.h"
#include "tests/unit/vault/people.h"

namespace lysoen::test {

struct Relay {
  crypto::SigningKey key;
  RelayInfo info;
  static Relay make(uint64_t salt) {
    SeededRandom random(seed() + salt);
    Relay relay{crypto::SigningKey::generate(random), {}};
    relay.info.id.bytes = relay.key.public_key();
    relay.info.fallback_key = crypto::KemKeyPair::generate(random).public_key;
    random.fill(relay.info.gate_key);
    relay.info.urls = {"http://127.0.0.1:1"};
    return relay;
  }
  Bytes receipt(const TeamId& team, const FeedHead& head) const {
    feed::Receipt receipt;
    receipt.team = team;
    receipt.feed = head.feed;
    receipt.seq = head.seq;
    receipt.head = head.hash;
    receipt.point.counter = 1;
    receipt.log_size = 1;
    return feed::sign_receipt(receipt, key);
  }
};

}  // namespace lysoen::test
