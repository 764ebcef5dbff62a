// Batches and the small frames about them: receipts, frontiers.
#include "sync/wire/codec.h"
#include "sync/wire/proto_fields.h"

namespace lysoen::wire {

using namespace fields;

namespace {

void put(pb::Entry& out, const SealedEntry& entry) {
  if (entry.kind != EntryKind::sealed) out.set_kind(static_cast<uint32_t>(entry.kind));
  if (!entry.ciphertext_hash.is_none()) out.set_ciphertext_hash(text_of_id(entry.ciphertext_hash));
  if (!entry.is_stub()) {
    out.set_ciphertext(text_of(entry.ciphertext));
    return;
  }
  out.set_length(entry.length);
  out.set_reason(static_cast<uint32_t>(entry.reason));
  if (!entry.warrant.empty()) out.set_warrant(text_of(entry.warrant));
}

SealedEntry entry_from(const pb::Entry& in, Check& check) {
  SealedEntry entry;
  check.require(in.kind() <= static_cast<uint32_t>(EntryKind::sealed), "an entry is of an unknown kind");
  entry.kind = in.kind() == 0 ? EntryKind::sealed : static_cast<EntryKind>(in.kind());
  entry.ciphertext_hash = check.id<Hash>(in.ciphertext_hash(), "a ciphertext hash is not 32 bytes", true);
  check.require(in.reason() <= static_cast<uint32_t>(StubReason::redacted), "a stub has an unknown reason");
  entry.reason = static_cast<StubReason>(in.reason());
  entry.ciphertext = check.bytes(in.ciphertext(), kEntryMax, "an entry is larger than 64 KiB");
  entry.warrant = check.bytes(in.warrant(), kWarrantMax, "a warrant is larger than 1 KiB");
  if (entry.is_stub()) {
    check.require(entry.ciphertext.empty(), "a stub has a ciphertext");
    check.require(!entry.ciphertext_hash.is_none(), "a stub lacks the hash of its ciphertext");
    check.limit(in.length(), kEntryMax, "a stub stands for more than 64 KiB");
    entry.length = in.length();
  } else {
    check.require(!entry.ciphertext.empty(), "an entry is empty");
    check.require(entry.warrant.empty(), "a whole entry has a warrant");
    check.require(in.length() == 0, "a whole entry repeats its length");
    entry.length = static_cast<uint32_t>(entry.ciphertext.size());
  }
  return entry;
}

}  // namespace

Bytes encode(const Batch& batch) {
  pb::Batch out;
  fields::put(*out.mutable_feed(), batch.feed);
  out.set_first_seq(batch.first_seq);
  if (!batch.prev.is_none()) out.set_prev(text_of_id(batch.prev));
  for (const auto& entry : batch.entries) put(*out.add_entries(), entry);
  if (batch.signed_seq != batch.last_seq()) out.set_signed_seq(batch.signed_seq);
  if (!batch.signed_head.is_none()) out.set_signed_head(text_of_id(batch.signed_head));
  out.set_signature(text_of(batch.signature));
  out.set_left(text_of_hashes(batch.left));
  out.set_right(text_of_hashes(batch.right));
  return serialize(out);
}

template <>
Result<Batch> decode<Batch>(ByteView bytes) {
  pb::Batch in;
  Check check("batch");
  check.require(parse(in, bytes), "it is no such message");
  check.require(in.entries_size() > 0, "it has no entries");
  check.limit(static_cast<size_t>(in.entries_size()), kBatchEntriesMax, "it has more than 256 entries");
  check.require(in.first_seq() > 0 && in.first_seq() <= kSeqMax, "its first sequence number is out of range");
  if (!check.ok()) return check.error();
  Batch batch;
  batch.feed = feed_key(in.feed(), check);
  batch.first_seq = in.first_seq();
  batch.prev = check.id<Hash>(in.prev(), "prev is not 32 bytes", true);
  batch.entries.reserve(static_cast<size_t>(in.entries_size()));
  for (const auto& entry : in.entries()) batch.entries.push_back(entry_from(entry, check));
  batch.signed_seq = in.signed_seq() == 0 ? batch.last_seq() : in.signed_seq();
  check.require(batch.signed_seq >= batch.last_seq() && batch.signed_seq <= kSeqMax + kBatchEntriesMax,
                "its signed sequence number is out of range");
  batch.signed_head = check.id<Hash>(in.signed_head(), "the signed head is not 32 bytes", true);
  batch.signature = check.array<64>(in.signature(), "the signature is not 64 bytes");
  batch.left = check.hashes(in.left(), kProofHashesMax, "a range proof has more than 8 hashes");
  batch.right = check.hashes(in.right(), kProofHashesMax, "a range proof has more than 8 hashes");
  return check.result(std::move(batch));
}

Bytes encode(const Receipt& message) {
  pb::Receipt out;
  out.set_receipt(text_of(message.receipt));
  return serialize(out);
}

template <>
Result<Receipt> decode<Receipt>(ByteView bytes) {
  pb::Receipt in;
  Check check("receipt");
  check.require(parse(in, bytes), "it is no such message");
  Receipt receipt{check.bytes(in.receipt(), kReceiptMax, "it is larger than 8 KiB")};
  check.require(!receipt.receipt.empty(), "it is empty");
  return check.result(std::move(receipt));
}

Bytes encode(const Frontier& message) {
  pb::Frontier out;
  out.set_highest_counter(message.highest_counter);
  for (const auto& head : message.heads) {
    auto& row = *out.add_heads();
    fields::put(*row.mutable_feed(), head.feed);
    row.set_seq(head.seq);
    if (!head.hash.is_none()) row.set_hash(text_of_id(head.hash));
  }
  return serialize(out);
}

template <>
Result<Frontier> decode<Frontier>(ByteView bytes) {
  pb::Frontier in;
  Check check("frontier");
  check.require(parse(in, bytes), "it is no such message");
  check.limit(static_cast<size_t>(in.heads_size()), kFrontierHeadsMax, "it has more than 1,024 heads");
  if (!check.ok()) return check.error();
  Frontier frontier;
  frontier.highest_counter = in.highest_counter();
  for (const auto& row : in.heads()) {
    FeedHead head;
    head.feed = feed_key(row.feed(), check);
    head.seq = row.seq();
    head.hash = check.id<Hash>(row.hash(), "a head is not 32 bytes", row.seq() == 0);
    frontier.heads.push_back(head);
  }
  return check.result(std::move(frontier));
}

}  // namespace lysoen::wire
