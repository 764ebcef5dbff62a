// Taking a bundle: each part is verified before anything in it is used; batches go to the store as they come.
#include <algorithm>

#include "core/base/fault.h"
#include "core/base/try.h"
#include "core/blob/ranges.h"
#include "sync/bundle/reader.h"

namespace lysoen {

namespace {

constexpr size_t kReasonsMax = 20;
constexpr size_t kIntakeMax = 1024 * 1024;  // bytes of batches in one transaction of the vault

// Into a vault.
class Taker final : public bundle::Sink {
 public:
  Taker(SyncPeer& peer, EntryStore& store) : peer_(peer), store_(store) {}

  BundleTaken& taken() { return taken_; }

  Result<void> commit() {
    if (!std::exchange(in_intake_, false)) return {};
    intake_bytes_ = 0;
    return peer_.end_intake();
  }

  Result<void> take_roster(const SealedRoster& roster) override {
    LYSOEN_TRY(commit());  // a roster may say who the authors of what follows are
    return peer_.take_roster(roster);
  }

  Result<void> take_batch(Batch batch, size_t bytes) override {
    if (!in_intake_) {
      LYSOEN_TRY(peer_.begin_intake());
      in_intake_ = true;
    }
    if (LYSOEN_FAULT(bundle_stops_at_known) && taken_.entries_known > 0) return {};
    LYSOEN_ASSIGN(auto before, store_.head(batch.feed));
    LYSOEN_ASSIGN(auto verdict, store_.append(batch));
    count(batch, before, verdict);
    intake_bytes_ += bytes;
    return intake_bytes_ >= kIntakeMax ? commit() : Result<void>();
  }

  Result<void> take_chunks(const ProvenChunks& chunks) override {
    LYSOEN_TRY(commit());  // the entries before them may be those that name them
    const ChunkRange brought{chunks.first, chunks.first + static_cast<uint32_t>(chunks.chunks.size())};
    auto* blobs = peer_.blobs();
    LYSOEN_ASSIGN(auto before, blobs ? blobs->held_chunks(chunks.name) : std::optional<ChunkRanges>());
    if (!before) return not_placed(chunks.bytes());
    const uint64_t known = held_of(*before, brought);
    taken_.chunks_known += known;
    for (auto missing = blob::first_missing(*before, brought.first, brought.end); missing.first < missing.end;
         missing = blob::first_missing(*before, missing.end, brought.end))
      LYSOEN_TRY(blobs->take_chunks(part_of(chunks, missing)));
    LYSOEN_ASSIGN(auto after, blobs->held_chunks(chunks.name));
    const uint64_t here = after ? held_of(*after, brought) : 0;
    if (here > known) taken_.chunks_stored += here - known;
    return here < chunks.chunks.size() ? not_placed((chunks.chunks.size() - here) * kChunkSize) : Result<void>();
  }

  void refuse(std::string why) override {
    ++taken_.batches_refused;
    reason(std::move(why));
  }

 private:
  static uint64_t held_of(const ChunkRanges& held, ChunkRange of) {
    uint64_t sum = 0;
    for (const auto& range : held) {
      auto first = std::max(range.first, of.first), end = std::min(range.end, of.end);
      if (first < end) sum += end - first;
    }
    return sum;
  }

  static ProvenChunks part_of(const ProvenChunks& all, ChunkRange part) {
    auto of = [&](const auto& list) {
      auto begin = list.begin() + (part.first - all.first);
      return std::decay_t<decltype(list)>(begin, begin + (part.end - part.first));
    };
    return {all.name, part.first, of(all.leaves), of(all.chunks)};
  }

  Result<void> not_placed(uint64_t bytes) {
    taken_.bytes_not_placed += bytes;
    return {};
  }

  void count(const Batch& batch, const FeedHead& before, const AppendVerdict& verdict) {
    uint64_t size = batch.entries.size();
    switch (verdict.outcome) {
      case AppendOutcome::stored: {
        // Below the old head something may have replaced a stub: one at least.
        uint64_t fresh = verdict.head.seq > before.seq ? std::min(verdict.head.seq - before.seq, size) : 1;
        taken_.entries_stored += fresh;
        taken_.entries_known += size - fresh;
        break;
      }
      case AppendOutcome::known:
        taken_.entries_known += size;
        break;
      case AppendOutcome::gap_before:
        taken_.entries_waiting += size;
        break;
      case AppendOutcome::forked:
        ++taken_.batches_forked;
        reason(verdict.reason);
        break;
      case AppendOutcome::refused:
        ++taken_.batches_refused;
        reason(verdict.reason);
        break;
    }
  }

  void reason(std::string why) {
    if (taken_.reasons.size() < kReasonsMax) taken_.reasons.push_back(std::move(why));
  }

  SyncPeer& peer_;
  EntryStore& store_;
  BundleTaken taken_;
  bool in_intake_ = false;
  size_t intake_bytes_ = 0;
};

Error damage(const std::filesystem::path& file, const BundleTaken& taken) {
  auto entries = taken.entries_stored + taken.entries_known;
  auto chunks = taken.chunks_stored + taken.chunks_known;
  std::string what = "the bundle '" + file.filename().string() + "' is damaged or cut short: ";
  if (entries + chunks == 0) {
    return make_error(ErrorCode::damaged, what + "nothing of it could be taken",
                      "ask for it to be written again; nothing was changed here");
  }
  std::string files = chunks == 0 ? "" : " and " + std::to_string(chunks) + " pieces of attachments";
  return make_error(ErrorCode::partly_done,
                    what + std::to_string(entries) + " entries" + files + " that came whole were taken",
                    "ask for it to be written again and take it again; what was taken stays");
}

void add(BundleTaken& sum, BundleTaken part) {
  sum.entries_stored += part.entries_stored;
  sum.entries_known += part.entries_known;
  sum.batches_refused += part.batches_refused;
  sum.batches_forked += part.batches_forked;
  sum.chunks_stored += part.chunks_stored;
  sum.chunks_known += part.chunks_known;
  sum.records_unknown += part.records_unknown;
  for (auto& why : part.reasons)
    if (sum.reasons.size() < kReasonsMax) sum.reasons.push_back(std::move(why));
  if (!sum.damage) sum.damage = std::move(part.damage);
}

// Says something about the file, not about the vault: the other files are tried all the same.
bool concerns_file(ErrorCode code) {
  return code == ErrorCode::damaged || code == ErrorCode::newer_version || code == ErrorCode::not_found ||
         code == ErrorCode::input_refused;
}

}  // namespace

Result<BundleTaken> import_bundle(const std::filesystem::path& file, SyncPeer& peer, EntryStore& store,
                                  std::span<const CarrierKey> keys, const BundleProgress& progress) {
  Taker taker(peer, store);
  auto read = bundle::read_bundle(file, keys, taker, progress);
  // What was appended before a failure is sound and stays, failure or not.
  auto committed = taker.commit();
  if (!read.ok()) return read.error();
  if (!committed.ok()) return committed.error();
  taker.taken().records_unknown = read->records_unknown;
  if (!read->whole) {
    auto error = damage(file, taker.taken());
    if (error.code == ErrorCode::damaged) return error;
    taker.taken().damage = std::move(error);
  }
  return std::move(taker.taken());
}

Result<BundleTaken> import_bundles(std::span<const std::filesystem::path> files, SyncPeer& peer, EntryStore& store,
                                   std::span<const CarrierKey> keys, const BundleProgress& progress) {
  struct Early {
    std::filesystem::path file;
    uint64_t entries = 0, bytes = 0;  // that wait, and that had no place
  };
  BundleTaken sum;
  std::optional<Error> first_error;
  std::vector<Early> early;
  for (const auto& file : files) {
    auto taken = import_bundle(file, peer, store, keys, progress);
    if (!taken.ok()) {
      if (!concerns_file(taken.error().code)) return taken.error();
      if (!first_error) first_error = taken.error();
      continue;
    }
    if (taken->entries_waiting + taken->bytes_not_placed > 0)
      early.push_back({file, taken->entries_waiting, taken->bytes_not_placed});
    add(sum, std::move(*taken));
  }
  for (bool helped = files.size() > 1; helped;) {
    helped = false;
    for (auto& one : early) {
      if (one.entries + one.bytes == 0) continue;
      LYSOEN_ASSIGN(auto taken, import_bundle(one.file, peer, store, keys, progress));
      helped = helped || taken.entries_waiting < one.entries || taken.bytes_not_placed < one.bytes;
      one.entries = taken.entries_waiting, one.bytes = taken.bytes_not_placed;
      sum.entries_stored += taken.entries_stored;
      sum.chunks_stored += taken.chunks_stored;
    }
  }
  for (const auto& one : early) sum.entries_waiting += one.entries, sum.bytes_not_placed += one.bytes;
  if (first_error && sum.entries_stored + sum.entries_known + sum.chunks_stored + sum.chunks_known == 0)
    return *first_error;
  if (first_error && !sum.damage) sum.damage = std::move(first_error);
  return sum;
}

}  // namespace lysoen
