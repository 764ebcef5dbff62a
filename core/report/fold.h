// From edits to a report: the merge (docs/formats/merge.md). Pure and deterministic: the same edits in any order and
// any number of times give the same report, byte for byte. No clocks, no environment, no errors; every edit counts or
// is listed as set aside.
#pragma once
#include <lysoen/report.h>

#include <map>
#include <span>

#include "core/report/edit.h"

namespace lysoen::report {

/// One edit as the fold takes it. Whether it counts is decided before, by the author rule, and comes as a reason.
struct FoldEntry {
  EditId id;
  DeviceId author;
  Edit edit;
  std::string set_aside;  // empty: it counts. Otherwise kept and shown with this reason, and superseding nothing
};

// The fields beside the form's: for Folded::frontier.
inline constexpr std::string_view kStatusField = "@status";
inline constexpr std::string_view kRetractionField = "@retraction";

struct Folded {
  /// As it stands. `level` and `has_unsent_changes` are the vault's to fill. Fields are in order of their paths, items
  /// of a repeat in their own order. Values that are equal are shown once. An item that was removed while someone else
  /// changed it is a field of its own ("victims[i-1]", values none and "kept") beside its answers.
  Report report;
  /// Visible writes by field: what a new write of that field supersedes.
  std::map<std::string, std::vector<EditId>, std::less<>> visible;
  /// Order keys of the items that are shown, by item path.
  std::map<std::string, std::string, std::less<>> orders;
  /// Ids that were named and have not arrived; sorted.
  std::vector<EditId> pending;
  /// Named by the creating device in edits that count, sorted.
  std::vector<DeviceId> co_authors;

  /// The edits that a new write of `path` has to name; of an item: all that wrote the item or anything inside it.
  /// Sorted.
  std::vector<EditId> frontier(std::string_view path) const;
};

/// The report `id` as it stands. Entries of other reports are ignored. Status without a change is submitted; contested,
/// it is the lowest of those visible. A contested retraction does not hide.
Folded fold(const ReportId& id, std::span<const FoldEntry> entries);

/// The report as its author first submitted it.
Report as_first_submitted(const ReportId& id, std::span<const FoldEntry> entries);

/// Every value that a field ever had.
struct PastValue {
  std::optional<Value> value;  // of an item: "kept" or none; of status and retraction: name and reason
  std::string reason;          // of status and retraction
  EditId edit;
  DeviceId author;
  WallTime claimed;
  std::vector<EditId> superseded_by;  // edits that count; empty: it stands
  std::string set_aside;
};
struct FieldHistory {
  std::string path;
  std::vector<PastValue> values;  // by claimed time, then edit id
};
std::vector<FieldHistory> history(const ReportId& id, std::span<const FoldEntry> entries);

/// What a person would notice between two folds of one report.
struct Difference {
  std::vector<std::string> changed;          // fields whose shown values are others now
  std::vector<std::string> conflicts_begun;  // fields with a conflict that had none, or another one
  std::vector<std::string> conflicts_ended;
  bool status = false, retraction = false, set_aside = false;
  bool nothing() const { return changed.empty() && !status && !retraction && !set_aside; }
};
Difference difference(const Report& before, const Report& after);

/// What an arriving edit does to a report: decide first, then the caller applies it in one transaction.
struct MergePlan {
  bool known = false;    // it was there already: nothing changes
  bool appears = false;  // the report has a creating edit now and had none
  Difference difference;
  Folded after;
};
MergePlan plan_merge(const ReportId& id, std::span<const FoldEntry> existing, const FoldEntry& arriving);

/// The report as bytes, for comparing two devices: everything that follows from the edits, nothing of the device
/// (level, unsent changes). Equal bytes mean equal reports.
Bytes canonical_bytes(const Report& report);

}  // namespace lysoen::report
