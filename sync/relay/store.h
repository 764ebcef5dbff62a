// The relay's tables behind session::RelayStore. Writing calls run inside a transaction of the container that the relay
// has begun; the others see what is committed. After a rollback call forget(): the caches may hold what never was.
//
// Every batch stored is also noted for the ring (take_record), so that a save that SQLite lost can be done again.
#pragma once
#include <map>
#include <memory>

#include "core/crypto/sign.h"
#include "core/feed/batch.h"
#include "core/feed/receipt.h"
#include "core/storage/database.h"
#include "core/team/admission.h"
#include "sync/relay/blob_folder.h"
#include "sync/relay/relay.h"
#include "sync/session/relay_store.h"

namespace lysoen::relay {

class Store final : public session::RelayStore {
 public:
  Store(storage::Database& db, BlobFolder& blobs, const crypto::SigningKey& identity, const Quotas& quotas,
        Clock& clock)
      : db_(db), blobs_(blobs), identity_(identity), quotas_(quotas), clock_(clock) {}

  // -- session::RelayStore --------------------------------------------------------------------------------------
  Result<session::Standing> standing(const TeamId& team, const DeviceId& device) override;
  Result<session::CounterState> take_counter(const TeamId& team, const DeviceId& device, uint64_t counter,
                                             const PublicKey& encapsulation) override;
  Result<session::StoreVerdict> append(const TeamId& team, const DeviceId& carrier, const Batch& batch) override;
  Result<std::vector<FeedHead>> heads_of(const TeamId& team, const DeviceId& device) override;
  Result<std::optional<Bytes>> receipt(const TeamId& team, const FeedKey& feed) override;
  Result<std::optional<Batch>> read(const TeamId& team, const FeedKey& feed, uint64_t first_seq, uint64_t last_seq,
                                    size_t size_max) override;
  Result<ChunkRanges> blob_held(const TeamId& team, const BlobName& name) override;
  Result<Bytes> blob_receipt(const TeamId& team, const BlobName& name) override;
  Result<session::Refusal> put_chunks(const TeamId& team, const DeviceId& carrier, const ProvenChunks& chunks) override;
  Result<ChunkRun> read_run(const TeamId& team, const BlobName& name, uint32_t first, uint32_t count) override;
  Result<Bytes> read_chunk(const TeamId& team, const BlobName& name, uint32_t index) override;
  Result<std::vector<session::MailboxState>> mailboxes(const TeamId& team, const DeviceId& device) override;
  Result<std::vector<session::StoredItem>> items(const TeamId& team, const AudienceId& mailbox, uint64_t after,
                                                 size_t count_max, uint64_t bytes_max, const DeviceId& reader) override;
  Result<std::optional<Hash>> running_at(const TeamId& team, const AudienceId& mailbox, uint64_t counter) override;
  Result<Signature> sign_points(const TeamId& team, const std::vector<session::MailboxState>& points) override;
  Result<session::Refusal> take_admission_list(const TeamId& team, ByteView list) override;
  Result<session::Refusal> take_roster(const TeamId& team, const SealedRoster& roster) override;
  Result<session::Refusal> take_welcome(const TeamId& team, ByteView welcome) override;
  Result<std::vector<SealedRoster>> rosters_after(const TeamId& team, uint64_t version, uint64_t hash8,
                                                  size_t size_max) override;
  Result<session::JoinState> join(const TeamId& team, const PublicKey& invite_key, ByteView request) override;
  Result<Bytes> welcome_for(const TeamId& team, const PublicKey& invite_key) override;
  Result<std::vector<Bytes>> join_requests(const TeamId& team) override;

  // -- The relay ----------------------------------------------------------------------------------------------------
  Result<void> admit_team(const crypto::SignPublic& root);
  Result<void> remove_team(const TeamId& team);
  Result<void> purge_team(const TeamId& team);
  /// Removed at that time or before; not those whose time of removal is not known.
  Result<std::vector<TeamId>> removed_until(uint64_t at_ms);
  /// (w) Join requests and welcomes that came at that time or before.
  Result<uint64_t> joins_until(uint64_t at_ms);
  Result<void> drop_joins_until(uint64_t at_ms);

  /// Everybody whom exchanges may come from: for the sieve on other threads.
  struct Admitted {
    struct Team {
      bool open = false;                               // no list yet: whoever brings the first one, signed by the root
      std::vector<DeviceId> devices;                   // sorted
      std::vector<std::pair<Hash, WallTime>> invites;  // sorted; until when
    };
    std::map<TeamId, Team> teams;
  };
  Result<std::shared_ptr<const Admitted>> admitted();
  /// The list changed since admitted() was called.
  bool admission_changed() const { return admission_changed_; }

  /// What somebody may wait for and what came since the last call: mailboxes with a new item; teams with another list,
  /// roster, join request or welcome.
  struct News {
    std::vector<AudienceId> mailboxes;
    std::vector<TeamId> teams;
  };
  News take_news() { return std::exchange(news_, {}); }

  /// What was appended since the last call: the payload of a ring record. Empty: nothing.
  Bytes take_record();
  /// Does again what a record says. Batches that are there already change nothing.
  Result<void> replay(ByteView record);

  Result<uint32_t> epoch();
  Result<uint64_t> commits();
  /// (w) Counts a commit that stands.
  Result<void> count_commit();
  /// (w) The store was found older than what was promised from it: mailboxes and logs begin anew under a new epoch.
  Result<void> begin_epoch(uint32_t epoch);

  /// Names of the files that rows name.
  Result<std::set<std::string>> blob_files();

  void forget();

  struct Counts {
    uint64_t entries = 0, bytes = 0, forks = 0, stale_counters = 0, two_places = 0, receipts = 0;
    uint64_t chunks = 0, blobs = 0;  // blobs: that became whole
  };
  /// Since the last forget() or take_counts().
  Counts take_counts() { return std::exchange(counts_, {}); }

 private:
  struct TeamRow {
    int64_t id = 0;
    crypto::SignPublic root{};
    bool removed = false;
    uint64_t bytes = 0;
    crypto::MerkleLog log;
    std::optional<team::AdmissionList> list;
  };
  struct FeedRow {
    int64_t id = 0;
    FeedKey key;
    uint64_t seq = 0, leaf = 0, item = 0;
    Hash head;
  };
  struct MailboxRow {
    int64_t id = 0;
    uint64_t counter = 0;
    Hash running;
  };

  struct BlobRow {
    int64_t id = 0;
    ChunkRanges held;
  };

  uint64_t now_ms() const;
  /// Null: not admitted and never was.
  Result<TeamRow*> team_row(const TeamId& team);
  Result<void> save_log(const TeamRow& team);
  Result<std::optional<FeedRow>> feed_row(int64_t team, const FeedKey& feed);
  Result<FeedRow> make_feed(int64_t team, const FeedKey& feed, uint64_t at_ms);
  Result<std::optional<MailboxRow>> mailbox_row(int64_t team, const AudienceId& audience);

  Result<session::StoreVerdict> append_at(TeamRow& team, const Batch& batch, std::span<const Hash> hashes,
                                          uint64_t at_ms, uint64_t bytes_max);
  /// Valid until the next call or save_block. Requires first_seq <= feed.seq + 1.
  Result<const feed::BlockState*> block_of(const FeedRow& feed, uint64_t first_seq);
  Result<feed::BlockState> load_block(const FeedRow& feed, uint64_t first_seq);
  Result<void> save_block(const FeedRow& feed, const feed::BlockState& block);
  Result<void> save_entry(const FeedRow& feed, uint64_t seq, const Hash& hash, const SealedEntry& entry);
  Result<void> note_fork(const FeedRow& feed, const feed::MergePlan& plan, const Batch& batch,
                         std::span<const Hash> hashes, const feed::BlockState& held);
  Result<feed::SeqRanges> stubs(const FeedRow& feed, uint64_t first, uint64_t last, bool only_gaps);
  Result<void> publish(TeamRow& team, FeedRow& feed, uint64_t first, uint64_t last, uint64_t at_ms, uint64_t bytes);
  Result<void> publish_again(TeamRow& team, FeedRow& feed, uint64_t at_ms);
  Result<std::optional<BlobRow>> blob_row(int64_t team, const BlobName& name);
  Result<void> note_chunks(TeamRow& team, const BlobName& name, const ChunkRanges& held, uint64_t cost);
  Result<void> replay_chunks(Reader& reader);
  Result<std::optional<uint64_t>> quota_left(const TeamRow& team, const DeviceId& carrier);
  Result<void> count_quota(const TeamRow& team, const DeviceId& carrier, uint64_t bytes);

  // What a ring record is made of. On disk. Never renumber.
  static constexpr uint8_t kBatchRecord = 1, kChunksRecord = 2;

  storage::Database& db_;
  BlobFolder& blobs_;
  const crypto::SigningKey& identity_;
  Quotas quotas_;
  Clock& clock_;
  std::map<TeamId, TeamRow> teams_;  // cache
  // The blocks read or written last, by feed and first seq: appending and reading would load up to 256 hashes each
  // time. At most kBlocksKept, of 8 KiB each.
  std::map<std::pair<int64_t, uint64_t>, feed::BlockState> blocks_;
  bool admission_changed_ = true;
  News news_;
  Bytes record_;
  Counts counts_;
};

}  // namespace lysoen::relay
