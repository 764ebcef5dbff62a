// The relay's answer, after the commit: what was stored, what was refused, what is new for the sender.
#include <algorithm>
#include <set>

#include "core/base/bytes.h"
#include "core/base/check.h"
#include "core/base/fault.h"
#include "core/base/try.h"
#include "core/feed/entry.h"
#include "sync/session/compact.h"
#include "sync/session/relay_state.h"

namespace lysoen::session {

using wire::FrameType;
using wire::VerdictCode;
using wire::VerdictObject;
using State = RelayExchange::State;

namespace {

constexpr size_t kAnswerMax = 1024 * 1024;  // whatever is asked for: an answer is held in memory until it is read
constexpr size_t kBatchBytes = 16 * 1024;   // of ciphertext in one frame: what a cut may cost
constexpr size_t kItemsAtOnce = 1024;
constexpr size_t kChunkOnWire = kChunkSize + 64;  // with its frame and its hash in the run

/// Writes one answer. Reads the store, changes nothing.
class AnswerWriter {
 public:
  AnswerWriter(State& state, RelayStore& store, FrameSealer& out, size_t size_max)
      : s_(state),
        store_(store),
        out_(out),
        budget_(std::min({size_t{s_.want.answer_max ? s_.want.answer_max : kAnswerMax}, kAnswerMax,
                          size_max ? size_max : kAnswerMax})) {}

  Result<void> write(const Error* failure);
  bool more() const { return more_; }

 private:
  void verdict(VerdictObject object, VerdictCode code, uint64_t number = 0) {
    wire::Verdict verdict;
    verdict.object = object, verdict.code = code, verdict.number = number;
    out_.add(FrameType::verdict, verdict);
  }
  bool full() const { return out_.size() >= budget_; }
  size_t room() const { return full() ? 1 : std::min(kBatchBytes, budget_ - out_.size()); }

  Result<void> write_join();
  Result<void> write_counter();
  Result<void> write_receipts();
  Result<void> write_frontier(const std::vector<FeedHead>& heads);
  Result<void> write_rosters();
  Result<void> write_join_requests();
  Result<void> write_mailboxes();
  Result<void> write_mailbox(const MailboxState& mailbox, const wire::MailboxAsk& ask);
  Result<bool> gather(const StoredItem& item, uint64_t last_listed, std::vector<Batch>& batches);
  Result<void> write_gaps(const std::vector<MailboxState>& readable);
  Result<void> write_blob_states();
  Result<void> write_blobs();
  Result<void> write_chunks(const BlobName& name, const ChunkRanges& held);

  State& s_;
  RelayStore& store_;
  FrameSealer& out_;
  size_t budget_;
  bool more_ = false, chunks_ = false;
  std::map<FeedKey, uint64_t> delivered_;  // how far feeds are covered by batches gathered for this answer
};

const MailboxState* find(const std::vector<MailboxState>& mailboxes, uint64_t mailbox8) {
  for (const auto& mailbox : mailboxes)
    if (wire::hash8(mailbox.audience) == mailbox8) return &mailbox;
  return nullptr;
}

bool unchanged(const MailboxState& mailbox, const wire::MailboxAsk& ask) {
  return mailbox.store_epoch == ask.store_epoch && mailbox.counter == ask.counter &&
         wire::hash8(mailbox.running) == ask.running8;
}

Result<void> AnswerWriter::write(const Error* failure) {
  if (s_.key_index != 0 && !s_.keys->exchange.empty())
    out_.add(FrameType::exchange_key, wire::ExchangeKey{s_.keys->exchange.front().certified});
  if (failure) verdict(VerdictObject::exchange, verdict_for(*failure));
  if (s_.join && !failure) return write_join();
  if (!failure)
    for (const auto& refusal : s_.verdicts) out_.add(FrameType::verdict, refusal);
  if (s_.join || s_.turned_away || !s_.standing.device_admitted) return {};
  LYSOEN_TRY(write_counter());
  if (!failure) {
    LYSOEN_TRY(write_receipts());
    LYSOEN_TRY(write_blob_states());
  }
  LYSOEN_TRY(write_rosters());
  if (s_.want.join_requests) LYSOEN_TRY(write_join_requests());
  if (s_.wants) LYSOEN_TRY(write_mailboxes());
  return write_blobs();
}

Result<void> AnswerWriter::write_join() {
  if (s_.join_state != JoinState::welcomed) {
    for (const auto& refusal : s_.verdicts) out_.add(FrameType::verdict, refusal);
    return {};
  }
  LYSOEN_ASSIGN(auto welcome, store_.welcome_for(s_.post.team, s_.post.invite_key));
  for (const auto& part : split<wire::Welcome>(welcome)) out_.add(FrameType::welcome, part);
  return {};
}

Result<void> AnswerWriter::write_counter() {
  if (s_.counter.highest == 0 || s_.counter.fresh) return {};  // 0: the store failed before it was asked
  verdict(VerdictObject::exchange, s_.counter.two_places ? VerdictCode::two_places : VerdictCode::stale_counter,
          s_.counter.highest);
  return {};
}

/// For what was stored now, and for feeds whose receipts the device seems not to have.
Result<void> AnswerWriter::write_receipts() {
  bool stale = !s_.counter.fresh;
  if (s_.heads_differ || stale) {
    LYSOEN_ASSIGN(auto heads, store_.heads_of(s_.hello.team, s_.hello.device));
    for (const auto& head : heads) {
      uint64_t feed8 = wire::hash8(feed::feed_id(head.feed));
      bool claimed = std::any_of(s_.hello.heads.begin(), s_.hello.heads.end(),
                                 [&](const auto& claim) { return claim.feed8 == feed8; });
      if (claimed && head.seq > 0) s_.touch(head.feed);
    }
    LYSOEN_TRY(write_frontier(heads));
  }
  for (const auto& feed : s_.touched) {
    LYSOEN_ASSIGN(auto receipt, store_.receipt(s_.hello.team, feed));
    if (receipt) out_.add(FrameType::receipt, wire::Receipt{std::move(*receipt)});
  }
  return {};
}

Result<void> AnswerWriter::write_frontier(const std::vector<FeedHead>& heads) {
  size_t at = 0;
  do {
    wire::Frontier frontier;
    frontier.highest_counter = s_.counter.highest;
    for (; at < heads.size() && frontier.heads.size() < wire::kFrontierHeadsMax; ++at) {
      frontier.heads.push_back(heads[at]);
      frontier.heads.back().feed.device = {};
    }
    out_.add(FrameType::frontier, frontier);
  } while (at < heads.size());
  return {};
}

Result<void> AnswerWriter::write_rosters() {
  LYSOEN_ASSIGN(auto rosters,
                store_.rosters_after(s_.hello.team, s_.hello.roster_version, s_.hello.roster_hash8, room()));
  for (const auto& roster : rosters) {
    wire::RosterUpdate model;
    model.version = roster.version;
    model.hash = roster.hash;
    for (const auto& part : split(roster.sealed, model)) out_.add(FrameType::roster_update, part);
  }
  if (!rosters.empty()) {
    LYSOEN_ASSIGN(auto left,
                  store_.rosters_after(s_.hello.team, rosters.back().version, wire::hash8(rosters.back().hash), 1));
    more_ = more_ || std::any_of(left.begin(), left.end(),
                                 [&](const auto& next) { return next.version > rosters.back().version; });
  }
  return {};
}

Result<void> AnswerWriter::write_join_requests() {
  if (!s_.standing.may_admit) {
    verdict(VerdictObject::join, VerdictCode::not_allowed);
    return {};
  }
  LYSOEN_ASSIGN(auto requests, store_.join_requests(s_.hello.team));
  for (size_t at = 0; at < requests.size(); at += wire::kJoinRequestsPerFrame) {
    size_t count = std::min(wire::kJoinRequestsPerFrame, requests.size() - at);
    wire::JoinRequests frame;
    frame.requests.assign(requests.begin() + static_cast<ptrdiff_t>(at),
                          requests.begin() + static_cast<ptrdiff_t>(at + count));
    out_.add(FrameType::join_requests, frame);
  }
  return {};
}

Result<void> AnswerWriter::write_mailboxes() {
  LYSOEN_ASSIGN(auto readable, store_.mailboxes(s_.hello.team, s_.hello.device));
  std::vector<MailboxState> points;
  wire::MailboxPoints frame;
  for (const auto& ask : s_.want.mailboxes) {
    const auto* mailbox = find(readable, ask.mailbox8);
    if (!mailbox) {
      wire::Verdict refusal;
      refusal.object = VerdictObject::item, refusal.code = VerdictCode::not_allowed, refusal.hash8 = ask.mailbox8;
      out_.add(FrameType::verdict, refusal);
      continue;
    }
    points.push_back(*mailbox);
    if (unchanged(*mailbox, ask)) continue;
    frame.changed.push_back({ask.mailbox8, mailbox->store_epoch, mailbox->counter, mailbox->running});
    LYSOEN_TRY(write_mailbox(*mailbox, ask));
  }
  LYSOEN_TRY(write_gaps(readable));
  if (points.empty()) return {};
  LYSOEN_ASSIGN(frame.signature, store_.sign_points(s_.hello.team, points));
  out_.add(FrameType::mailbox_points, frame);
  return {};
}

/// Items after the cursor and the batches that cover them; from the first item if the cursor is not of this store. Who
/// had read in an earlier epoch holds most of it: the list alone tells what to ask for.
Result<void> AnswerWriter::write_mailbox(const MailboxState& mailbox, const wire::MailboxAsk& ask) {
  uint64_t after = 0;
  if (ask.store_epoch == mailbox.store_epoch && ask.counter <= mailbox.counter) {
    LYSOEN_ASSIGN(auto running, store_.running_at(s_.hello.team, mailbox.audience, ask.counter));
    if (running && wire::hash8(*running) == ask.running8) after = ask.counter;
  }
  if (full()) {
    more_ = more_ || after < mailbox.counter;
    return {};
  }
  const bool list_only = ask.list_only || (ask.counter > 0 && ask.store_epoch != mailbox.store_epoch);
  // What is listed is chosen by its size before anything is read: batches hold what the list covers, not more, since
  // the next answer would bring it again.
  const size_t left = budget_ - out_.size();  // one part in sixteen is for proofs and signatures
  const uint64_t bytes_max = list_only ? UINT64_MAX : left - left / 16;
  LYSOEN_ASSIGN(auto items,
                store_.items(s_.hello.team, mailbox.audience, after, kItemsAtOnce, bytes_max, s_.hello.device));
  if (items.empty()) return {};
  std::map<FeedKey, uint64_t> listed;
  for (const auto& item : items) listed[item.feed] = std::max(listed[item.feed], item.last_seq);

  wire::MailboxItems frame;
  frame.mailbox = mailbox.audience, frame.store_epoch = mailbox.store_epoch, frame.first = after + 1;
  std::map<FeedKey, uint32_t> index;
  std::vector<Batch> batches;
  std::vector<wire::Verdict> unreadable;
  for (const auto& item : items) {
    bool own = item.feed.device == s_.hello.device;
    bool covered = !list_only && (own || delivered_[item.feed] >= item.last_seq);
    if (!covered && !list_only) {
      LYSOEN_ASSIGN(covered, gather(item, listed[item.feed], batches));
      if (!covered) {
        wire::Verdict refusal;
        refusal.object = VerdictObject::item, refusal.code = VerdictCode::damaged, refusal.feed = item.feed;
        refusal.first_seq = item.first_seq, refusal.last_seq = item.last_seq;
        unreadable.push_back(refusal);
      }
    }
    auto [at, added] = index.try_emplace(item.feed, static_cast<uint32_t>(frame.feeds.size()));
    if (added) frame.feeds.push_back(item.feed);
    frame.items.push_back(
        {at->second, item.first_seq, item.last_seq, own || !covered ? item.head : Hash{}, item.missing});
  }
  more_ = more_ || after + frame.items.size() < mailbox.counter;
  out_.add(FrameType::mailbox_items, frame);
  for (const auto& refusal : unreadable) out_.add(FrameType::verdict, refusal);
  for (auto& batch : batches) out_.add(FrameType::batch, elide(std::move(batch), {}));
  return {};
}

/// Batches from the item's first entry that is not delivered yet; reads ahead up to what is listed. False: unreadable.
Result<bool> AnswerWriter::gather(const StoredItem& item, uint64_t last_listed, std::vector<Batch>& batches) {
  uint64_t next = std::max(item.first_seq, delivered_[item.feed] + 1);
  while (next <= item.last_seq) {
    LYSOEN_ASSIGN(auto batch, store_.read(s_.hello.team, item.feed, next, last_listed, kBatchBytes));
    if (!batch || batch->first_seq != next) return false;
    next = batch->last_seq() + 1;
    batches.push_back(std::move(*batch));
  }
  delivered_[item.feed] = next - 1;
  return true;
}

/// Feeds that the sender asked for by name: its own, and those in mailboxes it may read.
Result<void> AnswerWriter::write_gaps(const std::vector<MailboxState>& readable) {
  for (auto ask : s_.want.feeds) {
    if (ask.feed.device.is_none()) ask.feed.device = s_.hello.device;
    bool allowed = ask.feed.device == s_.hello.device ||
                   std::any_of(readable.begin(), readable.end(),
                               [&](const auto& mailbox) { return mailbox.audience == ask.feed.audience; });
    uint64_t next = std::max(ask.first_seq, delivered_[ask.feed] + 1);
    const uint64_t last = ask.last_seq > 0 ? ask.last_seq : wire::kSeqMax;
    while (allowed && next <= last) {
      if (full()) {
        more_ = true;
        return {};
      }
      LYSOEN_ASSIGN(auto batch, store_.read(s_.hello.team, ask.feed, next, last, room()));
      if (!batch) break;
      next = batch->last_seq() + 1;
      out_.add(FrameType::batch, elide(std::move(*batch), {}));
    }
  }
  return {};
}

/// What is held now of the attachments that were offered or brought, with a receipt for what is whole.
Result<void> AnswerWriter::write_blob_states() {
  if (s_.told.empty()) return {};
  wire::BlobStates states;
  for (const auto& name : s_.told) {
    wire::BlobState state{name, {}, {}};
    LYSOEN_ASSIGN(state.held, store_.blob_held(s_.hello.team, name));
    if (blob::whole(name, state.held) || (LYSOEN_FAULT(blob_receipt_early) && !state.held.empty())) {
      LYSOEN_ASSIGN(state.receipt, store_.blob_receipt(s_.hello.team, name));
    }
    states.blobs.push_back(std::move(state));
  }
  out_.add(FrameType::blob_states, states);
  return {};
}

/// Media come last: what text, receipts and lists left of the answer.
Result<void> AnswerWriter::write_blobs() {
  for (const auto& wanted : s_.asked) {
    LYSOEN_ASSIGN(auto here, store_.blob_held(s_.hello.team, wanted.name));
    if (!blob::whole(wanted.name, here)) {
      wire::Verdict refusal;
      refusal.object = VerdictObject::blob, refusal.code = VerdictCode::not_held;
      refusal.hash8 = wire::hash8(wanted.name.blob);
      out_.add(FrameType::verdict, refusal);
      continue;
    }
    LYSOEN_TRY(write_chunks(wanted.name, wanted.held));
  }
  return {};
}

/// Runs of what the asker lacks; at least one chunk in an answer, whatever its budget.
Result<void> AnswerWriter::write_chunks(const BlobName& name, const ChunkRanges& held) {
  const uint32_t chunks = name.chunks();
  for (auto missing = blob::first_missing(held, 0, chunks); missing.first < missing.end;
       missing = blob::first_missing(held, missing.first, chunks)) {
    const size_t room = full() ? 0 : budget_ - out_.size();
    if (room < kChunkOnWire && (chunks_ || more_)) {
      more_ = true;
      return {};
    }
    const auto fits = static_cast<uint32_t>(std::clamp<size_t>(room / kChunkOnWire, 1, kRunChunksMax));
    const uint32_t count = std::min(fits, missing.end - missing.first);
    auto run = store_.read_run(s_.hello.team, name, missing.first, count);
    if (!run && run.error().code != ErrorCode::damaged) return std::move(run).error();
    if (!run) {
      wire::Verdict refusal;
      refusal.object = VerdictObject::blob, refusal.code = VerdictCode::damaged, refusal.hash8 = wire::hash8(name.blob);
      out_.add(FrameType::verdict, refusal);
      return {};
    }
    out_.add(FrameType::chunk_run, *run);
    for (uint32_t i = 0; i < count; ++i) {
      LYSOEN_ASSIGN(auto chunk, store_.read_chunk(s_.hello.team, name, missing.first + i));
      out_.add(FrameType::chunk, wire::Chunk{std::move(chunk)});
    }
    chunks_ = true;
    missing.first += count;
  }
  return {};
}

}  // namespace

Result<bool> RelayExchange::may_hold(RelayStore& store) {
  auto& s = *state_;
  LYSOEN_CHECK(s.applied);
  if (s.join || s.turned_away || !s.whole || s.want.wait_ms == 0 || !s.counter.fresh || s.heads_differ) return false;
  if (!s.verdicts.empty() || !s.touched.empty() || s.key_index != 0 || !s.want.feeds.empty()) return false;
  if (!s.told.empty()) return false;
  for (const auto& wanted : s.asked) {
    LYSOEN_ASSIGN(auto here, store.blob_held(s.hello.team, wanted.name));
    if (blob::whole(wanted.name, here)) return false;
  }
  LYSOEN_ASSIGN(auto rosters, store.rosters_after(s.hello.team, s.hello.roster_version, s.hello.roster_hash8, 1));
  if (!rosters.empty()) return false;
  if (s.want.join_requests && s.standing.may_admit) {
    LYSOEN_ASSIGN(auto requests, store.join_requests(s.hello.team));
    if (!requests.empty()) return false;
  }
  LYSOEN_ASSIGN(auto readable, store.mailboxes(s.hello.team, s.hello.device));
  for (const auto& ask : s.want.mailboxes) {
    const auto* mailbox = find(readable, ask.mailbox8);
    if (!mailbox || !unchanged(*mailbox, ask)) return false;
  }
  return true;
}

std::chrono::milliseconds RelayExchange::wait() const {
  return std::chrono::milliseconds(state_->want.wait_ms);
}

Result<Bytes> RelayExchange::answer(RelayStore& store, const Error* failure, size_t size_max) {
  auto& s = *state_;
  LYSOEN_CHECK(s.opened && !s.refused);
  LYSOEN_ASSIGN(auto context, s.context_of(s.key_index));
  Bytes nonce(kNonceSize);
  if (!LYSOEN_FAULT(answer_nonce_repeated)) s.random.fill(nonce);
  auto key = FrameKey::of_answer(export_answer_key(context), s.encapsulation, nonce);
  FrameSealer out(std::move(key), nonce);
  AnswerWriter writer(s, store, out, size_max);
  auto written = writer.write(failure);
  if (!written) {
    // The store failed while it was read: say so after what is there already.
    wire::Verdict verdict;
    verdict.object = VerdictObject::exchange, verdict.code = verdict_for(written.error());
    out.add(FrameType::verdict, verdict);
  }
  return out.finish({writer.more()});
}

}  // namespace lysoen::session
