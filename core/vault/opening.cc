// The reading half of the intake: from sealed entries to reports and levels.
#include <algorithm>

#include "core/base/fault.h"
#include "core/base/try.h"
#include "core/feed/body.h"
#include "core/vault/intake.h"
#include "core/vault/outbox.h"
#include "core/vault/schema.h"

namespace lysoen::vault {

/// Own entries too: those that come back after the storage went back in time are read like anybody's.
bool Intake::opens(const FeedRow& row) const {
  return membership_.reads(row.key.audience) && (row.own || membership_.roster().find(row.key.device) != nullptr);
}

/// The epoch is not named by the entry: those held are tried, newest first.
std::optional<feed::StreamReader> Intake::begin_reading(const FeedRow& row, uint64_t seq,
                                                        const SealedEntry& entry) const {
  const auto* newest = membership_.newest_epoch(row.key.audience);
  uint32_t epoch = newest ? newest->number : 1;
  for (; epoch > 0; --epoch) {
    const auto* keys = membership_.reading_key(row.key.audience, epoch);
    if (!keys) continue;
    feed::StreamPlace place{membership_.team(), row.key, epoch, keys->public_key};
    if (auto reader = feed::StreamReader::open(place, seq, entry, *keys)) return std::move(*reader);
  }
  return std::nullopt;
}

Result<void> Intake::open_feed(FeedRow& row) {
  std::optional<feed::StreamReader> reader;
  {
    LYSOEN_ASSIGN(auto query, database_.prepare("SELECT reader FROM feeds WHERE id = ?"));
    LYSOEN_ASSIGN(bool found, query.bind(row.id).step());
    if (found && !query.is_null(0)) {
      auto state = unwrap_stream(wrap_key_, row, membership_.team(), query.blob(0));
      if (state) {
        auto resumed = feed::StreamReader::resume(std::move(*state));
        if (resumed) reader.emplace(std::move(*resumed));
      }
    }
  }
  if (!reader && row.opened_seq > 0) {
    LYSOEN_ASSIGN(reader, stream_around(row, row.opened_seq));
  }
  for (uint64_t seq = row.opened_seq + 1; seq <= row.head_seq; ++seq) LYSOEN_TRY(open_place(row, seq, reader));
  row.opened_seq = row.head_seq;
  std::optional<Bytes> state;
  if (reader) state = wrap_stream(wrap_key_, row, reader->state(), world_.random);
  return database_.run("UPDATE feeds SET opened_seq = ?2, roster_seen = ?3, reader = ?4 WHERE id = ?1", row.id,
                       row.opened_seq, row.roster_seen, state);
}

Result<void> Intake::open_place(FeedRow& row, uint64_t seq, std::optional<feed::StreamReader>& reader) {
  LYSOEN_ASSIGN(auto entry, feeds_.entry(row, seq));
  if (!entry) return make_error(ErrorCode::damaged, "cannot read a feed: one of its entries is missing");
  if (entry->is_stub()) return set_aside(row, seq, "held back or lost: only its place in the feed arrived");
  if (entry->kind == EntryKind::stream) {
    reader = begin_reading(row, seq, *entry);
    return reader ? Result<void>() : set_aside(row, seq, "sealed to keys that this device does not hold");
  }
  if (!reader || !reader->reaches(seq)) return set_aside(row, seq, "the keys of its stream could not be opened");
  LYSOEN_ASSIGN(Hash prev, feeds_.hash_at(row, seq - 1));
  auto opened = reader->open_next(seq, prev, *entry, &dictionaries_());
  if (!opened) return set_aside(row, seq, opened.error().message);
  LYSOEN_TRY(feeds_.put_entry_key(row, seq, opened->entry_key.view()));
  return take_payload(row, seq, opened->payload);
}

/// The stream in which `seq` lies, from its beginning; nothing if its own entry is not here or does not open.
Result<std::optional<feed::StreamReader>> Intake::stream_around(const FeedRow& row, uint64_t seq) {
  std::optional<feed::StreamReader> reader;
  uint64_t lowest = seq > feed::kStreamEntriesMax ? seq - feed::kStreamEntriesMax : 1;
  LYSOEN_ASSIGN(auto begin, database_.integer("SELECT place FROM entries WHERE place BETWEEN ? AND ? AND kind = ? "
                                              "ORDER BY place DESC LIMIT 1",
                                              place_of(row.id, lowest), place_of(row.id, seq),
                                              static_cast<int>(EntryKind::stream)));
  if (!begin) return reader;
  LYSOEN_ASSIGN(auto stream, feeds_.entry(row, seq_of(*begin)));
  if (stream && !stream->is_stub()) reader = begin_reading(row, seq_of(*begin), *stream);
  return reader;
}

/// An entry that took the place of a stub after the feed had gone on: its stream is opened once more from its start.
Result<void> Intake::open_late(FeedRow& row, uint64_t seq) {
  if (seq > row.opened_seq) return {};
  LYSOEN_TRY(database_.run("DELETE FROM set_aside WHERE place = ?", place_of(row.id, seq)));
  LYSOEN_ASSIGN(auto reader, stream_around(row, seq));
  LYSOEN_ASSIGN(auto late, feeds_.entry(row, seq));
  if (!late || late->kind != EntryKind::stream) return open_place(row, seq, reader);
  if (!reader) return set_aside(row, seq, "sealed to keys that this device does not hold");
  // The stream's own entry came late: what hangs on it opens now.
  if (LYSOEN_FAULT(stream_stub_final)) return {};
  for (uint64_t later = seq + 1; reader && later <= row.opened_seq && reader->reaches(later); ++later) {
    LYSOEN_ASSIGN(auto entry, feeds_.entry(row, later));
    if (!entry || entry->kind == EntryKind::stream) break;
    LYSOEN_TRY(database_.run("DELETE FROM set_aside WHERE place = ?", place_of(row.id, later)));
    LYSOEN_TRY(open_place(row, later, reader));
  }
  return {};
}

Result<void> Intake::read_again() {
  std::vector<int64_t> places;
  {
    LYSOEN_ASSIGN(auto query, database_.prepare("SELECT s.place FROM set_aside s JOIN entries e ON e.place = s.place "
                                                "WHERE e.stub = 0 ORDER BY s.place"));
    for (;;) {
      LYSOEN_ASSIGN(bool more, query.step());
      if (!more) break;
      places.push_back(query.integer(0));
    }
  }
  for (int64_t place : places) {
    LYSOEN_ASSIGN(auto row, feeds_.row(feed_of(place)));
    if (!opens(row)) continue;
    LYSOEN_TRY(open_late(row, seq_of(place)));
    LYSOEN_ASSIGN(auto still, database_.integer("SELECT 1 FROM set_aside WHERE place = ?", place));
    if (!still) LYSOEN_TRY(judge_again(row, seq_of(place)));
  }
  return {};
}

/// What came late stands before edits that were judged without it, and its author has not been told that it was opened.
Result<void> Intake::judge_again(FeedRow& row, uint64_t first_late) {
  LYSOEN_ASSIGN(auto renamed, rows_.name_again(row.id));
  touched_.insert(renamed.rows.begin(), renamed.rows.end());
  row.roster_seen = renamed.roster_seen;
  if (!LYSOEN_FAULT(late_not_acknowledged)) row.acknowledged_seq = std::min(row.acknowledged_seq, first_late - 1);
  return database_.run("UPDATE feeds SET roster_seen = ?2, acknowledged_seq = ?3 WHERE id = ?1", row.id,
                       row.roster_seen, row.acknowledged_seq);
}

Result<void> Intake::set_aside(const FeedRow& row, uint64_t seq, std::string_view reason) {
  return database_.run("INSERT OR REPLACE INTO set_aside VALUES (?, ?)", place_of(row.id, seq), reason);
}

Result<void> Intake::take_payload(FeedRow& row, uint64_t seq, ByteView payload) {
  auto type = feed::payload_type(payload);
  if (!type) return set_aside(row, seq, type.error().message);
  Result<void> taken;
  if (*type == feed::PayloadType::edit && row.key.audience == membership_.team_audience()) {
    auto added = rows_.add_edit(payload.subspan(1), {row.key.device, place_of(row.id, seq), row.roster_seen, row.own});
    if (added) {
      row.roster_seen = std::max(row.roster_seen, added->roster_version);
      touched_.insert(added->row);
    } else {
      taken = std::move(added).error();
    }
  } else if (*type == feed::PayloadType::acknowledgement && row.key.audience == membership_.own_inbox()) {
    taken = take_acknowledgement(row, payload);
  } else if (*type == feed::PayloadType::read_marks && row.key.audience == membership_.own_inbox()) {
    taken = take_read_marks(row, payload);
  } else {
    taken = make_error(ErrorCode::input_refused, "this kind of record does not belong into this audience");
  }
  if (taken) return {};
  switch (taken.error().code) {
    case ErrorCode::input_refused:
    case ErrorCode::limit_exceeded:
    case ErrorCode::newer_version:
    case ErrorCode::trust_refused:
      return set_aside(row, seq, taken.error().message);
    default:
      return taken;  // the store itself failed
  }
}

Result<void> Intake::take_acknowledgement(const FeedRow& row, ByteView payload) {
  LYSOEN_ASSIGN(auto acknowledgement, feed::decode_acknowledgement(payload));
  const auto* signer = membership_.roster().find(row.key.device);
  if (!signer || !has(signer->role, Role::coordinator))
    return make_error(ErrorCode::trust_refused, "an acknowledgement of a device that is no coordinator");
  for (const auto& part : acknowledgement.feeds) {
    LYSOEN_ASSIGN(auto own, feeds_.find(part.feed));
    if (!own || !own->own || part.seq == 0) continue;
    if (part.seq > own->head_seq) {
      note_own_past(*own);
      continue;
    }
    LYSOEN_ASSIGN(Hash hash, feeds_.hash_at(*own, part.seq));
    if (hash != part.head) {
      LYSOEN_TRY(take_contradiction(*own, row.key.device, part.head));
      continue;
    }
    LYSOEN_TRY(
        database_.run("INSERT INTO acknowledgements VALUES (?1, ?2, ?3) ON CONFLICT (feed, device) DO UPDATE "
                      "SET seq = max(seq, ?3)",
                      own->id, row.key.device, part.seq));
    LYSOEN_TRY(database_.run("DELETE FROM not_opened WHERE place BETWEEN ? AND ? AND device = ?", place_of(own->id, 0),
                             place_of(own->id, part.seq), row.key.device));
    for (const auto& range : part.not_opened) {
      // Only places that exist: a hostile range must not fill the table.
      LYSOEN_TRY(database_.run(
          "INSERT OR IGNORE INTO not_opened SELECT place, ?3 FROM entries WHERE place BETWEEN ?1 "
          "AND ?2",
          place_of(own->id, range.first), place_of(own->id, std::min(range.last, part.seq)), row.key.device));
    }
  }
  return {};
}

/// A coordinator that holds another version of an own feed will not take what stands on this one: what it is not known
/// to have opened is issued again. So often only: a coordinator's word is no proof.
Result<void> Intake::take_contradiction(const FeedRow& own, const DeviceId& coordinator, const Hash& head) {
  LYSOEN_TRY(add_notice(database_, world_.clock.wall(),
                        "a coordinator holds another version of what this device sent; both are kept"));
  if (LYSOEN_FAULT(contradiction_ignored) || own.key.device != membership_.device()) return {};
  LYSOEN_ASSIGN(auto opened, database_.integer("SELECT seq FROM acknowledgements WHERE feed = ? AND device = ?", own.id,
                                               coordinator));
  const auto place = place_of(own.id, static_cast<uint64_t>(opened.value_or(0)) + 1);
  LYSOEN_ASSIGN(auto by_word, database_.integer("SELECT count(*) FROM forks WHERE batch = x''"));
  LYSOEN_ASSIGN(auto known, database_.integer("SELECT 1 FROM forks WHERE place BETWEEN ? AND ? LIMIT 1",
                                              place_of(own.id, 0), place));
  if (known || static_cast<size_t>(by_word.value_or(0)) >= kForksByWordMax) return {};
  LYSOEN_TRY(database_.run("INSERT OR IGNORE INTO forks VALUES (?, ?, x'', x'')", place, head));
  note_own_past(own);
  return {};
}

Result<void> Intake::take_read_marks(const FeedRow& row, ByteView payload) {
  LYSOEN_ASSIGN(auto marks, feed::decode_read_marks(payload));
  const auto* signer = membership_.roster().find(row.key.device);
  if (!signer || !reads_team(signer->role))
    return make_error(ErrorCode::trust_refused, "a read mark of a device that does not read the team's reports");
  for (const auto& report : marks.reports)
    LYSOEN_TRY(
        database_.run("UPDATE reports SET is_read = 1 WHERE id = (SELECT report FROM names WHERE name = ?)", report));
  return {};
}

}  // namespace lysoen::vault
