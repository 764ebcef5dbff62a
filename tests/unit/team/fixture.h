// A team to test with: a founder, and devices that come with keys of their own.
#pragma once
#include "core/crypto/hpke.h"
#include "core/team/join.h"
#include "core/team/roster_change.h"
#include "core/team/roster_verify.h"
#include "tests/support/catch.h"
#include "tests/support/seed.h"

namespace lysoen::test {

using namespace lysoen::team;

inline constexpr WallTime kNow{std::chrono::milliseconds(1767225600000)};  // 2026-01-01
inline constexpr auto kDay = std::chrono::hours(24);

struct Device {
  crypto::SigningKey key;
  crypto::KemKeyPair inbox;
  DeviceId id;

  static Device make(Random& random) {
    auto key = crypto::SigningKey::generate(random);
    DeviceId id{key.public_key()};
    return {std::move(key), crypto::KemKeyPair::generate(random), id};
  }
};

inline Hash random_hash(Random& random) {
  Hash hash;
  random.fill(hash.bytes);
  return hash;
}

inline RelayInfo relay_with(Random& random, std::string url) {
  RelayInfo relay;
  random.fill(relay.id.bytes);
  random.fill(relay.fallback_key);
  random.fill(relay.gate_key);
  relay.urls = {std::move(url)};
  return relay;
}

struct TestTeam {
  explicit TestTeam(uint64_t seed_value = seed())
      : random(seed_value), root(RootKey::found(random)), founder(Device::make(random)) {
    relay = relay_with(random, "http://127.0.0.1:8080");
    auto made = make_founding_roster({"Field team", "Ana", "", {relay}}, root, {founder.key, founder.inbox.public_key},
                                     kNow, random);
    REQUIRE(made.ok());
    founding.emplace(std::move(*made));
    roster = founding->roster;
  }

  HeadSigner admin() const { return {founder.key, &founding->certificate}; }
  HeadSigner by_root() const { return {root.key, nullptr}; }
  NewMember member(const Device& device, Role role, std::string name = "Bo") {
    return {device.id, device.inbox.public_key, role, random_hash(random), {}, std::move(name)};
  }
  /// The roster with one more.
  Roster with(const Device& device, Role role, std::string name = "Bo") {
    auto next = add_member(roster, member(device, role, std::move(name)), admin(), &founding->team_epoch, kNow, random);
    REQUIRE(next.ok());
    return *next;
  }
  void add(const Device& device, Role role, std::string name = "Bo") { roster = with(device, role, std::move(name)); }
  /// What `device` holds of the present roster.
  RosterState state(const Device& device) const { return state_for(roster, device.id); }

  SeededRandom random;
  RootKey root;
  Device founder;
  RelayInfo relay;
  std::optional<Founding> founding;
  Roster roster;
};

/// Calls `visit` with every single-bit flip and every cut of `bytes`.
template <class Visit>
void each_mutation(const Bytes& bytes, Visit visit) {
  Bytes changed = bytes;
  for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    changed[bit / 8] ^= static_cast<uint8_t>(1u << bit % 8);
    visit(ByteView(changed));
    changed[bit / 8] ^= static_cast<uint8_t>(1u << bit % 8);
  }
  for (size_t size = 0; size < bytes.size(); ++size) visit(ByteView(bytes).first(size));
  changed.push_back(0);
  visit(ByteView(changed));
}

}  // namespace lysoen::test
