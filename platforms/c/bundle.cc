// Bundles: sealed entries in files.
#include <lysoen/sync/bundle.h>

#include "platforms/c/handle.h"

using namespace lysoen;
using namespace lysoen::c;

extern "C" {

lysoen_code lysoen_bundle_export(lysoen_vault* vault, const char* file, uint64_t size_max, lysoen_bundle_facts* out) {
  return guarded([&]() -> Result<void> {
    LYSOEN_C_REQUIRE(vault);
    LYSOEN_C_REQUIRE(file);
    auto& held = *vault->vault;
    LYSOEN_ASSIGN(auto keys, held.carrier_keys());
    if (keys.empty()) return make_error(ErrorCode::trust_refused, "the vault has no team to seal a bundle for");
    LYSOEN_ASSIGN(auto heads, held.all_heads());
    BundleContent content;
    LYSOEN_ASSIGN(content.rosters, held.sealed_rosters());
    content.runs = whole_feeds(heads);
    LYSOEN_ASSIGN(auto attachments, held.sync_peer().blobs()->whole_blobs());
    content.blobs = whole_blobs(attachments);
    if (size_max > 0) content.size_max = size_max;
    LYSOEN_ASSIGN(auto written, export_bundle(file, {held.entries(), held.sync_peer().blobs()}, keys.front(), content,
                                              system_environment().random));
    LYSOEN_TRY(held.mark_carried(written.carried));
    if (!out) return {};
    return write_struct(out, {0, written.bytes, written.entries, written.left.size(), 0, 0, 0, 0, 0, written.chunks,
                              written.blobs_left.size(), 0, 0});
  });
}

lysoen_code lysoen_bundle_import(lysoen_vault* vault, const char* file, lysoen_bundle_facts* out) {
  return guarded([&]() -> Result<void> {
    LYSOEN_C_REQUIRE(vault);
    LYSOEN_C_REQUIRE(file);
    auto& held = *vault->vault;
    LYSOEN_ASSIGN(auto keys, held.carrier_keys());
    LYSOEN_ASSIGN(auto taken, import_bundle(file, held.sync_peer(), held.entries(), keys));
    if (out) {
      LYSOEN_TRY(write_struct(
          out, {0, 0, 0, 0, taken.entries_stored, taken.entries_known, taken.batches_refused, taken.batches_forked,
                taken.entries_waiting, 0, 0, taken.chunks_stored, taken.bytes_not_placed}));
    }
    if (taken.damage) return *taken.damage;
    return {};
  });
}

}  // extern "C"
