// The fixed layout of a batch: docs/formats/feed.md, "Layout of a batch".
#include "core/base/try.h"
#include "core/crypto/hash.h"
#include "core/feed/batch.h"

namespace lysoen::feed {

namespace {

constexpr uint8_t kVersion = 0, kSuite = 1;

Error refused(std::string why) {
  return make_error(ErrorCode::input_refused, "cannot read batch: " + std::move(why));
}

void write_entry(Writer& out, const SealedEntry& entry) {
  out.u8(static_cast<uint8_t>(entry.kind)).u8(static_cast<uint8_t>(entry.reason)).u32(entry.length);
  if (!entry.is_stub()) {
    out.raw(entry.ciphertext);
    return;
  }
  out.id(entry.ciphertext_hash).u16(static_cast<uint16_t>(entry.warrant.size())).raw(entry.warrant);
}

void write_side(Writer& out, const std::vector<Hash>& side) {
  out.u8(static_cast<uint8_t>(side.size()));
  for (const auto& hash : side) out.id(hash);
}

/// Fails the reader on kinds, reasons and sizes that no entry has; check_entry does the rest.
SealedEntry read_entry(Reader& in) {
  SealedEntry entry;
  uint8_t kind = in.u8(), reason = in.u8();
  entry.length = in.u32();
  if (kind < 1 || kind > 2 || reason > static_cast<uint8_t>(StubReason::redacted) || entry.length > kEntrySizeMax)
    in.fail();
  entry.kind = static_cast<EntryKind>(kind);
  entry.reason = static_cast<StubReason>(reason);
  if (!entry.is_stub()) {
    entry.ciphertext = to_bytes(in.raw(entry.length));
    entry.ciphertext_hash = crypto::sha256(entry.ciphertext);
    return entry;
  }
  entry.ciphertext_hash = in.id<Hash>();
  size_t warrant_size = in.u16();
  if (warrant_size > kWarrantSizeMax) in.fail();
  entry.warrant = to_bytes(in.raw(warrant_size));
  return entry;
}

std::vector<Hash> read_side(Reader& in) {
  std::vector<Hash> side;
  size_t count = in.u8();
  if (count > kProofSideMax) in.fail();
  for (size_t i = 0; i < count && in.ok(); ++i) side.push_back(in.id<Hash>());
  return side;
}

}  // namespace

Bytes encode_batch(const Batch& batch) {
  Writer out;
  out.u8(kVersion).u8(kSuite).id(batch.feed.device).id(batch.feed.audience).u32(batch.feed.incarnation);
  out.u64(batch.first_seq).id(batch.prev).u16(static_cast<uint16_t>(batch.entries.size()));
  for (const auto& entry : batch.entries) write_entry(out, entry);
  out.u64(batch.signed_seq).id(batch.signed_head).raw(batch.signature);
  write_side(out, batch.left);
  write_side(out, batch.right);
  return std::move(out).bytes();
}

Result<Batch> decode_batch(ByteView bytes) {
  if (bytes.size() > kBatchSizeMax)
    return make_error(ErrorCode::limit_exceeded, "cannot read batch: it is larger than 264 KiB");
  Reader in(bytes);
  if (uint8_t version = in.u8(); in.ok() && version > kVersion)
    return make_error(ErrorCode::newer_version, "cannot read batch: made by a newer version (" +
                                                    std::to_string(version) + ", this one reads up to 0)");
  if (uint8_t suite = in.u8(); in.ok() && suite != kSuite)
    return make_error(ErrorCode::newer_version, "cannot read batch: unknown suite " + std::to_string(suite));
  Batch batch;
  batch.feed.device = in.id<DeviceId>();
  batch.feed.audience = in.id<AudienceId>();
  batch.feed.incarnation = in.u32();
  batch.first_seq = in.u64();
  batch.prev = in.id<Hash>();
  size_t count = in.u16();
  if (count == 0 || count > kBatchEntriesMax) in.fail();
  for (size_t i = 0; i < count && in.ok(); ++i) batch.entries.push_back(read_entry(in));
  batch.signed_seq = in.u64();
  batch.signed_head = in.id<Hash>();
  batch.signature = in.array<64>();
  batch.left = read_side(in);
  batch.right = read_side(in);
  if (!in.done()) return refused("its bytes are not those of a batch");
  return batch;
}

}  // namespace lysoen::feed
