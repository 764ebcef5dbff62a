// The team of a load: keys that follow from the seed, so that several processes know the same devices.
#pragma once
#include <memory>

#include "core/base/bytes.h"
#include "core/team/admission.h"
#include "core/team/text_key.h"
#include "sync/session/device.h"
#include "tests/load/wire.h"
#include "tests/support/field_device.h"

namespace lysoen::load {

/// One device and its conversation with the relay.
struct Member {
  Member(const TeamId& team, uint64_t seed, Environment world) : random(seed), device(team, random) {
    // The counters of an earlier process with this device are below.
    device.counter = static_cast<uint64_t>(world.clock.wall().time_since_epoch().count());
  }
  void meet(const RelayInfo& relay, Environment world) { exchange.emplace(device, device.store, relay, world); }

  test::SeededRandom random;
  test::FieldDevice device;
  std::optional<session::DeviceExchange> exchange;
};

struct World {
  World(uint64_t seed_value, Environment environment)
      : seed(seed_value),
        world(environment),
        random(seed_value),
        root(crypto::SigningKey::generate(random)),
        team(team::team_id(root.public_key())),
        team_audience(feed::audience_id(team, feed::AudienceKind::team)),
        all_audience(feed::audience_id(team, feed::AudienceKind::all)) {}

  /// The admin is number 0. Every member reads what is for all and its inbox; some read the team's reports as well.
  std::unique_ptr<Member> member(uint64_t number, bool reads_reports) {
    auto made = std::make_unique<Member>(team, seed + 0x9e3779b97f4a7c15 * (number + 1), world);
    made->device.mailboxes = {all_audience, feed::inbox_of(team, made->device.id)};
    if (reads_reports) made->device.mailboxes.push_back(team_audience);
    std::sort(made->device.mailboxes.begin(), made->device.mailboxes.end());
    return made;
  }

  /// The first list, of so many members beside the admin; the first `readers` of them read the team's reports.
  Result<Bytes> admission_list(Member& admin, uint64_t members, uint64_t readers) {
    team::AdmissionContents contents;
    contents.admins = {admin.device.id};
    contents.devices.push_back({admin.device.id, team::QuotaClass::staff, admin.device.mailboxes});
    for (uint64_t number = 1; number <= members; ++number) {
      auto one = member(number, number <= readers);
      contents.devices.push_back({one->device.id, team::QuotaClass::member, one->device.mailboxes});
    }
    auto list = team::next_admission(nullptr, root.public_key(), contents, root, world.clock.wall());
    if (!list) return std::move(list).error();
    return team::encode_admission(*list);
  }

  uint64_t seed;
  Environment world;
  test::SeededRandom random;
  crypto::SigningKey root;
  TeamId team;
  AudienceId team_audience, all_audience;
};

/// One exchange, waited for.
inline Result<session::ExchangeOutcome> exchange_now(Member& member, uint16_t port,
                                                     const session::RequestOptions& how = {}) {
  auto request = member.exchange->request(how);
  if (!request) return std::move(request).error();
  Wire wire;
  if (!wire.open(port)) return make_error(ErrorCode::no_network, "no connection");
  wire.send(post_head(request->size()) + std::string(request->begin(), request->end()));
  for (bool there = true; there;) {
    pollfd waiting{wire.fd(), static_cast<short>(POLLIN | (wire.has_more_to_send() ? POLLOUT : 0)), 0};
    if (::poll(&waiting, 1, 60000) <= 0) break;
    wire.push();
    there = wire.pull();
    if (auto message = wire.message()) return member.exchange->response(to_bytes(as_bytes(message->body)));
  }
  return make_error(ErrorCode::no_network, "no answer");
}

}  // namespace lysoen::load
