// Making a container, and opening one after whatever happened to it: the recovery table of docs/formats/vault.md.
#include <algorithm>
#include <cstring>

#include "core/base/fault.h"
#include "core/base/try.h"
#include "core/storage/container.h"
#include "core/storage/noise.h"
#include "core/storage/vfs.h"
#include "core/storage/wal_scan.h"

namespace lysoen::storage {

namespace {

constexpr int64_t kStorageFormat = 0;  // on disk; version 0 until the formats are frozen
constexpr uint64_t kAsideMax = 64ull * 1024 * 1024;
constexpr const char* kSuffixes[] = {".db", ".db-wal", ".ring", ".reserve", ".wal-aside"};
constexpr const char* kStorageSchema =
    "CREATE TABLE storage_state(id INTEGER PRIMARY KEY CHECK(id = 1), format INTEGER NOT NULL, counter INTEGER NOT "
    "NULL);"
    "INSERT INTO storage_state VALUES(1, 0, 0);";

Error damaged(const char* why) {
  return make_error(ErrorCode::damaged, std::string("cannot open the store: ") + why,
                    "keep the files as they are; a copy of an earlier time or the relay may have what is missing");
}

}  // namespace

// -- Creation
// ---------------------------------------------------------------------------------------------------------------

Result<std::unique_ptr<Container>> Container::create(const Options& options, const crypto::Key32& key,
                                                     const VaultId& vault, Random& random) {
  auto container = std::unique_ptr<Container>(new Container(options, key, vault, random));
  auto& files = container->files_;
  for (const char* suffix : kSuffixes) {
    LYSOEN_ASSIGN(bool there, files.exists(container->path(suffix)));
    if (there) return make_error(ErrorCode::already_exists, "cannot make the store: its files are there already");
  }
  auto build = [&]() -> Result<void> {
    LYSOEN_ASSIGN(container->ring_, Ring::create(files, container->ring_setup(), options.ring_size, random));
    LYSOEN_TRY(container->make_reserve());
    Database::Options database{.create = true, .read_only = false, .cache_kib = options.cache_kib};
    LYSOEN_ASSIGN(container->database_, Database::open(container->make_vfs(), database));
    LYSOEN_TRY(container->transact([](Database& db) { return db.execute(kStorageSchema); }, true));
    LYSOEN_ASSIGN(bool migrated, migrate(*container->database_, options.migrations));
    (void)migrated;
    LYSOEN_TRY(container->checkpoint_now());
    return files.sync_folder(options.folder);
  };
  auto built = build();
  if (built) return container;
  if (container->database_) container->abandon();
  container.reset();
  for (const char* suffix : kSuffixes) (void)files.remove(options.folder / (options.name + suffix));
  return std::move(built).error();
}

// -- Destruction
// ------------------------------------------------------------------------------------------------------------

// All are overwritten before the first is removed: a name that is gone has nothing behind it.
Result<void> Container::destroy(const Options& options, Random& random) {
  auto& files = options.files ? *options.files : system_files();
  auto path = [&](const char* suffix) { return options.folder / (options.name + suffix); };
  auto overwrite = [&](const std::filesystem::path& at) -> Result<void> {
    auto file = files.open(at, OpenMode::read_write);
    if (!file && file.error().code == ErrorCode::not_found) return {};
    if (!file) return std::move(file).error();
    LYSOEN_ASSIGN(uint64_t size, (*file)->size());
    LYSOEN_TRY(write_noise(**file, 0, size, random));
    return (*file)->sync();
  };
  Result<void> done;
  auto note = [&](Result<void> step) {
    if (done && !step) done = std::move(step);
  };
  for (const char* suffix : kSuffixes) note(overwrite(path(suffix)));
  for (const char* suffix : kSuffixes) note(files.remove(path(suffix)));
  note(files.sync_folder(options.folder));
  return done;
}

// -- Opening
// ----------------------------------------------------------------------------------------------------------------

class Container::Opening {
 public:
  Opening(Container& container, const Options& options) : c_(container), options_(options), files_(container.files_) {}

  Result<OpenReport> run() {
    LYSOEN_TRY(open_ring());
    LYSOEN_TRY(judge_wal());
    LYSOEN_TRY(open_database());
    LYSOEN_TRY(compare());
    LYSOEN_TRY(settle());
    report_.counter = c_.counter_;
    return report_;
  }

 private:
  Result<void> open_ring();
  Result<void> judge_wal();
  Result<void> keep_wal_aside();
  Result<void> bring_page_one(const WalScan& scan, PageCipher* cipher);
  Result<void> open_database();
  Result<void> compare();
  Result<void> rewrite_record();
  Result<void> replay(uint64_t newest);
  Result<void> settle();

  Container& c_;
  const Options& options_;
  Files& files_;
  OpenReport report_;
  uint32_t live_frames_ = 0;  // of the WAL, that recovery will find
};

Result<void> Container::Opening::open_ring() {
  auto ring = Ring::open(files_, c_.ring_setup(), c_.random_);
  if (ring) {
    c_.ring_ = std::move(*ring);
    return {};
  }
  const auto code = ring.error().code;
  if (code != ErrorCode::not_found && code != ErrorCode::damaged) return std::move(ring).error();
  // The database is what it is without it; only a double fault loses something. It is made anew and said so.
  report_.ring_damaged = true;
  LYSOEN_TRY(files_.remove(c_.path(".ring")));
  LYSOEN_ASSIGN(c_.ring_, Ring::create(files_, c_.ring_setup(), c_.ring_size_, c_.random_));
  return files_.sync_folder(c_.folder_);
}

// Decides, before SQLite reads a byte, whether the log is whole, ends early or is dead.
Result<void> Container::Opening::judge_wal() {
  using Phase = CheckpointState::Phase;
  const auto state = c_.ring_->state();
  WalScan scan;
  std::optional<PageCipher> cipher;
  if (c_.sealed_) cipher.emplace(c_.key_, c_.vault_, c_.random_);
  PageCipher* with = cipher ? &*cipher : nullptr;
  LYSOEN_ASSIGN(bool there, files_.exists(c_.path(".db-wal")));
  if (there) {
    LYSOEN_ASSIGN(auto wal, files_.open(c_.path(".db-wal"), OpenMode::read_write));
    LYSOEN_ASSIGN(scan, scan_wal(*wal, with));
    const bool same = scan.header_readable && scan.salts == state.salts;
    const bool dead = same && state.phase == Phase::done && scan.last_commit <= state.frames;
    report_.wal_cut = !dead && !scan.empty && (!scan.header_readable || scan.cut);
    if (dead) {
      // All of it is in the database file. Left in place, a prefix of it (one bit damaged in the middle) would lay old
      // pages over newer ones.
      LYSOEN_TRY(wal->truncate(0));
      LYSOEN_TRY(wal->sync());
      scan = WalScan{};
    }
  }
  live_frames_ = scan.last_commit;

  const bool whole = scan.header_readable && (scan.salts != state.salts || scan.last_commit >= state.frames);
  if (state.phase == Phase::begun) report_.pages_doubtful = !whole;
  if (state.phase == Phase::unknown) report_.pages_doubtful = report_.wal_cut;
  if (report_.pages_doubtful) LYSOEN_TRY(keep_wal_aside());
  return bring_page_one(scan, with);
}

// Before anything is written over a log that lost something: for whoever wants to find out what was in it. The files of
// a container stay within their budget: one copy, bounded. A full disk must not keep a person out of the vault.
Result<void> Container::Opening::keep_wal_aside() {
  if (report_.wal_kept_aside) return {};
  auto wal = files_.open(c_.path(".db-wal"), OpenMode::read_only);
  if (!wal) return wal.error().code == ErrorCode::not_found ? Result<void>() : Result<void>(std::move(wal).error());
  LYSOEN_TRY(files_.remove(c_.path(".wal-aside")));
  auto copy = [&]() -> Result<void> {
    LYSOEN_ASSIGN(auto aside, files_.open(c_.path(".wal-aside"), OpenMode::create));
    Bytes piece(64 * 1024);
    for (uint64_t at = 0; at < kAsideMax;) {
      LYSOEN_ASSIGN(size_t got, (*wal)->read_at(at, piece));
      if (got == 0) break;
      LYSOEN_TRY(aside->write_at(at, ByteView(piece).first(got)));
      at += got;
    }
    return aside->sync();
  };
  auto copied = copy();
  report_.wal_kept_aside = copied.ok();
  if (copied) return {};
  (void)files_.remove(c_.path(".wal-aside"));
  return copied.error().code == ErrorCode::storage_full ? Result<void>() : copied;
}

// SQLite reads page 1 of the database file before it reads the log. A power cut during a checkpoint may have torn it;
// the log has it whole then.
Result<void> Container::Opening::bring_page_one(const WalScan& scan, PageCipher* cipher) {
  LYSOEN_ASSIGN(auto file, files_.open(c_.path(".db"), OpenMode::read_write));
  LYSOEN_ASSIGN(uint64_t size, file->size());
  if (size == 0) return damaged("its database is empty");
  if (!scan.page_one) return {};
  std::array<uint8_t, kPageSize> raw{}, plain{};
  if (cipher) {
    LYSOEN_ASSIGN(size_t got, file->read_at(0, raw));
    if (got == raw.size() && cipher->open_page(1, raw, plain)) return {};
    cipher->seal_page(1, *scan.page_one, raw);
  } else {
    if (c_.ring_->state().phase == CheckpointState::Phase::done) return {};
    raw = *scan.page_one;
  }
  LYSOEN_TRY(file->write_at(0, raw));
  return file->sync();
}

Result<void> Container::Opening::open_database() {
  Database::Options options{.create = false, .read_only = false, .cache_kib = c_.cache_kib_};
  LYSOEN_ASSIGN(c_.database_, Database::open(c_.make_vfs(), options));
  auto& database = *c_.database_;
  database.wal_frames_ = live_frames_;
  LYSOEN_TRY(check_not_newer(database, options_.migrations.size()));
  LYSOEN_ASSIGN(auto format, database.integer("SELECT format FROM storage_state WHERE id = 1"));
  if (!format) return damaged("its state is missing");
  if (*format != kStorageFormat)
    return make_error(ErrorCode::newer_version, "cannot open the store: made by a newer version (storage format " +
                                                    std::to_string(*format) + ", this one reads " +
                                                    std::to_string(kStorageFormat) + ")");
  LYSOEN_ASSIGN(auto counter, database.integer("SELECT counter FROM storage_state WHERE id = 1"));
  c_.counter_ = static_cast<uint64_t>(counter.value_or(0));
  if (!report_.pages_doubtful) return {};

  LYSOEN_ASSIGN(auto check, database.prepare("PRAGMA integrity_check(1)"));
  LYSOEN_ASSIGN(bool row, check.step());
  if (!row || check.text(0) != "ok") return damaged("its pages are of different times");
  return {};
}

// The recovery table.
Result<void> Container::Opening::compare() {
  const uint64_t newest = LYSOEN_FAULT(ring_ignored) ? c_.counter_ : c_.ring_->newest();
  if (newest > c_.counter_) return replay(newest);
  if (c_.counter_ == 0) return {};
  LYSOEN_ASSIGN(auto record, c_.ring_->read(c_.counter_));
  return record ? Result<void>() : rewrite_record();
}

// The database is at n and record n is not readable. Nobody was told of save n, or the ring was damaged afterwards;
// either way it stands. Its payload is in the database; a synced checkpoint makes it safe there, then a record says so.
Result<void> Container::Opening::rewrite_record() {
  if (c_.ring_->begun(c_.counter_ - 1) || c_.counter_ == 1) {
    LYSOEN_ASSIGN(auto before, c_.ring_->read(c_.counter_ - 1));
    report_.ring_damaged |= !before && c_.counter_ > 1;
  } else {
    report_.ring_damaged = true;
  }
  LYSOEN_TRY(c_.checkpoint_with_reserve());
  LYSOEN_TRY(c_.ring_->append(c_.counter_, {}, true));
  report_.outcome = OpenReport::Outcome::record_rewritten;
  return {};
}

Result<void> Container::Opening::replay(uint64_t newest) {
  LYSOEN_TRY(keep_wal_aside());
  auto& database = *c_.database_;
  LYSOEN_ASSIGN(bool migrated, migrate(database, options_.migrations));
  (void)migrated;
  const uint64_t from = c_.counter_ + 1;
  uint64_t expected = from;
  auto lost = [&](uint64_t first, uint64_t last) {
    if (!report_.missing.empty() && report_.missing.back().last + 1 == first)
      report_.missing.back().last = last;
    else
      report_.missing.push_back({first, last});
  };
  auto work = [&](Database& db) -> Result<void> {
    // From border to border of what is there: a gap may be as long as the ring has had laps.
    for (uint64_t counter : c_.ring_->counters_from(from)) {
      if (counter > expected) lost(expected, counter - 1);
      expected = counter + 1;
      LYSOEN_ASSIGN(auto record, c_.ring_->read(counter));
      if (!record) {
        lost(counter, counter);
        continue;
      }
      ++report_.replayed;
      if (record->covered || record->payload.empty()) continue;
      if (!options_.replay) return make_error(ErrorCode::internal, "cannot open the store: saves wait to be replayed");
      LYSOEN_TRY(options_.replay(db, counter, record->payload));
    }
    return db.run("UPDATE storage_state SET counter = ? WHERE id = 1", newest);
  };
  if (auto done = c_.transact(work, true); !done) {
    // Rows that contradict each other where pages of two times met: not the owner's mistake.
    const bool contradiction =
        done.error().code == ErrorCode::already_exists || done.error().code == ErrorCode::internal;
    return report_.pages_doubtful && contradiction ? damaged("its pages are of different times")
                                                   : std::move(done).error();
  }
  c_.counter_ = newest;
  LYSOEN_TRY(c_.checkpoint_with_reserve());

  const bool only_newest = report_.missing.size() == 1 && report_.missing[0] == OpenReport::Range{newest, newest};
  report_.outcome = report_.missing.empty() ? OpenReport::Outcome::replayed
                    : only_newest           ? OpenReport::Outcome::save_may_be_lost
                                            : OpenReport::Outcome::records_missing;
  LYSOEN_ASSIGN(auto readable, c_.ring_->read(newest));
  if (!readable) LYSOEN_TRY(c_.ring_->append(newest, {}, true));
  return {};
}

Result<void> Container::Opening::settle() {
  LYSOEN_ASSIGN(bool migrated, migrate(*c_.database_, options_.migrations));
  if (!c_.make_reserve()) c_.release_reserve();
  // A log that SQLite made just now, and whatever name an earlier process could not make durable.
  LYSOEN_TRY(files_.sync_folder(c_.folder_));
  // What was recovered from the log moves into the database file now, so that the ring begins empty. A full disk may
  // keep it from that, not a person from the vault.
  auto moved = migrated ? c_.checkpoint_with_reserve() : c_.checkpoint_now();
  if (!moved && moved.error().code != ErrorCode::storage_full) return moved;
  return c_.ring_->mend_state();  // if that checkpoint did not
}

Result<Container::Opened> Container::open(const Options& options, const crypto::Key32& key, const VaultId& vault,
                                          Random& random) {
  auto container = std::unique_ptr<Container>(new Container(options, key, vault, random));
  LYSOEN_ASSIGN(bool there, container->files_.exists(container->path(".db")));
  if (!there) return make_error(ErrorCode::not_found, "cannot open the store: there is none");
  auto report = Opening(*container, options).run();
  if (!report) {
    // As it was found: no checkpoint of something that could not be understood.
    if (container->database_) container->abandon();
    return std::move(report).error();
  }
  return Opened{std::move(container), std::move(*report)};
}

}  // namespace lysoen::storage
