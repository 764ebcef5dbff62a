// Every limit of the exchange, named once. What is larger is refused where it enters: in the frame reader and in the
// decoders of this module. docs/protocol/exchange.md repeats the table.
#pragma once
#include <cstddef>
#include <cstdint>

namespace lysoen::wire {

inline constexpr size_t kFrameMax = 256 * 1024;          // body of one frame before sealing
inline constexpr uint64_t kSeqMax = uint64_t{1} << 40;   // as core/feed
inline constexpr size_t kFirstFrameMax = 1024;           // Hello; JoinPost may take kJoinFrameMax
inline constexpr size_t kJoinFrameMax = 1536;            // a join request of 1 KiB and what surrounds it
inline constexpr size_t kRequestMax = 16 * 1024 * 1024;  // one request or answer
inline constexpr size_t kUnknownMax = 4 * 1024;          // what a sender may send before its first frame opened
inline constexpr size_t kFramesMax = 65536;              // of one request or answer
inline constexpr size_t kEntryMax = 64 * 1024;           // ciphertext of one entry
inline constexpr size_t kBlobsMax = 64;                  // in one offer, ask or answer to them
// Of blobs and runs of chunks: lysoen/blob.h.
inline constexpr size_t kBlobReceiptMax = 256;
inline constexpr size_t kBatchEntriesMax = 256;
inline constexpr size_t kProofHashesMax = 8;  // range proof of a batch: each side, a block has 256 leaves
inline constexpr size_t kWarrantMax = 1024;
inline constexpr size_t kRosterMax = 4 * 1024 * 1024;
inline constexpr size_t kAdmissionListMax = 4 * 1024 * 1024;
inline constexpr size_t kWelcomeMax = 4 * 1024 * 1024 + 128 * 1024;
inline constexpr size_t kPartMax = 192 * 1024;  // of a roster, list or welcome in one frame
inline constexpr size_t kJoinRequestMax = 1024;
inline constexpr size_t kJoinRequestsPerFrame = 128;
inline constexpr size_t kReceiptMax = 8 * 1024;
inline constexpr size_t kHelloHeadsMax = 16;
inline constexpr size_t kMailboxesMax = 256;         // in one Want
inline constexpr size_t kFeedsAskedMax = 256;        // in one Want
inline constexpr size_t kFrontierHeadsMax = 1024;    // in one frame
inline constexpr size_t kItemsMax = 2048;            // in one frame
inline constexpr size_t kMissingMax = 2 + 256 * 16;  // ranges that an item lists as missing
inline constexpr size_t kCertifiedKeyMax = 256;
inline constexpr uint32_t kWaitMaxMs = 10 * 60 * 1000;

// What this program speaks. A Hello names the range it accepts; the relay answers in the highest both speak.
inline constexpr uint8_t kVersion = 0;
inline constexpr uint8_t kVersionMin = 0;

}  // namespace lysoen::wire
