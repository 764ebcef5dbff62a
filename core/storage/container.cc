#include "core/storage/container.h"

#include "core/base/check.h"
#include "core/base/fault.h"
#include "core/base/try.h"
#include "core/storage/noise.h"
#include "core/storage/vfs.h"

namespace lysoen::storage {

Container::Container(const Options& options, const crypto::Key32& key, const VaultId& vault, Random& random)
    : files_(options.files ? *options.files : system_files()),
      folder_(options.folder),
      name_(options.name),
      sealed_(options.sealed),
      ring_size_(options.ring_size),
      reserve_size_(options.reserve_size),
      cache_kib_(options.cache_kib),
      wal_frames_max_(options.wal_frames_max),
      key_(key.copy()),
      vault_(vault),
      random_(random) {}

std::filesystem::path Container::path(std::string_view suffix) const {
  return folder_ / (name_ + std::string(suffix));
}

std::unique_ptr<Vfs> Container::make_vfs() {
  std::optional<Vfs::Sealing> sealing;
  if (sealed_) sealing.emplace(Vfs::Sealing{key_, vault_});
  return Vfs::make(files_, path(".db"), sealing, random_);
}

Ring::Setup Container::ring_setup() const {
  return Ring::Setup{path(".ring"), key_, vault_};
}

// -- State
// ----------------------------------------------------------------------------------------------------------------

Result<void> Container::ready() const {
  if (closed_) return make_error(ErrorCode::locked, "cannot use the store: it is closed");
  if (broken_)
    return make_error(ErrorCode::io_failed, "cannot write to the store: an earlier write did not reach the medium",
                      "close the vault and open it again; what was confirmed as saved is there");
  return {};
}

Result<void> Container::ready_to_write() {
  LYSOEN_TRY(ready());
  if (!reserve_ready())
    return make_error(ErrorCode::storage_full,
                      "cannot write to the store: the disk is full and the reserve is used up");
  return {};
}

Error Container::noted(Error error) {
  if (database_ && (database_->vfs().sync_failed() || database_->in_transaction())) broken_ = true;
  return error;
}

Database& Container::database() {
  LYSOEN_CHECK(database_ != nullptr);
  return *database_;
}

size_t Container::payload_max() const {
  return ring_ ? ring_->payload_max() : 0;
}

// -- Three kinds of transaction
// ---------------------------------------------------------------------------------------------

Result<void> Container::transact(const Work& work, bool syncs) {
  LYSOEN_CHECK(!database_->in_transaction());
  LYSOEN_TRY(database_->set_commit_syncs(syncs));
  auto run = [&]() -> Result<void> {
    LYSOEN_ASSIGN(auto transaction, Transaction::begin(*database_));
    LYSOEN_TRY(work(*database_));
    return transaction.commit();
  };
  auto done = run();
  if (!done) return noted(std::move(done).error());
  return {};
}

Result<uint64_t> Container::save_now(const SaveWork& work) {
  LYSOEN_TRY(make_room());
  tidy();
  LYSOEN_TRY(ready());
  const uint64_t counter = counter_ + 1;
  Bytes payload;
  auto done = transact(
      [&](Database& database) -> Result<void> {
        LYSOEN_ASSIGN(payload, work(database, counter));
        if (payload.size() > payload_max())
          return make_error(ErrorCode::limit_exceeded, "cannot save: more than " + std::to_string(payload_max()) +
                                                           " bytes at once; save it in smaller parts");
        return database.run("UPDATE storage_state SET counter = ? WHERE id = 1", counter);
      },
      true);
  if (!done) return std::move(done).error();
  counter_ = counter;
  if (auto recorded = ring_->append(counter, payload, false); !recorded) {
    // The transaction stands, its record does not: nothing may be built on that before opening has compared the two.
    broken_ = true;
    return make_error(ErrorCode::io_failed, "cannot confirm the save: " + recorded.error().message,
                      "close the vault and open it again, then look whether it is there");
  }
  return counter;
}

Result<uint64_t> Container::save(const SaveWork& work) noexcept {
  LYSOEN_TRY(ready_to_write());
  return save_now(work);
}

Result<uint64_t> Container::last_save(const SaveWork& work) noexcept {
  LYSOEN_TRY(ready());
  release_reserve();
  return save_now(work);
}

Result<void> Container::plain(const Work& work) noexcept {
  LYSOEN_TRY(ready_to_write());
  tidy();
  LYSOEN_TRY(ready());
  return transact(work, false);
}

Result<void> Container::begin_plain() noexcept {
  LYSOEN_TRY(ready_to_write());
  LYSOEN_CHECK(!database_->in_transaction());
  tidy();
  LYSOEN_TRY(ready());
  LYSOEN_TRY(database_->set_commit_syncs(false));
  if (auto begun = database_->run("BEGIN IMMEDIATE"); !begun) return noted(std::move(begun).error());
  return {};
}

Result<void> Container::end_plain(bool keep) noexcept {
  LYSOEN_TRY(ready());
  // SQLite itself rolls back when a disk is full or fails; then there is nothing left to keep.
  if (!database_->in_transaction())
    return keep ? Result<void>(make_error(ErrorCode::io_failed, "cannot keep what arrived: the disk refused it"))
                : Result<void>();
  auto done = database_->run(keep ? "COMMIT" : "ROLLBACK");
  if (done) return {};
  if (database_->in_transaction()) (void)database_->run("ROLLBACK");
  return noted(std::move(done).error());
}

Result<void> Container::durable(const Work& work) noexcept {
  LYSOEN_TRY(ready_to_write());
  if (database_->statement_open())
    return make_error(ErrorCode::usage, "cannot make this durable: a query is still being read");
  LYSOEN_TRY(transact(work, true));
  return LYSOEN_FAULT(durable_without_checkpoint) ? Result<void>() : checkpoint_with_reserve();
}

// -- Checkpoints
// ------------------------------------------------------------------------------------------------------------

Result<void> Container::checkpoint() noexcept {
  LYSOEN_TRY(ready());
  if (database_->statement_open())
    return make_error(ErrorCode::usage, "cannot checkpoint: a query is still being read");
  LYSOEN_TRY(checkpoint_now());
  (void)reserve_ready();
  return {};
}

// Between `begun` and `done` the database file alone may be a mixture of old and new pages; the whole log makes it
// good. The log is synced before `begun` is written, `begun` before the first page, the pages before `done`, and `done`
// before the log can be begun anew: whatever falls between, opening knows which of the two to believe.
Result<void> Container::checkpoint_now() {
  auto& vfs = database_->vfs();
  const uint32_t frames = database_->wal_frames_;
  const auto salts = vfs.wal_salts();
  if (frames == 0 || !salts) {
    ring_->release(counter_);
    return {};
  }
  if (auto synced = vfs.sync_wal(); !synced) return noted(std::move(synced).error());
  auto mark = [&](CheckpointState::Phase phase) -> Result<void> {
    auto done = ring_->set_state(CheckpointState{phase, *salts, frames});
    if (!done) broken_ = true;
    return done;
  };
  if (!LYSOEN_FAULT(checkpoint_not_announced)) LYSOEN_TRY(mark(CheckpointState::Phase::begun));
  if (auto moved = database_->checkpoint(); !moved) return noted(std::move(moved).error());
  LYSOEN_TRY(mark(CheckpointState::Phase::done));
  database_->wal_frames_ = 0;  // the next transaction begins the log anew
  ring_->release(counter_);
  return {};
}

Result<void> Container::checkpoint_with_reserve() {
  auto done = checkpoint_now();
  if (done || done.error().code != ErrorCode::storage_full || !reserve_there_) return done;
  release_reserve();
  return checkpoint_now();
}

// A record of the largest size must fit beside those still needed before a save begins: afterwards it is too late.
Result<void> Container::make_room() {
  if (ring_->has_room()) return {};
  if (database_->statement_open())
    return make_error(ErrorCode::usage, "cannot save: a query is still being read and the ring needs a checkpoint");
  LYSOEN_TRY(checkpoint_now());
  LYSOEN_CHECK(ring_->has_room());
  return {};
}

void Container::tidy() {
  if (LYSOEN_FAULT(released_without_checkpoint)) return ring_->release(counter_);
  const bool log_long = database_->wal_frames_ > wal_frames_max_;
  if ((log_long || ring_->half_full()) && !database_->statement_open()) (void)checkpoint_now();
}

Result<void> Container::scrub() noexcept {
  LYSOEN_TRY(ready_to_write());
  if (database_->statement_open()) return make_error(ErrorCode::usage, "cannot scrub: a query is still being read");
  // The newest record is never overwritten; so an empty one takes its place first.
  LYSOEN_TRY(save_now([](Database&, uint64_t) -> Result<Bytes> { return Bytes(); }));
  LYSOEN_TRY(checkpoint_now());
  if (auto done = ring_->scrub(); !done) {
    broken_ = true;
    return done;
  }
  if (auto done = database_->vfs().scrub_wal(random_); !done) return noted(std::move(done).error());
  // Pages in memory are not as clean as those in the file, and would go into the log anew.
  LYSOEN_TRY(database_->run("PRAGMA shrink_memory"));
  // A log that opening kept aside is a copy of what was purged.
  auto aside = files_.open(path(".wal-aside"), OpenMode::read_write);
  if (!aside)
    return aside.error().code == ErrorCode::not_found ? Result<void>() : Result<void>(std::move(aside).error());
  LYSOEN_ASSIGN(uint64_t size, (*aside)->size());
  LYSOEN_TRY(write_noise(**aside, 0, size, random_));
  LYSOEN_TRY((*aside)->sync());
  return files_.remove(path(".wal-aside"));
}

// -- The reserve
// ------------------------------------------------------------------------------------------------------------

Result<void> Container::make_reserve() {
  LYSOEN_ASSIGN(auto file, files_.open(path(".reserve"), OpenMode::open_or_create));
  LYSOEN_ASSIGN(uint64_t size, file->size());
  if (size < reserve_size_) {
    LYSOEN_TRY(write_noise(*file, size, reserve_size_ - size, random_));
    LYSOEN_TRY(file->sync());
  }
  reserve_there_ = true;
  return {};
}

void Container::release_reserve() {
  if (auto file = files_.open(path(".reserve"), OpenMode::read_write)) (void)(*file)->truncate(0);
  reserve_there_ = false;
}

bool Container::reserve_ready() {
  if (closed_) return false;
  if (!reserve_there_ && !make_reserve()) release_reserve();  // what there was of it would only be in the way
  return reserve_there_;
}

// -- The end
// ----------------------------------------------------------------------------------------------------------------

void Container::close() {
  closed_ = true;
  database_.reset();
  ring_.reset();
  crypto::wipe(key_.span());
}

Result<void> Container::lock() noexcept {
  if (closed_) return {};
  Result<void> done;
  // A plain transaction that was begun and never ended.
  if (database_->in_transaction()) (void)database_->run("ROLLBACK");
  if (!broken_) {
    if (database_->statement_open())
      done = make_error(ErrorCode::usage, "cannot checkpoint: a query is still being read");
    else
      done = checkpoint_now();
  }
  close();
  return done;
}

void Container::abandon() {
  if (closed_) return;
  database_->vfs().kill();
  close();
}

Container::~Container() {
  if (!closed_ && database_) (void)lock();
}

}  // namespace lysoen::storage
