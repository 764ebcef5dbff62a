#include "core/blob/ranges.h"

#include <algorithm>

#include "core/base/check.h"

namespace lysoen::blob {

void add(ChunkRanges& ranges, ChunkRange more) {
  if (more.first >= more.end) return;
  ChunkRanges merged;
  for (const auto& range : ranges) {
    if (range.end < more.first || range.first > more.end) {
      merged.push_back(range);
      continue;
    }
    more.first = std::min(more.first, range.first);
    more.end = std::max(more.end, range.end);
  }
  auto at = std::find_if(merged.begin(), merged.end(), [&](const auto& range) { return range.first > more.first; });
  merged.insert(at, more);
  ranges = std::move(merged);
}

bool covers(const ChunkRanges& ranges, ChunkRange all) {
  return std::any_of(ranges.begin(), ranges.end(),
                     [&](const auto& range) { return range.first <= all.first && range.end >= all.end; });
}

uint64_t count(const ChunkRanges& ranges) {
  uint64_t sum = 0;
  for (const auto& range : ranges) sum += range.end - range.first;
  return sum;
}

uint64_t bytes_of(const BlobName& name, const ChunkRanges& ranges) {
  uint64_t sum = count(ranges) * kChunkSize;
  const uint32_t last = name.chunks() - 1;
  if (covers(ranges, {last, last + 1})) sum -= kChunkSize - name.chunk_size(last);
  return sum;
}

ChunkRange first_missing(const ChunkRanges& ranges, uint32_t from, uint32_t end) {
  ChunkRange missing{from, end};
  for (const auto& range : ranges) {
    if (range.end <= missing.first) continue;
    if (range.first > missing.first) {
      missing.end = std::min(end, range.first);
      break;
    }
    missing.first = range.end;
  }
  if (missing.first >= missing.end) return {end, end};
  return missing;
}

Bytes encode(const ChunkRanges& ranges) {
  LYSOEN_CHECK(ranges.size() <= kBlobRangesMax);
  Writer writer;
  writer.u8(static_cast<uint8_t>(ranges.size()));
  for (const auto& range : ranges) writer.u32(range.first).u32(range.end);
  return std::move(writer).bytes();
}

std::optional<ChunkRanges> decode(ByteView bytes, uint32_t chunks) {
  Reader reader(bytes);
  ChunkRanges ranges(reader.u8());
  for (auto& range : ranges) {
    range.first = reader.u32();
    range.end = reader.u32();
  }
  if (!reader.done() || !in_order(ranges, chunks)) return std::nullopt;
  return ranges;
}

bool in_order(const ChunkRanges& ranges, uint32_t chunks) {
  if (ranges.size() > kBlobRangesMax) return false;
  uint32_t free = 0;  // where the next one may begin
  for (const auto& range : ranges) {
    if (range.first < free || range.first >= range.end || range.end > chunks) return false;
    free = range.end + 1;
  }
  return true;
}

}  // namespace lysoen::blob
