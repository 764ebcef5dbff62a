// Attachments in pieces: lists of ranges, and runs with their chunks. The first byte chooses which.
#include <algorithm>

#include "core/blob/run.h"
#include "tests/fuzz/fuzz.h"

using namespace lysoen;
using fuzz::require;

namespace {

void read_ranges(ByteView bytes) {
  const uint32_t chunks = 40;
  auto ranges = blob::decode(bytes, chunks);
  if (!ranges) return;
  require(blob::encode(*ranges) == to_bytes(bytes), "ranges that were read are written as they were");
  for (uint32_t at = 0; at < chunks; ++at) {
    auto missing = blob::first_missing(*ranges, at, chunks);
    require(missing.first >= at && missing.end <= chunks, "what is missing lies inside");
    require(missing.first == missing.end || !blob::covers(*ranges, {missing.first, missing.first + 1}),
            "what is missing is not held");
  }
}

/// A blob of five chunks as its owner has it; the input changes what is sent of it.
void read_run(fuzz::Choices choices) {
  BlobName name{{}, 4 * kChunkSize + 300};
  std::vector<Bytes> chunks;
  std::vector<Hash> leaves;
  for (uint32_t i = 0; i < name.chunks(); ++i) {
    chunks.emplace_back(name.chunk_size(i), static_cast<uint8_t>(i + 1));
    leaves.push_back(crypto::merkle_leaf(chunks.back()));
  }
  name.blob.bytes = crypto::merkle_root(leaves).bytes;
  const auto first = choices.below(name.chunks());
  const auto last = first + choices.below(name.chunks() - first);
  auto proof = crypto::merkle_range_proof(leaves, first, last);
  ChunkRun run{
      name, static_cast<uint32_t>(first), {leaves.begin() + first, leaves.begin() + last + 1}, proof.left, proof.right};
  blob::RunReader reader;
  while (!choices.ended()) {
    auto changed = run;
    auto* hashes = &changed.leaves;
    if (auto which = choices.below(3); which > 0) hashes = which == 1 ? &changed.left : &changed.right;
    const auto at = choices.byte(), value = choices.byte();
    if (!hashes->empty()) (*hashes)[at % hashes->size()].bytes[at % 32] ^= value;
    if (choices.flag()) changed.first += choices.byte();
    if (choices.flag()) changed.name.size += choices.byte();
    // A size is known by the chunks; the shape of the tree is all that it may change here.
    const bool same = changed.leaves == run.leaves && changed.left == run.left && changed.right == run.right &&
                      changed.first == run.first && changed.name.chunks() == run.name.chunks();
    require(reader.begin(changed) == same, "a run proves what it is, and nothing else");
    for (size_t i = first; i <= last && choices.flag(); ++i) {
      auto chunk = chunks[i];
      const auto place = choices.byte(), bits = choices.byte();
      chunk[place] ^= bits;
      const bool fits = changed.name.chunk_size(static_cast<uint32_t>(i)) == chunk.size();
      if (!reader.add(std::move(chunk))) break;
      require(bits == 0 && fits, "a chunk that was changed is not taken");
    }
  }
  for (const auto& proven : reader.take())
    for (size_t i = 0; i < proven.chunks.size(); ++i)
      require(proven.chunks[i] == chunks[proven.first + i], "what was taken is what was sent");
}

}  // namespace

std::vector<Bytes> fuzz::seeds() {
  return {chosen(0, blob::encode({{0, 3}, {5, 40}})), chosen(0, blob::encode({})),
          chosen(1, Bytes{0, 4, 0, 0, 0, 0, 0, 1, 0, 0, 1, 0, 0, 1, 0, 0}),
          chosen(1, Bytes{1, 2, 1, 3, 1, 0, 0, 1, 7, 1})};
}

void fuzz::run(ByteView input) {
  Choices choices(input);
  if (choices.below(2) == 0) return read_ranges(choices.rest());
  read_run(choices);
}
