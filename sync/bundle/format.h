// The bundle file, version 0 (docs/formats/bundle.md):
//
//   salt 32 ‖ commitment 32 ‖ part ‖ part ‖ ... ‖ last part
//
//   prk        = HKDF-Extract(salt, carrier key)
//   commitment = HKDF-Expand(prk, "lysoen/1 bundle commitment", 32)      tells which key fits, and no other can
//   part key   = HKDF-Expand(prk, "lysoen/1 bundle parts", 32)
//   parts      as in core/crypto/parts.h, each of one piece
//
// For one relay, sealed to its fallback key, the head is encapsulation 32 ‖ commitment 32: HPKE in base mode gives the
// commitment and the part key as exports, and the first record is the writer's signature. The bit that no encapsulation
// uses is random in the file.
//
//   piece      = version u8 ‖ first u16 ‖ bytes of records      first: where in it the first record begins, 0: none
//   records    = record ‖ ... ‖ 0x00 ‖ zeros up to the file's step
//   record     = type u8 ‖ length u32 ‖ bytes
//
// So what is behind a damaged part can be read again. Nothing tells the file from random bytes; its size is one of
// crypto::transport_size.
#pragma once
#include <lysoen/sync/bundle.h>

#include "core/crypto/hpke.h"
#include "core/crypto/parts.h"

namespace lysoen::bundle {

inline constexpr uint8_t kVersion = 0;
inline constexpr size_t kSaltSize = 32, kHeadSize = 64;
inline constexpr size_t kPieceHead = 3, kPieceRoom = crypto::kPartSize - kPieceHead;
inline constexpr size_t kRecordHead = 5;
inline constexpr uint64_t kBundleSizeFloor = 256 * 1024;  // of BundleContent::size_max: the largest batch fits
inline constexpr uint32_t kRunChunksWritten = 8;          // damage costs its part and the rest of a run
inline constexpr size_t kRunChunksTaken = 64;             // of a run in a bundle: 1 MiB

// In the file. Never renumber.
enum class RecordType : uint8_t { end = 0, roster = 1, batch = 2, chunk_run = 3, chunk = 4, writer = 5 };

struct Keys {
  crypto::Key32 parts;
  std::array<uint8_t, 32> commitment;
};
Keys derive(const CarrierKey& key, ByteView salt);

/// What a bundle is sealed to, and who stands behind what it brings: of one for a relay.
struct Addressee {
  RelayId relay;
  PublicKey fallback_key{};
};
struct SealedHead {
  std::array<uint8_t, kSaltSize> first{};  // of the file
  PublicKey encapsulation{};
  Keys keys;
};
/// Errors: trust_refused (the relay's key is none).
Result<SealedHead> seal_for(const Addressee& to, Random& random);
/// The encapsulation in a file that begins so.
PublicKey encapsulation_of(ByteView head);
/// Errors: trust_refused.
Result<Keys> open_for(const RelayId& relay, const crypto::KemKeyPair& fallback, const PublicKey& encapsulation);

/// The first record of a bundle for a relay: a member says that it wrote this very file.
struct WriterRecord {
  TeamId team;
  DeviceId device;
  Signature signature{};
};
inline constexpr size_t kWriterSize = 128;
inline constexpr std::string_view kWriterLabel = "lysoen/1 relay bundle";
/// suite u8 ‖ relay ‖ fallback key ‖ encapsulation ‖ team ‖ device
Bytes writer_message(const Addressee& to, const PublicKey& encapsulation, const TeamId& team, const DeviceId& device);
Bytes encode_writer(const WriterRecord& writer);
std::optional<WriterRecord> decode_writer(ByteView body);

/// Bytes of all pieces of so many bytes of records.
inline uint64_t content_of(uint64_t records) {
  return records + kPieceHead * ((records + kPieceRoom - 1) / kPieceRoom);
}
/// Size of a file with this much content (all pieces up to the end byte), before and after padding.
uint64_t file_size(uint64_t content);
uint64_t padded_file_size(uint64_t content);

}  // namespace lysoen::bundle
