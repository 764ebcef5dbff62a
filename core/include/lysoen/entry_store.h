// The seam: core never sees a socket, sync never sees plaintext. Both the vault on a device and the store of a relay
// are an EntryStore, so a simulator can join any two of them.
//
// What crosses is sealed: batches of entries that prove themselves by their author's signature (docs/formats/feed.md).
// A store belongs to one strand at a time; no call blocks on anything but its own files.
#pragma once
#include <lysoen/ids.h>
#include <lysoen/result.h>

#include <optional>

namespace lysoen {

/// What a feed is: one device's entries for one audience since one incarnation. The feed's id is the hash of this.
struct FeedKey {
  DeviceId device;
  AudienceId audience;
  uint32_t incarnation = 0;
  auto operator<=>(const FeedKey&) const = default;
};

// On disk and on the wire. Never renumber.
enum class EntryKind : uint8_t { stream = 1, sealed = 2 };
enum class StubReason : uint8_t { none = 0, gap = 1, refused = 2, rotten = 3, purged = 4, redacted = 5 };

/// One entry as it travels: whole (ciphertext present) or as a stub (only its hash, with a reason and a warrant).
struct SealedEntry {
  EntryKind kind = EntryKind::sealed;
  uint32_t length = 0;   // bytes of the ciphertext, also when it is a stub
  Hash ciphertext_hash;  // SHA-256 of the ciphertext
  Bytes ciphertext;      // empty if and only if this is a stub
  StubReason reason = StubReason::none;
  Bytes warrant;  // empty: a gap, still wanted
  bool is_stub() const { return reason != StubReason::none; }
  bool operator==(const SealedEntry&) const = default;
};

/// A run of consecutive entries of one feed inside one block of 256, with one signature of its author over the block up
/// to `signed_seq` and what is needed to compute that block's root: the Merkle subtree hashes left and right of the
/// run.
struct Batch {
  FeedKey feed;
  uint64_t first_seq = 0;            // of entries.front(); sequence numbers begin at 1
  Hash prev;                         // entry hash before first_seq; the feed id if first_seq is 1
  std::vector<SealedEntry> entries;  // at least 1, at most 256
  uint64_t signed_seq = 0;           // >= last seq of the run, same block
  Hash signed_head;                  // entry hash at signed_seq
  Signature signature{};
  std::vector<Hash> left, right;  // range proof, at most 8 hashes each, leaf order (docs/formats/feed.md)

  uint64_t last_seq() const { return first_seq + entries.size() - 1; }
  bool operator==(const Batch&) const = default;
};

/// How far a store holds a feed without a missing sequence number.
struct FeedHead {
  FeedKey feed;
  uint64_t seq = 0;  // 0: nothing
  Hash hash;         // entry hash at seq
  bool operator==(const FeedHead&) const = default;
};

// What became of a batch that was offered. On the wire. Never renumber.
enum class AppendOutcome : uint8_t {
  stored = 1,      // new entries were stored durably (or as durably as the store's rule for received entries says)
  known = 2,       // everything was there already; nothing changed
  gap_before = 3,  // entries before first_seq are missing; nothing stored; send from `head.seq + 1`
  forked = 4,      // another entry hash at a sequence number held; both versions are kept and reported
  refused = 5,     // does not verify, not admitted, over quota: nothing stored; `reason` says why
};

struct AppendVerdict {
  AppendOutcome outcome = AppendOutcome::refused;
  FeedHead head;       // of this feed after the call
  std::string reason;  // for refused and forked, without report text
  /// Of a forked feed: the versions may differ from before this batch on; what stands from here on would tell. 0: it is
  /// known where they part, or does not matter.
  uint64_t compare_from = 0;
};

class EntryStore {
 public:
  virtual ~EntryStore() = default;

  /// Offers a batch. Idempotent and independent of order; overlap with what is held is compared and skipped.
  /// An Error means that the store itself failed (disk), never that the batch was bad.
  virtual Result<AppendVerdict> append(const Batch& batch) = 0;

  /// The head of one feed; seq 0 if unknown.
  virtual Result<FeedHead> head(const FeedKey& feed) = 0;

  /// Entries of `feed` from `first_seq` on in one batch of at most `size_max` ciphertext bytes (at least one entry), or
  /// nothing when the feed ends before first_seq.
  virtual Result<std::optional<Batch>> read(const FeedKey& feed, uint64_t first_seq, size_t size_max) = 0;
};

}  // namespace lysoen
