// Start here. A Vault is the encrypted store of one device: reports written offline, sealed for the team, merged from
// what others wrote. One folder, one process, one strand at a time. Every call that returns an error changed nothing,
// unless its comment says otherwise.
//
//   auto vault = Vault::create(folder, passphrase, {}, system_environment());
//   auto id = (*vault)->begin("police-incident", "en");
//   (*vault)->save(*id, {{"what_happened", Value::text_of("...")}});   // L1: survives a power cut once this returns
//   (*vault)->submit(*id);                                             // sealed to the team; leaves with the next sync
#pragma once
#include <lysoen/entry_store.h>
#include <lysoen/environment.h>
#include <lysoen/exchange.h>
#include <lysoen/form.h>
#include <lysoen/media.h>
#include <lysoen/passphrase.h>
#include <lysoen/report.h>
#include <lysoen/result.h>
#include <lysoen/team.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>

namespace lysoen {

struct CreateOptions {
  KeyCost cost;
  /// Bytes of memory of this machine. If not 0, `cost` is measured here instead: about a second for a passphrase, at
  /// most a quarter of the memory, never below the floor.
  uint64_t calibrate_for = 0;
};

/// One of the passphrases that open a vault.
struct PassphraseInfo {
  uint32_t number = 0;  // 1 to 8; names it while it is there
  WallTime added{};
  bool current = false;  // the vault was opened with this one
};

using Progress = std::function<void(uint64_t done, uint64_t all)>;

struct BackupOptions {
  std::optional<KeyCost> cost;  // none: that of the vault
  Progress progress;
};

struct RestoreOptions {
  std::string_view backup_passphrase;  // that of the file
  std::string_view passphrase;         // of the new vault
  CreateOptions create;
  Progress progress;
};

/// The two passphrases of a cover: different ones, and neither in use on this device.
struct CoverPassphrases {
  std::string_view ordinary;  // opens the cover and nothing else happens: for filling it
  std::string_view duress;    // opens it and wipes this vault
};

enum class WipeScope : uint8_t {
  this_vault,  // what the passphrase opened
  everything,  // and all that other passphrases open on this device
};

inline constexpr uint32_t kWipeAfterMin = 5, kWipeAfterMax = 100;

/// How this device is set for the worst.
struct WipeSettings {
  bool allowed = true;      // false: the team's policy forbids wiping, and a duress passphrase only opens the cover
  uint32_t wipe_after = 0;  // wrong passphrases in a row that wipe everything; 0: never
  enum class Cover : uint8_t {
    none,
    ready,
    lost
  } cover = Cover::none;  // lost: its duress passphrase was removed there
  WallTime cover_made{};
};

/// What happened to a row of an import.
struct ImportRow {
  std::string form_id;
  std::string origin;  // "<file hash>:<row number>": the identity; a second import of it adds nothing
  std::vector<Change> values;
};
struct ImportOutcome {
  size_t added = 0, known = 0;
};

/// The parts of what was sent of a report that a person asks for: "why is it not held yet?"
struct ReportLevels {
  Level level = Level::draft;
  size_t entries = 0, carried = 0, held = 0, opened = 0;  // entries of this report's author feed
  bool read = false;
};

/// A file that a report names, and how far it has come.
struct AttachmentState {
  BlobId blob;
  uint64_t size = 0;                // bytes of the file
  uint64_t here = 0;                // of them on this device; less while it is on the way to it
  bool sent = false;                // something that names it was submitted
  bool held = false;                // a durable relay has signed that it holds all of it
  std::optional<BlobId> thumbnail;  // a small JPEG of it that is here: read_attachment() gives it by this id
};

/// What a purge did.
struct PurgeOutcome {
  size_t purged = 0;  // reports
  bool more = false;  // others are due as well
};

/// Entries that a relay would not take when it was last asked. They stay here, the rest went on.
struct RefusedEntries {
  RelayId relay;
  DeviceId author;
  uint64_t first_seq = 0, last_seq = 0;
  std::string reason;
};

/// Within this time a coordinator is expected to open what a relay holds.
inline constexpr std::chrono::hours kOpenedWithin{72};

/// Facts about the vault for `status`; no content.
struct VaultStatus {
  size_t reports = 0, drafts = 0, submitted = 0, conflicts = 0;
  size_t unsent_entries = 0;   // own entries no relay has confirmed
  size_t unsent_files = 0;     // attachments that were sent and that no durable relay has signed for
  size_t held_not_opened = 0;  // own entries that a durable relay has held for kOpenedWithin, opened by no coordinator
  size_t wanted_files = 0;     // attachments of others that are not here whole
  uint64_t unsent_file_bytes = 0, wanted_file_bytes = 0;  // of them what is still to go, and to come
  size_t set_aside = 0;                                   // records kept aside with reasons
  struct Aside {
    std::string reason;
    size_t records = 0;
  };
  std::vector<Aside> aside;  // of received records, the most frequent first; of changes to reports: Report::set_aside
  std::vector<RefusedEntries> refused;  // at most 100
  size_t gaps = 0, forks = 0;
  size_t purged = 0;                 // of those submitted: what they say was removed by the team's policy
  std::vector<std::string> notices;  // sentences to show: roster expired, save repaired, fork seen
  std::optional<Error>
      refused_roster;  // since the vault was opened a roster came that this team's root does not stand for
};

/// What a deep verification looked at, and a sentence for each thing that is not as it was written. Numbers and kinds,
/// never content.
struct VaultCheck {
  uint64_t pages = 0, ring_records = 0, feeds = 0, entries = 0, reports = 0, attachments = 0;
  std::vector<std::string> findings;
  bool sound() const { return findings.empty(); }
};

/// What a vault is made of; no content. For `lysoen vault info`.
struct VaultInfo {
  Hash vault;  // its id
  uint32_t slot_file_version = 0, store_version = 0, schema_version = 0;
  KeyCost cost;                      // of one guess at a passphrase
  bool guarded = false;              // half of the key is held by a guard
  std::optional<WallTime> sound_at;  // when check() last found nothing
};

class Vault {
 public:
  virtual ~Vault() = default;

  /// Makes a vault in a folder that does not exist or is empty. Errors: already_exists, input_refused (empty
  /// passphrase), io_failed, storage_full, storage_read_only.
  static Result<std::unique_ptr<Vault>> create(const std::filesystem::path& folder, std::string_view passphrase,
                                               const CreateOptions& options, Environment environment);
  /// Opens it; repairs after a crash before it returns. Errors: wrong_passphrase, too_soon (the wait after wrong ones,
  /// 1 s to 15 minutes, is not over; the hint says how long), vault_in_use, newer_version, damaged, not_found (also:
  /// the guard, or its key), storage_read_only.
  static Result<std::unique_ptr<Vault>> open(const std::filesystem::path& folder, std::string_view passphrase,
                                             Environment environment);
  /// A new vault from a backup, on a new device: it reads all that was there and writes drafts, and belongs to no team
  /// before it has joined again with an invite; its request then says which device it replaces. The folder is there as
  /// a whole or not at all. Errors: wrong_passphrase (of the backup), damaged, newer_version, not_found, those of
  /// create.
  static Result<std::unique_ptr<Vault>> restore(const std::filesystem::path& backup,
                                                const std::filesystem::path& folder, const RestoreOptions& options,
                                                Environment environment);
  /// Before a program asks for a passphrase: does what is left of a wipe that was begun and stopped. open() does it
  /// too. No vault there, or nothing to do, is not an error; after one the vault can be opened all the same.
  static Result<void> resume_wipe(const std::filesystem::path& folder, Environment environment);
  /// Checkpoints, wipes keys; then does what is left of a wipe. Every later call answers `locked`. The destructor does
  /// the same, silently.
  virtual Result<void> lock() = 0;
  /// From now on the vault locks itself when no call was made for so long; the next call answers `locked`. 0: never,
  /// as after opening. The time is that of the monotonic clock.
  virtual void lock_when_idle(std::chrono::nanoseconds after) = 0;
  /// For owners with a timer or a loop: locks it now if its idle time is over. Cheap; answers whether it is locked.
  virtual bool lock_if_idle() = 0;
  /// For owners that keep it open: when nothing is to be done, and never before the first screen. Ends a wipe that a
  /// duress passphrase began, takes words that are due into the index, cleans what was discarded. lock() does all of it
  /// too. Does not count as use for lock_when_idle. Nothing to do costs nothing; what fails is tried again. Errors:
  /// locked, storage_full, io_failed.
  virtual Result<void> idle() = 0;

  // -- Passphrases: up to 8, each opens the vault -----------------------------------------------------------------
  virtual Result<std::vector<PassphraseInfo>> passphrases() = 0;
  /// Answers its number. Stands, and was tried, once it returns. Errors: already_exists (a passphrase that is in use),
  /// input_refused (empty), limit_exceeded (no room).
  virtual Result<uint32_t> add_passphrase(std::string_view passphrase) = 0;
  /// A new one in place of the one that the vault was opened with; that one opens it until the new one stands. Errors
  /// as add_passphrase.
  virtual Result<uint32_t> change_passphrase(std::string_view passphrase) = 0;
  /// Errors: not_found, input_refused (the last one).
  virtual Result<void> remove_passphrase(uint32_t number) = 0;

  // -- Wiping: docs/guides/duress.md ------------------------------------------------------------------------------
  /// Nothing of it can be opened again by anybody once this returns; locked in any case. Before it began: io_failed
  /// (open it again: it may be there or not), trust_refused (the team forbids it). Once begun it is finished by this
  /// call, by resume_wipe or by the next opening, whatever happens; an error of that part is answered as partly_done.
  virtual Result<void> wipe(WipeScope scope) = 0;
  /// Makes the second vault of this device anew and empty, as a cover for this one, and discards what it held. Errors:
  /// already_exists (there is a cover; one of the passphrases is in use), input_refused (an empty one, both the same;
  /// this vault is the second one itself), trust_refused (the team forbids wiping).
  virtual Result<void> make_cover(const CoverPassphrases& passphrases) = 0;
  /// Wipes the cover. Errors: not_found.
  virtual Result<void> remove_cover() = 0;
  /// Errors: input_refused (not 0 and not within the limits), trust_refused.
  virtual Result<void> set_wipe_after(uint32_t failures) = 0;
  virtual Result<WipeSettings> wipe_settings() = 0;

  // -- Writing ---------------------------------------------------------------------------------------------------
  /// A new draft of a form, saved at once with its first answers: both or neither. `language` is remembered for the
  /// form's session. Errors: as save.
  virtual Result<ReportId> begin(std::string_view form_id, std::string_view language,
                                 std::span<const Change> answers = {}) = 0;
  /// Saves changes to a draft, or as unsent changes to a submitted report. Each is checked against the form (unknown
  /// field or choice, wrong type: input_refused naming the field). All or nothing. L1 when it returns.
  virtual Result<void> save(const ReportId& report, std::span<const Change> changes) = 0;
  /// Takes a file in as the answer to an upload question, and saves that: both or neither, the file whole and on the
  /// medium once this returns. `path` as in save; answers the change that was saved, which names the blob. Errors: as
  /// save; limit_exceeded (4 GiB); those of the source.
  virtual Result<Change> attach(const ReportId& report, std::string_view path, const AttachmentSource& source) = 0;
  /// Gives an attachment's bytes. Errors: not_found (they are not on this device), damaged, those of the sink.
  virtual Result<void> read_attachment(const ReportId& report, const BlobId& blob, const AttachmentSink& sink) = 0;
  /// Every file that belongs to the report, also those of values that others replaced. In no order.
  virtual Result<std::vector<AttachmentState>> attachments(const ReportId& report) = 0;
  /// Seals what was saved. Answers the report's lasting id (a draft's id stays a valid name for it on this device).
  /// Errors: input_refused naming required questions without answer, not_found, input_refused if nothing is to be sent,
  /// trust_refused if the vault has no team yet.
  virtual Result<ReportId> submit(const ReportId& report) = 0;
  /// Removes a draft that was never submitted. What it said is gone beyond recovery once the vault was idle or locked.
  virtual Result<void> discard(const ReportId& draft) = 0;
  /// Hides a submitted report with a reason; it stays on record. Author or coordinator.
  virtual Result<void> retract(const ReportId& report, std::string_view reason) = 0;
  virtual Result<void> set_status(const ReportId& report, Status status, std::string_view reason) = 0;
  /// Settles a conflict: the value that shall stand, superseding all visible ones. Sealed at once.
  virtual Result<void> resolve(const ReportId& report, std::string_view path, const std::optional<Value>& value) = 0;
  /// A person at a coordinator's device has read it.
  virtual Result<void> mark_read(const ReportId& report) = 0;
  /// At most 256 rows; all in one transaction and one ring record; submitted at once when the vault has a team.
  virtual Result<ImportOutcome> import_rows(std::span<const ImportRow> rows) = 0;

  // -- Reading ---------------------------------------------------------------------------------------------------
  virtual Result<Report> read(const ReportId& report) = 0;
  /// Ids that begin with these hexadecimal digits (drafts too); at least 4 digits.
  virtual Result<std::vector<ReportId>> find(std::string_view hex_prefix) = 0;
  /// Newest event first, drafts without a time last.
  virtual Result<std::vector<ReportSummary>> list(const ReportQuery& query) = 0;
  /// Lists and searches cover every report, also one whose words are not in the index yet.
  virtual Result<size_t> count(const ReportQuery& query) = 0;
  /// Counts by form, status, category, author, day and month; `limit` and `after` do not matter.
  virtual Result<ReportFacets> facets(const ReportQuery& query) = 0;
  /// Calls back once a report in list order until it answers false; constant memory. Purged ones are left out: they say
  /// nothing any more.
  virtual Result<void> each(const ReportQuery& query, const std::function<bool(const Report&)>& visit) = 0;
  virtual Result<ReportLevels> levels(const ReportId& report) = 0;
  /// What opens and proves one report's entries, and no others, as the document of docs/formats/disclosure.md.
  /// not_found if nothing of it was sent or received.
  virtual Result<std::string> disclose(const ReportId& report) = 0;
  virtual Result<VaultStatus> status() = 0;
  virtual Result<VaultInfo> info() = 0;
  /// Reads everything and compares it with itself: every page and ring record, SQLite's structures and indexes, every
  /// feed's chain, proofs and signatures, every report's line with its edits. Changes nothing that a reader sees;
  /// minutes for a large vault. `progress` is told how much is done, of how much; false ends it with `cancelled`.
  /// Damage is a finding, not an error.
  virtual Result<VaultCheck> check(const std::function<bool(uint64_t done, uint64_t all)>& progress = {}) = 0;
  /// Removes, beyond recovery, what reports say that this device has sent, once the policy of its role allows it: never
  /// what was not sent. lock() does the same for a few; call it when idle, after a sync. Errors: io_failed,
  /// storage_full: what was begun is finished by the next call or opening.
  virtual Result<PurgeOutcome> purge_due(size_t reports_max = 256) = 0;
  /// Writes all that this device holds, but none of the keys that make it this device, into a file under a passphrase
  /// of its own. There as a whole or not at all; a file of that name is never replaced. Answers its size. Errors:
  /// already_exists, input_refused (empty passphrase, cost), storage_full, storage_read_only, io_failed.
  virtual Result<uint64_t> backup(const std::filesystem::path& file, std::string_view passphrase,
                                  const BackupOptions& options) = 0;
  virtual std::vector<std::shared_ptr<const Form>> forms() const = 0;

  // -- Team ------------------------------------------------------------------------------------------------------
  struct NewTeam {
    Bytes root_file;
    TeamView view;
  };
  /// Makes this device admin and first coordinator of a new team. `root_file` is the passphrase-sealed root key.
  virtual Result<NewTeam> create_team(const CreateTeamOptions& options) = 0;
  virtual Result<TeamView> team_view() = 0;  // not_found before the vault has a team
  virtual Result<Invite> invite(const InviteOptions& options) = 0;
  /// Joiner: the request to hand to the admin (file) or to send through the invite's relay.
  struct Joining {
    Bytes request;
    std::string check_words;
    std::vector<RelayInfo> relays;
    Hash invite_id;
    TeamId team;
  };
  virtual Result<Joining> join(ByteView invite_file_or_link) = 0;
  /// The joining that waits for its welcome, if any.
  virtual Result<std::optional<Joining>> joining() = 0;
  /// Signs for the invite's one-time key, which the relay admits once.
  virtual Result<Signature> sign_as_invited(std::string_view label, ByteView message) = 0;
  virtual Result<TeamView> finish_join(ByteView welcome) = 0;
  /// Admin: requests fetched from relays or given as file bytes.
  virtual Result<JoinRequest> offer_join_request(ByteView request) = 0;
  virtual Result<std::vector<JoinRequest>> join_requests() = 0;
  /// Admits one: a new roster version. Answers the welcome to hand back (it also goes through the relay).
  virtual Result<Bytes> admit(const Hash& request_id) = 0;
  /// Admin: the same roster, valid for another 180 days. With the root key's file (else empty) this admin's certificate
  /// is made anew first, for another 90; without it the certificate must still be valid.
  virtual Result<TeamView> renew_roster(ByteView root_file, std::string_view root_passphrase) = 0;
  /// Admin: a new roster version with another policy for one role; devices follow it when it reaches them. Errors:
  /// input_refused with the rule that it breaks.
  virtual Result<TeamView> set_policy(Role role, const RolePolicy& policy) = 0;
  virtual Result<TeamView> add_relay(const RelayInfo& relay, ByteView root_file, std::string_view root_passphrase) = 0;
  virtual Result<TeamView> remove_relay(const RelayId& relay, ByteView root_file, std::string_view root_passphrase) = 0;
  /// For the relay's operator: the text that `lysoen-relay team add` takes.
  virtual Result<std::string> team_key_text() = 0;

  // -- Sync ------------------------------------------------------------------------------------------------------
  virtual EntryStore& entries() = 0;
  virtual SyncPeer& sync_peer() = 0;
  /// The key that bundles are sealed under (HKDF of the roster key), newest first; at most four.
  virtual Result<std::vector<std::array<uint8_t, 32>>> carrier_keys() = 0;
  /// Feeds held here, own and others', for bundles: every batch can be carried by anyone of the team.
  virtual Result<std::vector<FeedHead>> all_heads() = 0;
  struct Readable {
    std::vector<FeedHead> heads;
    bool reports = false;  // what is sealed to the team's audience is among them, and so attachments are of use
  };
  /// Of these what one member reads; without a member what every coordinator reads. Errors: not_found (the roster kept
  /// here does not name it: a reporter's names coordinators and itself).
  virtual Result<Readable> heads_for(const std::optional<DeviceId>& member) = 0;
  /// Entries up to these heads left in a bundle: "carried" for own reports.
  virtual Result<void> mark_carried(std::span<const FeedHead> heads) = 0;
  /// Sealed rosters held here, oldest first, for bundles.
  virtual Result<std::vector<SealedRoster>> sealed_rosters() = 0;
};

}  // namespace lysoen
