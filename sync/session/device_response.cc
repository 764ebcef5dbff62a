// The answer: first everything is opened and decoded, then it is applied. An answer that was changed on the way changes
// nothing; one that was cut counts as far as it is whole.
#include <algorithm>

#include "core/base/bytes.h"
#include "core/base/check.h"
#include "core/base/fault.h"
#include "core/base/try.h"
#include "core/feed/entry.h"
#include "core/feed/receipt.h"
#include "sync/session/answer.h"
#include "sync/session/device_state.h"
#include "sync/session/keys.h"

namespace lysoen::session {

using wire::VerdictCode;
using wire::VerdictObject;
using State = DeviceExchange::State;

namespace {

constexpr size_t kWorthStoring = 8 * 1024;  // of batches and chunks in an answer that still comes
constexpr int kPause = 3;                   // times as long as storing took: a quarter of the time may go into that

/// Applies one answer.
class Applier {
 public:
  /// All three outlive it.
  Applier(State& state, const State::Sent& sent, State::Coming& coming)
      : s_(state), sent_(sent), coming_(coming), answer_(coming.reader.answer()), out_(coming.so_far) {}
  /// In the middle of an answer: what proves itself. What is left says a later portion, or apply().
  Result<void> portion();
  /// The rest, once it has ended.
  Result<ExchangeOutcome> apply();

 private:
  Result<void> check_signed();
  bool says(VerdictCode code) const;
  std::optional<Error> turned_away() const;
  Result<void> take_verdicts();
  Result<void> take_batch_verdict(const wire::Verdict& verdict);
  Result<void> take_receipts();
  Result<void> take_frontiers();
  Result<void> compare_own(const std::map<FeedKey, FeedHead>& at_relay);
  void ask_for_own(const FeedKey& feed, uint64_t first_seq);
  Result<void> take_rosters();
  Result<void> pull();
  Result<void> take_blob_states();
  Result<void> take_chunks();
  void take_blob_verdict(const wire::Verdict& verdict);
  Result<void> finish_errands();
  Result<void> notice_new_epoch();
  Result<void> count_left();
  Result<void> count_blobs_left();
  Result<void> note_withheld();
  uint64_t entry_size() const { return s_.entries_put > 0 ? std::max<uint64_t>(s_.bytes_put / s_.entries_put, 1) : 1; }
  void count_chunks(const ProvenChunks& chunks);
  bool progressed() const {
    return out_.entries_received > 0 || out_.entries_sent > 0 || out_.rosters > 0 || cursors_moved_ > 0 ||
           out_.chunks_sent > 0 || out_.chunks_received > 0 || out_.blobs_held > 0;
  }

  State& s_;
  const State::Sent& sent_;
  State::Coming& coming_;
  Answer& answer_;
  ExchangeOutcome& out_;
  std::optional<Error> relay_failure_, bad_receipt_;
  std::set<uint64_t> refused_objects_;
  uint64_t cursors_moved_ = 0;
  bool learned_ = false;      // something that makes another request different
  bool list_open_ = false;    // a mailbox of a new epoch is not gone through
  bool own_differs_ = false;  // the relay holds own entries that are not here
};

Result<void> Applier::portion() {
  if (turned_away() || coming_.pull_failure || coming_.chunk_failure) return {};
  LYSOEN_TRY(check_signed());
  LYSOEN_TRY(take_rosters());
  if (!answer_.pieces.empty()) {
    coming_.pulled = true;
    LYSOEN_TRY(s_.peer.begin_intake());
    auto pulled = coming_.pull.run(std::exchange(answer_.pieces, {}));
    auto settled = s_.peer.settle_intake();
    if (!pulled || !settled) {
      coming_.pull_failure = pulled ? std::move(settled).error() : std::move(pulled).error();
      return {};
    }
  }
  coming_.reader.take_chunks();
  if (auto taken = take_chunks(); !taken) coming_.chunk_failure = std::move(taken).error();
  return {};
}

Result<ExchangeOutcome> Applier::apply() {
  LYSOEN_TRY(check_signed());
  if (auto error = turned_away()) {
    // The device is a member, so an admission list is lost: an admin brings all of them again.
    if (says(VerdictCode::device_unknown)) LYSOEN_TRY(s_.peer.errands_undone(s_.relay.id));
    return *error;
  }
  for (const auto& key : answer_.keys) LYSOEN_TRY(s_.peer.set_exchange_key(s_.relay.id, key));
  out_.frames_unknown = answer_.unknown;
  out_.cut = !answer_.ended;
  LYSOEN_TRY(take_verdicts());
  LYSOEN_TRY(take_rosters());
  LYSOEN_TRY(take_receipts());
  LYSOEN_TRY(take_frontiers());
  LYSOEN_TRY(pull());
  for (const auto& request : answer_.join_requests) {
    LYSOEN_TRY(s_.peer.take_join_request(request));
    ++out_.join_requests;
  }
  LYSOEN_TRY(finish_errands());
  LYSOEN_TRY(notice_new_epoch());
  LYSOEN_TRY(take_blob_states());
  if (answer_.false_chunks) out_.notes.push_back("the relay sent pieces of an attachment that are not it: dropped");
  LYSOEN_TRY(take_chunks());
  LYSOEN_TRY(count_left());
  LYSOEN_TRY(count_blobs_left());
  LYSOEN_TRY(note_withheld());
  // What failed does not hide what was done: an error only if nothing was.
  for (auto* failure : {&relay_failure_, &bad_receipt_}) {
    if (!*failure) continue;
    // Of a feed that the relay holds otherwise than this device no receipt fits; that is being settled.
    bool expected = failure == &bad_receipt_ && own_differs_;
    if (!progressed() && !expected) return **failure;
    out_.notes.push_back((*failure)->message);
  }
  return std::move(out_);
}

/// Before anything is changed: what the relay's identity must have signed.
Result<void> Applier::check_signed() {
  for (const auto& key : answer_.keys)
    if (!read_certified_key(s_.relay.id, key))
      return make_error(ErrorCode::trust_refused, "the relay sent an exchange key that its identity did not sign",
                        "check the relay's key with your admin");
  if (!answer_.points) return {};
  if (!verify_points(s_.relay.id, s_.peer.team(), sent_.cursors, answer_.verdicts, *answer_.points))
    return make_error(ErrorCode::trust_refused, "the relay's statement about mailboxes is not signed by its identity",
                      "check the relay's key with your admin");
  return {};
}

bool Applier::says(VerdictCode code) const {
  return std::any_of(answer_.verdicts.begin(), answer_.verdicts.end(), [&](const auto& verdict) {
    return verdict.object == VerdictObject::exchange && verdict.code == code;
  });
}

std::optional<Error> Applier::turned_away() const {
  for (const auto& verdict : answer_.verdicts) {
    if (verdict.object != VerdictObject::exchange) continue;
    switch (verdict.code) {
      case VerdictCode::team_unknown:
        return make_error(ErrorCode::trust_refused, "the relay does not serve this team",
                          "its operator admits a team with `lysoen-relay team add` and the team's key");
      case VerdictCode::device_unknown:
        return make_error(ErrorCode::trust_refused, "the relay does not know this device",
                          "an admin of the team has to sync first, so that the relay learns of this device");
      case VerdictCode::versions:
        return make_error(ErrorCode::newer_version, "the relay speaks version " + std::to_string(verdict.number) +
                                                        " of the protocol, this device up to " +
                                                        std::to_string(wire::kVersion));
      default:
        break;
    }
  }
  return std::nullopt;
}

Result<void> Applier::take_verdicts() {
  for (const auto& verdict : answer_.verdicts) {
    switch (verdict.object) {
      case VerdictObject::batch:
        LYSOEN_TRY(take_batch_verdict(verdict));
        continue;
      case VerdictObject::roster:
      case VerdictObject::admission_list:
      case VerdictObject::welcome:
        refused_objects_.insert(verdict.hash8);
        s_.refused_objects.insert(verdict.hash8);
        out_.notes.push_back("the relay did not take what an admin sent: " + describe(verdict.code));
        continue;
      case VerdictObject::item:
        ++out_.items_missing;
        continue;
      case VerdictObject::join:
        continue;
      case VerdictObject::blob:
        take_blob_verdict(verdict);
        continue;
      case VerdictObject::exchange:
        break;
    }
    switch (verdict.code) {
      case VerdictCode::cut:
        out_.cut = true;
        break;
      case VerdictCode::two_places:
        out_.two_places = true;
        out_.notes.push_back("the relay has seen this device's identity in two places");
        [[fallthrough]];
      case VerdictCode::stale_counter:
        out_.counter_stale = true;
        learned_ = true;
        LYSOEN_TRY(s_.peer.raise_counter(s_.relay.id, verdict.number));
        break;
      case VerdictCode::storage_full:
        relay_failure_ = make_error(ErrorCode::storage_full, "cannot store at the relay: the relay's disk is full",
                                    "everything stays on this device; tell the relay's operator");
        break;
      case VerdictCode::storage_read_only:
        relay_failure_ =
            make_error(ErrorCode::storage_read_only, "cannot store at the relay: the relay's store is read-only",
                       "everything stays on this device; tell the relay's operator");
        break;
      case VerdictCode::storage_failed:
        relay_failure_ = make_error(ErrorCode::io_failed, "cannot store at the relay: the relay's store failed",
                                    "everything stays on this device; tell the relay's operator");
        break;
      default:
        out_.notes.push_back("the relay says: " + describe(verdict.code));
        break;
    }
  }
  return {};
}

Result<void> Applier::take_batch_verdict(const wire::Verdict& verdict) {
  FeedKey feed = verdict.feed;
  if (feed.device.is_none()) feed.device = s_.peer.device();
  if (verdict.code == VerdictCode::gap_before) {
    uint64_t& has = s_.relay_has.try_emplace(feed, verdict.number).first->second;
    learned_ = learned_ || has >= verdict.number;
    has = verdict.number;
    auto confirmed = sent_.confirmed.find(feed);
    if (confirmed != sent_.confirmed.end() && confirmed->second > verdict.number) out_.relay_lost_data = true;
    return {};
  }
  out_.refused.push_back({feed, verdict.first_seq, verdict.last_seq, describe(verdict.code)});
  if (verdict.code == VerdictCode::forked)
    out_.notes.push_back("the relay holds another version of an entry of one feed: both are kept");
  if (verdict.code == VerdictCode::forked && feed.device == s_.peer.device())
    ask_for_own(feed, std::min(verdict.first_seq, verdict.number));
  auto [at, added] = s_.refused.try_emplace(feed, verdict.first_seq);
  if (added && sent_.confirmed.count(feed) != 0) ++out_.useful;
  at->second = std::min(at->second, verdict.first_seq);
  return {};
}

Result<void> Applier::take_receipts() {
  for (const auto& receipt : answer_.receipts) {
    auto taken = s_.peer.take_receipt(s_.relay.id, receipt);
    if (!taken && taken.error().code != ErrorCode::trust_refused) return std::move(taken).error();
    if (!taken) {
      bad_receipt_ = std::move(taken).error();
      continue;
    }
    ++out_.receipts;
    auto read = feed::decode_receipt(receipt);
    if (!read) continue;
    if (read->log_size > s_.log_size) s_.log_size = read->log_size, s_.log_root8 = wire::hash8(read->log_root);
    // Of what the relay had lost it holds so much again, whether or not that was confirmed before.
    auto lost = s_.relay_has.find(read->feed);
    const uint64_t holds = read->missing.empty() ? read->seq : read->missing.front().first - 1;
    if (LYSOEN_FAULT(refill_without_end)) continue;
    if (lost == s_.relay_has.end() || holds <= lost->second) continue;
    uint64_t& most = s_.refilled.try_emplace(read->feed, lost->second).first->second;
    if (holds > most) out_.useful += (holds - most) * entry_size(), most = holds;
    lost->second = holds, learned_ = true;
  }
  for (const auto& head : sent_.heads) {
    LYSOEN_ASSIGN(uint64_t confirmed, s_.peer.confirmed(s_.relay.id, head.feed));
    uint64_t before = sent_.confirmed.at(head.feed);
    if (confirmed > before) out_.entries_sent += confirmed - before, out_.useful += (confirmed - before) * entry_size();
    auto lost = s_.relay_has.find(head.feed);
    if (lost != s_.relay_has.end() && (confirmed > before || lost->second >= confirmed)) s_.relay_has.erase(lost);
  }
  return {};
}

/// What the relay says it has of this device's feeds. Less than it signed for: it lost data and gets it again.
Result<void> Applier::take_frontiers() {
  for (const auto& frontier : answer_.frontiers) {
    if (frontier.highest_counter > 0) LYSOEN_TRY(s_.peer.raise_counter(s_.relay.id, frontier.highest_counter));
    std::map<FeedKey, FeedHead> has;
    for (auto head : frontier.heads) {
      if (head.feed.device.is_none()) head.feed.device = s_.peer.device();
      has[head.feed] = head;
    }
    LYSOEN_TRY(compare_own(has));
    for (const auto& head : sent_.heads) {
      if (head.feed.device != s_.peer.device()) continue;
      uint64_t confirmed = sent_.confirmed.at(head.feed);
      auto said = has.find(head.feed);
      uint64_t held = said == has.end() ? 0 : said->second.seq;
      if (held >= confirmed || (said == has.end() && frontier.heads.size() == wire::kFrontierHeadsMax)) continue;
      out_.relay_lost_data = true;
      auto [at, added] = s_.relay_has.try_emplace(head.feed, held);
      learned_ = learned_ || added || held != at->second;
      at->second = held;
    }
  }
  if (out_.relay_lost_data) out_.notes.push_back("the relay holds less than it signed for: it is sent again");
  return {};
}

/// Own entries that are not here: this device's storage went back in time. They are fetched, so that the store learns
/// of it before it uses a sequence number twice.
Result<void> Applier::compare_own(const std::map<FeedKey, FeedHead>& at_relay) {
  for (const auto& [feed, head] : at_relay) {
    if (feed.device != s_.peer.device()) continue;
    LYSOEN_ASSIGN(auto here, s_.store.head(feed));
    bool other = head.seq == here.seq && head.seq > 0 && !head.hash.is_none() && head.hash != here.hash;
    if (head.seq <= here.seq && !other) continue;
    out_.notes.push_back("the relay holds entries of this device that are not here: is this an older copy of it?");
    ask_for_own(feed, other ? head.seq : here.seq + 1);
  }
  return {};
}

void Applier::ask_for_own(const FeedKey& feed, uint64_t first_seq) {
  own_differs_ = true;
  if (sent_.asked.count(feed) != 0 || first_seq == 0) return;
  // Asked before, and nothing came that moves it: asked by the next sync.
  uint64_t& asked = s_.own_asked[feed];
  if (asked == first_seq) return;
  asked = first_seq;
  s_.gaps[feed] = first_seq;
  learned_ = true;
}

Result<void> Applier::take_rosters() {
  if (answer_.rosters.empty()) return {};
  LYSOEN_ASSIGN(auto before, s_.peer.roster_point());
  for (const auto& roster : answer_.rosters) {
    LYSOEN_TRY(s_.peer.take_roster(roster));
    ++out_.rosters;
  }
  LYSOEN_ASSIGN(auto after, s_.peer.roster_point());
  for (const auto& roster : answer_.rosters)
    if (roster.version > before.version && roster.version <= after.version) out_.useful += roster.sealed.size();
  answer_.rosters.clear();
  return {};
}

Result<void> Applier::pull() {
  s_.gaps_asked = s_.gaps_asked || sent_.gaps_asked;
  if (coming_.pull_failure) return *coming_.pull_failure;
  if (answer_.pieces.empty() && !answer_.points && !coming_.pulled) return {};
  LYSOEN_TRY(s_.peer.begin_intake());
  auto pulled = coming_.pull.run(std::exchange(answer_.pieces, {}));
  if (pulled) pulled = coming_.pull.finish();
  auto ended = s_.peer.end_intake();
  if (!pulled) return pulled;
  if (!ended) return ended;
  const auto& result = coming_.pull.result();
  out_.entries_received += result.entries_stored;
  out_.items_missing += result.items_missing;
  out_.useful += result.useful;
  cursors_moved_ = result.cursors_moved;
  list_open_ = result.list_open;
  out_.notes.insert(out_.notes.end(), result.notes.begin(), result.notes.end());
  for (const auto& [feed, first] : sent_.asked)
    s_.gaps.erase(feed);  // once; again if there is news, or from earlier on
  for (const auto& [feed, first] : result.gaps) {
    auto asked = sent_.asked.find(feed);
    if (asked != sent_.asked.end() && first >= asked->second && result.entries_stored == 0) continue;
    s_.gaps[feed] = first;
    learned_ = true;
  }
  return {};
}

void Applier::take_blob_verdict(const wire::Verdict& verdict) {
  for (const auto& asked : sent_.blobs_asked)
    if (wire::hash8(asked.name.blob) == verdict.hash8) s_.blobs_not_there.insert(asked.name);
  if (verdict.code == VerdictCode::not_held) return;
  bool sent = false;
  for (const auto& run : sent_.runs)
    if (wire::hash8(run.name.blob) == verdict.hash8) s_.blobs_refused.insert(run.name), sent = true;
  out_.notes.push_back(
      std::string(sent ? "the relay did not take an attachment: " : "an attachment cannot be had from the relay: ") +
      describe(verdict.code));
}

/// What the relay holds by now; nothing that it said before counts any more.
Result<void> Applier::take_blob_states() {
  const auto before = std::exchange(s_.blobs_at_relay, {});
  for (const auto& state : answer_.blobs) {
    const auto& names = sent_.blobs_offered;
    const bool offered = std::find(names.begin(), names.end(), state.name) != names.end();
    if (!state.receipt.empty()) {
      auto taken = s_.peer.blobs() ? s_.peer.blobs()->take_blob_receipt(s_.relay.id, state.receipt) : Result<void>();
      if (!taken && taken.error().code != ErrorCode::trust_refused) return taken;
      if (!taken) bad_receipt_ = std::move(taken).error();
      if (taken) ++out_.blobs_held, out_.useful += offered;
    }
    // A blob of one chunk goes without asking; of others it was known.
    auto known_before = before.find(state.name);
    const bool unknown = known_before == before.end();
    const uint64_t held = blob::count(state.held), known = unknown ? 0 : blob::count(known_before->second);
    const bool brought =
        std::any_of(sent_.runs.begin(), sent_.runs.end(), [&](const ChunkRun& run) { return run.name == state.name; });
    if (brought && held > known) out_.chunks_sent += held - known;
    if (offered) {
      uint64_t& most = s_.chunks_at_relay.try_emplace(state.name, known).first->second;
      if (held > most) out_.useful += (held - most) * kChunkSize, most = held;
    }
    if (!brought) learned_ = learned_ || unknown;
    // What went whole and is not there would be sent for ever.
    if (brought && held <= known && answer_.ended && !out_.cut) s_.blobs_refused.insert(state.name);
    s_.blobs_at_relay[state.name] = state.held;
  }
  return {};
}

/// After everything else, so that a disk that takes no more of them loses no text.
Result<void> Applier::take_chunks() {
  if (coming_.chunk_failure) return *coming_.chunk_failure;
  auto brought = std::exchange(answer_.chunks, {});
  if (!s_.peer.blobs()) return {};
  for (const auto& chunks : brought) {
    count_chunks(chunks);
    LYSOEN_TRY(s_.peer.blobs()->take_chunks(chunks));
    LYSOEN_TRY(s_.peer.blobs()->take_served(s_.relay.id, chunks.name));
    out_.chunks_received += chunks.chunks.size();
    s_.blobs_not_there.erase(chunks.name);
  }
  return {};
}

/// Of use is what was asked for, once.
void Applier::count_chunks(const ProvenChunks& chunks) {
  auto asked = std::find_if(sent_.blobs_asked.begin(), sent_.blobs_asked.end(),
                            [&](const WantedBlob& one) { return one.name == chunks.name; });
  if (asked == sent_.blobs_asked.end()) return;
  auto& held = s_.chunks_here.try_emplace(chunks.name, asked->held).first->second;
  const uint64_t before = blob::count(held);
  blob::add(held, {chunks.first, chunks.first + static_cast<uint32_t>(chunks.chunks.size())});
  out_.useful += (blob::count(held) - before) * kChunkSize;
}

Result<void> Applier::count_blobs_left() {
  auto* blobs = s_.peer.blobs();
  if (!blobs) return {};
  LYSOEN_ASSIGN(out_.blobs_left, blobs->blobs_left(s_.relay.id));
  if (!sent_.attachments) return {};
  LYSOEN_ASSIGN(auto outgoing, blobs->outgoing_blobs(s_.relay.id, s_.blobs_refused.size() + 1));
  bool open = std::any_of(outgoing.begin(), outgoing.end(),
                          [&](const BlobName& name) { return s_.blobs_refused.count(name) == 0; });
  // Offered and not answered for: the relay does not know of attachments.
  bool heard = sent_.blobs_offered.empty() || !answer_.blobs.empty() || out_.cut;
  out_.more_to_send = out_.more_to_send || (!relay_failure_ && open && heard);
  LYSOEN_ASSIGN(auto wanted, blobs->wanted_blobs(s_.blobs_not_there.size() + 1));
  bool asking = std::any_of(wanted.begin(), wanted.end(),
                            [&](const WantedBlob& one) { return s_.blobs_not_there.count(one.name) == 0; });
  // Not asked for yet, or more of them to come.
  bool fresh = asking && (sent_.blobs_asked.empty() || out_.chunks_received > 0 || out_.entries_received > 0);
  out_.more_to_fetch = out_.more_to_fetch || fresh;
  return {};
}

Result<void> Applier::finish_errands() {
  // Of a request that was cut they may not have come, in an answer that was cut a refusal may be missing: they are
  // offered again, which is harmless.
  if (relay_failure_ || out_.cut) return {};
  RelayErrands done = sent_.errands;
  done.fetch_join_requests = false;
  auto drop = [&](auto& list, auto hash8_of) {
    list.erase(std::remove_if(list.begin(), list.end(),
                              [&](const auto& object) { return refused_objects_.count(hash8_of(object)) != 0; }),
               list.end());
  };
  drop(done.admission_lists, object_hash8);
  drop(done.welcomes, object_hash8);
  drop(done.rosters, [](const SealedRoster& roster) { return wire::hash8(roster.hash); });
  if (done.admission_lists.empty() && done.welcomes.empty() && done.rosters.empty()) return {};
  learned_ = true;
  auto count = [&](uint64_t hash8, size_t size) {
    if (s_.errands_done.insert(hash8).second) out_.useful += size;
  };
  for (const auto* objects : {&done.admission_lists, &done.welcomes})
    for (const auto& object : *objects) count(object_hash8(object), object.size());
  for (const auto& roster : done.rosters) count(wire::hash8(roster.hash), roster.sealed.size());
  return s_.peer.errands_done(s_.relay.id, done);
}

/// A relay whose mailboxes begin a new epoch was put back to an older day: rosters and lists since then are lost, too.
Result<void> Applier::notice_new_epoch() {
  if (!answer_.points) return {};
  const auto& points = answer_.points->changed;
  bool begun = std::any_of(sent_.cursors.begin(), sent_.cursors.end(), [&](const MailboxCursor& cursor) {
    return cursor.store_epoch != 0 && std::any_of(points.begin(), points.end(), [&](const wire::Point& point) {
             return point.mailbox8 == wire::hash8(cursor.mailbox) && point.store_epoch != cursor.store_epoch;
           });
  });
  if (!begun) return {};
  learned_ = true;
  return s_.peer.errands_undone(s_.relay.id);
}

Result<void> Applier::count_left() {
  LYSOEN_ASSIGN(auto heads, s_.peer.outgoing_heads());
  bool sendable = false;
  for (const auto& head : heads) {
    LYSOEN_ASSIGN(uint64_t confirmed, s_.peer.confirmed(s_.relay.id, head.feed));
    uint64_t first = s_.first_to_send(head.feed, confirmed), end = s_.end_of_sendable(head);
    if (first < end) out_.entries_left += end - first, sendable = true;
  }
  // Asking the store for every size would read all of them, each time.
  if (s_.entries_put > 0) out_.bytes_left = out_.entries_left * s_.bytes_put / s_.entries_put;
  LYSOEN_ASSIGN(auto errands, s_.peer.errands(s_.relay.id));
  auto open = [&](const auto& list, auto hash8_of) {
    return std::any_of(list.begin(), list.end(),
                       [&](const auto& object) { return s_.refused_objects.count(hash8_of(object)) == 0; });
  };
  bool objects = open(errands.admission_lists, object_hash8) || open(errands.welcomes, object_hash8) ||
                 open(errands.rosters, [](const SealedRoster& roster) { return wire::hash8(roster.hash); });
  // What was offered and neither taken nor refused is not offered again and again.
  bool fruitless = sent_.batches && out_.entries_sent == 0 && out_.refused.empty() && !learned_;
  out_.more_to_send = !relay_failure_ && ((sendable && !fruitless) || (objects && learned_) || !s_.gaps.empty());
  out_.more_to_fetch = (answer_.more && (progressed() || learned_)) || list_open_ || out_.cut;
  return {};
}

/// When there is no use in asking on, every cursor stands where the relay signed that the mailbox ends.
Result<void> Applier::note_withheld() {
  if (!answer_.points || out_.more_to_fetch) return {};
  LYSOEN_ASSIGN(auto cursors, s_.peer.cursors(s_.relay.id));
  bool withheld = std::any_of(cursors.begin(), cursors.end(), [&](const MailboxCursor& cursor) {
    const auto& points = answer_.points->changed;
    return std::any_of(points.begin(), points.end(), [&](const wire::Point& point) {
      bool same_store = point.store_epoch == cursor.store_epoch;
      return point.mailbox8 == wire::hash8(cursor.mailbox) && point.counter > (same_store ? cursor.counter : 0);
    });
  });
  if (withheld) out_.notes.push_back("the relay signed for more in a mailbox than it brings: something is held back");
  return {};
}

}  // namespace

void DeviceExchange::part(ByteView so_far) {
  auto& s = *state_;
  if (!s.sent || LYSOEN_FAULT(answers_taken_at_their_end)) return;
  if (!s.coming) s.coming = std::make_unique<State::Coming>(s, *s.sent);
  auto& coming = *s.coming;
  if (!coming.reader.read(so_far) || coming.reader.waiting() < kWorthStoring) return;
  const auto began = s.environment.clock.monotonic();
  if (began - coming.last_end < kPause * coming.last_took) return;
  if (auto taken = Applier(s, *s.sent, coming).portion(); !taken) coming.pull_failure = std::move(taken).error();
  coming.last_end = s.environment.clock.monotonic();
  coming.last_took = coming.last_end - began;
}

Result<ExchangeOutcome> DeviceExchange::response(ByteView answer) {
  auto& s = *state_;
  LYSOEN_CHECK(s.sent != nullptr);
  if (!s.coming) s.coming = std::make_unique<State::Coming>(s, *s.sent);
  auto opened = s.coming->reader.finish(answer);
  if (!opened) {
    s.coming.reset();
    if (opened.error().code == ErrorCode::no_network) ++s.unopened;
    return std::move(opened).error();
  }
  s.unopened = 0;
  const auto sent = std::move(s.sent);
  const auto coming = std::move(s.coming);
  return Applier(s, *sent, *coming).apply();
}

}  // namespace lysoen::session
