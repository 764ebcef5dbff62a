// A container: one database with its WAL, ring and reserve file, in a folder under a name prefix ('A' or 'B'); the only
// way by which anything is written to it. Three kinds of transaction, because durability costs syncs:
//
//   save     a person's work: edits, decisions, statements. One transaction, one ring record, two syncs. Stands once it
//            returns, even if the WAL is damaged later: opening replays the record.
//   durable  what must not be undone: purge, erasure, incarnation, keys of epochs and roster. Ends with a synced
//   checkpoint. plain    what can be had again: received entries, cursors, projections, index. No sync. A crash may
//   take the newest of
//            these away, in order, never one from the middle of what a later one builds on. Each stands as a whole or
//            not. (Keystrokes within a question are plain as well; leaving the question is a save.)
//
// What is acknowledged to others must stand under a synced checkpoint: checkpoint() after plain, or durable.
//
// Opening repairs before it answers (the table in docs/formats/vault.md) and says what it did. The owner's `replay`
// writes the payloads of saves that the database lost; it sees a database in which plain transactions after the lost
// saves are missing too, so it writes with "insert or replace" and relies on nothing but what saves and durables wrote.
//
// A failed sync is final: every later write answers io_failed with the hint to reopen; so is a transaction that cannot
// be rolled back. Memory that runs out in SQLite is an error like others; where it runs out in our own code, the calls
// that write end the process, as a kill at that moment would: there is no half-written state to go on from.
//
// One strand. The owner holds the FolderLock (files.h).
//
// The relay's store is a container with `sealed` false: same ring, same rules, pages as stock SQLite writes them (its
// entries are sealed already); the ring's key comes from the relay's key file.
#pragma once
#include <lysoen/environment.h>

#include <functional>

#include "core/storage/database.h"
#include "core/storage/files.h"
#include "core/storage/page_cipher.h"
#include "core/storage/ring.h"

namespace lysoen::storage {

inline constexpr size_t kReserveSize = 4 * 1024 * 1024;

/// What opening found and did. Counters are of saves: the first is 1.
struct OpenReport {
  // Which row of the recovery table.
  enum class Outcome : uint8_t {
    clean,
    record_rewritten,  // the crash fell between a save's commit and its record: the save stands, nobody was told so
    replayed,          // the database had lost saves; the ring gave them back
    save_may_be_lost,  // the newest save is neither in the database nor readable in the ring: `missing` names it
    records_missing,   // the same for saves further back: `missing` names them
  };
  struct Range {
    uint64_t first = 0, last = 0;  // inclusive
    bool operator==(const Range&) const = default;
  };
  Outcome outcome = Outcome::clean;
  uint64_t counter = 0;        // saves that this container has had
  uint64_t replayed = 0;       // saves written again from the ring
  std::vector<Range> missing;  // saves that are gone, in order
  bool wal_cut = false;        // commits in the log were unreadable though later ones were not: damage, or how unsynced
                               // plain transactions end in a power cut; what it held of saves is in `replayed`
  bool wal_kept_aside = false;  // a copy of a log that lost saves lies beside the database (<name>.wal-aside)
  bool ring_damaged = false;  // records or the whole ring were unreadable though the database has the saves; made good
  bool pages_doubtful = false;  // the WAL was unreadable during a checkpoint: old and new pages may be mixed
  /// Sequence numbers may have been used that the database does not know: the owner begins new feed incarnations.
  bool needs_new_incarnation() const { return !missing.empty() || pages_doubtful; }
  /// Worth telling a person.
  bool notable() const { return outcome > Outcome::record_rewritten || ring_damaged || pages_doubtful; }
};

class Container {
 public:
  /// Inside the transaction; an error rolls it back and is answered. Must not begin transactions of its own.
  using Work = std::function<Result<void>(Database& database)>;
  /// Answers the ring record's payload: all that replay needs to do the same again.
  using SaveWork = std::function<Result<Bytes>(Database& database, uint64_t counter)>;
  /// Does save `counter` again from its payload. Called in order of counters, all in one transaction.
  using Replay = std::function<Result<void>(Database& database, uint64_t counter, ByteView payload)>;

  struct Options {
    std::filesystem::path folder;  // exists
    std::string name = "A";        // files: <name>.db, <name>.db-wal, <name>.ring, <name>.reserve
    bool sealed = true;
    std::span<const Migration> migrations = {};  // must outlive the call only; newer_version if the file knows more
    Replay replay = {};
    size_t ring_size = kRingSize;  // when it is made
    size_t reserve_size = kReserveSize;
    uint32_t cache_kib = 4096;
    uint32_t wal_frames_max = 1000;  // a checkpoint is due above this
    Files* files = nullptr;          // null: system_files()
  };

  /// Makes the files; nothing of that name may exist. If it fails, what was made is removed again.
  static Result<std::unique_ptr<Container>> create(const Options& options, const crypto::Key32& key,
                                                   const VaultId& vault, Random& random);
  struct Opened;
  /// Repairs, migrates, replays. Errors: not_found, damaged, newer_version, storage_full, storage_read_only, io_failed,
  /// and those of `replay`. Whatever the error, the files still hold all that they held.
  static Result<Opened> open(const Options& options, const crypto::Key32& key, const VaultId& vault, Random& random);

  /// Puts random bytes over all that the files of this name hold, synced, and then removes them. For a container that
  /// nobody has open; needs no key. Missing ones are no error; what cannot be overwritten is still removed, and the
  /// first error answered.
  static Result<void> destroy(const Options& options, Random& random);

  /// Checkpoints if it can, closes, wipes the key; errors are swallowed (everything saved is safe without it).
  ~Container();
  Container(const Container&) = delete;
  Container& operator=(const Container&) = delete;

  /// For reading, at any time outside of the calls below. Closed containers: LYSOEN_CHECK.
  Database& database();

  /// Answers the save's counter. Errors: those of `work`; limit_exceeded if the payload is larger than payload_max();
  /// storage_full (nothing changed; see last_save); io_failed. After io_failed from the ring the save may turn out to
  /// stand after reopening; it was not acknowledged.
  Result<uint64_t> save(const SaveWork& work) noexcept;
  /// The same on a full disk: gives the reserve file's space back to the system first. For what a person just typed,
  /// once; until the reserve is there again (see reserve_ready) no further save, durable or plain is taken:
  /// storage_full.
  Result<uint64_t> last_save(const SaveWork& work) noexcept;
  /// An error of the checkpoint leaves the transaction standing as a crash at that moment would: done, but not yet
  /// beyond undoing by a damaged WAL; doing it again, or checkpoint(), makes it so.
  Result<void> durable(const Work& work) noexcept;
  Result<void> plain(const Work& work) noexcept;
  /// A plain transaction that spans calls: what one answer of a relay brought. Nothing else is written in between; the
  /// owner ends it before any other of these calls (LYSOEN_CHECK). What closes with it open loses it.
  Result<void> begin_plain() noexcept;
  Result<void> end_plain(bool keep) noexcept;

  /// Everything committed so far is in the database file, synced; ring records are released. When idle, before
  /// acknowledging to others. Errors: usage if a statement is open.
  Result<void> checkpoint() noexcept;
  /// After a purge: checkpoint, then released ring records and old WAL frames are overwritten with random bytes.
  Result<void> scrub() noexcept;
  /// What verify() looked at, and a sentence for each thing that is not as it was written: numbers, never content.
  struct Verified {
    uint64_t pages = 0, records = 0;
    std::vector<std::string> findings;
  };
  /// Reads every page and ring record and SQLite's own structures, after a checkpoint. `each` is told how many pages
  /// are done, of how many. Errors: io_failed, usage (a statement is open); damage is a finding.
  Result<Verified> verify(const std::function<void(uint64_t done, uint64_t all)>& each);
  /// A copy of the database, made while this goes on being used: a few pages at a time, between the calls above. What
  /// is committed meanwhile goes into it as well; it is the database of the moment at which it is done. Not for sealed
  /// containers (their pages are bound to their file). `to` must not exist; nothing of that name is there before it is
  /// whole and synced. At most one at a time; it ends before the container does.
  class Copy;
  Result<std::unique_ptr<Copy>> begin_copy(const std::filesystem::path& to);
  /// The reserve is in place; tries to make it again if not.
  bool reserve_ready();

  uint64_t counter() const { return counter_; }
  size_t payload_max() const;
  /// Nothing in the tables is less than confirmed. False after a save whose record did not reach the medium, until it
  /// is opened anew: what that save wrote must not leave this device.
  bool confirmed() const { return !closed_ && !broken_; }

  /// Checkpoint, close, wipe the key. Later calls answer `locked`. Closed in any case; an error says that the
  /// checkpoint failed (nothing saved is lost by that).
  Result<void> lock() noexcept;
  /// Closes at once: no checkpoint, nothing written any more, key wiped. What a wipe does first.
  void abandon();

 private:
  class Opening;  // container_open.cc: judging and repairing what the last process left
  Container(const Options& options, const crypto::Key32& key, const VaultId& vault, Random& random);
  std::filesystem::path path(std::string_view suffix) const;
  std::unique_ptr<Vfs> make_vfs();
  Ring::Setup ring_setup() const;

  Result<void> ready() const;  // open and not broken
  Result<void> ready_to_write();
  Error noted(Error error);  // marks the container as broken if that error is final
  Result<void> transact(const Work& work, bool syncs);
  Result<uint64_t> save_now(const SaveWork& work);
  Result<void> make_room();
  void tidy();  // a checkpoint if one is due and possible
  Result<void> checkpoint_now();
  Result<void> checkpoint_with_reserve();  // on a full disk the reserve is given up for it
  Result<void> make_reserve();
  void release_reserve();
  void close();

  Files& files_;
  std::filesystem::path folder_;
  std::string name_;
  bool sealed_;
  size_t ring_size_, reserve_size_;
  uint32_t cache_kib_, wal_frames_max_;
  crypto::Key32 key_;
  VaultId vault_;
  Random& random_;
  std::unique_ptr<Ring> ring_;
  std::unique_ptr<Database> database_;  // uses key_; null once closed
  uint64_t counter_ = 0;                // of the last save in the database
  bool closed_ = false;
  bool broken_ = false;  // a sync failed or the ring could not be written: final
  bool reserve_there_ = false;
};

struct Container::Opened {
  std::unique_ptr<Container> container;
  OpenReport report;
};

class Container::Copy {
 public:
  ~Copy();  // removes what is not whole
  struct Progress {
    uint64_t done = 0, all = 0;  // pages
    bool whole = false;
  };
  /// At least one page, about `pages`. After an error only its end is left.
  Result<Progress> step(int pages);

 private:
  friend class Container;
  struct State;
  explicit Copy(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace lysoen::storage
