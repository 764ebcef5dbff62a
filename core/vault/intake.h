// Received feeds: batches are verified, compared with what is held, stored, and, if this device reads their audience,
// opened: edits to reports, acknowledgements and read marks to levels. What cannot be opened or read is set aside with
// the reason; nothing blocks the feed behind it. Feeds of devices that the roster does not name yet are kept aside and
// taken up when it does.
//
// Inside the caller's transaction; finish() before it ends. After an error the transaction is rolled back and the
// object dropped. One strand.
#pragma once
#include <functional>
#include <set>

#include "core/feed/stream.h"
#include "core/vault/feed_store.h"
#include "core/vault/membership.h"
#include "core/vault/report_rows.h"

namespace lysoen::vault {

// Of feeds that the roster does not name: what strangers may make this device keep.
inline constexpr size_t kUnknownFeedsMax = 1024, kUnknownBytesMax = 64 * 1024 * 1024;
inline constexpr size_t kForksPerFeedMax = 16;
inline constexpr size_t kForksByWordMax = 16;  // of own feeds, that a coordinator speaks of and nobody has shown

class Intake {
 public:
  Intake(storage::Database& database, const Membership& membership, const crypto::Key32& wrap_key,
         std::function<const feed::Dictionaries&()> dictionaries, Environment world)
      : database_(database),
        feeds_(database),
        rows_(database, membership.history()),
        membership_(membership),
        wrap_key_(wrap_key),
        dictionaries_(std::move(dictionaries)),
        world_(world) {}

  Result<AppendVerdict> append(const Batch& batch);
  /// Opens whatever is held and readable and was not opened: after a roster or an epoch key arrived.
  Result<void> take_up();
  /// Tries once more what was set aside though all of it is here: after a program came that reads more.
  Result<void> read_again();
  /// Makes anew the lines of the reports that changed.
  Result<void> finish();
  /// Entries of this device's own came back that it does not know: an older state of it was restored. The highest
  /// incarnation of them, not below the current one; it must go on under a later one.
  std::optional<uint32_t> own_past() const { return own_past_; }

 private:
  Result<AppendVerdict> store(FeedRow& row, const Batch& batch, std::span<const Hash> hashes);
  Result<void> store_entries(FeedRow& row, const Batch& batch, std::span<const Hash> hashes,
                             const feed::MergePlan& plan);
  Result<uint64_t> parts_before(const FeedRow& row);
  Result<bool> store_fork(const FeedRow& row, const Batch& batch, std::span<const Hash> hashes,
                          const feed::MergePlan& plan, const HeldBlock& held);
  Result<std::string> no_room_for_unknown(bool another_feed);
  bool opens(const FeedRow& row) const;
  Result<void> open_feed(FeedRow& row);
  Result<void> open_place(FeedRow& row, uint64_t seq, std::optional<feed::StreamReader>& reader);
  Result<void> open_late(FeedRow& row, uint64_t seq);
  Result<std::optional<feed::StreamReader>> stream_around(const FeedRow& row, uint64_t seq);
  Result<void> judge_again(FeedRow& row, uint64_t first_late);
  void note_own_past(const FeedRow& row);
  std::optional<feed::StreamReader> begin_reading(const FeedRow& row, uint64_t seq, const SealedEntry& entry) const;
  Result<void> set_aside(const FeedRow& row, uint64_t seq, std::string_view reason);
  Result<void> take_payload(FeedRow& row, uint64_t seq, ByteView payload);
  Result<void> take_acknowledgement(const FeedRow& row, ByteView payload);
  Result<void> take_contradiction(const FeedRow& own, const DeviceId& coordinator, const Hash& head);
  Result<void> take_read_marks(const FeedRow& row, ByteView payload);
  SealedEntry checked(const FeedRow& row, uint64_t seq, const Hash& hash, SealedEntry entry) const;

  storage::Database& database_;
  FeedStore feeds_;
  ReportRows rows_;
  const Membership& membership_;
  const crypto::Key32& wrap_key_;
  std::function<const feed::Dictionaries&()> dictionaries_;  // asked when the first entry is opened
  Environment world_;
  std::set<int64_t> touched_;  // reports
  std::optional<size_t> unknown_bytes_;
  std::optional<uint32_t> own_past_;
};

/// A sentence for status, kept once.
Result<void> add_notice(storage::Database& database, WallTime at, std::string_view notice);

}  // namespace lysoen::vault
