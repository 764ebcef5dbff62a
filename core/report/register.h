// The registers of a report: for every field, item, the status and the retraction, all writes of it, and which of them
// no other write supersedes. fold, history and the rest are views of this.
#pragma once
#include <map>

#include "core/report/fold.h"

namespace lysoen::report {

/// One write of one register.
struct Put {
  const FoldEntry* entry = nullptr;
  std::optional<Value> value;  // of an item: kKept or none; of status and retraction: see fold.h
  std::string reason;          // of status and retraction
  std::string order;           // of a present item
  const std::vector<EditId>* supersedes = nullptr;

  bool counts() const { return entry->set_aside.empty(); }
};

inline constexpr std::string_view kKept = "kept";

using Puts = std::map<std::string, std::vector<Put>, std::less<>>;  // by path; each list by edit id

/// The entries of one report, each id once, by id. Of two entries of one id the one with the smaller reason stays.
std::map<EditId, const FoldEntry*> entries_of(const ReportId& id, std::span<const FoldEntry> entries);
Puts puts_of(const std::map<EditId, const FoldEntry*>& entries);
/// Those that count and that no write that counts supersedes.
std::vector<const Put*> visible_of(const std::vector<Put>& puts);
/// By claimed time, then edit id.
bool shown_before(const Put* a, const Put* b);

/// What several visible sets of choices come to: every code that one of them holds, but for those that another one knew
/// of and left out (an observed-remove set). Nothing if they are not all sets.
std::optional<std::optional<Value>> merged_choices(const std::vector<Put>& puts,
                                                   const std::vector<const Put*>& visible);

}  // namespace lysoen::report
