// Faults that a test plants to see whether it would notice them. Only the test build knows them; elsewhere this header
// is empty. Each named fault switches one promise off.
#pragma once
#ifdef LYSOEN_TEST_BUILD
#include <string_view>

namespace lysoen::fault {

/// Entries leave compressed and authenticated, but not encrypted.
extern bool entries_not_sealed;
/// The relay signs receipts for what its disk may still lose.
extern bool receipts_before_durable;
/// The relay lists every fifth item of a mailbox to nobody, though it gave receipts for all.
extern bool items_withheld;
/// Of the values of a conflict the fold shows the one that arrived last.
extern bool last_arrival_wins;

/// What the program frees stays in memory as it was.
extern bool freed_memory_kept;

/// A wipe leaves the first slot of its container as it was.
extern bool skip_one_slot_overwrite;

/// Plants a fault by its name; false if there is none of that name.
bool plant(std::string_view name);

}  // namespace lysoen::fault
#endif
