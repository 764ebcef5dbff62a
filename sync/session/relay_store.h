// What the relay's side of an exchange needs from its store. sync/relay implements it over SQLite.
//
// Calls marked (w) happen between the store's begin and its durable commit; the others may happen at any time and see
// committed data only. An Error means that the store failed; refusals are values. Threads: one strand.
#pragma once
#include <lysoen/entry_store.h>
#include <lysoen/exchange.h>

#include "sync/wire/message.h"

namespace lysoen::session {

struct Standing {
  bool team_admitted = false, device_admitted = false;
  bool may_admit = false;  // may push rosters, admission lists and welcomes, and read join requests
};

struct CounterState {
  bool fresh = false;       // first use of this counter, inside the window of 64 below the highest
  bool two_places = false;  // used before with another encapsulation
  uint64_t highest = 0;
};

struct MailboxState {
  AudienceId audience;
  uint32_t store_epoch = 0;
  uint64_t counter = 0;  // of the newest item
  Hash running;          // H_n there
};

struct StoredItem {
  uint64_t counter = 0;
  FeedKey feed;
  uint64_t first_seq = 0, last_seq = 0;
  Hash head;
  Bytes missing;       // as wire::Item
  uint64_t bytes = 0;  // of its entries on the wire, about; 0 of the reader's own
};

/// A refusal of an object, or nothing: it was stored or was there already.
using Refusal = std::optional<wire::VerdictCode>;

enum class JoinState { unknown_invite, not_posted, waiting, welcomed, used_otherwise, too_many };

struct StoreVerdict {
  AppendVerdict verdict;
  wire::VerdictCode code = wire::VerdictCode::stored;  // why, if it was not stored
};

class RelayStore {
 public:
  virtual ~RelayStore() = default;

  virtual Result<Standing> standing(const TeamId& team, const DeviceId& device) = 0;
  /// (w) Counts a contact.
  virtual Result<CounterState> take_counter(const TeamId& team, const DeviceId& device, uint64_t counter,
                                            const PublicKey& encapsulation) = 0;

  /// (w) `carrier` is who brought it; quotas count against it.
  virtual Result<StoreVerdict> append(const TeamId& team, const DeviceId& carrier, const Batch& batch) = 0;
  /// Feeds of this device that hold something, in no order.
  virtual Result<std::vector<FeedHead>> heads_of(const TeamId& team, const DeviceId& device) = 0;
  /// A signed receipt over what is durably committed of the feed; nothing if there is nothing.
  virtual Result<std::optional<Bytes>> receipt(const TeamId& team, const FeedKey& feed) = 0;
  virtual Result<std::optional<Batch>> read(const TeamId& team, const FeedKey& feed, uint64_t first_seq,
                                            uint64_t last_seq, size_t size_max) = 0;

  /// Which chunks of an attachment of this team are held.
  virtual Result<ChunkRanges> blob_held(const TeamId& team, const BlobName& name) = 0;
  /// A signed receipt. Requires that all of it is held.
  virtual Result<Bytes> blob_receipt(const TeamId& team, const BlobName& name) = 0;
  /// (w) `carrier` is who brought them; quotas count against it. A disk that takes no more is a refusal too: what else
  /// the exchange brings may still fit.
  virtual Result<Refusal> put_chunks(const TeamId& team, const DeviceId& carrier, const ProvenChunks& chunks) = 0;
  /// Of a blob that is whole; up to `count` chunks from `first` on.
  virtual Result<ChunkRun> read_run(const TeamId& team, const BlobName& name, uint32_t first, uint32_t count) = 0;
  virtual Result<Bytes> read_chunk(const TeamId& team, const BlobName& name, uint32_t index) = 0;

  /// Mailboxes that the device may read, those without items included.
  virtual Result<std::vector<MailboxState>> mailboxes(const TeamId& team, const DeviceId& device) = 0;
  /// In order; at least one if there is one, and no more than `count_max`. Stops when the entries of those not by
  /// `reader`, to whom they are not sent, are more than `bytes_max`.
  virtual Result<std::vector<StoredItem>> items(const TeamId& team, const AudienceId& mailbox, uint64_t after,
                                                size_t count_max, uint64_t bytes_max, const DeviceId& reader) = 0;
  /// H_n at `counter`; nothing if there is no such item.
  virtual Result<std::optional<Hash>> running_at(const TeamId& team, const AudienceId& mailbox, uint64_t counter) = 0;
  /// One signature over these points, in this order.
  virtual Result<Signature> sign_points(const TeamId& team, const std::vector<MailboxState>& points) = 0;

  /// (w)
  virtual Result<Refusal> take_admission_list(const TeamId& team, ByteView list) = 0;
  virtual Result<Refusal> take_roster(const TeamId& team, const SealedRoster& roster) = 0;
  virtual Result<Refusal> take_welcome(const TeamId& team, ByteView welcome) = 0;
  /// Versions above `version`, and others of the same version; oldest first; at least one, then up to `size_max` bytes.
  virtual Result<std::vector<SealedRoster>> rosters_after(const TeamId& team, uint64_t version, uint64_t hash8,
                                                          size_t size_max) = 0;

  /// (w) if `request` is not empty. Posts it once for this invite.
  virtual Result<JoinState> join(const TeamId& team, const PublicKey& invite_key, ByteView request) = 0;
  virtual Result<Bytes> welcome_for(const TeamId& team, const PublicKey& invite_key) = 0;
  /// Posted and not answered with a welcome.
  virtual Result<std::vector<Bytes>> join_requests(const TeamId& team) = 0;
};

}  // namespace lysoen::session
