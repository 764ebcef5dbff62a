// Limits of what this module reads and writes, each named once. docs/formats/feed.md repeats them.
#pragma once
#include <cstddef>
#include <cstdint>

namespace lysoen::feed {

inline constexpr uint64_t kBlockSize = 256;             // entries under one Merkle root
inline constexpr size_t kEntrySizeMax = 64 * 1024;      // ciphertext of one entry
inline constexpr size_t kBatchEntriesMax = kBlockSize;  // a batch lies in one block
inline constexpr size_t kProofSideMax = 8;              // log2(kBlockSize) hashes left, and as many right
inline constexpr size_t kWarrantSizeMax = 1024;         // room for two signed statements
inline constexpr size_t kFrameSizeMax = 256 * 1024;     // a batch travels in one frame of the exchange
// The fixed layout adds at most 8 bytes an entry and 700 a batch to what a frame holds.
inline constexpr size_t kBatchSizeMax = kFrameSizeMax + 8 * 1024;
inline constexpr uint64_t kSeqMax = uint64_t{1} << 40;  // a billion a day for three years; keeps sums far from 2^64

inline constexpr uint64_t kStreamEntriesMax = 256;  // sealed entries after one stream entry

// An edit has at most 256 KiB (core/report) and comes with a type and a salt. What is not compressed to
// kEntrySizeMax does not fit an entry all the same.
inline constexpr size_t kPayloadSizeMax = 256 * 1024 + 32;

inline constexpr size_t kDictionarySizeMax = 64 * 1024;  // of a form; what a form may carry of them: core/form

inline constexpr size_t kRangesMax = 256;               // in one list of sequence numbers
inline constexpr size_t kAcknowledgedFeedsMax = 256;    // in one acknowledgement
inline constexpr size_t kAcknowledgedRangesMax = 1024;  // exceptions in one acknowledgement, all feeds together
inline constexpr size_t kReadMarksMax = 1024;           // in one payload
inline constexpr size_t kPointsMax = 256;               // mailboxes under one signature

}  // namespace lysoen::feed
