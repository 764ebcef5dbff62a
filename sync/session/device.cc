// The request: Hello, Want, errands, batches within the window.
#include "sync/session/device.h"

#include <algorithm>

#include "core/base/bytes.h"
#include "core/base/try.h"
#include "core/crypto/cipher.h"
#include "core/feed/entry.h"
#include "sync/session/compact.h"
#include "sync/session/device_state.h"
#include "sync/session/keys.h"

namespace lysoen::session {

using wire::FrameType;
using State = DeviceExchange::State;

namespace {
constexpr size_t kGapsAsked = 16;                                     // ranges in one request
constexpr size_t kBlobsAsked = 16, kBlobsOffered = 8;                 // in one request
constexpr size_t kChunkOnWire = kChunkSize + 64;                      // with its frame and its hash in the run
constexpr size_t kBatchBytes = 16 * 1024;                             // of ciphertext in one frame: what a cut may cost
constexpr size_t kRequestRoom = wire::kRequestMax - 2 * 1024 * 1024;  // below the limit with padding
constexpr size_t kEndRoom = 64;        // of the End frame and a Pad frame that holds nothing
constexpr size_t kBatchFields = 1024;  // of a batch beside its entries: signature, proof; and an entry that is longer
constexpr size_t kEntryFieldsShare = 40;  // of an entry its fields beside the ciphertext are less than one in so many
}  // namespace

uint64_t object_hash8(ByteView object) {
  return wire::hash8(crypto::sha256(object));
}

DeviceExchange::DeviceExchange(SyncPeer& peer, EntryStore& store, RelayInfo relay, Environment environment)
    : state_(std::make_unique<State>(peer, store, std::move(relay), environment)) {}
DeviceExchange::~DeviceExchange() = default;
DeviceExchange::DeviceExchange(DeviceExchange&&) noexcept = default;
DeviceExchange& DeviceExchange::operator=(DeviceExchange&&) noexcept = default;

const RelayInfo& DeviceExchange::relay() const {
  return state_->relay;
}

Result<Bytes> DeviceExchange::request(const RequestOptions& options) {
  auto& s = *state_;
  if (s.sent) s.blobs_at_relay.clear();  // never answered: what of it arrived, the next answer tells
  s.coming.reset();
  s.sent.reset();
  State::Sent now;
  LYSOEN_ASSIGN(now.key, s.choose_key());
  LYSOEN_ASSIGN(auto sender, crypto::hpke_send(now.key, request_info(s.relay.id, now.key), s.environment.random));
  now.encapsulation = sender.encapsulation;
  now.answer_key = export_answer_key(sender.context);

  Bytes prefix = to_bytes(gate_mac(s.relay.gate_key, now.encapsulation));
  prefix.insert(prefix.end(), now.encapsulation.begin(), now.encapsulation.end());
  FrameSealer out(FrameKey::of_request(std::move(sender.context)), std::move(prefix));
  LYSOEN_TRY(s.add_hello(out, now));
  LYSOEN_TRY(s.add_want(out, now, options));
  LYSOEN_TRY(s.add_errands(out, now));
  const size_t end = std::min(out.size() + options.window, kRequestRoom);
  if (!options.probe) LYSOEN_TRY(s.add_batches(out, now, options.window));
  if (options.probe) s.blobs_at_relay.clear();
  now.attachments = options.attachments;
  if (options.attachments) LYSOEN_TRY(s.add_blobs(out, now, options.probe ? 0 : end, options.wait_ms > 0));
  s.sent = std::make_unique<State::Sent>(std::move(now));
  return out.finish({});
}

/// The certified key, except after an answer that did not open: then the fallback, and from there every second time.
Result<PublicKey> State::choose_key() {
  LYSOEN_ASSIGN(auto certified, peer.exchange_key(relay.id));
  auto known = read_certified_key(relay.id, certified);
  return known && unopened % 2 == 0 ? known->key : relay.fallback_key;
}

Result<void> State::add_hello(FrameSealer& out, Sent& now) {
  wire::Hello hello;
  hello.team = peer.team();
  hello.device = peer.device();
  LYSOEN_ASSIGN(hello.counter, peer.next_counter(relay.id));
  hello.version_min = wire::kVersionMin, hello.version_max = wire::kVersion;
  LYSOEN_ASSIGN(auto roster, peer.roster_point());
  hello.roster_version = roster.version, hello.roster_hash8 = wire::hash8(roster.hash);
  hello.log_size = log_size, hello.log_root8 = log_root8;

  LYSOEN_ASSIGN(now.heads, peer.outgoing_heads());
  std::vector<FeedHead> agreed;
  for (const auto& head : now.heads) {
    LYSOEN_ASSIGN(uint64_t confirmed, peer.confirmed(relay.id, head.feed));
    now.confirmed[head.feed] = confirmed;
    if (head.feed.device != hello.device) continue;
    if (confirmed > 0) agreed.push_back({head.feed, confirmed, {}});
    if (head.seq > confirmed && hello.heads.size() < wire::kHelloHeadsMax)
      hello.heads.push_back({wire::hash8(feed::feed_id(head.feed)), head.seq, wire::hash8(head.hash)});
  }
  hello.heads_hash8 = heads_digest(agreed);
  hello.heads_count = static_cast<uint32_t>(agreed.size());
  Envelope envelope{relay.id, now.key, now.encapsulation};
  LYSOEN_ASSIGN(hello.signature, peer.sign(kHelloLabel, hello_message(envelope, hello)));
  out.add(FrameType::hello, hello);
  return {};
}

Result<void> State::add_want(FrameSealer& out, Sent& now, const RequestOptions& options) {
  wire::Want want;
  LYSOEN_ASSIGN(now.cursors, peer.cursors(relay.id));
  if (now.cursors.size() > wire::kMailboxesMax) now.cursors.resize(wire::kMailboxesMax);
  if (options.list_only)
    for (auto& cursor : now.cursors) cursor.list_only = true;
  for (const auto& cursor : now.cursors)
    want.mailboxes.push_back({wire::hash8(cursor.mailbox), cursor.store_epoch, cursor.counter,
                              wire::hash8(cursor.running), cursor.list_only});
  for (const auto& [feed, first] : gaps) {
    if (want.feeds.size() == wire::kFeedsAskedMax) break;
    want.feeds.push_back({feed, first});
    if (feed.device == peer.device()) want.feeds.back().feed.device = {};
    now.asked[feed] = first;
  }
  if (!gaps_asked) {
    LYSOEN_ASSIGN(auto ranges, peer.gaps(std::min(kGapsAsked, wire::kFeedsAskedMax - want.feeds.size())));
    for (const auto& range : ranges) want.feeds.push_back({range.feed, range.first_seq, range.last_seq});
    now.gaps_asked = true;
  }
  want.wait_ms = std::min(options.wait_ms, wire::kWaitMaxMs);
  want.answer_max = options.answer_max;
  LYSOEN_ASSIGN(now.errands, peer.errands(relay.id));
  want.join_requests = now.errands.fetch_join_requests;
  out.add(FrameType::want, want);
  return {};
}

/// Whole objects while there is room; the rest goes with the next request. What was refused is not offered again.
Result<void> State::add_errands(FrameSealer& out, Sent& now) {
  auto fits = [&](size_t size) { return out.size() + size + 4096 < kRequestRoom; };
  auto keep = [&](auto& list, auto bytes_of, auto hash8_of, auto send) {
    auto offered = std::move(list);
    list.clear();
    for (auto& object : offered) {
      if (refused_objects.count(hash8_of(object)) != 0 || !fits(bytes_of(object).size())) continue;
      send(object);
      list.push_back(std::move(object));
    }
  };
  auto self = [](const Bytes& object) -> const Bytes& { return object; };
  keep(now.errands.admission_lists, self, object_hash8, [&](const Bytes& list) {
    for (const auto& part : split<wire::AdmissionList>(list)) out.add(FrameType::admission_list, part);
  });
  keep(
      now.errands.rosters, [](const SealedRoster& roster) -> const Bytes& { return roster.sealed; },
      [](const SealedRoster& roster) { return wire::hash8(roster.hash); },
      [&](const SealedRoster& roster) {
        wire::RosterUpdate model;
        model.version = roster.version, model.hash = roster.hash;
        for (const auto& part : split(roster.sealed, model)) out.add(FrameType::roster_update, part);
      });
  keep(now.errands.welcomes, self, object_hash8, [&](const Bytes& welcome) {
    for (const auto& part : split<wire::Welcome>(welcome)) out.add(FrameType::welcome, part);
  });
  return {};
}

uint64_t State::first_to_send(const FeedKey& feed, uint64_t confirmed) const {
  auto known = relay_has.find(feed);
  return (known == relay_has.end() ? confirmed : std::min(confirmed, known->second)) + 1;
}

uint64_t State::end_of_sendable(const FeedHead& head) const {
  auto blocked = refused.find(head.feed);
  return blocked == refused.end() ? head.seq + 1 : std::min(head.seq + 1, blocked->second);
}

// Up to where padding would go anyway: what it would fill, entries fill for nothing.
Result<void> State::add_batches(FrameSealer& out, Sent& now, size_t window) {
  const size_t padded = crypto::transport_size(std::min(out.size() + window, kRequestRoom));
  const size_t end = std::min(padded, kRequestRoom) - kEndRoom;
  for (const auto& head : now.heads) {
    uint64_t next = first_to_send(head.feed, now.confirmed[head.feed]);
    while (next < end_of_sendable(head)) {
      const size_t left = out.size() + kBatchFields < end ? end - out.size() - kBatchFields : 0;
      if (now.batches && left == 0) return {};
      size_t room = std::clamp<size_t>(left - left / kEntryFieldsShare, 1, kBatchBytes);
      auto read = store.read(head.feed, next, room);
      if (!read && read.error().code == ErrorCode::damaged) {
        refused[head.feed] = next;  // by the device's own disk, and so the store says; the other feeds go on
        break;
      }
      LYSOEN_ASSIGN(auto batch, std::move(read));
      if (!batch) break;
      next = batch->last_seq() + 1;
      entries_put += batch->entries.size();
      size_t before = out.size();
      out.add(FrameType::batch, elide(std::move(*batch), peer.device()));
      bytes_put += out.size() - before;
      now.batches = true;
    }
  }
  return {};
}

/// What is wanted, what is offered, and chunks up to `end` of what the relay is known to lack; 0: none.
Result<void> State::add_blobs(FrameSealer& out, Sent& now, size_t end, bool waits) {
  auto* blobs = peer.blobs();
  if (!blobs) return {};
  LYSOEN_ASSIGN(auto wanted, blobs->wanted_blobs(kBlobsAsked + blobs_not_there.size()));
  wire::BlobAsk ask;
  for (auto& one : wanted) {
    const bool gone = !waits && blobs_not_there.count(one.name) != 0;  // who waits for news waits for these too
    if (ask.blobs.size() == kBlobsAsked || gone) continue;
    ask.blobs.push_back(std::move(one));
  }
  if (!ask.blobs.empty()) out.add(FrameType::blob_ask, ask);
  now.blobs_asked = std::move(ask.blobs);

  if (now.batches && out.size() >= end) return {};  // text goes on for another request
  LYSOEN_ASSIGN(auto outgoing, blobs->outgoing_blobs(relay.id, kBlobsOffered + blobs_refused.size()));
  wire::BlobOffer offer;
  bool room = true;
  for (const auto& name : outgoing) {
    if (offer.blobs.size() == kBlobsOffered || blobs_refused.count(name) != 0) continue;
    offer.blobs.push_back(name);
    if (!room) break;  // one ahead, so that what it lacks of it is known when its turn comes
    // One chunk may go twice, so a blob of one need not be asked about first.
    auto known = blobs_at_relay.find(name);
    if (known == blobs_at_relay.end() && name.chunks() > 1) continue;
    ChunkRanges there = known == blobs_at_relay.end() ? ChunkRanges{} : known->second;
    LYSOEN_ASSIGN(room, add_run(out, now, name, there, end));
  }
  if (!offer.blobs.empty()) out.add(FrameType::blob_offer, offer);
  now.blobs_offered = std::move(offer.blobs);
  return {};
}

/// Runs of one blob. False: the window is full. At least one chunk goes in a request that has no batches.
Result<bool> State::add_run(FrameSealer& out, Sent& now, const BlobName& name, ChunkRanges& there, size_t end) {
  const uint32_t chunks = name.chunks();
  for (auto missing = blob::first_missing(there, 0, chunks); missing.first < missing.end;
       missing = blob::first_missing(there, missing.first, chunks)) {
    const bool alone = end > 0 && !now.batches && now.runs.empty();
    const size_t room = out.size() < end ? end - out.size() : 0;
    if (room < kChunkOnWire && !alone) return false;
    const auto fits = static_cast<uint32_t>(std::clamp<size_t>(room / kChunkOnWire, 1, kRunChunksMax));
    auto run = peer.blobs()->read_run(name, missing.first, std::min(fits, missing.end - missing.first));
    if (!run && run.error().code == ErrorCode::damaged) return blobs_refused.insert(name), true;
    if (!run) return std::move(run).error();
    out.add(FrameType::chunk_run, *run);
    for (uint32_t i = 0; i < run->leaves.size(); ++i) {
      LYSOEN_ASSIGN(auto chunk, peer.blobs()->read_chunk(name, run->first + i));
      out.add(FrameType::chunk, wire::Chunk{std::move(chunk)});
    }
    blob::add(there, {run->first, run->first + static_cast<uint32_t>(run->leaves.size())});
    now.runs.push_back(std::move(*run));
  }
  return true;
}

}  // namespace lysoen::session
