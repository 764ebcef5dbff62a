// A team of three devices, a relay on a disk in memory (or a real one), and exchanges between them.
#pragma once
#include "core/team/admission.h"
#include "core/team/text_key.h"
#include "sync/relay/keys.h"
#include "sync/relay/relay.h"
#include "sync/session/device.h"
#include "tests/support/catch.h"
#include "tests/support/field_device.h"
#include "tests/support/memory_disk.h"
#include "tests/support/temp_folder.h"

namespace lysoen::test {

struct Field {
  explicit Field(uint64_t salt, bool admitted = true, bool real_disk = false)
      : random(seed() ^ salt),
        root(crypto::SigningKey::generate(random)),
        team(team::team_id(root.public_key())),
        admin(team, random),
        reporter(team, random),
        reader(team, random),
        team_audience(feed::audience_id(team, feed::AudienceKind::team)),
        all_audience(feed::audience_id(team, feed::AudienceKind::all)) {
    if (real_disk) files = nullptr;
    REQUIRE(relay::make_key_file(folder.path() / "relay.key", environment()).ok());
    open();
    admin.mailboxes = {team_audience, all_audience};
    reader.mailboxes = {team_audience, all_audience};
    reporter.mailboxes = {all_audience, feed::inbox_of(team, reporter.id)};
    info = relay->info();
    if (!admitted) return;
    REQUIRE(relay->admit_team(team::team_key_text(root.public_key())).ok());
    admin.todo.admission_lists.push_back(next_list({}));
    REQUIRE(sync(admin).ok());
    REQUIRE(admin.todo.admission_lists.empty());
  }

  Environment environment() { return {clock, random}; }
  relay::RelayOptions options() {
    relay::RelayOptions made;
    made.folder = folder.path() / "store";
    made.key_file = folder.path() / "relay.key";
    made.quotas = quotas;
    made.retention = retention;
    made.files = files;
    return made;
  }
  void open() {
    auto opened = relay::Relay::open(options(), environment());
    INFO((opened.ok() ? "" : opened.error().message));
    REQUIRE(opened.ok());
    relay = std::move(*opened);
  }
  void reopen() {
    relay.reset();
    open();
  }

  /// The next admission list of these three devices, with these invites.
  Bytes next_list(std::vector<team::OpenInvite> invites) {
    team::AdmissionContents contents;
    contents.admins = {admin.id};
    for (auto* device : {&admin, &reporter, &reader}) {
      auto mailboxes = device->mailboxes;
      std::sort(mailboxes.begin(), mailboxes.end());
      contents.devices.push_back({device->id, team::QuotaClass::member, mailboxes});
    }
    contents.invites = std::move(invites);
    auto made = team::next_admission(list ? &*list : nullptr, root.public_key(), contents, list ? admin.key : root,
                                     clock.wall());
    INFO((made.ok() ? "" : made.error().message));
    REQUIRE(made.ok());
    list = *made;
    return team::encode_admission(*list);
  }

  session::DeviceExchange exchange(FieldDevice& device) {
    return session::DeviceExchange(device, device.store, info, environment());
  }
  Bytes answer(const Bytes& request) { return relay->handle({request}).front(); }

  /// One exchange.
  Result<session::ExchangeOutcome> once(FieldDevice& device, const session::RequestOptions& how = {}) {
    auto session = exchange(device);
    auto request = session.request(how);
    REQUIRE(request.ok());
    return session.response(answer(*request));
  }
  /// Until nothing is left; at most 200 exchanges.
  Result<session::ExchangeOutcome> sync(FieldDevice& device, const session::RequestOptions& how = {}) {
    auto session = exchange(device);
    session::ExchangeOutcome sum;
    for (int i = 0; i < 200; ++i) {
      auto request = session.request(how);
      REQUIRE(request.ok());
      auto outcome = session.response(answer(*request));
      if (!outcome) return outcome;
      sum.entries_sent += outcome->entries_sent, sum.entries_received += outcome->entries_received;
      sum.chunks_sent += outcome->chunks_sent, sum.chunks_received += outcome->chunks_received;
      sum.blobs_held += outcome->blobs_held, sum.blobs_left = outcome->blobs_left;
      sum.receipts += outcome->receipts, sum.rosters += outcome->rosters;
      sum.relay_lost_data |= outcome->relay_lost_data, sum.counter_stale |= outcome->counter_stale;
      sum.refused.insert(sum.refused.end(), outcome->refused.begin(), outcome->refused.end());
      sum.notes.insert(sum.notes.end(), outcome->notes.begin(), outcome->notes.end());
      sum.entries_left = outcome->entries_left;
      if (!outcome->more()) return sum;
    }
    FAIL("exchanges without end");
    return sum;
  }
  uint64_t entries_held() {
    uint64_t sum = 0;
    auto seen = relay->inspect();
    REQUIRE(seen.ok());
    for (const auto& feed : seen->feeds) sum += feed.entries;
    return sum;
  }

  SeededRandom random;
  ManualClock clock;
  TempFolder folder;
  MemoryDisk disk;
  storage::Files* files = &disk;
  relay::Quotas quotas;
  relay::Retention retention;
  crypto::SigningKey root;
  TeamId team;
  std::unique_ptr<relay::Relay> relay;
  FieldDevice admin, reporter, reader;
  AudienceId team_audience, all_audience;
  std::optional<team::AdmissionList> list;
  RelayInfo info;
};

}  // namespace lysoen::test
