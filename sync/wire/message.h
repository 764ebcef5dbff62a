// The messages of an exchange as plain structs. What each means: docs/protocol/exchange.md.
//
// "none" (all zero) stands for a field that was left out because the receiver can compute it; sync/session puts such
// fields back (session/compact.h). A hash8 is the first 8 bytes of a hash, read big-endian.
#pragma once
#include <lysoen/blob.h>
#include <lysoen/entry_store.h>

#include <vector>

namespace lysoen::wire {

// On the wire. Never renumber. 0x80 is the final bit and never part of a type.
enum class FrameType : uint8_t {
  hello = 1,
  want = 2,
  batch = 3,
  chunk = 4,
  receipt = 5,
  frontier = 6,
  roster_update = 7,
  admission_list = 8,
  join_post = 9,
  welcome = 10,
  join_requests = 11,
  exchange_key = 12,
  verdict = 13,
  mailbox_points = 14,
  mailbox_items = 15,
  pad = 16,
  end = 17,
  blob_offer = 18,
  blob_states = 19,
  blob_ask = 20,
  chunk_run = 21,
};

struct HeadClaim {
  uint64_t feed8 = 0, seq = 0, hash8 = 0;
  bool operator==(const HeadClaim&) const = default;
};

struct Hello {
  TeamId team;
  DeviceId device;
  uint64_t counter = 0;
  uint8_t version_min = 0, version_max = 0;
  uint64_t roster_version = 0, roster_hash8 = 0;
  uint64_t heads_hash8 = 0;  // over what this relay confirmed to the device
  uint32_t heads_count = 0;
  std::vector<HeadClaim> heads;
  uint64_t log_size = 0, log_root8 = 0;
  Signature signature{};
  bool operator==(const Hello&) const = default;
};

struct MailboxAsk {
  uint64_t mailbox8 = 0;
  uint32_t store_epoch = 0;
  uint64_t counter = 0, running8 = 0;
  bool list_only = false;  // items with their heads, no batches
  bool operator==(const MailboxAsk&) const = default;
};

struct FeedAsk {
  FeedKey feed;
  uint64_t first_seq = 0, last_seq = 0;  // last 0: to its end
  bool operator==(const FeedAsk&) const = default;
};

struct Want {
  std::vector<MailboxAsk> mailboxes;
  std::vector<FeedAsk> feeds;  // gaps to fill
  uint32_t wait_ms = 0;        // hold the answer until there is news
  uint32_t answer_max = 0;     // bytes; 0 leaves it to the relay
  bool join_requests = false;
  bool operator==(const Want&) const = default;
};

/// "I hold these whole: what do you hold of them?"
struct BlobOffer {
  std::vector<BlobName> blobs;
  bool operator==(const BlobOffer&) const = default;
};

struct BlobState {
  BlobName name;
  ChunkRanges held;
  Bytes receipt;  // of a relay that holds it whole
  bool operator==(const BlobState&) const = default;
};

struct BlobStates {
  std::vector<BlobState> blobs;
  bool operator==(const BlobStates&) const = default;
};

/// "I hold this of them: send what is missing, in this order."
struct BlobAsk {
  std::vector<WantedBlob> blobs;
  bool operator==(const BlobAsk&) const = default;
};

/// The chunk that comes next in the run before it.
struct Chunk {
  Bytes data;
  bool operator==(const Chunk&) const = default;
};

struct Receipt {
  Bytes receipt;
  bool operator==(const Receipt&) const = default;
};

struct Frontier {
  uint64_t highest_counter = 0;
  std::vector<FeedHead> heads;
  bool operator==(const Frontier&) const = default;
};

// Rosters, admission lists and welcomes may be larger than a frame: their parts follow each other in order.
struct RosterUpdate {
  uint64_t version = 0;
  Hash hash;
  uint32_t total = 0, offset = 0;
  Bytes part;
  bool operator==(const RosterUpdate&) const = default;
};

struct AdmissionList {
  uint32_t total = 0, offset = 0;
  Bytes part;
  bool operator==(const AdmissionList&) const = default;
};

/// Instead of a Hello, from somebody who is not a member yet. An empty request asks for the welcome.
struct JoinPost {
  TeamId team;
  PublicKey invite_key{};  // Ed25519, the invite's one-time key
  uint8_t version_min = 0, version_max = 0;
  Bytes request;
  Signature signature{};
  bool operator==(const JoinPost&) const = default;
};

struct Welcome {
  uint32_t total = 0, offset = 0;
  Bytes part;
  bool operator==(const Welcome&) const = default;
};

struct JoinRequests {
  std::vector<Bytes> requests;
  bool operator==(const JoinRequests&) const = default;
};

struct ExchangeKey {
  Bytes certified;
  bool operator==(const ExchangeKey&) const = default;
};

// On the wire. Never renumber.
enum class VerdictObject : uint8_t {
  exchange = 1,
  batch = 2,
  roster = 3,
  admission_list = 4,
  join = 5,
  welcome = 6,
  item = 7,
  blob = 8,  // `hash8` is that of its id
};
enum class VerdictCode : uint8_t {
  stored = 1,          // join request or welcome: the relay has it
  waiting = 2,         // join: posted, no welcome yet
  team_unknown = 3,    // the operator has not admitted this team
  device_unknown = 4,  // no admission list names this device
  stale_counter = 5,   // `number` is the highest counter seen
  two_places = 6,      // this counter came before with another encapsulation
  versions = 7,        // nothing in common; `number` is the relay's highest
  does_not_verify = 8,
  over_quota = 9,
  gap_before = 10,  // `number` is the last seq that the relay holds
  forked = 11,      // both versions are kept
  storage_full = 12,
  storage_read_only = 13,
  storage_failed = 14,
  not_allowed = 15,  // for this device
  unknown_invite = 16,
  invite_used = 17,
  damaged = 18,  // the relay cannot read what it should hold
  too_large = 19,
  malformed = 20,  // a frame that opened but does not parse
  purged = 21,
  not_posted = 22,  // join: no request was posted for this invite
  cut = 23,         // exchange: the request ended before its End; what came whole is done, the rest never came
  not_held = 24,    // blob: the relay does not have it, or not whole
};

struct Verdict {
  VerdictObject object = VerdictObject::exchange;
  VerdictCode code = VerdictCode::malformed;
  FeedKey feed;
  uint64_t first_seq = 0, last_seq = 0;
  uint64_t hash8 = 0, number = 0;
  bool operator==(const Verdict&) const = default;
};

struct Point {
  uint64_t mailbox8 = 0;
  uint32_t store_epoch = 0;
  uint64_t counter = 0;
  Hash running;
  bool operator==(const Point&) const = default;
};

struct MailboxPoints {
  std::vector<Point> changed;
  Signature signature{};
  bool operator==(const MailboxPoints&) const = default;
};

struct Item {
  uint32_t feed = 0;  // index in MailboxItems::feeds
  uint64_t first_seq = 0, last_seq = 0;
  Hash head;      // none: of the batch that follows
  Bytes missing;  // empty: nothing; otherwise the layout of feed::write_ranges
  bool operator==(const Item&) const = default;
};

struct MailboxItems {
  AudienceId mailbox;
  uint32_t store_epoch = 0;
  uint64_t first = 0;
  std::vector<FeedKey> feeds;  // with the audience filled in
  std::vector<Item> items;
  bool operator==(const MailboxItems&) const = default;
};

struct End {
  bool more = false;
  bool operator==(const End&) const = default;
};

uint64_t hash8(ByteView hash);
template <class Tag>
uint64_t hash8(const Id<Tag>& id) {
  return hash8(id.view());
}

}  // namespace lysoen::wire
