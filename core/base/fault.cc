#include "core/base/fault.h"

#ifdef LYSOEN_TEST_BUILD
namespace lysoen::fault {

bool entries_not_sealed = false;
bool receipts_before_durable = false;
bool items_withheld = false;
bool last_arrival_wins = false;
bool freed_memory_kept = false;
bool skip_one_slot_overwrite = false;

bool plant(std::string_view name) {
  bool* fault = name == "entries_not_sealed"        ? &entries_not_sealed
                : name == "receipts_before_durable" ? &receipts_before_durable
                : name == "items_withheld"          ? &items_withheld
                : name == "last_arrival_wins"       ? &last_arrival_wins
                : name == "freed_memory_kept"       ? &freed_memory_kept
                : name == "skip_one_slot_overwrite" ? &skip_one_slot_overwrite
                                                    : nullptr;
  if (fault) *fault = true;
  return fault != nullptr;
}

}  // namespace lysoen::fault
#endif
