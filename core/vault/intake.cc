#include "core/vault/intake.h"

#include <algorithm>

#include "core/base/fault.h"
#include "core/base/try.h"
#include "core/feed/fork.h"
#include "core/feed/warrant.h"
#include "core/vault/outbox.h"
#include "core/vault/schema.h"

namespace lysoen::vault {

namespace {

AppendVerdict refused(FeedHead head, std::string reason) {
  return {AppendOutcome::refused, std::move(head), std::move(reason)};
}

}  // namespace

Result<void> add_notice(storage::Database& database, WallTime at, std::string_view notice) {
  return database.run("INSERT OR IGNORE INTO notices (at, notice) VALUES (?, ?)", at.time_since_epoch().count(),
                      notice);
}

Result<AppendVerdict> Intake::append(const Batch& batch) {
  FeedHead nothing{batch.feed, 0, {}};
  if (!membership_.in_team()) return refused(nothing, "this device is in no team");
  auto hashes = feed::verify_batch(batch);
  LYSOEN_ASSIGN(auto known, feeds_.find(batch.feed));
  if (!hashes) return refused(known ? known->head() : nothing, hashes.error().message);
  if (!known && batch.first_seq != 1) return AppendVerdict{AppendOutcome::gap_before, nothing, {}};
  if (!membership_.roster().find(batch.feed.device)) {
    LYSOEN_ASSIGN(auto why, no_room_for_unknown(!known));
    if (!why.empty()) return refused(known ? known->head() : nothing, std::move(why));
  }
  LYSOEN_ASSIGN(auto row, feeds_.require(batch.feed, batch.feed.device == membership_.device()));
  return store(row, batch, *hashes);
}

/// Counts what is kept unread, of members too: a strict bound, reached by strangers only.
Result<std::string> Intake::no_room_for_unknown(bool another_feed) {
  if (!unknown_bytes_) {
    LYSOEN_ASSIGN(auto bytes, database_.integer("SELECT sum(e.length) FROM feeds f JOIN entries e ON e.place BETWEEN "
                                                "(f.id << 40) AND (f.id << 40 | 1099511627775) WHERE f.own = 0 AND "
                                                "f.opened_seq = 0"));
    unknown_bytes_ = static_cast<size_t>(bytes.value_or(0));
  }
  LYSOEN_ASSIGN(auto count, database_.integer("SELECT count(*) FROM feeds WHERE own = 0 AND opened_seq = 0"));
  bool many = another_feed && static_cast<size_t>(count.value_or(0)) >= kUnknownFeedsMax;
  if (many || *unknown_bytes_ >= kUnknownBytesMax)
    return std::string("too much is kept already of devices that the roster does not name");
  return std::string();
}

Result<AppendVerdict> Intake::store(FeedRow& row, const Batch& batch, std::span<const Hash> hashes) {
  LYSOEN_ASSIGN(auto held, feeds_.block(row, feed::block_first(batch.first_seq)));
  auto plan = feed::plan_merge(held.state, held.stubs, held.gaps, batch, hashes);
  if (plan.outcome == AppendOutcome::forked || plan.new_from < batch.entries.size()) note_own_past(row);
  if (plan.outcome == AppendOutcome::forked) {
    LYSOEN_ASSIGN(bool kept, store_fork(row, batch, hashes, plan, held));
    auto reason = plan.reason;
    if (!kept) reason += "; more versions than are kept";
    AppendVerdict verdict{plan.outcome, row.head(), std::move(reason)};
    if (row.key.device == membership_.device()) {
      LYSOEN_ASSIGN(verdict.compare_from, parts_before(row));
    }
    return verdict;
  }
  if (plan.outcome != AppendOutcome::stored) return AppendVerdict{plan.outcome, row.head(), plan.reason};
  LYSOEN_TRY(store_entries(row, batch, hashes, plan));
  if (!opens(row)) return AppendVerdict{AppendOutcome::stored, row.head(), {}};
  LYSOEN_TRY(open_feed(row));
  for (size_t index : plan.replace) LYSOEN_TRY(open_late(row, batch.first_seq + index));
  if (!plan.replace.empty()) LYSOEN_TRY(judge_again(row, batch.first_seq + plan.replace.front()));
  return AppendVerdict{AppendOutcome::stored, row.head(), {}};
}

/// Of the last incarnation there is no later one; only somebody with a stolen key could have begun it.
void Intake::note_own_past(const FeedRow& row) {
  if (LYSOEN_FAULT(own_past_ignored)) return;
  uint32_t incarnation = row.key.incarnation;
  if (row.key.device != membership_.device() ||
      incarnation < std::max(membership_.incarnation(), own_past_.value_or(0)))
    return;
  if (incarnation != UINT32_MAX) own_past_ = incarnation;
}

/// A stub whose warrant does not hold is a gap, whatever it says.
SealedEntry Intake::checked(const FeedRow& row, uint64_t seq, const Hash& hash, SealedEntry entry) const {
  if (!entry.is_stub() || entry.warrant.empty()) return entry;
  std::vector<RelayId> relays;
  for (const auto& relay : membership_.roster().head.relays) relays.push_back(relay.id);
  auto state = feed::check_warrant(membership_.team(), {row.key, seq, hash}, entry.reason, entry.warrant, relays);
  if (state == feed::WarrantState::invalid) {
    entry.reason = StubReason::gap;
    entry.warrant.clear();
  }
  return entry;
}

Result<void> Intake::store_entries(FeedRow& row, const Batch& batch, std::span<const Hash> hashes,
                                   const feed::MergePlan& plan) {
  auto put = [&](size_t index) {
    uint64_t seq = batch.first_seq + index;
    if (unknown_bytes_) *unknown_bytes_ += batch.entries[index].length;
    return feeds_.put_entry(row, seq, hashes[index], checked(row, seq, hashes[index], batch.entries[index]));
  };
  for (size_t index : plan.replace) LYSOEN_TRY(put(index));
  for (size_t index = plan.new_from; index < batch.entries.size(); ++index) LYSOEN_TRY(put(index));
  if (plan.new_from < batch.entries.size()) LYSOEN_TRY(feeds_.set_head(row, batch.last_seq(), hashes.back()));
  if (plan.after) LYSOEN_TRY(feeds_.put_signature(row, *plan.after));
  return {};
}

/// Of an own feed that is forked: from where on the other version is to be seen, so that it is known where they part;
/// 0: it is. A batch tells if what it follows is what is held.
Result<uint64_t> Intake::parts_before(const FeedRow& row) {
  LYSOEN_ASSIGN(auto query, database_.prepare("SELECT place, batch FROM forks WHERE place BETWEEN ? AND ? AND batch <> "
                                              "x'' ORDER BY place LIMIT 1"));
  LYSOEN_ASSIGN(bool found, query.bind(place_of(row.id, 0), place_of(row.id, kSeqMax)).step());
  if (!found) return uint64_t{0};
  const uint64_t seq = seq_of(query.integer(0));
  LYSOEN_ASSIGN(auto batch, feed::decode_batch(query.blob(1)));
  return seq == 0 || batch.first_seq <= seq ? uint64_t{0} : feed::block_first(seq);
}

Result<bool> Intake::store_fork(const FeedRow& row, const Batch& batch, std::span<const Hash> hashes,
                                const feed::MergePlan& plan, const HeldBlock& held) {
  auto place = place_of(row.id, plan.fork_seq);
  LYSOEN_ASSIGN(auto count, database_.integer("SELECT count(*) FROM forks WHERE place BETWEEN ? AND ?",
                                              place_of(row.id, 0), place_of(row.id, kSeqMax)));
  if (static_cast<size_t>(count.value_or(0)) >= kForksPerFeedMax) {
    // Of an own one it matters most where the versions part.
    if (row.key.device != membership_.device()) return false;
    LYSOEN_TRY(
        database_.run("DELETE FROM forks WHERE place = (SELECT max(place) FROM forks WHERE place BETWEEN ?1 AND "
                      "?2) AND place > ?3",
                      place_of(row.id, 0), place_of(row.id, kSeqMax), place));
    if (database_.changes() == 0) return false;
  }
  // The proof of the held side speaks of the same place, if the block held is signed that far.
  Bytes proof;
  bool provable = plan.fork_seq >= held.state.first_seq && plan.fork_seq <= held.state.last_seq() &&
                  plan.fork_seq <= held.state.signed_seq;
  if (provable) {
    LYSOEN_ASSIGN(auto entry, feeds_.entry(row, plan.fork_seq));
    if (entry) {
      feed::Fork fork{plan.fork_seq, feed::prove_entry(row.key, held.state, plan.fork_seq, *entry),
                      feed::other_side(plan, batch, hashes)};
      proof = feed::encode_fork(fork);
    }
  }
  LYSOEN_TRY(database_.run("INSERT OR IGNORE INTO forks VALUES (?, ?, ?, ?)", place, hashes.back(), proof,
                           feed::encode_batch(batch)));
  LYSOEN_TRY(add_notice(database_, world_.clock.wall(),
                        "two versions of one feed are here: a device's key is in use in two places, or was stolen; "
                        "both versions are kept"));
  return true;
}

Result<void> Intake::take_up() {
  if (LYSOEN_FAULT(waiting_forgotten)) return {};
  LYSOEN_ASSIGN(auto rows, feeds_.all(false));
  for (auto& row : rows)
    if (row.opened_seq < row.head_seq && opens(row)) LYSOEN_TRY(open_feed(row));
  return rows_.project_waiting();
}

Result<void> Intake::finish() {
  for (int64_t row : touched_) LYSOEN_TRY(rows_.project(row, Words::now));
  touched_.clear();
  return {};
}

}  // namespace lysoen::vault
