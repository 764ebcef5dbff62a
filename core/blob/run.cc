#include "core/blob/run.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace lysoen::blob {

bool proves(const ChunkRun& run) {
  const uint32_t chunks = run.name.chunks();
  if (run.name.size == 0 || run.name.size > kBlobSizeMax || run.leaves.empty() || run.leaves.size() > kRunChunksMax)
    return false;
  if (run.first >= chunks || run.leaves.size() > chunks - run.first) return false;
  if (run.left.size() > kRunProofMax || run.right.size() > kRunProofMax) return false;
  auto root = crypto::merkle_root_from_range(run.leaves, run.first, chunks, {run.left, run.right});
  return root && root->bytes == run.name.blob.bytes;
}

bool RunReader::begin(ChunkRun run) {
  expected_.clear();
  if (!proves(run)) return false;
  taken_.push_back({run.name, run.first, {}, {}});
  expected_.assign(run.leaves.rbegin(), run.leaves.rend());
  return true;
}

bool RunReader::add(Bytes chunk) {
  if (expected_.empty()) return false;
  auto& into = taken_.back();
  const auto index = into.first + static_cast<uint32_t>(into.chunks.size());
  if (chunk.size() != into.name.chunk_size(index) || crypto::merkle_leaf(chunk) != expected_.back()) {
    expected_.clear();
    return false;
  }
  into.leaves.push_back(expected_.back());
  into.chunks.push_back(std::move(chunk));
  expected_.pop_back();
  return true;
}

std::vector<ProvenChunks> RunReader::take_so_far() {
  auto expected = std::exchange(expected_, {});
  std::optional<ProvenChunks> next;
  if (!expected.empty()) {
    const auto& last = taken_.back();
    next = ProvenChunks{last.name, last.first + static_cast<uint32_t>(last.chunks.size()), {}, {}};
  }
  auto taken = take();
  if (next) taken_.push_back(std::move(*next));
  expected_ = std::move(expected);
  return taken;
}

std::vector<ProvenChunks> RunReader::take() {
  expected_.clear();
  std::erase_if(taken_, [](const auto& run) { return run.chunks.empty(); });
  return std::exchange(taken_, {});
}

}  // namespace lysoen::blob
