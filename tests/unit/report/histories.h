// Random histories: several authors who change one report, each knowing what has reached it so far.
#pragma once
#include <random>

#include "core/report/change.h"
#include "core/report/fold.h"

namespace lysoen::report::test {

using Engine = std::mt19937_64;

template <class IdType>
IdType random_id(Engine& engine) {
  IdType id;
  for (auto& byte : id.bytes) byte = static_cast<uint8_t>(engine());
  return id;
}

/// A value of the type, with odd but valid digits.
Value random_value(Engine& engine, ValueType type);

struct History {
  ReportId report;
  std::vector<DeviceId> authors;
  std::vector<FoldEntry> entries;
};
/// One report of 3 to 5 authors: fields, sets of choices, repeats added, moved and removed, status, retraction. With
/// `set_aside`, some edits do not count. Every edit has passed through its bytes.
History random_history(Engine& engine, size_t edits, bool set_aside);

/// An edit by hand: one write of one field.
FoldEntry write_entry(Engine& engine, const ReportId& report, const DeviceId& author, std::string path,
                      std::string text, std::vector<EditId> supersedes);
/// A creating edit of "police-incident" with one answer.
FoldEntry creating_entry(Engine& engine, const DeviceId& author, std::string path, std::string text);
ReportId report_of(const FoldEntry& creating);

}  // namespace lysoen::report::test
