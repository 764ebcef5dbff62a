// The vault as one object over its parts: slots (who may open it), a container (what is kept), membership (who this
// device is), report rows, own feeds (outbox), received feeds (intake). Each group of calls has a file of its own:
// open.cc, passphrases.cc, wipe.cc, drafts.cc, attachments.cc, blob_peer.cc, decisions.cc, import.cc, reading.cc,
// check.cc, disclose.cc, retention.cc, residue.cc, mend.cc, backup.cc, joining.cc, sync_peer.cc, entry_store.cc.
//
// How a change is made: `save` builds a SaveRecord, applies it to the tables and hands it to the ring, all in one
// transaction; what is only received goes through the intake, in a plain transaction that may span calls and is settled
// before any save.
#pragma once
#include <lysoen/vault.h>

#include <set>

#include "core/blob/file.h"
#include "core/crypto/parts.h"
#include "core/report/change.h"
#include "core/storage/container.h"
#include "core/vault/backup_format.h"
#include "core/vault/blobs.h"
#include "core/vault/container_files.h"
#include "core/vault/intake.h"
#include "core/vault/membership.h"
#include "core/vault/outbox.h"
#include "core/vault/record.h"
#include "core/vault/report_query.h"
#include "core/vault/report_rows.h"
#include "core/vault/slots.h"

namespace lysoen::vault {

inline constexpr size_t kImportRowsMax = 256;
// Kinds of what admins bring to relays. On disk. Never renumber. Sealed rosters are their own table.
inline constexpr int kAdmissionErrand = 1, kWelcomeErrand = 2, kRosterErrand = 3;
inline constexpr std::string_view kCleanFact = "session.clean";  // 1 after an orderly lock
inline constexpr std::string_view kSoundFact = "check.sound";    // when a check last found nothing
inline constexpr std::string_view kReadsFact = "intake.reads";   // what was readable when entries were last set aside
/// Grows with every version of this program that reads kinds of entries that the one before it set aside.
inline constexpr uint32_t kReads = 1;

class VaultImpl final : public Vault, public EntryStore, public SyncPeer, public BlobPeer {
 public:
  /// Makes the folder's files; see Vault::create.
  static Result<std::unique_ptr<Vault>> create(const Place& place, std::string_view passphrase,
                                               const CreateOptions& options, Environment environment);
  static Result<std::unique_ptr<Vault>> open(const Place& place, std::string_view passphrase, Environment environment);
  static Result<std::unique_ptr<Vault>> restore(const std::filesystem::path& backup, const Place& place,
                                                const RestoreOptions& options, Environment environment);
  static Result<void> resume_wipe(const Place& place, Environment environment);
  /// Makes lines and feeds fit each other again after a repair that could not tell old pages from new ones; open() does
  /// it where that is so. mend.cc
  Result<void> mend_mixed_pages();
  ~VaultImpl() override;
  Result<void> lock() override;
  void lock_when_idle(std::chrono::nanoseconds after) override;
  bool lock_if_idle() override;
  Result<void> idle() override;

  // Passphrases: passphrases.cc
  Result<std::vector<PassphraseInfo>> passphrases() override;
  Result<uint32_t> add_passphrase(std::string_view passphrase) override;
  Result<uint32_t> change_passphrase(std::string_view passphrase) override;
  Result<void> remove_passphrase(uint32_t number) override;

  // Wiping: wipe.cc
  Result<void> wipe(WipeScope scope) override;
  Result<void> make_cover(const CoverPassphrases& passphrases) override;
  Result<void> remove_cover() override;
  Result<void> set_wipe_after(uint32_t failures) override;
  Result<WipeSettings> wipe_settings() override;

  // Writing: drafts.cc, decisions.cc, import.cc
  Result<ReportId> begin(std::string_view form_id, std::string_view language, std::span<const Change> answers) override;
  Result<void> save(const ReportId& report, std::span<const Change> changes) override;
  Result<ReportId> submit(const ReportId& report) override;
  Result<Change> attach(const ReportId& report, std::string_view path,
                        const AttachmentSource& source) override;  // attachments.cc
  Result<void> read_attachment(const ReportId& report, const BlobId& blob, const AttachmentSink& sink) override;
  Result<std::vector<AttachmentState>> attachments(const ReportId& report) override;
  Result<void> discard(const ReportId& draft) override;
  Result<void> retract(const ReportId& report, std::string_view reason) override;
  Result<void> set_status(const ReportId& report, Status status, std::string_view reason) override;
  Result<void> resolve(const ReportId& report, std::string_view path, const std::optional<Value>& value) override;
  Result<void> mark_read(const ReportId& report) override;
  Result<ImportOutcome> import_rows(std::span<const ImportRow> rows) override;

  // Reading: reading.cc
  Result<Report> read(const ReportId& report) override;
  Result<std::vector<ReportId>> find(std::string_view hex_prefix) override;
  Result<std::vector<ReportSummary>> list(const ReportQuery& query) override;
  Result<size_t> count(const ReportQuery& query) override;
  Result<ReportFacets> facets(const ReportQuery& query) override;
  Result<void> each(const ReportQuery& query, const std::function<bool(const Report&)>& visit) override;
  Result<ReportLevels> levels(const ReportId& report) override;
  Result<std::string> disclose(const ReportId& report) override;  // disclose.cc
  Result<VaultStatus> status() override;
  Result<VaultInfo> info() override;
  Result<VaultCheck> check(const std::function<bool(uint64_t done, uint64_t all)>& progress) override;  // check.cc
  Result<PurgeOutcome> purge_due(size_t reports_max) override;                                          // retention.cc
  Result<uint64_t> backup(const std::filesystem::path& file, std::string_view passphrase,
                          const BackupOptions& options) override;  // backup.cc
  /// Whose vault this is, or was before it was restored.
  Result<backup::Origin> origin();
  Result<void> put_blobs(std::span<const SavedBlob> blobs, crypto::PartSealer& parts,
                         const std::function<void()>& done);
  Result<void> take_rows(crypto::PartOpener& parts, const std::function<void(uint64_t)>& done);
  std::vector<std::shared_ptr<const Form>> forms() const override { return built_in_forms(); }

  // Team: founding.cc, joining.cc
  Result<NewTeam> create_team(const CreateTeamOptions& options) override;
  Result<TeamView> team_view() override;
  Result<Invite> invite(const InviteOptions& options) override;
  Result<Joining> join(ByteView invite_file_or_link) override;
  Result<std::optional<Joining>> joining() override;
  Result<Signature> sign_as_invited(std::string_view label, ByteView message) override;
  Result<TeamView> finish_join(ByteView welcome) override;
  Result<JoinRequest> offer_join_request(ByteView request) override;
  Result<std::vector<JoinRequest>> join_requests() override;
  Result<Bytes> admit(const Hash& request_id) override;
  Result<TeamView> renew_roster(ByteView root_file, std::string_view root_passphrase) override;
  Result<TeamView> set_policy(Role role, const RolePolicy& policy) override;
  Result<TeamView> add_relay(const RelayInfo& relay, ByteView root_file, std::string_view root_passphrase) override;
  Result<TeamView> remove_relay(const RelayId& relay, ByteView root_file, std::string_view root_passphrase) override;
  Result<std::string> team_key_text() override;

  // Sync
  EntryStore& entries() override { return *this; }
  SyncPeer& sync_peer() override { return *this; }
  Result<std::vector<std::array<uint8_t, 32>>> carrier_keys() override;
  Result<std::vector<FeedHead>> all_heads() override;
  Result<Readable> heads_for(const std::optional<DeviceId>& member) override;
  Result<void> mark_carried(std::span<const FeedHead> heads) override;
  Result<std::vector<SealedRoster>> sealed_rosters() override;

  // EntryStore: entry_store.cc
  Result<AppendVerdict> append(const Batch& batch) noexcept override;  // as Container on memory that runs out
  Result<FeedHead> head(const FeedKey& feed) override;
  Result<std::optional<Batch>> read(const FeedKey& feed, uint64_t first_seq, size_t size_max) override;

  // SyncPeer: sync_peer.cc
  TeamId team() const override;
  DeviceId device() const override;
  Result<Signature> sign(std::string_view label, ByteView message) override;
  Result<std::vector<RelayInfo>> relays() override;
  Result<bool> plain_http_allowed() override;
  Result<uint64_t> next_counter(const RelayId& relay) override;
  Result<void> raise_counter(const RelayId& relay, uint64_t seen) override;
  Result<Bytes> exchange_key(const RelayId& relay) override;
  Result<void> set_exchange_key(const RelayId& relay, ByteView certified) override;
  Result<RosterPoint> roster_point() override;
  Result<void> take_roster(const SealedRoster& roster) override;
  Result<std::vector<FeedHead>> outgoing_heads() override;
  Result<uint64_t> confirmed(const RelayId& relay, const FeedKey& feed) override;
  Result<void> take_receipt(const RelayId& relay, ByteView receipt) override;
  Result<void> take_listed(const RelayId& relay, const std::vector<FeedHead>& heads) override;
  Result<void> take_refusal(const RelayId& relay, const FeedKey& feed, uint64_t first_seq, uint64_t last_seq,
                            std::string_view reason) override;  // refusals.cc
  /// Those that still stand.
  Result<std::vector<RefusedEntries>> refusals();
  Result<std::vector<MailboxCursor>> cursors(const RelayId& relay) override;
  Result<void> set_cursor(const RelayId& relay, const MailboxCursor& cursor) override;
  Result<std::vector<EntryRange>> gaps(size_t ranges_max) override;
  Result<void> begun_anew(const RelayId& relay, const AudienceId& mailbox, bool ended) override;
  Result<RelayErrands> errands(const RelayId& relay) override;
  Result<void> errands_done(const RelayId& relay, const RelayErrands& done) override;
  Result<void> errands_undone(const RelayId& relay) override;
  Result<void> take_join_request(ByteView request) override;
  BlobPeer* blobs() override { return this; }
  Result<void> begin_intake() override;
  Result<void> end_intake() override;
  Result<void> settle_intake() override;

  // BlobPeer: blob_peer.cc
  Result<std::vector<BlobName>> outgoing_blobs(const RelayId& relay, size_t count_max) override;
  Result<ChunkRun> read_run(const BlobName& name, uint32_t first, uint32_t count) override;
  Result<Bytes> read_chunk(const BlobName& name, uint32_t index) override;
  Result<void> take_blob_receipt(const RelayId& relay, ByteView receipt) override;
  Result<std::vector<WantedBlob>> wanted_blobs(size_t count_max) override;
  Result<void> take_chunks(const ProvenChunks& chunks) override;
  Result<void> take_served(const RelayId& relay, const BlobName& name) override;
  Result<BlobsLeft> blobs_left(const RelayId& relay) override;
  Result<std::vector<BlobName>> whole_blobs() override;
  Result<std::optional<ChunkRanges>> held_chunks(const BlobName& name) override;

 private:
  friend class VaultChecker;  // check.cc
  using Build = std::function<Result<void>(SaveRecord& record)>;
  VaultImpl(const Place& place, Environment environment) : environment_(environment), place_(place) {}

  // open.cc, backup.cc
  struct Parts;
  class RestoredBlobs;
  static Result<Parts> make_files(const Place& place, std::string_view passphrase, const CreateOptions& options,
                                  Environment environment);
  static Result<std::unique_ptr<Vault>> begin_session(const Place& place, Parts parts, Environment environment);
  Result<void> settle_past(const storage::OpenReport& report);
  /// The forms' dictionaries, made ready when they are asked for. One that is refused is not used.
  const feed::Dictionaries& dictionaries();
  feed::Dictionary* dictionary_of(std::string_view form_id);
  /// What was set aside is tried once more when this program reads more than the one before it did.
  Result<void> read_again();
  /// Not locked.
  Result<void> ready() const;
  /// Every call begins with it: ready, and not idle for too long before.
  Result<void> usable();
  /// Usable, and all that it holds is confirmed: may be sent.
  Result<void> may_send();
  /// One save: `build` says what, seals into the record; may be run twice (on a full disk). Nothing changed on error.
  Result<void> commit(const Build& build);
  /// What must not be undone. On an error what is held in memory is loaded again.
  Result<void> durable(const storage::Container::Work& work);
  Result<void> plain(const storage::Container::Work& work);
  storage::Database& database() { return container_->database(); }
  /// Runs `work` in a transaction that is undone whatever it answers: for looking at what a change would make.
  Result<void> tried(const storage::Container::Work& work);
  ReportRows rows() { return ReportRows(database(), membership_.history()); }
  FeedStore feeds() { return FeedStore(database()); }
  ReportQueries queries() { return ReportQueries(database(), membership_.device()); }
  Result<void> index_words(size_t count_max);
  WallTime now() { return environment_.clock.wall(); }

  // passphrases.cc
  struct SlotEntry {
    size_t slot = 0;
    bool leaving = false;  // is being cleared; done at the next opening at the latest
    WallTime added{};
  };
  Result<std::vector<SlotEntry>> slot_entries();
  Result<void> put_slot_entries(storage::Database& database, const std::vector<SlotEntry>& entries);
  Result<void> settle_slots();
  Result<void> clear_leaving(std::vector<SlotEntry> entries);
  Result<size_t> enrol(std::string_view passphrase, std::optional<size_t> leaving);

  // retention.cc
  Result<PurgeOutcome> purge_now(size_t reports_max);
  Result<void> require_content(int64_t row, std::string_view doing);
  // residue.cc
  /// What was taken back or purged is gone below the tables too; nothing if there is nothing of it.
  Result<void> clean_residue();
  // wipe.cc
  bool may_wipe() const;
  Result<void> require_wipe(ContainerSet containers, std::string_view doing) const;
  /// The slot file says whether this container may be wiped, for attempts that cannot ask it.
  Result<void> settle_policy();
  /// Everything that lives on an open container ends, and the keys with it.
  void forget();

  // drafts.cc, decisions.cc
  Result<int64_t> require_row(const ReportId& report, std::string_view doing);
  Result<void> require_team(std::string_view doing);
  report::EditContext edit_context();
  /// Encodes, seals for the team, adds to the record; answers the edit's id. The form is that of its report.
  Result<EditId> seal_edit(report::Edit edit, std::string_view form_id, SaveRecord& record);
  Result<SavedDraft> unsent_of(int64_t row, const report::Folded& folded);
  /// `blob`: a file that was taken in just now, saved with the answer that names it.
  Result<void> save_with(const ReportId& report, std::span<const Change> changes, std::span<const SavedBlob> blobs);
  Result<void> save_draft(SavedDraft draft, std::span<const Change> changes, std::span<const SavedBlob> blobs = {});
  Result<void> save_unsent(int64_t row, std::span<const Change> changes, std::span<const SavedBlob> blobs);
  Result<ReportId> seal_report(const SavedDraft& draft, SaveRecord& record);
  Result<void> decide(const ReportId& report, std::string_view doing,
                      const std::function<Result<report::Edit>(const report::Folded&)>& make);
  Result<Report> read_row(int64_t row);
  Result<void> ready_to_look(const ReportQuery& query);  // words that are due are in the index

  // attachments.cc
  Result<std::optional<SavedBlob>> find_blob(int64_t row, const BlobId& id);
  Result<std::vector<SavedBlob>> all_blobs();
  /// Answers may only name files that are attached to the report of this row, or `fresh`.
  Result<void> require_attached(int64_t row, std::span<const Change> changes, std::span<const SavedBlob> fresh);
  BlobFiles blob_files();
  Error not_here(int64_t row, const BlobId& id);
  // blob_peer.cc
  struct FilesLeft {
    size_t files = 0;
    uint64_t bytes = 0;
  };
  Result<FilesLeft> files_to_fetch();
  Result<size_t> held_not_opened();
  Result<void> count_files(VaultStatus& status);
  Result<std::set<int64_t>> carried_for_others();
  Result<blob::ChunkFile*> whole_blob(const BlobName& name);
  Result<void> take_chunks_for(int64_t report, const std::optional<BlobFile>& known, ChunkRanges held,
                               const ProvenChunks& chunks);
  /// Removes the files that no row names: of discarded, purged, and of what was begun when the last session ended.
  Result<void> sweep_blobs();
  /// What opens the attachments that an edit names goes into it.
  Result<std::vector<SavedBlob>> put_file(const media::Source& file);
  Result<void> put_secrets(report::Edit& edit);

  // founding.cc, joining.cc
  Result<void> require_admin(std::string_view doing);
  Result<void> put_errand(storage::Database& database, int kind, ByteView item);
  Result<std::optional<team::AdmissionList>> newest_admission();
  Result<void> next_admission(storage::Database& database, const team::Roster& roster,
                              const crypto::SigningKey& signer);
  Result<void> publish_roster(storage::Database& database, const team::Roster& roster);
  Result<team::RootKey> own_root(ByteView root_file, std::string_view passphrase) const;
  Result<team::Roster> whole_roster() const;
  Result<TeamView> change_relays(std::vector<RelayInfo> relays, ByteView root_file, std::string_view passphrase);
  Result<void> follow_roster();

  // mend.cc
  /// An own feed that cannot be read back is sent no further: it goes on under the next incarnation, and what it says
  /// waits to be issued again there.
  Result<void> set_apart(const FeedRow& row);

  // entry_store.cc
  Result<void> intake_ready();
  /// Ends the intake's transaction, if one is open, and keeps what it brought.
  Result<void> settle();
  Error drop_intake(Error error);
  struct Unissued {
    std::string form_id;
    Bytes payload;
  };
  Result<std::vector<Unissued>> not_issued();
  Result<void> issue_again();
  Result<void> acknowledge();
  Result<void> seal_acknowledgement(const DeviceId& author, const std::vector<FeedRow>& feeds_of_author,
                                    SaveRecord& record);

  Environment environment_;
  Place place_;
  std::unique_ptr<storage::FolderLock> lock_;
  std::unique_ptr<SlotFile> slots_;
  size_t slot_ = 0;  // whose passphrase opened the vault
  SlotContent key_;  // what is in it
  crypto::Argon2Cost cost_;
  std::unique_ptr<storage::Container> container_;  // null once locked
  std::optional<KeyWrap> key_wrap_;                // likewise
  Membership membership_;
  std::unique_ptr<feed::Dictionaries> dictionaries_;                         // null once locked
  std::map<std::string, feed::Dictionary*, std::less<>> form_dictionaries_;  // to write with, by form id
  std::unique_ptr<Outbox> outbox_;
  std::unique_ptr<Intake> intake_;            // while its transaction is open
  bool intake_spans_calls_ = false;           // between begin_intake and end_intake
  std::unique_ptr<blob::ChunkFile> sending_;  // the blob that was read last
  bool blob_in_doubt_ = false;                // a file whose row may come back: none is swept in this session
  bool clean_mark_ = false;                   // the database says that the last session ended with lock()
  std::map<RelayId, std::pair<uint64_t, uint64_t>> counters_;  // last given out, reserved up to
  std::vector<std::string> notices_;                           // of this session
  std::chrono::nanoseconds idle_max_{0}, last_call_{0};        // 0: never too long
  std::optional<Error> refused_roster_;                        // of this session, the newest
};

}  // namespace lysoen::vault
