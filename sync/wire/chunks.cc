// The frames of attachments: what is offered, held and asked for, and runs of chunks.
#include "sync/wire/codec.h"
#include "sync/wire/proto_fields.h"

namespace lysoen::wire {

using namespace fields;

namespace {

void put(pb::BlobName& out, const BlobName& name) {
  out.set_blob(text_of_id(name.blob));
  out.set_size(name.size);
}

BlobName name_from(const pb::BlobName& in, Check& check) {
  BlobName name;
  name.blob = check.id<BlobId>(in.blob(), "an attachment's id is not 32 bytes");
  name.size = in.size();
  check.require(name.size > 0, "an attachment's size is zero");
  check.limit(name.size, kBlobSizeMax, "an attachment is larger than 5 GiB");
  return name;
}

void put(pb::BlobState& out, const BlobName& name, const ChunkRanges& held) {
  put(*out.mutable_name(), name);
  for (const auto& range : held) {
    auto& row = *out.add_held();
    row.set_first(range.first);
    row.set_count(range.end - range.first);
  }
}

/// Ascending, apart, inside the blob.
ChunkRanges held_from(const pb::BlobState& in, const BlobName& name, Check& check) {
  ChunkRanges held;
  check.limit(static_cast<size_t>(in.held_size()), kBlobRangesMax, "it lists more than 64 ranges of chunks");
  if (!check.ok()) return held;
  uint32_t free = 0;
  for (const auto& row : in.held()) {
    const uint32_t chunks = name.chunks();
    bool fits = row.count() > 0 && row.first() >= free && row.first() < chunks && row.count() <= chunks - row.first();
    check.require(fits, "its ranges of chunks are out of order");
    if (!fits) return {};
    held.push_back({row.first(), row.first() + row.count()});
    free = held.back().end + 1;
  }
  return held;
}

template <class Proto>
void limit_blobs(const Proto& in, Check& check) {
  check.limit(static_cast<size_t>(in.blobs_size()), kBlobsMax, "it names more than 64 attachments");
}

}  // namespace

Bytes encode(const BlobOffer& message) {
  pb::BlobOffer out;
  for (const auto& name : message.blobs) put(*out.add_blobs(), name);
  return serialize(out);
}

template <>
Result<BlobOffer> decode<BlobOffer>(ByteView bytes) {
  pb::BlobOffer in;
  Check check("offer of attachments");
  check.require(parse(in, bytes), "it is no such message");
  limit_blobs(in, check);
  if (!check.ok()) return check.error();
  BlobOffer offer;
  for (const auto& name : in.blobs()) offer.blobs.push_back(name_from(name, check));
  return check.result(std::move(offer));
}

Bytes encode(const BlobStates& message) {
  pb::BlobStates out;
  for (const auto& state : message.blobs) {
    auto& row = *out.add_blobs();
    put(row, state.name, state.held);
    row.set_receipt(text_of(state.receipt));
  }
  return serialize(out);
}

template <>
Result<BlobStates> decode<BlobStates>(ByteView bytes) {
  pb::BlobStates in;
  Check check("state of attachments");
  check.require(parse(in, bytes), "it is no such message");
  limit_blobs(in, check);
  if (!check.ok()) return check.error();
  BlobStates states;
  for (const auto& row : in.blobs()) {
    BlobState state;
    state.name = name_from(row.name(), check);
    if (!check.ok()) return check.error();
    state.held = held_from(row, state.name, check);
    state.receipt = check.bytes(row.receipt(), kBlobReceiptMax, "a receipt is larger than 256 bytes");
    states.blobs.push_back(std::move(state));
  }
  return check.result(std::move(states));
}

Bytes encode(const BlobAsk& message) {
  pb::BlobAsk out;
  for (const auto& wanted : message.blobs) put(*out.add_blobs(), wanted.name, wanted.held);
  return serialize(out);
}

template <>
Result<BlobAsk> decode<BlobAsk>(ByteView bytes) {
  pb::BlobAsk in;
  Check check("question for attachments");
  check.require(parse(in, bytes), "it is no such message");
  limit_blobs(in, check);
  if (!check.ok()) return check.error();
  BlobAsk ask;
  for (const auto& row : in.blobs()) {
    WantedBlob wanted;
    wanted.name = name_from(row.name(), check);
    if (!check.ok()) return check.error();
    wanted.held = held_from(row, wanted.name, check);
    check.require(row.receipt().empty(), "it has a receipt");
    ask.blobs.push_back(std::move(wanted));
  }
  return check.result(std::move(ask));
}

Bytes encode(const ChunkRun& message) {
  pb::ChunkRun out;
  put(*out.mutable_name(), message.name);
  out.set_first(message.first);
  out.set_leaves(text_of_hashes(message.leaves));
  out.set_left(text_of_hashes(message.left));
  out.set_right(text_of_hashes(message.right));
  return serialize(out);
}

template <>
Result<ChunkRun> decode<ChunkRun>(ByteView bytes) {
  pb::ChunkRun in;
  Check check("run of chunks");
  check.require(parse(in, bytes), "it is no such message");
  if (!check.ok()) return check.error();
  ChunkRun run;
  run.name = name_from(in.name(), check);
  run.first = in.first();
  run.leaves = check.hashes(in.leaves(), kRunChunksMax, "it is of more than 1,024 chunks");
  run.left = check.hashes(in.left(), kRunProofMax, "its proof has more than 40 hashes on one side");
  run.right = check.hashes(in.right(), kRunProofMax, "its proof has more than 40 hashes on one side");
  check.require(!run.leaves.empty(), "it is empty");
  return check.result(std::move(run));
}

Bytes encode(const Chunk& message) {
  pb::Chunk out;
  out.set_data(text_of(message.data));
  return serialize(out);
}

template <>
Result<Chunk> decode<Chunk>(ByteView bytes) {
  pb::Chunk in;
  Check check("chunk");
  check.require(parse(in, bytes), "it is no such message");
  Chunk chunk{check.bytes(in.data(), kChunkSize, "it is larger than 16 KiB")};
  check.require(!chunk.data.empty(), "it is empty");
  return check.result(std::move(chunk));
}

}  // namespace lysoen::wire
