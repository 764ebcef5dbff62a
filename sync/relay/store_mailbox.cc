// Mailboxes: who may read them, their items and running hashes; store epochs.
#include "core/base/fault.h"
#include "core/base/try.h"
#include "sync/relay/store.h"

namespace lysoen::relay {

namespace {
constexpr uint64_t kItemBytes = 128 * 1024;  // an answer has room for several
}

Result<std::optional<Store::MailboxRow>> Store::mailbox_row(int64_t team, const AudienceId& audience) {
  LYSOEN_ASSIGN(auto query, db_.prepare("SELECT id, counter, running FROM mailbox WHERE team = ? AND audience = ?"));
  query.bind(team, audience);
  LYSOEN_ASSIGN(bool found, query.step());
  if (!found) return std::optional<MailboxRow>();
  return std::optional(MailboxRow{query.integer(0), static_cast<uint64_t>(query.integer(1)), query.id<Hash>(2)});
}

Result<std::vector<session::MailboxState>> Store::mailboxes(const TeamId& team, const DeviceId& device) {
  std::vector<session::MailboxState> states;
  LYSOEN_ASSIGN(auto* row, team_row(team));
  const auto* admitted = row && row->list ? row->list->find(device) : nullptr;
  if (!admitted) return states;
  LYSOEN_ASSIGN(uint32_t store_epoch, epoch());
  for (const auto& audience : admitted->mailboxes) {
    LYSOEN_ASSIGN(auto mailbox, mailbox_row(row->id, audience));
    states.push_back({audience, store_epoch, mailbox ? mailbox->counter : 0, mailbox ? mailbox->running : Hash{}});
  }
  return states;
}

Result<std::vector<session::StoredItem>> Store::items(const TeamId& team, const AudienceId& audience, uint64_t after,
                                                      size_t count_max, uint64_t bytes_max, const DeviceId& reader) {
  std::vector<session::StoredItem> items;
  LYSOEN_ASSIGN(auto* row, team_row(team));
  if (!row) return items;
  LYSOEN_ASSIGN(auto mailbox, mailbox_row(row->id, audience));
  if (!mailbox) return items;
  LYSOEN_ASSIGN(
      auto query,
      db_.prepare("SELECT n, device, incarnation, first_seq, last_seq, item.head, missing, CASE WHEN device = ? THEN 0 "
                  "ELSE (SELECT sum(length(ciphertext) + length(warrant) + 40) FROM entry WHERE "
                  "entry.feed = item.feed AND entry.seq BETWEEN first_seq AND last_seq) END FROM item "
                  "JOIN feed ON feed.id = item.feed WHERE mailbox = ? AND n > ? ORDER BY n LIMIT ?"));
  query.bind(reader, mailbox->id, after, count_max);
  uint64_t bytes = 0;
  for (;;) {
    LYSOEN_ASSIGN(bool next, query.step());
    if (!next) return items;
    session::StoredItem item;
    item.counter = static_cast<uint64_t>(query.integer(0));
    item.feed = {query.id<DeviceId>(1), audience, static_cast<uint32_t>(query.integer(2))};
    item.first_seq = static_cast<uint64_t>(query.integer(3)), item.last_seq = static_cast<uint64_t>(query.integer(4));
    item.head = query.id<Hash>(5);
    item.missing = to_bytes(query.blob(6));
    item.bytes = static_cast<uint64_t>(query.integer(7));
    bytes += item.bytes;
    if (!items.empty() && bytes > bytes_max) return items;
    if (LYSOEN_FAULT(items_withheld) && item.counter % 5 == 0) continue;
    items.push_back(std::move(item));
  }
}

Result<std::optional<Hash>> Store::running_at(const TeamId& team, const AudienceId& audience, uint64_t counter) {
  LYSOEN_ASSIGN(auto* row, team_row(team));
  if (!row) return std::optional<Hash>();
  if (counter == 0) return std::optional(Hash{});
  LYSOEN_ASSIGN(auto mailbox, mailbox_row(row->id, audience));
  if (!mailbox) return std::optional<Hash>();
  LYSOEN_ASSIGN(auto query, db_.prepare("SELECT running FROM item WHERE mailbox = ? AND n = ?"));
  query.bind(mailbox->id, counter);
  LYSOEN_ASSIGN(bool found, query.step());
  return found ? std::optional(query.id<Hash>(0)) : std::nullopt;
}

Result<Signature> Store::sign_points(const TeamId& team, const std::vector<session::MailboxState>& points) {
  std::vector<MailboxCursor> cursors;
  for (const auto& point : points) cursors.push_back({point.audience, point.store_epoch, point.counter, point.running});
  return feed::sign_points(team, cursors, identity_);
}

// -- Epochs ---------------------------------------------------------------------------------------------------------

Result<uint32_t> Store::epoch() {
  LYSOEN_ASSIGN(auto value, db_.integer("SELECT value FROM meta WHERE name = 'epoch'"));
  return static_cast<uint32_t>(value.value_or(1));
}

Result<uint64_t> Store::commits() {
  LYSOEN_ASSIGN(auto value, db_.integer("SELECT value FROM meta WHERE name = 'commits'"));
  return static_cast<uint64_t>(value.value_or(0));
}

Result<void> Store::count_commit() {
  return db_.run("UPDATE meta SET value = value + 1 WHERE name = 'commits'");
}

/// The feed from its first entry, in items that fit an answer: each of one block of 256 and of so many bytes, or of one
/// entry.
Result<void> Store::publish_again(TeamRow& team, FeedRow& feed, uint64_t at_ms) {
  std::vector<uint64_t> ends;
  {
    LYSOEN_ASSIGN(auto query,
                  db_.prepare("SELECT seq, length(ciphertext) + length(warrant) + 40 FROM entry WHERE feed = "
                              "? AND seq <= ? ORDER BY seq"));
    query.bind(feed.id, feed.seq);
    uint64_t bytes = 0;
    for (;;) {
      LYSOEN_ASSIGN(bool next, query.step());
      if (!next) break;
      const auto seq = static_cast<uint64_t>(query.integer(0));
      const auto size = static_cast<uint64_t>(query.integer(1));
      if (bytes > 0 && (bytes + size > kItemBytes || seq == feed::block_first(seq))) ends.push_back(seq - 1), bytes = 0;
      bytes += size;
    }
    if (bytes > 0) ends.push_back(feed.seq);
  }
  uint64_t first = 1;
  for (uint64_t last : ends) {
    LYSOEN_TRY(publish(team, feed, first, last, at_ms, 0));
    first = last + 1;
  }
  return {};
}

/// Every feed is listed again; each log begins with a leaf that names where the old one was.
Result<void> Store::begin_epoch(uint32_t new_epoch) {
  LYSOEN_TRY(db_.run("UPDATE meta SET value = ? WHERE name = 'epoch'", new_epoch));
  LYSOEN_TRY(db_.run("DELETE FROM item"));
  LYSOEN_TRY(db_.run("UPDATE mailbox SET counter = 0, running = ?", Hash{}));
  std::vector<TeamId> teams;
  LYSOEN_ASSIGN(auto query, db_.prepare("SELECT team FROM team ORDER BY id"));
  for (;;) {
    LYSOEN_ASSIGN(bool next, query.step());
    if (!next) break;
    teams.push_back(query.id<TeamId>(0));
  }
  for (const auto& team : teams) {
    LYSOEN_ASSIGN(auto* row, team_row(team));
    Hash restart =
        crypto::labelled_hash("lysoen/1 log restart", Writer().u64(row->log.size()).id(row->log.root()).bytes());
    Hash leaf = crypto::merkle_leaf(restart.view());
    row->log = crypto::MerkleLog();
    row->log.append(leaf);
    LYSOEN_TRY(db_.run("DELETE FROM log_leaf WHERE team = ?", row->id));
    LYSOEN_TRY(db_.run("INSERT INTO log_leaf VALUES(?, 0, ?)", row->id, leaf));
    LYSOEN_TRY(save_log(*row));
    LYSOEN_ASSIGN(
        auto listed,
        db_.prepare("SELECT device, audience, incarnation, last_ms FROM feed WHERE team = ? AND seq > 0 ORDER BY id"));
    listed.bind(row->id);
    std::vector<std::pair<FeedKey, uint64_t>> feeds;
    for (;;) {
      LYSOEN_ASSIGN(bool next, listed.step());
      if (!next) break;
      feeds.emplace_back(
          FeedKey{listed.id<DeviceId>(0), listed.id<AudienceId>(1), static_cast<uint32_t>(listed.integer(2))},
          static_cast<uint64_t>(listed.integer(3)));
    }
    for (const auto& [key, at_ms] : feeds) {
      LYSOEN_ASSIGN(auto feed, feed_row(row->id, key));
      LYSOEN_TRY(publish_again(*row, *feed, at_ms));
    }
  }
  return {};
}

}  // namespace lysoen::relay
