#include "core/feed/fork.h"

#include "core/base/check.h"
#include "core/base/try.h"

namespace lysoen::feed {

namespace {

constexpr uint8_t kVersion = 0;

Error refused(std::string why) {
  return make_error(ErrorCode::input_refused, "cannot take proof of two versions: " + std::move(why));
}

Result<Hash> hash_at(const Batch& proof, uint64_t seq) {
  LYSOEN_ASSIGN(Hash hash, verify_proof(proof));
  if (proof.first_seq == seq) return hash;
  if (proof.first_seq == seq + 1) return proof.prev;
  return refused("a side speaks of another place");
}

}  // namespace

Batch other_side(const MergePlan& plan, const Batch& batch, std::span<const Hash> hashes) {
  LYSOEN_CHECK(plan.outcome == AppendOutcome::forked && plan.fork_seq + 1 >= batch.first_seq);
  // Before the run only `prev` differs: the first entry proves it.
  size_t index = plan.fork_seq < batch.first_seq ? 0 : plan.fork_seq - batch.first_seq;
  return prove_entry(batch, hashes, index);
}

Result<std::pair<Hash, Hash>> verify_fork(const Fork& fork) {
  if (fork.held.feed != fork.other.feed) return refused("its sides are of two feeds");
  if (fork.seq == 0 || fork.seq > kSeqMax) return refused("its sequence number is out of range");
  LYSOEN_ASSIGN(Hash held, hash_at(fork.held, fork.seq));
  LYSOEN_ASSIGN(Hash other, hash_at(fork.other, fork.seq));
  if (held == other) return refused("both sides show the same entry");
  return std::pair{held, other};
}

Bytes encode_fork(const Fork& fork) {
  Writer out;
  out.u8(kVersion).u64(fork.seq);
  for (const Batch* side : {&fork.held, &fork.other}) {
    Bytes proof = encode_batch(*side);
    out.u32(static_cast<uint32_t>(proof.size())).raw(proof);
  }
  return std::move(out).bytes();
}

Result<Fork> decode_fork(ByteView bytes) {
  Reader in(bytes);
  if (uint8_t version = in.u8(); in.ok() && version > kVersion)
    return make_error(ErrorCode::newer_version, "cannot read proof of two versions: made by a newer version");
  Fork fork;
  fork.seq = in.u64();
  ByteView held = in.raw(in.u32());
  ByteView other = in.raw(in.u32());
  if (!in.done())
    return make_error(ErrorCode::input_refused, "cannot read proof of two versions: its bytes are not one");
  LYSOEN_ASSIGN(fork.held, decode_batch(held));
  LYSOEN_ASSIGN(fork.other, decode_batch(other));
  return fork;
}

}  // namespace lysoen::feed
