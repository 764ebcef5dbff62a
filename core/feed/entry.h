// Entries: identity, hash, place in a block. docs/formats/feed.md, "Identity" and "Entries".
//
// A feed is one device's entries for one audience since one incarnation; sequence numbers begin at 1 and have no holes.
// The entry hash covers the feed, the place, the entry before and the ciphertext's hash, so that a stub has the same
// hash as the whole entry. Everything here is a pure function.
#pragma once
#include <lysoen/entry_store.h>

#include "core/base/bytes.h"
#include "core/feed/limits.h"

namespace lysoen::feed {

// Kinds of audiences. Hashed into audience ids. Never renumber.
enum class AudienceKind : uint8_t { team = 1, all = 2, inbox = 3 };

/// labelled_hash("lysoen/1 audience", team ‖ kind ‖ subject). Subject is zero for `team` and `all`.
AudienceId audience_id(const TeamId& team, AudienceKind kind, const Hash& subject = {});
/// The audience that only `reader` reads.
AudienceId inbox_of(const TeamId& team, const DeviceId& reader);

/// labelled_hash("lysoen/1 feed", device ‖ audience ‖ incarnation u32).
FeedId feed_id(const FeedKey& feed);
/// What stands in place of the hash before entry 1: the feed id.
Hash hash_before_first(const FeedId& feed);

/// labelled_hash("lysoen/1 entry", feed ‖ seq u64 ‖ prev ‖ kind u8 ‖ length u32 ‖ ciphertext hash).
Hash entry_hash(const FeedId& feed, uint64_t seq, const Hash& prev, const SealedEntry& entry);

// -- Blocks ---------------------------------------------------------------------------------------------------------
/// Requires seq >= 1.
constexpr uint64_t block_first(uint64_t seq) {
  return (seq - 1) / kBlockSize * kBlockSize + 1;
}
constexpr uint64_t block_last(uint64_t seq) {
  return block_first(seq) + kBlockSize - 1;
}

// -- Making and checking --------------------------------------------------------------------------------------------
/// A whole entry around its ciphertext; length and hash are computed.
SealedEntry whole_entry(EntryKind kind, Bytes ciphertext);
/// The stub that stands for `entry`. Requires: reason is not none; the warrant is empty if and only if it is a gap.
SealedEntry stub_of(const SealedEntry& entry, StubReason reason, Bytes warrant);

/// The form alone, of an entry from outside: known kind and reason, limits, ciphertext present if and only if whole,
/// length and hash those of the ciphertext. Errors: input_refused, limit_exceeded.
Result<void> check_entry(const SealedEntry& entry);

// -- Lists of sequence numbers --------------------------------------------------------------------------------------
/// Inclusive.
struct SeqRange {
  uint64_t first = 0, last = 0;
  bool operator==(const SeqRange&) const = default;
};
/// Ascending, disjoint, not touching; each first <= last.
using SeqRanges = std::vector<SeqRange>;

/// Requires `seqs` ascending.
SeqRanges ranges_of(const std::vector<uint64_t>& seqs);
bool contains(const SeqRanges& ranges, uint64_t seq);
/// count u16 ‖ (first u64 ‖ last u64) each. Requires at most kRangesMax.
void write_ranges(Writer& out, const SeqRanges& ranges);
/// Fails the reader if the list is not as described above, has more than kRangesMax ranges or reaches above `seq_max`.
SeqRanges read_ranges(Reader& in, uint64_t seq_max);

}  // namespace lysoen::feed
