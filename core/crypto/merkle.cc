#include <bit>

#include "core/base/check.h"
#include "core/crypto/hash.h"

// All of this rests on one fact of RFC 6962 trees: the complete subtree over [a, a + 2^k), with a a multiple of 2^k and
// a + 2^k <= size, is a node of the tree; and the root is the fold, right to left, of the subtrees that the binary
// digits of the size stand for (the peaks).
namespace lysoen::crypto {

namespace {

/// Size of the largest complete subtree that begins at `at` and ends at or before `end`. Requires at < end.
uint64_t tile_size(uint64_t at, uint64_t end) {
  uint64_t fits = std::bit_floor(end - at);
  return at == 0 ? fits : std::min(fits, at & (~at + 1));
}

Hash fold_peaks(std::span<const Hash> peaks) {
  if (peaks.empty()) return sha256({});
  Hash root = peaks.back();
  for (size_t i = peaks.size() - 1; i > 0; --i) root = merkle_node(peaks[i - 1], root);
  return root;
}

/// The peaks over leaves [0, size). Subtrees are added left to right.
struct Peaks {
  uint64_t size = 0;
  std::vector<Hash> hashes;  // largest first, one for each one bit of size

  /// Requires: `leaves` is a power of two that divides size, so that no smaller peak stands to the right.
  void add(Hash subtree, uint64_t leaves) {
    for (uint64_t bit = leaves; size & bit; bit <<= 1) {
      subtree = merkle_node(hashes.back(), subtree);
      hashes.pop_back();
    }
    hashes.push_back(subtree);
    size += leaves;
  }

  void add_tiles(std::span<const Hash> tiles, uint64_t end) {
    for (const auto& tile : tiles) add(tile, tile_size(size, end));
  }
};

}  // namespace

Hash merkle_leaf(ByteView leaf) {
  Bytes input;
  input.reserve(leaf.size() + 1);
  input.push_back(0x00);
  input.insert(input.end(), leaf.begin(), leaf.end());
  return sha256(input);
}

Hash merkle_node(const Hash& left, const Hash& right) {
  std::array<uint8_t, 1 + 2 * Hash::kSize> input;
  input[0] = 0x01;
  std::memcpy(input.data() + 1, left.bytes.data(), Hash::kSize);
  std::memcpy(input.data() + 1 + Hash::kSize, right.bytes.data(), Hash::kSize);
  return sha256(input);
}

Hash merkle_root(std::span<const Hash> leaves) {
  Peaks peaks;
  for (const auto& leaf : leaves) peaks.add(leaf, 1);
  return fold_peaks(peaks.hashes);
}

std::vector<MerkleTile> merkle_tiles(uint64_t from, uint64_t to) {
  std::vector<MerkleTile> tiles;
  for (; from < to; from += tiles.back().size) tiles.push_back({from, tile_size(from, to)});
  return tiles;
}

RangeProof merkle_range_proof(std::span<const Hash> leaves, size_t first, size_t last) {
  LYSOEN_CHECK(first <= last && last < leaves.size());
  auto hashes = [&](uint64_t from, uint64_t to) {
    std::vector<Hash> list;
    for (const auto& tile : merkle_tiles(from, to)) list.push_back(merkle_root(leaves.subspan(tile.first, tile.size)));
    return list;
  };
  return RangeProof{hashes(0, first), hashes(last + 1, leaves.size())};
}

std::optional<Hash> merkle_root_from_range(std::span<const Hash> run, uint64_t first, uint64_t size,
                                           const RangeProof& proof) {
  if (run.empty() || first > size || run.size() > size - first) return std::nullopt;
  uint64_t end = first + run.size();
  if (proof.left.size() != merkle_tiles(0, first).size() || proof.right.size() != merkle_tiles(end, size).size())
    return std::nullopt;
  Peaks peaks;
  peaks.add_tiles(proof.left, first);
  for (const auto& leaf : run) peaks.add(leaf, 1);
  peaks.add_tiles(proof.right, size);
  return fold_peaks(peaks.hashes);
}

std::optional<MerkleLog> MerkleLog::from(uint64_t size, std::vector<Hash> peaks) {
  if (peaks.size() != static_cast<size_t>(std::popcount(size))) return std::nullopt;
  MerkleLog log;
  log.size_ = size;
  log.peaks_ = std::move(peaks);
  return log;
}

void MerkleLog::append(const Hash& leaf_hash) {
  LYSOEN_CHECK(size_ != UINT64_MAX);
  Peaks peaks{size_, std::move(peaks_)};
  peaks.add(leaf_hash, 1);
  size_ = peaks.size;
  peaks_ = std::move(peaks.hashes);
}

Hash MerkleLog::root() const {
  return fold_peaks(peaks_);
}

}  // namespace lysoen::crypto
