#include "sync/session/pull.h"

#include <algorithm>

#include "core/base/fault.h"
#include "core/base/try.h"
#include "core/feed/batch.h"
#include "core/feed/receipt.h"
#include "sync/session/compact.h"

namespace lysoen::session {

bool verify_points(const RelayId& relay, const TeamId& team, const std::vector<MailboxCursor>& asked,
                   const std::vector<wire::Verdict>& verdicts, const wire::MailboxPoints& points) {
  std::vector<MailboxCursor> list;
  for (const auto& cursor : asked) {
    uint64_t mailbox8 = wire::hash8(cursor.mailbox);
    bool refused = std::any_of(verdicts.begin(), verdicts.end(), [&](const auto& verdict) {
      return verdict.object == wire::VerdictObject::item && verdict.code == wire::VerdictCode::not_allowed &&
             verdict.hash8 == mailbox8;
    });
    if (refused) continue;
    MailboxCursor point = cursor;
    for (const auto& changed : points.changed)
      if (changed.mailbox8 == mailbox8) point = {cursor.mailbox, changed.store_epoch, changed.counter, changed.running};
    list.push_back(point);
  }
  return feed::verify_points(relay, team, list, points.signature);
}

namespace {
constexpr size_t kEntryFields = 16, kItemFields = 48;  // on the wire beside a ciphertext; of an item; about

/// Nonsense reads as nothing: the running hash will not fit then.
feed::SeqRanges missing_of(const wire::Item& item) {
  if (item.missing.empty()) return {};
  Reader reader(item.missing);
  auto ranges = feed::read_ranges(reader, item.last_seq);
  return reader.done() ? ranges : feed::SeqRanges{};
}
}  // namespace

Result<void> Pull::run(std::vector<PullPiece> pieces) {
  for (auto& piece : pieces)
    if (auto* batch = std::get_if<Batch>(&piece)) LYSOEN_TRY(take_batch(std::move(*batch)));
  for (auto& piece : pieces)
    if (auto* items = std::get_if<wire::MailboxItems>(&piece)) LYSOEN_TRY(begin(std::move(*items)));
  for (auto& listing : listings_) LYSOEN_TRY(settle(listing));
  return {};
}

Result<void> Pull::finish() {
  if (!listed_.empty()) {
    std::vector<FeedHead> heads;
    for (const auto& [feed, seq] : listed_) heads.push_back({feed, seq, {}});
    LYSOEN_TRY(peer_.take_listed(relay_, heads));
  }
  for (auto& listing : listings_) {
    if (!contradicted(listing.cursor)) {
      if (listing.cursor.list_only) {
        LYSOEN_TRY(go_through(listing));
      } else {
        result_.items_missing += listing.settled < listing.items.items.size();
      }
      continue;
    }
    result_.notes.push_back(
        "the relay's list of a mailbox contradicts what it signed: entries were taken, its place was not");
    for (const auto& asked : asked_)  // where it had moved before the point came
      if (asked.mailbox == listing.cursor.mailbox && listing.stored != asked)
        LYSOEN_TRY(peer_.set_cursor(relay_, asked));
  }
  return settle_unlisted();
}

/// What is here of a feed and there too need not be carried there. With gaps there it may be wanted.
void Pull::note_listed(const FeedKey& feed, const wire::Item& item) {
  if (feed.device == peer_.device() || !item.missing.empty()) return;
  uint64_t& seq = listed_[feed];
  seq = std::max(seq, item.last_seq);
}

Result<void> Pull::take_batch(Batch batch) {
  auto whole = complete(std::move(batch), {});
  if (!whole) {
    result_.notes.push_back("the relay sent a batch that cannot be read: set aside");
    return {};
  }
  auto& received = received_[whole->feed];
  LYSOEN_ASSIGN(auto before, store_.head(whole->feed));
  LYSOEN_ASSIGN(auto verdict, store_.append(*whole));
  uint64_t seq = whole->first_seq;
  for (const auto& hash : feed::hashes_of(*whole)) received.hashes[seq++] = hash;
  for (seq = whole->first_seq; const auto& entry : whole->entries)
    received.sizes[seq++] = kEntryFields + entry.ciphertext.size() + entry.warrant.size();
  received.last = std::max(received.last, whole->last_seq());
  switch (verdict.outcome) {
    case AppendOutcome::stored:
      if (verdict.head.seq > before.seq) result_.entries_stored += verdict.head.seq - before.seq;
      // Without a longer feed it took the place of stubs.
      count_use(received, verdict.head.seq > before.seq ? before.seq + 1 : whole->first_seq, whole->last_seq());
      break;
    case AppendOutcome::known:
      break;
    case AppendOutcome::gap_before:
      result_.gaps[whole->feed] = verdict.head.seq + 1;
      break;
    case AppendOutcome::forked:
      received.set_aside = true;
      result_.notes.push_back("two versions of an entry of one feed exist: both are kept");
      if (verdict.compare_from > 0) result_.gaps[whole->feed] = verdict.compare_from;
      break;
    case AppendOutcome::refused:
      received.set_aside = true;
      result_.notes.push_back("entries from the relay were set aside: " + verdict.reason);
      break;
  }
  return {};
}

const wire::Point* Pull::point_of(const AudienceId& mailbox) const {
  if (!points_) return nullptr;
  for (const auto& point : points_->changed)
    if (point.mailbox8 == wire::hash8(mailbox)) return &point;
  return nullptr;
}

bool Pull::unreadable(const FeedKey& feed, const wire::Item& item) const {
  return std::any_of(verdicts_.begin(), verdicts_.end(), [&](const auto& verdict) {
    return verdict.object == wire::VerdictObject::item && verdict.code == wire::VerdictCode::damaged &&
           verdict.feed == feed && verdict.first_seq == item.first_seq;
  });
}

/// That the relay holds what is here too is news once. What it lists again, or makes up, is not.
void Pull::count_listed(const FeedKey& feed, const wire::Item& item, uint64_t held) {
  const auto known = listed_before_.find(feed);
  const uint64_t before = known == listed_before_.end() ? 0 : known->second, last = std::min(item.last_seq, held);
  if (last <= before) return;
  listed_before_[feed] = last;
  result_.useful += kItemFields;
  if (auto received = received_.find(feed); received != received_.end()) count_use(received->second, before + 1, last);
}

void Pull::count_use(Received& received, uint64_t first, uint64_t last) {
  auto begin = received.sizes.lower_bound(first), end = received.sizes.upper_bound(last);
  for (auto one = begin; one != end; ++one) result_.useful += one->second;
  received.sizes.erase(begin, end);
}

/// Whether the cursor may move over this item; `head` is filled in.
Result<bool> Pull::settled(const wire::MailboxItems& items, const wire::Item& item, bool list_only, Hash& head) {
  const auto& feed = items.feeds[item.feed];
  auto received = received_.find(feed);
  head = item.head;
  if (head.is_none() && received != received_.end()) {
    auto hash = received->second.hashes.find(item.last_seq);
    if (hash != received->second.hashes.end()) head = hash->second;
  }
  if (head.is_none()) return false;  // the batch that carries it did not come
  if (unreadable(feed, item)) return true;
  LYSOEN_ASSIGN(auto held, store_.head(feed));
  count_listed(feed, item, held.seq);
  // Another version than is held is to be seen.
  const bool other = list_only && held.seq == item.last_seq && held.hash != head;
  if (held.seq >= item.last_seq && !other) return true;
  bool own = feed.device == peer_.device();
  bool delivered = received != received_.end() && received->second.last >= item.last_seq;
  // Something before it is missing: asked for by feed, so that one missing entry does not stop the mailbox.
  if (own || delivered) {
    if (own || !received->second.set_aside) result_.gaps[feed] = held.seq + 1;
    return true;
  }
  if (list_only) result_.gaps.try_emplace(feed, other ? item.first_seq : held.seq + 1);
  return false;
}

Result<void> Pull::begin(wire::MailboxItems items) {
  auto asked =
      std::find_if(asked_.begin(), asked_.end(), [&](const auto& cursor) { return cursor.mailbox == items.mailbox; });
  if (asked == asked_.end()) return {};
  MailboxCursor cursor = *asked;
  const bool begun_anew = items.first == 1 && items.store_epoch != asked->store_epoch && asked->counter > 0;
  if (items.first == 1) {
    if (items.store_epoch == asked->store_epoch && asked->counter > 0 && !LYSOEN_FAULT(restart_unsaid))
      result_.notes.push_back(
          "the relay's list of a mailbox contradicts what it signed before: it is read again from its beginning");
    cursor = {items.mailbox, items.store_epoch, 0, {}, begun_anew || asked->list_only};
  } else if (items.store_epoch != cursor.store_epoch || items.first != cursor.counter + 1) {
    result_.notes.push_back("the relay listed a mailbox from a place that was not asked for: passed over");
    return {};
  }
  if (begun_anew) LYSOEN_TRY(peer_.begun_anew(relay_, items.mailbox, false));
  listings_.push_back({std::move(items), cursor, *asked, begun_anew});
  return {};
}

Result<void> Pull::settle(Listing& listing) {
  const auto& items = listing.items;
  auto& cursor = listing.cursor;
  for (; listing.settled < items.items.size(); ++listing.settled) {
    const auto& item = items.items[listing.settled];
    Hash head;
    LYSOEN_ASSIGN(bool over, settled(items, item, cursor.list_only, head));
    if (!over && !LYSOEN_FAULT(cursor_ahead)) break;
    note_listed(items.feeds[item.feed], item);
    ++cursor.counter;
    feed::MailboxItem layout{
        cursor.counter, feed::feed_id(items.feeds[item.feed]), item.first_seq, item.last_seq, head, missing_of(item)};
    cursor.running = feed::running_hash(cursor.running, layout);
  }
  if (contradicted(cursor)) return {};
  LYSOEN_TRY(move(listing.stored, cursor));
  listing.stored = cursor;
  return {};
}

/// Notes what else the list names that is not here. The list alone is asked for until its end is reached, or until the
/// relay gives nothing of what it names: then as with any mailbox.
Result<void> Pull::go_through(Listing& listing) {
  const auto& items = listing.items.items;
  Hash head;
  for (size_t i = listing.settled; i < items.size(); ++i)
    if (auto over = settled(listing.items, items[i], true, head); !over) return std::move(over).error();
  const auto* point = point_of(listing.items.mailbox);
  const bool open = !point || listing.cursor.counter < point->counter;
  const bool further = listing.begun_anew || listing.settled > 0 || result_.entries_stored > 0;
  listing.cursor.list_only = open && further;
  if (!open) LYSOEN_TRY(peer_.begun_anew(relay_, listing.items.mailbox, true));
  result_.list_open = result_.list_open || open;
  return move(listing.stored, listing.cursor);
}

/// A mailbox without items still has a point: the cursor learns the store's epoch.
Result<void> Pull::settle_unlisted() {
  for (const auto& cursor : asked_) {
    const auto* point = point_of(cursor.mailbox);
    if (!point || point->counter != 0 || point->store_epoch == cursor.store_epoch) continue;
    LYSOEN_TRY(move(cursor, {cursor.mailbox, point->store_epoch, 0, {}}));
  }
  return {};
}

Result<void> Pull::move(const MailboxCursor& from, const MailboxCursor& to) {
  if (from == to) return {};
  LYSOEN_TRY(peer_.set_cursor(relay_, to));
  ++result_.cursors_moved;
  return {};
}

/// Whether the point that the relay signed says otherwise.
bool Pull::contradicted(const MailboxCursor& cursor) const {
  const auto* point = point_of(cursor.mailbox);
  return point && point->store_epoch == cursor.store_epoch &&
         (point->counter < cursor.counter || (point->counter == cursor.counter && point->running != cursor.running));
}

}  // namespace lysoen::session
