// Bundles: the batches of a sync and the chunks of its attachments in files, for a memory stick and a driver. Sealed to
// the team's carrier key, or to one relay, whose operator takes them in (lysoen-relay import); a file has no magic and
// its size comes in steps. Format: docs/formats/bundle.md.
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

/// Of an attachment the chunks from `first` on.
struct BundleBlob {
  BlobName name;
  uint32_t first = 0;
};
std::vector<BundleBlob> whole_blobs(std::span<const BlobName> names);

/// Bytes done, and of how many; 0: nobody knows.
using BundleProgress = std::function<void(uint64_t done, uint64_t total)>;

struct BundleContent {
  std::vector<SealedRoster> rosters;  // oldest first
  std::vector<BundleRun> runs;
  std::vector<BundleBlob> blobs;  // after all entries, in this order
  /// A file is at most this large; what does not fit is answered as `left` for the next file. At least 256 KiB, more if
  /// the rosters need it.
  uint64_t size_max = UINT64_MAX;
  BundleProgress progress;
};

/// What a bundle is written from.
struct BundleSource {
  BundleSource(EntryStore& entries, BlobPeer* attachments = nullptr) : store(entries), blobs(attachments) {}
  EntryStore& store;
  BlobPeer* blobs;  // null: no attachments go
};

/// Who can open it: every member of the team, or one relay. To a relay `writer` signs that it, a member, wrote the
/// file: what it brings counts against this device's quota there. Errors of signing are those of the peer.
struct BundleFor {
  BundleFor(const CarrierKey& key) : carrier_key(key) {}
  BundleFor(RelayInfo to, SyncPeer& from) : relay(std::move(to)), writer(&from) {}
  CarrierKey carrier_key{};
  std::optional<RelayInfo> relay;
  SyncPeer* writer = nullptr;  // outlives the call
};

struct BundleWritten {
  uint64_t bytes = 0, entries = 0, batches = 0;
  uint64_t chunks = 0, blobs = 0;  // pieces of attachments; attachments of which the last piece went
  uint64_t blobs_damaged = 0;      // could not be read here: left out, the rest went
  std::vector<FeedHead> carried;   // how far each feed went: for Vault::mark_carried
  std::vector<BundleRun> left;     // did not fit
  std::vector<BundleBlob> blobs_left;
  bool all() const { return left.empty() && blobs_left.empty(); }
};

/// Writes a bundle under a temporary name in the same folder, syncs it and renames it: the file is whole or absent. A
/// file of that name is refused. Errors: already_exists, input_refused (nothing to carry, size_max too small),
/// storage_full, storage_read_only, io_failed, trust_refused (the relay's key is none), or the store's own.
Result<BundleWritten> export_bundle(const std::filesystem::path& file, BundleSource source, const BundleFor& to,
                                    const BundleContent& content, Random& random);

/// Several files of one export.
struct BundleSet {
  std::vector<std::filesystem::path> files;
  uint64_t bytes = 0, entries = 0, chunks = 0, blobs = 0, blobs_damaged = 0;
  std::vector<FeedHead> carried;
};

/// Everything, in as many files as size_max asks for: `file` itself if one is enough, else "<file>.1-of-3" and so on.
/// All of them are there, or none; a process that is killed while they get their names may leave some, each of which is
/// whole. Each can be taken by itself, in any order; entries of one that came too early wait for the files before it.
/// Errors: as export_bundle; already_exists names the file.
Result<BundleSet> export_bundles(const std::filesystem::path& file, BundleSource source, const BundleFor& to,
                                 BundleContent content, Random& random);

struct BundleTaken {
  uint64_t entries_stored = 0, entries_known = 0;  // new here; held before
  uint64_t batches_refused = 0, batches_forked = 0;
  uint64_t chunks_stored = 0, chunks_known = 0;  // pieces of attachments
  /// Pieces of attachments that no report held and readable here names: when it has come, take the bundle again. Or it
  /// is for others to read: hand the file on.
  uint64_t bytes_not_placed = 0;
  uint64_t entries_waiting = 0;      // earlier entries are missing: take the other files, then this one again
  uint64_t records_unknown = 0;      // of a newer Lysoen: skipped, the file keeps them
  std::vector<std::string> reasons;  // of refusals, at most 20
  /// `partly_done` with a count: the file is cut or damaged and this is what came whole. Of several files: the first
  /// that was damaged, or could not be opened although others could.
  std::optional<Error> damage;
};

/// Takes a bundle: entries as they come, then pieces of attachments, of which those held are passed over. Doing it
/// twice changes nothing; the order of files does not matter in the end (a file that came too early says
/// `entries_waiting`). Errors, with nothing taken: not_found, io_failed, damaged (no key opens it: damaged or for
/// another team), newer_version (keep the file), or the store's own.
Result<BundleTaken> import_bundle(const std::filesystem::path& file, SyncPeer& peer, EntryStore& store,
                                  std::span<const CarrierKey> keys, const BundleProgress& progress = {});

/// Takes several files in whatever order they are given: repeats those that came too early while that helps.
Result<BundleTaken> import_bundles(std::span<const std::filesystem::path> files, SyncPeer& peer, EntryStore& store,
                                   std::span<const CarrierKey> keys, const BundleProgress& progress = {});

}  // namespace lysoen
