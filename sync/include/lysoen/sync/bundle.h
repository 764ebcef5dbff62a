// Bundles: the batches of a sync in a file, for a memory stick and a driver. Sealed to the team's carrier key; the file
// has no magic and its size comes in steps. Format: docs/formats/bundle.md.
//
// Writing and reading take constant memory. Both run on the vault's thread and block on their file.
#pragma once
#include <lysoen/environment.h>
#include <lysoen/exchange.h>

#include <filesystem>
#include <functional>

namespace lysoen {

using CarrierKey = std::array<uint8_t, 32>;  // Vault::carrier_keys

/// A part of one feed: entries first_seq .. up_to.seq.
struct BundleRun {
  FeedHead up_to;
  uint64_t first_seq = 1;
};

/// Whole feeds: Vault::all_heads gives everything the device holds, own and others'.
std::vector<BundleRun> whole_feeds(std::span<const FeedHead> heads);
/// Of these feeds what the relay has not confirmed by receipt.
Result<std::vector<BundleRun>> unconfirmed_by(SyncPeer& peer, const RelayId& relay, std::span<const FeedHead> heads);

struct BundleContent {
  std::vector<SealedRoster> rosters;  // oldest first
  std::vector<BundleRun> runs;
  /// The file is at most this large; what does not fit is answered as `left` for the next file. At least 256 KiB.
  uint64_t size_max = UINT64_MAX;
};

struct BundleWritten {
  uint64_t bytes = 0, entries = 0, batches = 0;
  std::vector<FeedHead> carried;  // how far each feed went: for Vault::mark_carried
  std::vector<BundleRun> left;    // did not fit
};

/// Writes a bundle under a temporary name in the same folder, syncs it and renames it: the file is whole or absent. A
/// file of that name is refused. Errors: already_exists, input_refused (nothing to carry), storage_full,
/// storage_read_only, io_failed, limit_exceeded, or the store's own.
Result<BundleWritten> export_bundle(const std::filesystem::path& file, EntryStore& store, const CarrierKey& key,
                                    const BundleContent& content, Random& random);

struct BundleTaken {
  uint64_t entries_stored = 0, entries_known = 0;  // new here; held before
  uint64_t batches_refused = 0, batches_forked = 0;
  uint64_t entries_waiting = 0;      // earlier entries are missing: take the other files, then this one again
  uint64_t records_unknown = 0;      // of a newer Lysoen: skipped, the file keeps them
  std::vector<std::string> reasons;  // of refusals, at most 20
  /// `partly_done` with a count: the file is cut or damaged and this is what was whole before the damage. Of several
  /// files: the first that was damaged, or could not be opened although others could.
  std::optional<Error> damage;
};

/// Takes a bundle. Doing it twice changes nothing; the order of files does not matter in the end (a file that came too
/// early says `entries_waiting`). Errors, with nothing taken: not_found, io_failed, damaged (no key opens it: damaged
/// or for another team), newer_version (keep the file), or the store's own.
Result<BundleTaken> import_bundle(const std::filesystem::path& file, SyncPeer& peer, EntryStore& store,
                                  std::span<const CarrierKey> keys);

/// Takes several files in whatever order they are given: repeats those that came too early while that helps.
Result<BundleTaken> import_bundles(std::span<const std::filesystem::path> files, SyncPeer& peer, EntryStore& store,
                                   std::span<const CarrierKey> keys);

}  // namespace lysoen
