#include "core/storage/vfs.h"

#include <sqlite3.h>

#include "core/base/check.h"
#include "core/base/try.h"
#include "core/storage/noise.h"
#include "core/storage/vfs_state.h"

namespace lysoen::storage {

namespace {

// The name that SQLite knows the database by. The real path stays here, so that no message of SQLite can hold it.
constexpr std::string_view kMainName = "store", kWalName = "store-wal";
// Stock SQLite's lock bytes (os.h: PENDING_BYTE and the 511 after it).
constexpr uint64_t kLockBytes = 0x40000000, kLockBytesSize = 512;

enum class Kind { main, wal };

struct Handle {
  sqlite3_file base;
  Vfs::State* state;
  Kind kind;
};

Handle& handle_of(sqlite3_file* file) {
  return *reinterpret_cast<Handle*>(file);
}
Vfs::State& state_of(sqlite3_vfs* vfs) {
  return *static_cast<Vfs::State*>(vfs->pAppData);
}

File* file_of(const Handle& handle) {
  return handle.kind == Kind::main ? handle.state->main.get() : handle.state->wal.get();
}

int x_close(sqlite3_file* file) noexcept {
  auto& handle = handle_of(file);
  auto& state = *handle.state;
  (handle.kind == Kind::wal ? state.wal : state.main).reset();
  state.held_index.reset();
  return SQLITE_OK;
}

int x_read(sqlite3_file* file, void* out, int size, sqlite3_int64 offset) noexcept {
  auto& handle = handle_of(file);
  auto& state = *handle.state;
  if (state.dead) return state.stopped_code();
  std::span<uint8_t> to(static_cast<uint8_t*>(out), static_cast<size_t>(size));
  const auto from = static_cast<uint64_t>(offset);
  return handle.kind == Kind::main ? state.read_main(to, from) : state.read_wal(to, from);
}

int x_write(sqlite3_file* file, const void* bytes, int size, sqlite3_int64 offset) noexcept {
  auto& handle = handle_of(file);
  auto& state = *handle.state;
  if (state.stopped()) return state.stopped_code();
  ByteView from(static_cast<const uint8_t*>(bytes), static_cast<size_t>(size));
  const auto to = static_cast<uint64_t>(offset);
  return handle.kind == Kind::main ? state.write_main(from, to) : state.write_wal(from, to);
}

int x_truncate(sqlite3_file* file, sqlite3_int64 size) noexcept {
  auto& handle = handle_of(file);
  auto& state = *handle.state;
  if (state.stopped()) return state.stopped_code();
  File* target = file_of(handle);
  if (!target) return SQLITE_OK;
  auto to = static_cast<uint64_t>(size);
  if (handle.kind == Kind::wal && state.cipher) {
    if (to != 0) to += kReservedSize;
  }
  auto done = target->truncate(to);
  return done ? SQLITE_OK : state.failed(done.error(), SQLITE_IOERR_TRUNCATE);
}

int x_sync(sqlite3_file* file, int) noexcept {
  auto& handle = handle_of(file);
  return handle.state->sync(file_of(handle));
}

int x_file_size(sqlite3_file* file, sqlite3_int64* out) noexcept {
  auto& handle = handle_of(file);
  auto& state = *handle.state;
  *out = 0;
  File* target = file_of(handle);
  if (!target) return SQLITE_OK;
  auto size = target->size();
  if (!size) return state.failed(size.error(), SQLITE_IOERR_FSTAT);
  uint64_t seen = *size;
  if (handle.kind == Kind::wal && state.cipher) seen = seen < kWalHeaderSealed ? 0 : seen - kReservedSize;
  *out = static_cast<sqlite3_int64>(seen);
  return SQLITE_OK;
}

// One connection in one process: the folder's lock is held by the owner. Stock SQLite is kept away from a plain store.
int x_lock(sqlite3_file* file, int level) noexcept {
  auto& handle = handle_of(file);
  auto& state = *handle.state;
  if (handle.kind != Kind::main || state.cipher || state.main_read_only || level < SQLITE_LOCK_SHARED) return SQLITE_OK;
  auto done = state.main->lock_range(kLockBytes, kLockBytesSize);
  return done ? SQLITE_OK : state.failed(done.error(), SQLITE_BUSY);
}

int x_unlock(sqlite3_file*, int) noexcept {
  return SQLITE_OK;
}
int x_check_reserved(sqlite3_file*, int* out) noexcept {
  return *out = 0, SQLITE_OK;
}
int x_control(sqlite3_file*, int, void*) noexcept {
  return SQLITE_NOTFOUND;
}
int x_sector_size(sqlite3_file*) noexcept {
  return static_cast<int>(kPageSize);
}
// Without POWERSAFE_OVERWRITE SQLite pads commits to sectors and splits frames. Nothing else may be promised.
int x_characteristics(sqlite3_file*) noexcept {
  return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

// iVersion 1: no shared memory and no memory mapping, whatever a pragma says.
const sqlite3_io_methods kMethods = {
    1,        x_close,          x_read,    x_write,       x_truncate,        x_sync,  x_file_size, x_lock,
    x_unlock, x_check_reserved, x_control, x_sector_size, x_characteristics, nullptr, nullptr,     nullptr,
    nullptr,  nullptr,          nullptr,
};

int open_main(Vfs::State& state, int flags) {
  auto mode = (flags & SQLITE_OPEN_READONLY) ? OpenMode::read_only
              : (flags & SQLITE_OPEN_CREATE) ? OpenMode::create
                                             : OpenMode::read_write;
  auto file = state.files.open(state.main_path, mode);
  if (!file) return state.failed(file.error(), SQLITE_CANTOPEN);
  state.main = std::move(*file);
  state.main_read_only = mode == OpenMode::read_only;
  return SQLITE_OK;
}

int open_wal(Vfs::State& state) {
  auto file = state.files.open(state.wal_path, state.main_read_only ? OpenMode::read_only : OpenMode::open_or_create);
  if (!file && !(state.main_read_only && file.error().code == ErrorCode::not_found))
    return state.failed(file.error(), SQLITE_CANTOPEN);
  if (file) state.wal = std::move(*file);
  state.recovering = true;
  return SQLITE_OK;
}

int x_open(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* flags_out) noexcept {
  auto& state = state_of(vfs);
  file->pMethods = nullptr;
  if (state.dead) return state.stopped_code();
  // Temporary files, journals and anything with another name: never.
  const bool main = (flags & SQLITE_OPEN_MAIN_DB) && name && kMainName == name;
  const bool wal = (flags & SQLITE_OPEN_WAL) && name && kWalName == name;
  if (!main && !wal) return state.refused(SQLITE_CANTOPEN);
  auto& slot = main ? state.main : state.wal;
  if (slot) return state.refused(SQLITE_CANTOPEN);
  if (int code = main ? open_main(state, flags) : open_wal(state)) return code;
  auto& handle = handle_of(file);
  handle.state = &state;
  handle.kind = main ? Kind::main : Kind::wal;
  handle.base.pMethods = &kMethods;
  if (flags_out) {
    *flags_out = flags;
    if (state.main_read_only)
      *flags_out = (flags & ~(SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE)) | SQLITE_OPEN_READONLY;
  }
  return SQLITE_OK;
}

// SQLite deletes a log when the database is empty, and on closing. Nothing is deleted here, ever.
int x_delete(sqlite3_vfs* vfs, const char*, int) noexcept {
  return state_of(vfs).refused(SQLITE_IOERR_DELETE);
}

int x_access(sqlite3_vfs* vfs, const char* name, int, int* out) noexcept {
  auto& state = state_of(vfs);
  *out = 0;
  if (kWalName != name) return SQLITE_OK;  // there are no rollback journals
  auto there = state.files.exists(state.wal_path);
  if (!there) return state.failed(there.error(), SQLITE_IOERR_ACCESS);
  *out = *there ? 1 : 0;
  return SQLITE_OK;
}

int x_full_path(sqlite3_vfs*, const char* name, int size, char* out) noexcept {
  sqlite3_snprintf(size, out, "%s", name);
  return SQLITE_OK;
}

int x_random(sqlite3_vfs*, int size, char* out) noexcept {
  auto* system = sqlite3_vfs_find(nullptr);
  return system->xRandomness(system, size, out);
}
int x_sleep(sqlite3_vfs*, int microseconds) noexcept {
  return microseconds;
}
int x_time(sqlite3_vfs*, double* out) noexcept {
  auto* system = sqlite3_vfs_find(nullptr);
  return system->xCurrentTime(system, out);
}
int x_last_error(sqlite3_vfs*, int, char*) noexcept {
  return 0;
}

}  // namespace

std::unique_ptr<Vfs> Vfs::make(Files& files, const std::filesystem::path& database,
                               const std::optional<Sealing>& sealing, Random& random) {
  auto state = std::make_unique<State>(files, database, random);
  if (sealing) state->cipher.emplace(sealing->key, sealing->vault, random);
  auto& vfs = state->vfs;
  vfs.iVersion = 1;
  vfs.szOsFile = sizeof(Handle);
  vfs.mxPathname = 64;
  vfs.zName = state->vfs_name.c_str();
  vfs.pAppData = state.get();
  vfs.xOpen = x_open;
  vfs.xDelete = x_delete;
  vfs.xAccess = x_access;
  vfs.xFullPathname = x_full_path;
  vfs.xRandomness = x_random;
  vfs.xSleep = x_sleep;
  vfs.xCurrentTime = x_time;
  vfs.xGetLastError = x_last_error;
  LYSOEN_CHECK(sqlite3_vfs_register(&vfs, 0) == SQLITE_OK);
  return std::unique_ptr<Vfs>(new Vfs(std::move(state)));
}

Vfs::Vfs(std::unique_ptr<State> state) : state_(std::move(state)) {}
Vfs::~Vfs() {
  sqlite3_vfs_unregister(&state_->vfs);
}

const char* Vfs::name() const {
  return state_->vfs_name.c_str();
}
const char* Vfs::database_name() const {
  return kMainName.data();
}
bool Vfs::sealed() const {
  return state_->cipher.has_value();
}
bool Vfs::sync_failed() const {
  return state_->sync_has_failed;
}
void Vfs::kill() {
  state_->dead = true;
}
std::optional<WalSalts> Vfs::wal_salts() const {
  return state_->salts;
}

std::optional<Error> Vfs::take_error() {
  auto error = std::move(state_->error);
  state_->error.reset();
  return error;
}

Result<void> Vfs::sync_wal() {
  if (state_->sync(state_->wal.get()) == SQLITE_OK) return {};
  return take_error().value_or(make_error(ErrorCode::io_failed, "cannot sync the store"));
}

Result<std::vector<uint32_t>> Vfs::unreadable_pages(const std::function<void(uint64_t, uint64_t)>& each) {
  std::vector<uint32_t> unreadable;
  if (!state_->cipher) return unreadable;
  LYSOEN_ASSIGN(uint64_t size, state_->main->size());
  const uint64_t pages = (size + kPageSize - 1) / kPageSize;
  std::array<uint8_t, kPageSize> sealed{}, plain{};
  for (uint64_t page = 0; page < pages; ++page) {
    LYSOEN_ASSIGN(size_t got, state_->main->read_at(page * kPageSize, sealed));
    const auto number = static_cast<uint32_t>(page + 1);
    if (got < kPageSize || !state_->cipher->open_page(number, sealed, plain)) unreadable.push_back(number);
    each(page + 1, pages);
  }
  crypto::wipe(plain);
  return unreadable;
}

Result<void> Vfs::scrub_wal(Random& random) {
  if (!state_->wal || state_->stopped()) return {};
  LYSOEN_ASSIGN(uint64_t size, state_->wal->size());
  LYSOEN_TRY(write_noise(*state_->wal, 0, size, random));
  return sync_wal();
}

}  // namespace lysoen::storage
