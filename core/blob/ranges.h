// Which chunks of a blob are held: lists of ranges, as they stand in tables and on the wire.
#pragma once
#include <lysoen/blob.h>

#include "core/base/bytes.h"

namespace lysoen::blob {

/// With these chunks too.
void add(ChunkRanges& ranges, ChunkRange more);
bool covers(const ChunkRanges& ranges, ChunkRange all);
uint64_t count(const ChunkRanges& ranges);
/// Bytes of these chunks.
uint64_t bytes_of(const BlobName& name, const ChunkRanges& ranges);
/// The first range at or after `from` that is not held, up to `end`; empty if all is held.
ChunkRange first_missing(const ChunkRanges& ranges, uint32_t from, uint32_t end);
inline bool whole(const BlobName& name, const ChunkRanges& ranges) {
  return covers(ranges, {0, name.chunks()});
}

/// count u8 ‖ (first u32 ‖ end u32) each. Requires at most kBlobRangesMax.
Bytes encode(const ChunkRanges& ranges);
/// Nothing if it is not such a list, or reaches above `chunks`.
std::optional<ChunkRanges> decode(ByteView bytes, uint32_t chunks);
/// As they must be: ascending, apart, at most kBlobRangesMax, none above `chunks`.
bool in_order(const ChunkRanges& ranges, uint32_t chunks);

}  // namespace lysoen::blob
