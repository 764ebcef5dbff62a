// Looking at the store: what its operator can learn, and whether it is sound. Names nothing but ids, sizes and times.
#include "core/base/try.h"
#include "core/team/text_key.h"
#include "sync/relay/relay_impl.h"

namespace lysoen::relay {

namespace {

uint64_t count_of(const Result<std::optional<int64_t>>& value) {
  return value ? static_cast<uint64_t>(value->value_or(0)) : 0;
}

std::string short_id(ByteView id) {
  return to_hex(id.first(8));
}

}  // namespace

Result<std::vector<TeamSummary>> RelayImpl::teams() {
  auto& db = container_->database();
  std::vector<TeamSummary> list;
  LYSOEN_ASSIGN(auto query, db.prepare("SELECT id, team, root, admitted_ms, removed, bytes FROM team ORDER BY id"));
  for (;;) {
    LYSOEN_ASSIGN(bool row, query.step());
    if (!row) return list;
    TeamSummary team;
    int64_t id = query.integer(0);
    team.team = query.id<TeamId>(1);
    team.root_key = team::team_key_text(query.array<32>(2));
    team.admitted_at_ms = static_cast<uint64_t>(query.integer(3));
    team.removed = query.integer(4) != 0;
    team.bytes = static_cast<uint64_t>(query.integer(5));
    LYSOEN_ASSIGN(auto newest, db.prepare("SELECT list FROM admission WHERE team = ? ORDER BY version DESC LIMIT 1"));
    newest.bind(id);
    LYSOEN_ASSIGN(bool found, newest.step());
    if (found) {
      auto admission = team::decode_admission(newest.blob(0));
      if (admission) team.admission_version = admission->version, team.devices = admission->devices.size();
    }
    team.feeds = count_of(db.integer("SELECT count(*) FROM feed WHERE team = ?", id));
    team.entries = count_of(db.integer("SELECT sum(seq) FROM feed WHERE team = ?", id));
    list.push_back(std::move(team));
  }
}

Result<Inspection> RelayImpl::inspect() {
  auto& db = container_->database();
  Inspection seen;
  LYSOEN_ASSIGN(seen.store_epoch, store_->epoch());
  LYSOEN_ASSIGN(seen.commits, store_->commits());
  LYSOEN_ASSIGN(seen.teams, teams());
  std::error_code ignored;
  for (const char* name : {"relay.db", "relay.db-wal", "relay.ring", "relay.reserve"}) {
    auto size = std::filesystem::file_size(options_.folder / name, ignored);
    if (!ignored) seen.bytes_on_disk += size;
  }
  for (const auto& file : std::filesystem::directory_iterator(options_.folder / "blobs", ignored)) {
    auto size = file.file_size(ignored);
    if (!ignored) seen.bytes_on_disk += size;
  }
  LYSOEN_ASSIGN(auto feeds,
                db.prepare("SELECT team.team, device, audience, incarnation, seq, feed.bytes, first_ms, last_ms, "
                           "head, (SELECT count(*) FROM entry WHERE entry.feed = feed.id AND reason <> 0) "
                           "FROM feed JOIN team ON team.id = feed.team ORDER BY feed.id"));
  for (;;) {
    LYSOEN_ASSIGN(bool row, feeds.step());
    if (!row) break;
    FeedSummary feed;
    feed.team = feeds.id<TeamId>(0);
    feed.key = {feeds.id<DeviceId>(1), feeds.id<AudienceId>(2), static_cast<uint32_t>(feeds.integer(3))};
    feed.entries = static_cast<uint64_t>(feeds.integer(4)), feed.bytes = static_cast<uint64_t>(feeds.integer(5));
    feed.first_ms = static_cast<uint64_t>(feeds.integer(6)), feed.last_ms = static_cast<uint64_t>(feeds.integer(7));
    feed.head = feeds.id<Hash>(8);
    feed.stubs = static_cast<uint64_t>(feeds.integer(9));
    seen.feeds.push_back(feed);
  }
  LYSOEN_ASSIGN(
      auto mailboxes,
      db.prepare(
          "SELECT team.team, audience, counter FROM mailbox JOIN team ON team.id = mailbox.team ORDER BY mailbox.id"));
  for (;;) {
    LYSOEN_ASSIGN(bool row, mailboxes.step());
    if (!row) break;
    seen.mailboxes.push_back(
        {mailboxes.id<TeamId>(0), mailboxes.id<AudienceId>(1), static_cast<uint64_t>(mailboxes.integer(2))});
  }
  seen.blobs = count_of(db.integer("SELECT count(*) FROM blob"));
  seen.blob_bytes = count_of(db.integer("SELECT sum(size) FROM blob"));
  seen.forks = count_of(db.integer("SELECT count(*) FROM fork"));
  seen.rosters = count_of(db.integer("SELECT count(*) FROM roster"));
  seen.join_requests =
      count_of(db.integer("SELECT count(*) FROM joining WHERE length(request) > 0 AND length(welcome) = 0"));
  seen.welcomes = count_of(db.integer("SELECT count(*) FROM joining WHERE length(welcome) > 0"));
  return seen;
}

Result<CheckReport> RelayImpl::check() {
  CheckReport report;
  LYSOEN_ASSIGN(auto all, teams());
  for (const auto& team : all) LYSOEN_TRY(check_feeds(team.team, report));
  LYSOEN_TRY(check_mailboxes(report));
  LYSOEN_TRY(check_logs(report));
  LYSOEN_TRY(check_blobs(report));
  return report;
}

/// Every entry again under its author's signature.
Result<void> RelayImpl::check_feeds(const TeamId& team, CheckReport& report) {
  LYSOEN_ASSIGN(auto query, container_->database().prepare("SELECT device, audience, incarnation, seq, head FROM feed "
                                                           "JOIN team ON team.id = feed.team WHERE team.team = ?"));
  query.bind(team);
  for (;;) {
    LYSOEN_ASSIGN(bool row, query.step());
    if (!row) return {};
    FeedKey key{query.id<DeviceId>(0), query.id<AudienceId>(1), static_cast<uint32_t>(query.integer(2))};
    auto last = static_cast<uint64_t>(query.integer(3));
    Hash head = query.id<Hash>(4), reached;
    ++report.feeds;
    auto fault = [&](uint64_t seq, const char* why) {
      report.faults.push_back("feed " + short_id(feed::feed_id(key).view()) + " from entry " + std::to_string(seq) +
                              ": " + why);
    };
    LYSOEN_ASSIGN(
        auto known_stubs,
        container_->database().integer(
            "SELECT count(*) FROM entry JOIN feed ON feed.id = entry.feed WHERE feed.feed = ? AND reason <> 0",
            feed::feed_id(key)));
    uint64_t stubs = 0, next = 1;
    while (next <= last) {
      auto batch = store_->read(team, key, next, last, 128 * 1024);
      if (!batch && batch.error().code != ErrorCode::damaged) return std::move(batch).error();
      if (!batch || !*batch) {
        fault(next, "unreadable");
        break;
      }
      auto hashes = feed::verify_batch(**batch);
      if (!hashes) {
        fault(next, "its author's signature does not fit");
        break;
      }
      for (const auto& entry : (*batch)->entries) stubs += entry.is_stub();
      report.entries += (*batch)->entries.size();
      ++report.signatures;
      reached = hashes->back();
      next = (*batch)->last_seq() + 1;
    }
    if (stubs > static_cast<uint64_t>(known_stubs.value_or(0))) fault(1, "a ciphertext rotted");
    if (next > last && reached != head) fault(last, "the head is another");
  }
}

Result<void> RelayImpl::check_mailboxes(CheckReport& report) {
  auto& db = container_->database();
  LYSOEN_ASSIGN(auto mailboxes, db.prepare("SELECT id, audience, counter, running FROM mailbox ORDER BY id"));
  for (;;) {
    LYSOEN_ASSIGN(bool row, mailboxes.step());
    if (!row) return {};
    Hash running;
    uint64_t n = 0;
    bool sound = true;
    LYSOEN_ASSIGN(auto items,
                  db.prepare("SELECT n, feed.feed, first_seq, last_seq, item.head, missing, running FROM item "
                             "JOIN feed ON feed.id = item.feed WHERE mailbox = ? ORDER BY n"));
    items.bind(mailboxes.integer(0));
    for (;;) {
      LYSOEN_ASSIGN(bool next, items.step());
      if (!next) break;
      feed::MailboxItem item{
          static_cast<uint64_t>(items.integer(0)), items.id<FeedId>(1), static_cast<uint64_t>(items.integer(2)),
          static_cast<uint64_t>(items.integer(3)), items.id<Hash>(4),   {}};
      if (auto missing = items.blob(5); !missing.empty()) {
        Reader reader(missing);
        item.missing = feed::read_ranges(reader, item.last_seq);
      }
      running = feed::running_hash(running, item);
      sound = sound && item.n == ++n && running == items.id<Hash>(6);
      ++report.items;
    }
    if (!sound || n != static_cast<uint64_t>(mailboxes.integer(2)) || running != mailboxes.id<Hash>(3))
      report.faults.push_back("mailbox " + short_id(mailboxes.blob(1)) + ": its chain is broken");
  }
}

Result<void> RelayImpl::check_logs(CheckReport& report) {
  auto& db = container_->database();
  LYSOEN_ASSIGN(auto logs, db.prepare("SELECT id, team, log_size, log_peaks FROM team ORDER BY id"));
  for (;;) {
    LYSOEN_ASSIGN(bool row, logs.step());
    if (!row) return {};
    crypto::MerkleLog log;
    LYSOEN_ASSIGN(auto leaves, db.prepare("SELECT leaf FROM log_leaf WHERE team = ? ORDER BY position"));
    leaves.bind(logs.integer(0));
    for (;;) {
      LYSOEN_ASSIGN(bool next, leaves.step());
      if (!next) break;
      log.append(leaves.id<Hash>(0));
      ++report.log_leaves;
    }
    Writer peaks;
    for (const auto& peak : log.peaks()) peaks.id(peak);
    auto kept = logs.blob(3);
    bool same = std::equal(kept.begin(), kept.end(), peaks.bytes().begin(), peaks.bytes().end());
    if (log.size() != static_cast<uint64_t>(logs.integer(2)) || !same)
      report.faults.push_back("log of team " + short_id(logs.blob(1)) + ": it is not what its root says");
  }
}

/// Every chunk of every attachment that is whole, against the id.
Result<void> RelayImpl::check_blobs(CheckReport& report) {
  auto& db = container_->database();
  LYSOEN_ASSIGN(auto query,
                db.prepare("SELECT team.team, blob, size, held FROM blob JOIN team ON team.id = blob.team"));
  for (;;) {
    LYSOEN_ASSIGN(bool row, query.step());
    if (!row) return {};
    const auto team = query.id<TeamId>(0);
    const BlobName name{query.id<BlobId>(1), static_cast<uint64_t>(query.integer(2))};
    const auto held = blob::decode(query.blob(3), name.chunks());
    ++report.blobs;
    const bool sound = held && (!blob::whole(name, *held) || is_sound(team, name));
    if (!sound) report.faults.push_back("attachment " + short_id(name.blob.view()) + ": its file is damaged");
  }
}

bool RelayImpl::is_sound(const TeamId& team, const BlobName& name) {
  auto file = blobs_->open(team, name);
  if (!file) return false;
  for (uint32_t at = 0; at < name.chunks();) {
    auto run = file->run(at, kRunChunksMax);
    if (!run) return false;
    for (const auto& leaf : run->leaves) {
      auto chunk = file->chunk(at++);
      if (!chunk || crypto::merkle_leaf(*chunk) != leaf) return false;
    }
  }
  return true;
}

}  // namespace lysoen::relay
