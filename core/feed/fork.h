// A fork: two entry hashes at one place of one feed, each under the author's signature. Both are kept; which is the
// elder is for the store, the log and people to say. docs/formats/feed.md, "Forks".
#pragma once
#include "core/feed/batch.h"

namespace lysoen::feed {

/// Proof that the author signed two versions. Each side is a proof (batch.h) of the entry at seq, or of that at seq + 1
/// whose prev is the hash at seq.
struct Fork {
  uint64_t seq = 0;
  Batch held, other;
  bool operator==(const Fork&) const = default;
};

/// From a plan with outcome forked: the other side's proof, out of the offered batch.
Batch other_side(const MergePlan& plan, const Batch& batch, std::span<const Hash> hashes);

/// The two hashes at fork.seq. Errors: trust_refused (a side does not verify), input_refused (another feed, not at seq,
/// or the hashes are the same).
Result<std::pair<Hash, Hash>> verify_fork(const Fork& fork);

/// version u8 ‖ seq u64 ‖ size u32 ‖ held ‖ size u32 ‖ other (encode_batch).
Bytes encode_fork(const Fork& fork);
Result<Fork> decode_fork(ByteView bytes);  // input_refused, limit_exceeded, newer_version

}  // namespace lysoen::feed
