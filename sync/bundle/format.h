// The bundle file, version 0 (docs/formats/bundle.md):
//
//   salt 32 ‖ commitment 32 ‖ part ‖ part ‖ ... ‖ last part
//
//   prk        = HKDF-Extract(salt, carrier key)
//   commitment = HKDF-Expand(prk, "lysoen/1 bundle commitment", 32)      tells which key fits, and no other can
//   part key   = HKDF-Expand(prk, "lysoen/1 bundle parts", 32)
//   part i     = XChaCha20-Poly1305(part key, nonce = i u64 ‖ last u8 ‖ 15 zeros, no AAD) of 65,536 bytes of the
//   content,
//                of fewer in the last part (STREAM, Hoang et al. 2015, section 7)
//
//   content    = version u8 ‖ record ‖ ... ‖ 0x00 ‖ zeros up to the file's step
//   record     = type u8 ‖ length u32 ‖ bytes
//
// Nothing tells the file from random bytes; its size is one of crypto::transport_size.
#pragma once
#include <lysoen/sync/bundle.h>

#include "core/crypto/hash.h"

namespace lysoen::bundle {

inline constexpr uint8_t kVersion = 0;
inline constexpr size_t kSaltSize = 32, kHeadSize = 64, kPartSize = 64 * 1024, kSealedPartSize = kPartSize + 16;
inline constexpr size_t kRecordHead = 5;
inline constexpr uint64_t kBundleSizeFloor = 256 * 1024;  // of BundleContent::size_max: the largest batch fits

// In the file. Never renumber.
enum class RecordType : uint8_t { end = 0, roster = 1, batch = 2 };

struct Keys {
  crypto::Key32 parts;
  std::array<uint8_t, 32> commitment;
};
Keys derive(const CarrierKey& key, ByteView salt);

using PartNonce = std::array<uint8_t, 24>;
PartNonce part_nonce(uint64_t index, bool last);

/// Size of a file with this much content (version, records and the end byte), before and after padding.
uint64_t file_size(uint64_t content);
uint64_t padded_file_size(uint64_t content);
/// Zeros to add to the content so that the file has its padded size.
uint64_t padding_for(uint64_t content);

}  // namespace lysoen::bundle
