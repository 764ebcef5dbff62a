// SHA-256 (FIPS 180-4), HMAC-SHA-256 (RFC 2104), HKDF-SHA-256 (RFC 5869), labelled hashes, RFC 6962 Merkle trees.
#pragma once
#include <lysoen/result.h>

#include "core/base/bytes.h"
#include "core/crypto/secret.h"

namespace lysoen::crypto {

Hash sha256(ByteView bytes);

/// SHA-256 of bytes that come in parts (files).
class Sha256 {
 public:
  static constexpr size_t kStateSize = 128;
  Sha256();
  void update(ByteView bytes);
  /// Call once, last.
  Hash finish();

 private:
  alignas(8) std::array<uint8_t, kStateSize> state_{};
};

/// SHA-256 over `label` ‖ 0x00 ‖ `fields`: every object's hash carries its label ("lysoen/1 entry"). `fields` is a
/// fixed or length-prefixed layout written with Writer.
Hash labelled_hash(std::string_view label, ByteView fields);
template <class IdType>
IdType labelled_id(std::string_view label, ByteView fields) {
  IdType id;
  id.bytes = labelled_hash(label, fields).bytes;
  return id;
}

/// HMAC-SHA-256 over the concatenation of `parts`.
std::array<uint8_t, 32> hmac_sha256(ByteView key, std::initializer_list<ByteView> parts);

/// RFC 5869. Extract gives 32 bytes; expand up to 255*32, here at most 8,160.
Key32 hkdf_extract(ByteView salt, ByteView input_key);
void hkdf_expand(const Key32& pseudo_random_key, ByteView info, std::span<uint8_t> out);
/// Expand to one key.
Key32 hkdf_expand_key(const Key32& pseudo_random_key, std::string_view info);

// -- RFC 6962 ------------------------------------------------------------------------------------------------------
// Leaf hash = SHA-256(0x00 ‖ leaf), node = SHA-256(0x01 ‖ left ‖ right), the empty tree = SHA-256("").

Hash merkle_leaf(ByteView leaf);
Hash merkle_node(const Hash& left, const Hash& right);
/// Root over leaf *hashes* as given by merkle_leaf.
Hash merkle_root(std::span<const Hash> leaves);

/// Leaves first .. first + size - 1; size is a power of two that divides first.
struct MerkleTile {
  uint64_t first = 0, size = 0;
};
/// The largest complete subtrees that tile [from, to), left to right.
std::vector<MerkleTile> merkle_tiles(uint64_t from, uint64_t to);

/// The hashes of the maximal complete subtrees that tile [0, first) and (last, size) so that a verifier who holds
/// leaves first..last (0-based, inclusive) can compute the root. Left to right. In a tree of at most 256 leaves: at
/// most 8 on the left, 14 on the right.
struct RangeProof {
  std::vector<Hash> left, right;
};
/// Requires: first <= last < leaves.size().
RangeProof merkle_range_proof(std::span<const Hash> leaves, size_t first, size_t last);
/// The root that the run and the proof imply, or nothing if the proof's shape does not fit.
std::optional<Hash> merkle_root_from_range(std::span<const Hash> run, uint64_t first, uint64_t size,
                                           const RangeProof& proof);

/// A growing tree that keeps only its peaks: for logs. Peaks are ordered largest first; at most 64.
class MerkleLog {
 public:
  MerkleLog() = default;
  /// Requires: number of peaks = number of one bits of size.
  static std::optional<MerkleLog> from(uint64_t size, std::vector<Hash> peaks);
  void append(const Hash& leaf_hash);
  uint64_t size() const { return size_; }
  const std::vector<Hash>& peaks() const { return peaks_; }
  Hash root() const;

 private:
  uint64_t size_ = 0;
  std::vector<Hash> peaks_;
};

}  // namespace lysoen::crypto
