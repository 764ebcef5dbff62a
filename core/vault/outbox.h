// Own feeds: payloads are sealed here into the entries of a save. One feed for each audience written to, in the current
// incarnation; a stream in each, begun anew after 256 entries, at a new epoch, and after every open that was not clean.
//
// Within one save: seal() for each payload, then finish() once; both write into the save's record, and finish() into
// the tables what the record must not hold (the state of the streams, wrapped). If the save fails, forget().
#pragma once
#include <map>

#include "core/feed/stream.h"
#include "core/vault/feed_store.h"
#include "core/vault/membership.h"
#include "core/vault/record.h"

namespace lysoen::vault {

/// Stream states and readers' states in the tables are sealed under a key of the container.
Bytes wrap_stream(const crypto::Key32& key, const FeedRow& row, const feed::StreamState& state, Random& random);
/// Nothing if there is none or it does not open: the stream is then begun anew, or read from its beginning.
std::optional<feed::StreamState> unwrap_stream(const crypto::Key32& key, const FeedRow& row, const TeamId& team,
                                               ByteView wrapped);

class Outbox {
 public:
  Outbox(storage::Database& database, const Membership& membership, const crypto::Key32& wrap_key, Random& random)
      : database_(database), feeds_(database), membership_(membership), wrap_key_(wrap_key), random_(random) {}

  struct Placed {
    FeedKey feed;
    uint64_t seq = 0;
  };
  /// `dictionary`: of the form of the edit's report, or null. Errors: trust_refused (the roster names no key for this
  /// audience), limit_exceeded (too large for an entry).
  Result<Placed> seal(const AudienceId& audience, ByteView payload, SaveRecord& record,
                      feed::Dictionary* dictionary = nullptr);
  /// Signs every block that changed.
  Result<void> finish(SaveRecord& record);
  /// Drops what is in memory; what the tables hold is taken up again.
  void forget() { open_.clear(); }
  /// What the next stream entries tell of the newest receipt.
  void set_witness(const feed::Witness& witness) { witness_ = witness; }

 private:
  struct Feed {
    FeedRow row;
    feed::BlockState block;
    std::optional<feed::StreamWriter> writer;
    bool changed = false;
  };
  Result<Feed*> feed_for(const AudienceId& audience);
  Result<void> begin_stream(Feed& feed, const AudienceKey& key, SaveRecord& record);
  Result<void> append(Feed& feed, const SealedEntry& entry, SaveRecord& record);
  void sign(Feed& feed, SaveRecord& record);

  storage::Database& database_;
  FeedStore feeds_;
  const Membership& membership_;
  const crypto::Key32& wrap_key_;
  Random& random_;
  feed::Witness witness_;
  std::map<AudienceId, Feed> open_;
};

}  // namespace lysoen::vault
