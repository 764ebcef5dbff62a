#include "core/vault/apply.h"

#include <algorithm>
#include <set>

#include "core/base/try.h"
#include "core/feed/body.h"
#include "core/vault/residue.h"
#include "core/vault/schema.h"

namespace lysoen::vault {

namespace {

struct Target {
  storage::Database& database;
  FeedStore feeds;
  ReportRows rows;
  std::set<int64_t> touched;  // reports to project
};

Result<void> apply_edit(Target& target, FeedRow& row, const OwnEntry& entry) {
  if (entry.payload.empty() || entry.payload[0] != static_cast<uint8_t>(feed::PayloadType::edit)) return {};
  EditSource source{row.key.device, place_of(row.id, entry.seq), row.roster_seen, true};
  LYSOEN_ASSIGN(auto added, target.rows.add_edit(ByteView(entry.payload).subspan(1), source));
  row.roster_seen = std::max(row.roster_seen, added.roster_version);
  target.touched.insert(added.row);
  return {};
}

Result<void> apply_entries(Target& target, const SaveRecord& record) {
  std::optional<FeedRow> row;
  auto leave = [&]() -> Result<void> {
    if (!row) return {};
    return target.database.run(
        "UPDATE feeds SET head_seq = ?2, head_hash = ?3, opened_seq = ?2, roster_seen = ?4 WHERE id = ?1", row->id,
        row->head_seq, row->head_hash, row->roster_seen);
  };
  for (const auto& entry : record.entries) {
    if (!row || row->key != entry.feed) {
      LYSOEN_TRY(leave());
      LYSOEN_ASSIGN(row, target.feeds.require(entry.feed, true));
    }
    if (entry.seq <= row->head_seq) continue;
    if (entry.seq != row->head_seq + 1) {
      // A repair that misses the save before: the entry has no place in the feed here, what it says is not lost with
      // it.
      LYSOEN_TRY(apply_edit(target, *row, entry));
      continue;
    }
    auto sealed = feed::whole_entry(entry.kind, entry.ciphertext);
    auto hash = feed::entry_hash(row->feed, entry.seq, row->head_hash, sealed);
    ByteView key = entry.kind == EntryKind::sealed ? ByteView(entry.entry_key) : ByteView();
    LYSOEN_TRY(target.feeds.put_entry(*row, entry.seq, hash, sealed, key));
    row->head_seq = entry.seq;
    row->head_hash = hash;
    LYSOEN_TRY(apply_edit(target, *row, entry));
  }
  return leave();
}

Result<void> apply_heads(Target& target, const SaveRecord& record) {
  for (const auto& head : record.heads) {
    LYSOEN_ASSIGN(auto row, target.feeds.require(head.feed, true));
    if (head.seq > row.head_seq) continue;  // of an entry that has no place
    feed::BlockState block;
    block.first_seq = feed::block_first(head.seq);
    block.signed_seq = head.seq;
    block.signed_head = head.hash;
    block.signature = head.signature;
    LYSOEN_TRY(target.feeds.put_signature(row, block));
  }
  return {};
}

Result<std::vector<Change>> said_by(const SavedDraft& draft) {
  auto said = draft.answers;
  if (draft.unsent_edit.empty()) return said;
  LYSOEN_ASSIGN(auto unsent, report::decode_edit(draft.unsent_edit));
  for (auto& change : changes_of(unsent)) said.push_back(std::move(change));
  return said;
}

/// Whether the draft as it is kept says something that it will not say any more.
Result<bool> takes_back(Target& target, const SavedDraft& draft) {
  LYSOEN_ASSIGN(auto row, target.rows.find(draft.draft));
  if (!row) return false;
  LYSOEN_ASSIGN(auto kept, target.rows.draft_of(*row));
  if (!kept) return false;
  LYSOEN_ASSIGN(auto before, said_by(*kept));
  LYSOEN_ASSIGN(auto after, said_by(draft));
  return std::any_of(before.begin(), before.end(), [&](const Change& change) {
    return change.value && std::find(after.begin(), after.end(), change) == after.end();
  });
}

Result<void> apply_drafts(Target& target, const SaveRecord& record) {
  // What is sent goes on to stand in its edits.
  bool residue = !record.ended.empty() && record.entries.empty();
  for (const auto& draft : record.drafts) {
    if (!residue) {
      LYSOEN_ASSIGN(residue, takes_back(target, draft));
    }
    LYSOEN_ASSIGN(int64_t row, target.rows.put_draft(draft));
    target.touched.insert(row);
  }
  for (const auto& ended : record.ended) LYSOEN_TRY(target.rows.end_draft(ended));
  return residue ? note_residue(target.database) : Result<void>();
}

}  // namespace

Result<void> apply_record(storage::Database& database, const SaveRecord& record, const team::RoleHistory& roles) {
  Target target{database, FeedStore(database), ReportRows(database, roles), {}};
  for (const auto& blob : record.blobs) LYSOEN_TRY(target.rows.put_blob(blob));
  LYSOEN_TRY(apply_drafts(target, record));
  LYSOEN_TRY(apply_entries(target, record));
  LYSOEN_TRY(apply_heads(target, record));
  for (const auto& report : record.read)
    LYSOEN_TRY(
        database.run("UPDATE reports SET is_read = 1 WHERE id = (SELECT report FROM names WHERE name = ?)", report));
  for (int64_t row : target.touched) LYSOEN_TRY(target.rows.project(row));
  return {};
}

}  // namespace lysoen::vault
