// The relay as a library: start here. A folder with the store, a key file beside it, requests in, answers out.
//
//   auto relay = Relay::open({.folder = "/var/lib/lysoen/store", .key_file = "/var/lib/lysoen/relay.key"},
//   environment); auto request = (*relay)->begin();      // any thread; request->take(piece) as the bytes arrive auto
//   answers = (*relay)->handle({...});// the one writer strand: one group commit for all of them
//
// Closed by default: a team that the operator did not admit gets a sealed refusal. Nothing here knows an address.
#pragma once
#include <lysoen/environment.h>
#include <lysoen/exchange.h>

#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace lysoen::storage {
class Files;
}

namespace lysoen::relay {

struct Quotas {
  uint64_t team_bytes = 64ull << 30;           // of entries held, each with what its row costs
  uint64_t device_bytes_per_day = 2ull << 30;  // accepted from one device in a day (UTC)
  uint64_t join_requests_open = 1000;          // per team
};

/// How long is kept what may go, in days; 0: for ever. What a served team has stored is always kept
/// (docs/decisions/0016-a-relay-keeps-entries.md).
struct Retention {
  uint64_t removed_team_days = 0;  // since the operator removed it; then as purge_team
  uint64_t joining_days = 0;       // join requests and welcomes, since the first of both came
};

struct RelayOptions {
  std::filesystem::path folder;    // the store; made if it does not exist
  std::filesystem::path key_file;  // made by make_key_file(); "<key_file>.state" beside it remembers the newest commit
  Quotas quotas;
  Retention retention;
  /// For check() and inspect() alone, of whatever store: the mark beside the key file is neither read nor written, no
  /// epoch begins, nothing is deleted. So a backup can be looked at with the key file of the relay that serves.
  bool look_only = false;
  storage::Files* files = nullptr;  // null: the system's; tests put a failing disk in between
};

// What a piece of a request showed.
enum class Sift {
  unknown,   // go on within wire's limit for strangers (4 KiB)
  admitted,  // a member of an admitted team, or the holder of a known invite
  stranger,  // opened, but not admitted: do not read on; handle() gives it a sealed refusal
  refused,   // nothing here can answer it: hang up
};

/// One request while it arrives and is answered. Belongs to one thread at a time.
class RelayRequest {
 public:
  virtual ~RelayRequest() = default;
  virtual Sift take(ByteView piece) = 0;
  /// Something came whole that is worth storing before the rest is here: give the request to handle(), which stores it
  /// and has no answer yet, and take() the next piece after that.
  virtual bool portion() = 0;
  /// The body is over, whole or cut: opens what is left, so that handle() need not.
  virtual Sift end() = 0;
  /// Once admitted: who sends, for limits on what one sender may have under way. The device, or a joiner's invite.
  virtual Hash sender() const = 0;
  /// After end(): it brings something to store; otherwise it only asks.
  virtual bool brings() const = 0;
};

struct Handled {
  /// Empty: nothing to answer (refused) or, if `hold` is set, nothing yet.
  Bytes answer;
  /// The sender waits for news: ask has_news() when news() has changed, and give the request to answer_held() then or
  /// when this time has passed. 0: answer now.
  std::chrono::milliseconds hold{0};
};

struct TeamSummary {
  TeamId team;
  std::string root_key;  // text form "lysoen-team:1:..."
  uint64_t admitted_at_ms = 0;
  bool removed = false;
  uint64_t admission_version = 0, devices = 0, feeds = 0, entries = 0, bytes = 0;
};

struct FeedSummary {
  TeamId team;
  FeedKey key;
  uint64_t entries = 0, stubs = 0, bytes = 0;
  uint64_t first_ms = 0, last_ms = 0;  // relay time of the first and last entry stored
  Hash head;
};

struct MailboxSummary {
  TeamId team;
  AudienceId audience;
  uint64_t items = 0;
};

/// All that the store can tell, which is also all that its operator can learn.
struct Inspection {
  uint32_t format = 0, store_epoch = 0;
  uint64_t commits = 0, bytes_on_disk = 0;
  std::vector<TeamSummary> teams;
  std::vector<FeedSummary> feeds;
  std::vector<MailboxSummary> mailboxes;
  uint64_t forks = 0, rosters = 0, join_requests = 0, welcomes = 0;
  uint64_t blobs = 0, blob_bytes = 0;  // attachments, and what they are or will be
};

struct CheckReport {
  uint64_t feeds = 0, entries = 0, signatures = 0, items = 0, log_leaves = 0, blobs = 0;
  std::vector<std::string> faults;  // feed ids and numbers only; empty: sound
};

struct Metrics {
  uint64_t requests = 0, refused = 0, answered = 0, commits = 0, commit_failures = 0;
  uint64_t entries_stored = 0, bytes_stored = 0, receipts = 0, held_now = 0, forks = 0, stale_counters = 0,
           two_places = 0;
  uint64_t chunks_stored = 0, blobs_whole = 0;
};

/// A backup under way: a copy of the store while it is served.
class Backup {
 public:
  virtual ~Backup() = default;  // what is not whole is removed; before the relay's end
  struct Progress {
    uint64_t bytes_done = 0, bytes_all = 0;
    bool whole = false;
  };
  /// The next part of it, some milliseconds. The writer strand.
  virtual Result<Progress> step() = 0;
};

/// What came with a bundle, and what became of it.
struct ImportReport {
  TeamId team;
  uint64_t entries_stored = 0, entries_known = 0;  // new here; held before
  uint64_t entries_waiting = 0;                    // earlier entries are missing: other bundles bring them
  uint64_t chunks_stored = 0, chunks_known = 0;    // pieces of attachments
  uint64_t batches_forked = 0;                     // another version is held: both are kept
  uint64_t records_unknown = 0;                    // of a newer Lysoen: the file keeps them
  std::map<std::string, uint64_t> refused;         // why, and how many batches and runs of chunks
  bool whole = true;                               // false: the file is cut or damaged, and this is what came whole
};

/// A bundle for this relay while it is taken in, between the commits of exchanges. It proves itself as an exchange
/// does: a member signed that it wrote the file, batches and chunks are checked one by one, quotas count against that
/// member. But it is no exchange: counters, polls and acknowledgements stay as they are.
///
///   while (*import->read()) import->store();      // with errors looked at
class Import {
 public:
  virtual ~Import() = default;  // before the relay's end
  /// Reads on until there is enough for a commit. One thread at a time; may block on its file for long. False: there is
  /// nothing more to store. Errors: io_failed, newer_version, damaged (what says who wrote it is lost), trust_refused
  /// (that is not signed). What was stored before stays.
  virtual Result<bool> read() = 0;
  /// One durable commit for what was read. The writer strand. Errors: trust_refused (the team is not admitted, or its
  /// list does not name the device that wrote the file), or the store's own, with nothing of this commit stored.
  virtual Result<void> store() = 0;
  virtual const ImportReport& report() const = 0;
  virtual uint64_t bytes_done() const = 0;
  virtual uint64_t bytes_all() const = 0;
};

class Relay {
 public:
  virtual ~Relay() = default;

  /// Errors: not_found, damaged, newer_version and trust_refused (key file), vault_in_use (another process has the
  /// store), damaged, newer_version, io_failed, storage_full, storage_read_only. If the disk fills up or turns
  /// read-only later, exchanges answer "the relay's store ..." and give no receipts, and what can be read is still
  /// served.
  static Result<std::unique_ptr<Relay>> open(const RelayOptions& options, Environment environment);

  // -- Any thread ---------------------------------------------------------------------------------------------------
  virtual std::unique_ptr<RelayRequest> begin() = 0;
  /// Grows with every commit that may be news for somebody.
  virtual uint64_t news() const = 0;
  virtual Metrics metrics() const = 0;
  /// Empty while healthy, otherwise why the last commit failed.
  virtual std::string unhealthy() const = 0;
  /// A bundle that a device wrote for this relay. Taking it twice changes nothing. Errors: not_found, io_failed,
  /// input_refused (no file), damaged (it is damaged, or for another relay: nobody can tell which).
  virtual Result<std::unique_ptr<Import>> begin_import(const std::filesystem::path& bundle) = 0;

  // -- The one writer strand ----------------------------------------------------------------------------------------
  /// One transaction and one durable commit for all; answers in the same order, each of about `answer_max` bytes at
  /// most (0: what the sender asks for), so that who writes need not wait for who reads.
  virtual std::vector<Handled> handle(std::span<RelayRequest* const> requests, size_t answer_max = 0) = 0;
  virtual bool has_news(RelayRequest& held) = 0;
  /// A quick sieve for many who wait: a held request whose interests share no bit with news_marks() has no news.
  /// Interests may change when has_news() was asked.
  virtual uint64_t interests(const RelayRequest& held) const = 0;
  /// Of all commits since the last call.
  virtual uint64_t news_marks() = 0;
  virtual Bytes answer_held(RelayRequest& held) = 0;
  /// Whole requests in, answers out; never holds. For simulators and tests.
  std::vector<Bytes> handle(const std::vector<Bytes>& requests);

  // -- Operator (same strand) ---------------------------------------------------------------------------------------
  /// `root_key`: "lysoen-team:1:..." as the team's admin gives it. Admitting again after removal restores it.
  virtual Result<TeamId> admit_team(std::string_view root_key) = 0;
  /// Stops serving the team; what is held stays until purge_team.
  virtual Result<void> remove_team(const TeamId& team) = 0;
  virtual Result<void> purge_team(const TeamId& team) = 0;
  virtual Result<std::vector<TeamSummary>> teams() = 0;
  /// A token that admits one team within 30 days: "lysoen-token:1:...". Only its hash is kept.
  virtual Result<std::string> make_operator_token() = 0;
  virtual Result<TeamId> redeem_operator_token(std::string_view token, std::string_view root_key) = 0;

  virtual Result<CheckReport> check() = 0;
  virtual Result<Inspection> inspect() = 0;
  /// Into `folder`, which is made and must not be there: in the place of the store it is that of an older day, and
  /// noticed as such. The key file is not in it. Holds all that is committed when the last step ends.
  virtual Result<std::unique_ptr<Backup>> begin_backup(const std::filesystem::path& folder) = 0;
  virtual RelayInfo info() const = 0;

  /// Makes and destroys exchange keys when due, deletes what retention says (from an hour after opening on: by then a
  /// clock that was wrong at boot is right), checkpoints the store. Every hour or so.
  virtual Result<void> tend() = 0;
};

}  // namespace lysoen::relay
