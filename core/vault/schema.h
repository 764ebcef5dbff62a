// The tables of a container's database. docs/formats/vault.md says what each holds.
#pragma once
#include <cstdint>

#include "core/storage/database.h"

namespace lysoen::vault {

extern const std::span<const storage::Migration> kSchema;

/// Entries, blocks and edits are kept under one integer, so that a feed lies together in the file.
inline constexpr int kPlaceShift = 40;  // feed row << 40 | seq: 4 million feeds of 10^12 entries
inline constexpr uint64_t kSeqMax = (uint64_t{1} << kPlaceShift) - 1;
inline constexpr int64_t place_of(int64_t feed, uint64_t seq) {
  return (feed << kPlaceShift) | static_cast<int64_t>(seq);
}
inline constexpr int64_t feed_of(int64_t place) {
  return place >> kPlaceShift;
}
inline constexpr uint64_t seq_of(int64_t place) {
  return static_cast<uint64_t>(place) & kSeqMax;
}

/// Edits lie by report: report row << 24 | number.
inline constexpr int kEditShift = 24;
inline constexpr int64_t first_edit_of(int64_t report) {
  return report << kEditShift;
}
inline constexpr int64_t last_edit_of(int64_t report) {
  return first_edit_of(report + 1) - 1;
}
inline constexpr int64_t report_of_edit(int64_t edit) {
  return edit >> kEditShift;
}

/// Stands in columns of time where none is known, and sorts last.
inline constexpr int64_t kNoTime = INT64_MIN;

}  // namespace lysoen::vault
