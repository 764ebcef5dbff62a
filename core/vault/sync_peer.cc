// The vault as a SyncPeer: who it is to a relay, how far each relay has it, what it brings besides entries.
#include "core/base/fault.h"
#include "core/base/try.h"
#include "core/feed/receipt.h"
#include "core/team/roster_verify.h"
#include "core/vault/vault_impl.h"

namespace lysoen::vault {

namespace {

constexpr uint64_t kCountersAtOnce = 64;  // reserved by one sync; skipped after a crash
constexpr std::string_view kNoTeam = "this vault belongs to no team yet";

Hash done_key(ByteView item) {
  return crypto::sha256(item);
}

}  // namespace

TeamId VaultImpl::team() const {
  return container_ && membership_.in_team() ? membership_.team() : TeamId{};
}
DeviceId VaultImpl::device() const {
  return membership_.device();
}

Result<Signature> VaultImpl::sign(std::string_view label, ByteView message) {
  LYSOEN_TRY(usable());
  if (!membership_.enrolled()) return make_error(ErrorCode::trust_refused, std::string(kNoTeam));
  return membership_.device_key().sign(label, message);
}

Result<std::vector<RelayInfo>> VaultImpl::relays() {
  LYSOEN_TRY(require_team("sync"));
  return membership_.roster().head.relays;
}

Result<bool> VaultImpl::plain_http_allowed() {
  LYSOEN_TRY(require_team("sync"));
  return membership_.policy().plain_http;
}

// -- Counters and keys ----------------------------------------------------------------------------------------------

// A block of counters is made durable at once; what is left of it when the process ends is never used.
Result<uint64_t> VaultImpl::next_counter(const RelayId& relay) {
  LYSOEN_TRY(usable());
  auto& [last, reserved] = counters_[relay];
  if (last >= reserved) {
    LYSOEN_ASSIGN(auto stored, database().integer("SELECT counter FROM relays WHERE relay = ?", relay));
    uint64_t from = std::max(last, static_cast<uint64_t>(stored.value_or(0)));
    const storage::Container::Work reserve = [&](storage::Database& database) {
      return database.run(
          "INSERT INTO relays (relay, counter) VALUES (?1, ?2) ON CONFLICT (relay) DO UPDATE SET "
          "counter = ?2",
          relay, from + kCountersAtOnce);
    };
    LYSOEN_TRY(LYSOEN_FAULT(counters_not_durable) ? plain(reserve) : durable(reserve));
    last = from;
    reserved = from + kCountersAtOnce;
  }
  return ++last;
}

Result<void> VaultImpl::raise_counter(const RelayId& relay, uint64_t seen) {
  LYSOEN_TRY(usable());
  if (seen > static_cast<uint64_t>(INT64_MAX) - kCountersAtOnce)
    return make_error(ErrorCode::trust_refused, "the relay names a counter that this device cannot have used");
  auto& [last, reserved] = counters_[relay];
  if (seen > last) last = seen;  // above what is reserved: the next one reserves anew
  return {};
}

Result<Bytes> VaultImpl::exchange_key(const RelayId& relay) {
  LYSOEN_TRY(usable());
  LYSOEN_ASSIGN(auto query, database().prepare("SELECT exchange_key FROM relays WHERE relay = ?"));
  LYSOEN_ASSIGN(bool found, query.bind(relay).step());
  return found ? to_bytes(query.blob(0)) : Bytes();
}

Result<void> VaultImpl::set_exchange_key(const RelayId& relay, ByteView certified) {
  return plain([&](storage::Database& database) {
    return database.run(
        "INSERT INTO relays (relay, exchange_key) VALUES (?1, ?2) ON CONFLICT (relay) DO UPDATE SET "
        "exchange_key = ?2",
        relay, certified);
  });
}

Result<SyncPeer::RosterPoint> VaultImpl::roster_point() {
  LYSOEN_TRY(require_team("sync"));
  return RosterPoint{membership_.roster_version(), team::head_hash(membership_.roster().head)};
}

// -- How far a relay has it -----------------------------------------------------------------------------------------

Result<std::vector<FeedHead>> VaultImpl::outgoing_heads() {
  LYSOEN_TRY(may_send());
  LYSOEN_ASSIGN(auto rows, feeds().all(false));
  LYSOEN_ASSIGN(auto carried, carried_for_others());
  std::vector<FeedHead> heads;
  for (const auto& row : rows) {
    if (row.head_seq == 0) continue;
    if (!row.own) {
      if (carried.count(row.id) != 0) heads.push_back(row.head());
      continue;
    }
    // Others hold the other branch of this one; what was written on it was issued again.
    bool past = row.key.device != membership_.device() || row.key.incarnation < membership_.incarnation();
    LYSOEN_ASSIGN(bool forked, past ? feeds().forked(row) : Result(false));
    if (!forked) heads.push_back(row.head());
  }
  return heads;
}

/// Feeds of others of which no durable relay is known to hold all that is here. Of a forked one the author has to
/// settle which version goes on.
Result<std::set<int64_t>> VaultImpl::carried_for_others() {
  std::set<int64_t> ids;
  LYSOEN_ASSIGN(auto query, database().prepare(
                                "SELECT id FROM feeds f WHERE own = 0 AND head_seq > held_seq AND NOT EXISTS (SELECT 1 "
                                "FROM forks k WHERE k.place BETWEEN f.id << 40 AND (f.id << 40 | 1099511627775))"));
  for (;;) {
    LYSOEN_ASSIGN(bool more, query.step());
    if (!more) return ids;
    ids.insert(query.integer(0));
  }
}

Result<uint64_t> VaultImpl::confirmed(const RelayId& relay, const FeedKey& feed) {
  LYSOEN_TRY(usable());
  LYSOEN_ASSIGN(auto seq, database().integer("SELECT r.seq FROM receipts r JOIN feeds f ON f.id = r.feed WHERE "
                                             "r.relay = ? AND f.feed = ?",
                                             relay, feed::feed_id(feed)));
  return static_cast<uint64_t>(seq.value_or(0));
}

Result<void> VaultImpl::take_receipt(const RelayId& relay, ByteView bytes) {
  LYSOEN_TRY(require_team("take a receipt"));
  auto refuse = [](std::string_view why) {
    return make_error(ErrorCode::trust_refused, "the relay's receipt is refused: " + std::string(why),
                      "tell an admin: a relay should never send such a receipt");
  };
  LYSOEN_ASSIGN(auto receipt, feed::read_receipt(relay, bytes));
  const RelayInfo* info = nullptr;
  for (const auto& known : membership_.roster().head.relays)
    if (known.id == relay) info = &known;
  if (!info) return refuse("the roster does not name this relay");
  if (receipt.team != membership_.team()) return refuse("it is for another team");
  LYSOEN_ASSIGN(auto row, feeds().find(receipt.feed));
  // Of another's feed the relay may hold more than was carried here: no hash to compare, but what was brought is there.
  if (row && !row->own && receipt.seq > row->head_seq) {
    uint64_t up_to = receipt.missing.empty() ? receipt.seq : receipt.missing.front().first - 1;
    return take_listed(relay, {{receipt.feed, up_to, {}}});
  }
  if (!row || receipt.seq == 0 || receipt.seq > row->head_seq) return refuse("it speaks of entries that are not here");
  LYSOEN_ASSIGN(Hash hash, feeds().hash_at(*row, receipt.seq));
  if (hash != receipt.head) return refuse("the relay holds another version of this feed");
  // Up to the first entry that it does not hold.
  uint64_t confirmed = receipt.missing.empty() ? receipt.seq : receipt.missing.front().first - 1;
  feed::Witness seen{relay, receipt.log_size, receipt.log_root, receipt.point};
  Writer witness;
  witness.id(relay).u64(seen.log_size).id(seen.log_root).id(seen.point.mailbox).u32(seen.point.store_epoch);
  witness.u64(seen.point.counter).id(seen.point.running);
  LYSOEN_TRY(plain([&](storage::Database& database) -> Result<void> {
    LYSOEN_TRY(
        database.run("INSERT INTO receipts VALUES (?1, ?2, ?3, ?4) ON CONFLICT (relay, feed) DO UPDATE SET "
                     "seq = ?3, receipt = ?4 WHERE ?3 >= seq",
                     relay, row->id, confirmed, bytes));
    LYSOEN_TRY(
        database.run("UPDATE feeds SET confirmed_seq = max(confirmed_seq, ?2), held_seq = max(held_seq, ?3) "
                     "WHERE id = ?1",
                     row->id, confirmed, info->durable ? confirmed : 0));
    LYSOEN_TRY(database.run(
        "INSERT INTO unopened SELECT id, held_seq, ?2 FROM feeds WHERE id = ?1 AND own = 1 AND held_seq > 0 "
        "ON CONFLICT (feed) DO UPDATE SET seq = excluded.seq, since = excluded.since WHERE seq <= "
        "(SELECT max(a.seq) FROM acknowledgements a WHERE a.feed = excluded.feed)",
        row->id, now().time_since_epoch().count()));
    return set_fact(database, "team.witness", witness.bytes());
  }));
  outbox_->set_witness(seen);
  return {};
}

// Of own feeds only a receipt counts.
Result<void> VaultImpl::take_listed(const RelayId& relay, const std::vector<FeedHead>& heads) {
  LYSOEN_TRY(require_team("sync"));
  bool durable = false;
  for (const auto& known : membership_.roster().head.relays) durable = durable || (known.id == relay && known.durable);
  return plain([&](storage::Database& database) -> Result<void> {
    for (const auto& head : heads) {
      LYSOEN_ASSIGN(auto row, feeds().find(head.feed));
      if (!row || row->own) continue;
      const auto seq = std::min(head.seq, row->head_seq);
      LYSOEN_TRY(
          database.run("INSERT INTO receipts VALUES (?1, ?2, ?3, x'') ON CONFLICT (relay, feed) DO UPDATE SET seq = ?3 "
                       "WHERE ?3 > seq",
                       relay, row->id, seq));
      if (durable)
        LYSOEN_TRY(database.run("UPDATE feeds SET held_seq = max(held_seq, ?2) WHERE id = ?1", row->id, seq));
    }
    return {};
  });
}

// -- Mailboxes ------------------------------------------------------------------------------------------------------

Result<std::vector<MailboxCursor>> VaultImpl::cursors(const RelayId& relay) {
  LYSOEN_TRY(usable());
  std::vector<MailboxCursor> cursors;
  for (const auto& mailbox : membership_.mailboxes()) {
    MailboxCursor cursor;
    cursor.mailbox = mailbox;
    LYSOEN_ASSIGN(auto query, database().prepare("SELECT epoch, counter, running, list_only FROM cursors WHERE relay = "
                                                 "? AND mailbox = ?"));
    LYSOEN_ASSIGN(bool found, query.bind(relay, mailbox).step());
    if (found) {
      cursor.store_epoch = static_cast<uint32_t>(query.integer(0));
      cursor.counter = static_cast<uint64_t>(query.integer(1));
      cursor.running = query.id<Hash>(2);
      cursor.list_only = query.integer(3) != 0;
    }
    cursors.push_back(cursor);
  }
  return cursors;
}

Result<void> VaultImpl::set_cursor(const RelayId& relay, const MailboxCursor& cursor) {
  return plain([&](storage::Database& database) {
    return database.run("INSERT OR REPLACE INTO cursors VALUES (?, ?, ?, ?, ?, ?)", relay, cursor.mailbox,
                        cursor.store_epoch, cursor.counter, cursor.running, cursor.list_only ? 1 : 0);
  });
}

Result<std::vector<EntryRange>> VaultImpl::gaps(size_t ranges_max) {
  LYSOEN_TRY(usable());
  std::vector<EntryRange> ranges;
  LYSOEN_ASSIGN(auto query, database().prepare("SELECT s.place, f.device, f.audience, f.incarnation FROM set_aside s "
                                               "JOIN entries e ON e.place = s.place JOIN feeds f ON f.id = s.place >> "
                                               "40 WHERE e.stub <> 0 AND coalesce(length(e.warrant), 0) = 0 AND f.own "
                                               "= 0 ORDER BY s.place"));
  for (;;) {
    LYSOEN_ASSIGN(bool more, query.step());
    if (!more) return ranges;
    const uint64_t seq = seq_of(query.integer(0));
    const FeedKey feed{query.id<DeviceId>(1), query.id<AudienceId>(2), static_cast<uint32_t>(query.integer(3))};
    if (!ranges.empty() && ranges.back().feed == feed && ranges.back().last_seq + 1 == seq) {
      ranges.back().last_seq = seq;
      continue;
    }
    if (ranges.size() == ranges_max) return ranges;
    ranges.push_back({feed, seq, seq});
  }
}

// What a relay listed of others' feeds, or signed for when they were carried to it, stands in `receipts`.
Result<void> VaultImpl::begun_anew(const RelayId& relay, const AudienceId& mailbox, bool ended) {
  return plain([&](storage::Database& database) -> Result<void> {
    if (!ended)
      return database.run(
          "UPDATE receipts SET seq = 0 WHERE relay = ? AND feed IN (SELECT id FROM feeds WHERE own = 0 "
          "AND audience = ?)",
          relay, mailbox);
    const std::string listed_once =
        "UPDATE feeds SET held_seq = 0 WHERE own = 0 AND audience = ? AND id IN (SELECT "
        "feed FROM receipts WHERE relay = ?)";
    LYSOEN_TRY(database.run(listed_once, mailbox, relay));
    for (const auto& known : membership_.roster().head.relays)
      if (known.durable)
        LYSOEN_TRY(
            database.run("UPDATE feeds SET held_seq = max(held_seq, min(r.seq, head_seq)) FROM receipts r WHERE "
                         "r.feed = feeds.id AND r.relay = ?1 AND own = 0 AND audience = ?2",
                         known.id, mailbox));
    return {};
  });
}

// -- Errands --------------------------------------------------------------------------------------------------------

Result<RelayErrands> VaultImpl::errands(const RelayId& relay) {
  LYSOEN_TRY(require_team("sync"));
  RelayErrands errands;
  if (!has(membership_.role(), Role::admin)) return errands;
  errands.fetch_join_requests = true;
  auto done = [&](int kind, const Hash& item) -> Result<bool> {
    LYSOEN_ASSIGN(auto row, database().integer("SELECT 1 FROM errands_done WHERE relay = ? AND kind = ? AND item = ?",
                                               relay, kind, item));
    return row.has_value();
  };
  LYSOEN_ASSIGN(auto rosters, sealed_rosters());
  for (auto& roster : rosters) {
    LYSOEN_ASSIGN(bool there, done(kRosterErrand, roster.hash));
    if (!there) errands.rosters.push_back(std::move(roster));
  }
  LYSOEN_ASSIGN(auto query, database().prepare("SELECT kind, item FROM errands ORDER BY id"));
  for (;;) {
    LYSOEN_ASSIGN(bool more, query.step());
    if (!more) return errands;
    int kind = static_cast<int>(query.integer(0));
    LYSOEN_ASSIGN(bool there, done(kind, done_key(query.blob(1))));
    if (there) continue;
    (kind == kAdmissionErrand ? errands.admission_lists : errands.welcomes).push_back(to_bytes(query.blob(1)));
  }
}

Result<void> VaultImpl::errands_done(const RelayId& relay, const RelayErrands& done) {
  return plain([&](storage::Database& database) -> Result<void> {
    auto note = [&](int kind, const Hash& item) {
      return database.run("INSERT OR IGNORE INTO errands_done VALUES (?, ?, ?)", relay, kind, item);
    };
    for (const auto& roster : done.rosters) LYSOEN_TRY(note(kRosterErrand, roster.hash));
    for (const auto& list : done.admission_lists) LYSOEN_TRY(note(kAdmissionErrand, done_key(list)));
    for (const auto& welcome : done.welcomes) LYSOEN_TRY(note(kWelcomeErrand, done_key(welcome)));
    return {};
  });
}

Result<void> VaultImpl::errands_undone(const RelayId& relay) {
  LYSOEN_TRY(usable());
  if (LYSOEN_FAULT(errands_kept)) return {};
  LYSOEN_ASSIGN(auto done, database().integer("SELECT 1 FROM errands_done WHERE relay = ? LIMIT 1", relay));
  if (!done) return {};
  return plain(
      [&](storage::Database& database) { return database.run("DELETE FROM errands_done WHERE relay = ?", relay); });
}

Result<void> VaultImpl::take_join_request(ByteView request) {
  auto offered = offer_join_request(request);
  if (offered) return {};
  switch (offered.error().code) {
    case ErrorCode::input_refused:
    case ErrorCode::trust_refused:
    case ErrorCode::limit_exceeded:
    case ErrorCode::newer_version:
      return plain([&](storage::Database& database) {
        return add_notice(database, now(), "a request to join was set aside: " + offered.error().message);
      });
    default:
      return std::move(offered).error();
  }
}

}  // namespace lysoen::vault
