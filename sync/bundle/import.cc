// Taking a bundle: each part is verified before anything in it is used; batches go to the store as they come.
#include <algorithm>
#include <memory>

#include "core/base/try.h"
#include "core/crypto/hash.h"
#include "core/crypto/parts.h"
#include "sync/bundle/file.h"
#include "sync/bundle/format.h"
#include "sync/wire/codec.h"

namespace lysoen {

namespace {

using bundle::RecordType;

constexpr size_t kReasonsMax = 20;
constexpr size_t kIntakeMax = 1024 * 1024;  // bytes of batches in one transaction of the vault
constexpr size_t kRosterHead = 40;

Error not_opening(const std::filesystem::path& file) {
  return make_error(ErrorCode::damaged,
                    "cannot open the bundle '" + file.filename().string() + "': it is damaged or not for this team",
                    "ask for it to be written again; nothing was changed here");
}

// Parts of one file, verified.
class PartReader {
 public:
  using State = crypto::PartOpener::State;

  /// Errors: damaged (no key fits), io_failed.
  static Result<PartReader> open(const std::filesystem::path& file, std::span<const CarrierKey> keys) {
    LYSOEN_ASSIGN(auto in, bundle::InFile::open(file));
    std::array<uint8_t, bundle::kHeadSize> head{};
    LYSOEN_ASSIGN(size_t came, in.read(head));
    if (came < head.size()) return not_opening(file);
    for (const auto& key : keys) {
      auto tried = bundle::derive(key, ByteView(head).first(bundle::kSaltSize));
      if (!crypto::equal(tried.commitment, ByteView(head).subspan(bundle::kSaltSize))) continue;
      return PartReader(std::make_shared<bundle::InFile>(std::move(in)), std::move(tried.parts));
    }
    return not_opening(file);
  }

  Result<State> next(Bytes& out) { return parts_.next(out); }

 private:
  PartReader(std::shared_ptr<bundle::InFile> in, crypto::Key32 key)
      : parts_(std::move(key), [in](std::span<uint8_t> into) { return in->read(into); }) {}

  crypto::PartOpener parts_;
};

// Records out of verified content, into vault and store.
class Taker {
 public:
  Taker(SyncPeer& peer, EntryStore& store) : peer_(peer), store_(store) {}

  BundleTaken& taken() { return taken_; }
  bool ended() const { return ended_; }

  /// Uses up every whole record of `content`. False: it is malformed.
  Result<bool> take(Bytes& content) {
    size_t at = 0;
    if (!version_read_ && !content.empty()) {
      if (content[at++] != bundle::kVersion) {
        return make_error(ErrorCode::newer_version, "cannot take the bundle: it was made by a newer version of Lysoen",
                          "update Lysoen and take it then; keep the file");
      }
      version_read_ = true;
    }
    for (;;) {
      if (ended_) {
        // The end is followed by nothing but zeros.
        bool clean =
            std::all_of(content.begin() + static_cast<ptrdiff_t>(at), content.end(), [](uint8_t b) { return b == 0; });
        content.clear();
        return clean;
      }
      auto rest = ByteView(content).subspan(at);
      if (skip_ > 0) {
        auto skipped = static_cast<size_t>(std::min<uint64_t>(skip_, rest.size()));
        skip_ -= skipped, at += skipped;
        if (skip_ > 0) break;
        continue;
      }
      if (rest.empty()) break;
      if (rest[0] == static_cast<uint8_t>(RecordType::end)) {
        ended_ = true, ++at;
        continue;
      }
      if (rest.size() < bundle::kRecordHead) break;
      Reader head(rest);
      auto type = static_cast<RecordType>(head.u8());
      size_t size = head.u32();
      size_t limit = type == RecordType::roster ? wire::kRosterMax + kRosterHead : wire::kFrameMax;
      if (type != RecordType::roster && type != RecordType::batch) {
        ++taken_.records_unknown;
        skip_ = size, at += bundle::kRecordHead;
        continue;
      }
      if (size > limit) return false;
      if (rest.size() < bundle::kRecordHead + size) break;
      LYSOEN_TRY(take_record(type, rest.subspan(bundle::kRecordHead, size)));
      at += bundle::kRecordHead + size;
    }
    content.erase(content.begin(), content.begin() + static_cast<ptrdiff_t>(at));
    return true;
  }

  Result<void> commit() {
    if (!std::exchange(in_intake_, false)) return {};
    intake_bytes_ = 0;
    return peer_.end_intake();
  }

 private:
  Result<void> take_record(RecordType type, ByteView body) {
    if (type == RecordType::batch) return take_batch(body);
    Reader reader(body);
    SealedRoster roster;
    roster.version = reader.u64();
    roster.hash = reader.id<Hash>();
    roster.sealed = to_bytes(reader.raw(reader.left()));
    if (!reader.ok()) return refuse(1, "a roster is cut short");
    LYSOEN_TRY(commit());  // a roster may say who the authors of what follows are
    return peer_.take_roster(roster);
  }

  Result<void> take_batch(ByteView body) {
    auto batch = wire::decode<Batch>(body);
    if (!batch.ok()) return refuse(1, batch.error().message);
    for (auto& entry : batch->entries)
      if (entry.ciphertext_hash.is_none()) entry.ciphertext_hash = crypto::sha256(entry.ciphertext);
    if (!in_intake_) {
      LYSOEN_TRY(peer_.begin_intake());
      in_intake_ = true;
    }
    LYSOEN_ASSIGN(auto before, store_.head(batch->feed));
    LYSOEN_ASSIGN(auto verdict, store_.append(*batch));
    count(*batch, before, verdict);
    intake_bytes_ += body.size();
    return intake_bytes_ >= kIntakeMax ? commit() : Result<void>();
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

  Result<void> refuse(uint64_t batches, std::string why) {
    taken_.batches_refused += batches;
    reason(std::move(why));
    return {};
  }

  void reason(std::string why) {
    if (taken_.reasons.size() < kReasonsMax) taken_.reasons.push_back(std::move(why));
  }

  SyncPeer& peer_;
  EntryStore& store_;
  BundleTaken taken_;
  bool version_read_ = false, ended_ = false, in_intake_ = false;
  uint64_t skip_ = 0;
  size_t intake_bytes_ = 0;
};

Error damage(const std::filesystem::path& file, const BundleTaken& taken) {
  auto entries = taken.entries_stored + taken.entries_known;
  std::string what = "the bundle '" + file.filename().string() + "' is damaged or cut short: ";
  if (entries == 0) {
    return make_error(ErrorCode::damaged, what + "nothing of it could be taken",
                      "ask for it to be written again; nothing was changed here");
  }
  return make_error(ErrorCode::partly_done, what + std::to_string(entries) + " entries before the damage were taken",
                    "ask for it to be written again and take it again; what was taken stays");
}

// True: the file was read to its end.
Result<bool> take_all(PartReader& reader, Taker& taker) {
  Bytes content;
  for (;;) {
    LYSOEN_ASSIGN(auto state, reader.next(content));
    LYSOEN_ASSIGN(bool well_formed, taker.take(content));
    if (!well_formed || state == PartReader::State::damaged) return false;
    if (state == PartReader::State::end) return taker.ended();
  }
}

void add(BundleTaken& sum, BundleTaken part) {
  sum.entries_stored += part.entries_stored;
  sum.entries_known += part.entries_known;
  sum.batches_refused += part.batches_refused;
  sum.batches_forked += part.batches_forked;
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
                                  std::span<const CarrierKey> keys) {
  LYSOEN_ASSIGN(auto reader, PartReader::open(file, keys));
  Taker taker(peer, store);
  auto whole = take_all(reader, taker);
  // What was appended before a failure is sound and stays, failure or not.
  auto committed = taker.commit();
  if (!whole.ok()) return whole.error();
  if (!committed.ok()) return committed.error();
  if (!*whole) {
    auto error = damage(file, taker.taken());
    if (error.code == ErrorCode::damaged) return error;
    taker.taken().damage = std::move(error);
  }
  return std::move(taker.taken());
}

Result<BundleTaken> import_bundles(std::span<const std::filesystem::path> files, SyncPeer& peer, EntryStore& store,
                                   std::span<const CarrierKey> keys) {
  BundleTaken sum;
  std::optional<Error> first_error;
  std::vector<std::pair<std::filesystem::path, uint64_t>> early;  // with how many entries wait
  for (const auto& file : files) {
    auto taken = import_bundle(file, peer, store, keys);
    if (!taken.ok()) {
      if (!concerns_file(taken.error().code)) return taken.error();
      if (!first_error) first_error = taken.error();
      continue;
    }
    if (taken->entries_waiting > 0) early.emplace_back(file, taken->entries_waiting);
    add(sum, std::move(*taken));
  }
  for (bool helped = true; helped && !early.empty();) {
    helped = false;
    for (auto& [file, waiting] : early) {
      LYSOEN_ASSIGN(auto taken, import_bundle(file, peer, store, keys));
      helped = helped || taken.entries_waiting < waiting;
      waiting = taken.entries_waiting;
      sum.entries_stored += taken.entries_stored;
    }
    std::erase_if(early, [](const auto& item) { return item.second == 0; });
  }
  for (const auto& [file, waiting] : early) sum.entries_waiting += waiting;
  if (first_error && sum.entries_stored + sum.entries_known == 0) return *first_error;
  if (first_error && !sum.damage) sum.damage = std::move(first_error);
  return sum;
}

}  // namespace lysoen
