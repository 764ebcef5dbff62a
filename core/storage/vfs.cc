#include "core/storage/vfs.h"

#include <sqlite3.h>

#include <cstring>

#include "core/base/bytes.h"
#include "core/base/check.h"
#include "core/base/try.h"
#include "core/storage/noise.h"

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

bool all_zero(ByteView bytes) {
  for (uint8_t byte : bytes)
    if (byte != 0) return false;
  return true;
}

}  // namespace

struct Vfs::State {
  State(Files& files_in, std::filesystem::path path, Random& random) : files(files_in), main_path(std::move(path)) {
    wal_path = main_path;
    wal_path += "-wal";
    main_text = main_path.string();
    std::array<uint8_t, 16> tag{};
    random.fill(tag);
    vfs_name = "lysoen-" + to_hex(tag);
  }
  ~State() {
    crypto::wipe(plain);
    if (held_index) crypto::wipe(held);
  }

  // -- What failed, kept for the database's error ------------------------------------------------------------------
  int failed(const Error& what, int code) {
    error = what;
    if (what.code == ErrorCode::storage_full) return SQLITE_FULL;
    return code;
  }
  int damaged() {
    error = make_error(ErrorCode::damaged, "cannot read the store: a part of it was changed or damaged on the medium");
    return SQLITE_IOERR_DATA;
  }
  // Misuse of the VFS by SQLite: a shape that is not known is never served.
  // It keeps what failed before: after that SQLite tries to tidy up by means that are not allowed.
  int refused(int code) {
    if (!error)
      error = make_error(ErrorCode::internal, "cannot use the store: the database asked for what is not allowed");
    return code;
  }
  bool stopped() const { return dead || sync_has_failed; }
  int stopped_code() {
    error = make_error(ErrorCode::io_failed, "cannot write to the store: an earlier write did not reach the medium",
                       "close the vault and open it again; what was confirmed as saved is there");
    return SQLITE_IOERR_WRITE;
  }

  // -- The main database ---------------------------------------------------------------------------------------------
  int read_main(std::span<uint8_t> out, uint64_t offset);
  int write_main(ByteView bytes, uint64_t offset);

  // -- The write-ahead log -------------------------------------------------------------------------------------------
  int read_wal(std::span<uint8_t> out, uint64_t offset);
  int write_wal(ByteView bytes, uint64_t offset);
  int read_wal_header(std::span<uint8_t> out, uint64_t offset);
  int load_frame(uint32_t index);   // into `plain`
  int store_frame(uint32_t index);  // from `plain`
  int flush_held();

  int read_raw(File& file, std::span<uint8_t> out, uint64_t offset);
  int write_raw(File& file, ByteView bytes, uint64_t offset);
  int sync(File* file);

  Files& files;
  std::filesystem::path main_path, wal_path;
  std::string main_text, vfs_name;
  std::optional<PageCipher> cipher;
  bool main_read_only = false;
  std::unique_ptr<File> main, wal;  // while SQLite has them open; wal stays null for a missing log opened read-only

  std::array<uint8_t, kFrameSize> plain{}, sealed{};
  // A frame header waits here until its page comes; both are sealed as one.
  std::optional<uint32_t> held_index;
  std::array<uint8_t, kFrameHeader> held{};
  std::optional<WalSalts> salts;
  // From opening the log to the first read of a page alone or the first write: SQLite is looking for where the log
  // ends.
  bool recovering = false;

  bool dead = false, sync_has_failed = false;
  std::optional<Error> error;
  sqlite3_vfs vfs{};
};

namespace {

// Whether what SQLite writes as a page keeps the reserved bytes empty, and page 1 says that there are 40 of them.
bool page_fits(uint32_t number, ByteView page) {
  return all_zero(page.subspan(kPagePlain)) && (number != 1 || page[20] == kReservedSize);
}

uint32_t number_at(ByteView bytes) {
  Reader reader(bytes.first(4));
  return reader.u32();
}

}  // namespace

int Vfs::State::read_raw(File& file, std::span<uint8_t> out, uint64_t offset) {
  auto got = file.read_at(offset, out);
  if (!got) return failed(got.error(), SQLITE_IOERR_READ);
  if (*got == out.size()) return SQLITE_OK;
  std::memset(out.data() + *got, 0, out.size() - *got);
  return SQLITE_IOERR_SHORT_READ;
}

int Vfs::State::write_raw(File& file, ByteView bytes, uint64_t offset) {
  auto done = file.write_at(offset, bytes);
  return done ? SQLITE_OK : failed(done.error(), SQLITE_IOERR_WRITE);
}

int Vfs::State::sync(File* file) {
  if (stopped()) return stopped_code();
  if (!file) return SQLITE_OK;
  if (int code = flush_held()) return code;
  auto done = file->sync();
  if (done) return SQLITE_OK;
  sync_has_failed = true;
  return failed(done.error(), SQLITE_IOERR_FSYNC);
}

int Vfs::State::read_main(std::span<uint8_t> out, uint64_t offset) {
  if (!cipher) return read_raw(*main, out, offset);
  const uint64_t page = offset / kPageSize;
  const size_t within = static_cast<size_t>(offset % kPageSize);
  if (within + out.size() > kPageSize || page >= UINT32_MAX) return refused(SQLITE_IOERR_READ);
  std::span<uint8_t, kPageSize> raw(sealed.data(), kPageSize), clear(plain.data(), kPageSize);
  auto got = main->read_at(page * kPageSize, raw);
  if (!got) return failed(got.error(), SQLITE_IOERR_READ);
  if (*got == 0) {  // beyond the end: SQLite asks for the first 100 bytes of an empty file
    std::memset(out.data(), 0, out.size());
    return SQLITE_IOERR_SHORT_READ;
  }
  if (*got < kPageSize || !cipher->open_page(static_cast<uint32_t>(page + 1), raw, clear)) return damaged();
  if (page == 0 && clear[20] != kReservedSize) return damaged();
  std::memcpy(out.data(), clear.data() + within, out.size());
  return SQLITE_OK;
}

int Vfs::State::write_main(ByteView bytes, uint64_t offset) {
  if (!cipher) return write_raw(*main, bytes, offset);
  const uint64_t page = offset / kPageSize;
  if (offset % kPageSize != 0 || bytes.size() != kPageSize || page >= UINT32_MAX) return refused(SQLITE_IOERR_WRITE);
  const auto number = static_cast<uint32_t>(page + 1);
  if (!page_fits(number, bytes)) return refused(SQLITE_IOERR_WRITE);
  std::span<uint8_t, kPageSize> out(sealed.data(), kPageSize);
  cipher->seal_page(number, bytes.first<kPageSize>(), out);
  return write_raw(*main, out, offset);
}

int Vfs::State::load_frame(uint32_t index) {
  if (int code = read_raw(*wal, sealed, kWalHeaderSealed + uint64_t{index} * kFrameSize)) return code;
  return salts && cipher->open_frame(*salts, index, sealed, plain) ? SQLITE_OK : damaged();
}

int Vfs::State::store_frame(uint32_t index) {
  ByteView frame(plain);
  if (!salts || !page_fits(number_at(frame), frame.subspan(kFrameHeader)) ||
      std::memcmp(salts->data(), plain.data() + 8, salts->size()) != 0)
    return refused(SQLITE_IOERR_WRITE);
  cipher->seal_frame(*salts, index, plain, sealed);
  return write_raw(*wal, sealed, kWalHeaderSealed + uint64_t{index} * kFrameSize);
}

// A header that was written without its page: SQLite corrects the checksums of a frame that it wrote before.
int Vfs::State::flush_held() {
  if (!held_index) return SQLITE_OK;
  uint32_t index = *held_index;
  held_index.reset();
  if (int code = load_frame(index)) return code;
  std::memcpy(plain.data(), held.data(), kFrameHeader);
  return store_frame(index);
}

int Vfs::State::read_wal_header(std::span<uint8_t> out, uint64_t offset) {
  std::array<uint8_t, kWalHeaderSealed> raw{};
  std::array<uint8_t, kWalHeader> clear{};
  int code = read_raw(*wal, raw, 0);
  if (code != SQLITE_OK && code != SQLITE_IOERR_SHORT_READ) return code;
  if (code == SQLITE_OK && cipher->open_wal_header(raw, clear)) {
    salts.emplace();
    std::memcpy(salts->data(), clear.data() + 16, salts->size());
  } else if (!recovering) {
    return damaged();
  }
  std::memcpy(out.data(), clear.data() + offset, out.size());  // zeros if unreadable: SQLite takes the log as empty
  return SQLITE_OK;
}

int Vfs::State::read_wal(std::span<uint8_t> out, uint64_t offset) {
  if (!wal) {
    std::memset(out.data(), 0, out.size());
    return SQLITE_IOERR_SHORT_READ;
  }
  if (!cipher) {
    int code = read_raw(*wal, out, offset);
    if (code == SQLITE_OK && offset == 0 && out.size() == kWalHeader)
      std::memcpy(salts.emplace().data(), out.data() + 16, 8);
    return code;
  }
  if (int code = flush_held()) return code;
  if ((offset == 0 && out.size() == kWalHeader) || (offset == 24 && out.size() == 8))
    return read_wal_header(out, offset);
  if (offset < kWalHeader) return refused(SQLITE_IOERR_READ);

  const uint64_t index = (offset - kWalHeader) / kFrameSize;
  const auto within = static_cast<size_t>((offset - kWalHeader) % kFrameSize);
  const bool whole = within == 0 && out.size() == kFrameSize;
  const bool page_alone = within == kFrameHeader && out.size() == kPageSize;
  const bool checksum = within == 16 && out.size() == 8;
  if ((!whole && !page_alone && !checksum) || index >= UINT32_MAX) return refused(SQLITE_IOERR_READ);
  if (page_alone) recovering = false;
  int code = load_frame(static_cast<uint32_t>(index));
  if (code == SQLITE_IOERR_DATA && recovering && whole) {
    error.reset();
    std::memset(out.data(), 0, out.size());
    return SQLITE_OK;
  }
  if (code != SQLITE_OK) return code;
  std::memcpy(out.data(), plain.data() + within, out.size());
  return SQLITE_OK;
}

int Vfs::State::write_wal(ByteView bytes, uint64_t offset) {
  if (!wal) return refused(SQLITE_IOERR_WRITE);
  recovering = false;
  if (offset == 0 && bytes.size() == kWalHeader) {
    held_index.reset();  // of the generation that ends here
    std::memcpy(salts.emplace().data(), bytes.data() + 16, 8);
    if (!cipher) return write_raw(*wal, bytes, 0);
    std::array<uint8_t, kWalHeaderSealed> out{};
    cipher->seal_wal_header(bytes.first<kWalHeader>(), out);
    return write_raw(*wal, out, 0);
  }
  if (!cipher) return write_raw(*wal, bytes, offset);
  if (offset < kWalHeader) return refused(SQLITE_IOERR_WRITE);

  const auto index = static_cast<uint32_t>((offset - kWalHeader) / kFrameSize);
  const auto within = static_cast<size_t>((offset - kWalHeader) % kFrameSize);
  if (within == 0 && bytes.size() == kFrameHeader) {
    if (int code = flush_held()) return code;
    std::memcpy(held.data(), bytes.data(), kFrameHeader);
    held_index = index;
    return SQLITE_OK;
  }
  if (within != kFrameHeader || bytes.size() != kPageSize) return refused(SQLITE_IOERR_WRITE);
  if (held_index == index) {
    std::memcpy(plain.data(), held.data(), kFrameHeader);
    held_index.reset();
  } else {  // a page that the same transaction wrote before; its header follows
    if (int code = flush_held()) return code;
    if (int code = load_frame(index)) return code;
  }
  std::memcpy(plain.data() + kFrameHeader, bytes.data(), kPageSize);
  return store_frame(index);
}

// -- What SQLite calls ------------------------------------------------------------------------------------------------

namespace {

Handle& handle_of(sqlite3_file* file) {
  return *reinterpret_cast<Handle*>(file);
}
Vfs::State& state_of(sqlite3_vfs* vfs) {
  return *static_cast<Vfs::State*>(vfs->pAppData);
}

File* file_of(const Handle& handle) {
  return handle.kind == Kind::main ? handle.state->main.get() : handle.state->wal.get();
}

int x_close(sqlite3_file* file) {
  auto& handle = handle_of(file);
  auto& state = *handle.state;
  int code = SQLITE_OK;
  if (handle.kind == Kind::wal) {
    if (!state.stopped() && state.wal) code = state.flush_held();
    state.wal.reset();
  } else {
    state.main.reset();
  }
  return code;
}

int x_read(sqlite3_file* file, void* out, int size, sqlite3_int64 offset) {
  auto& handle = handle_of(file);
  auto& state = *handle.state;
  if (state.dead) return state.stopped_code();
  std::span<uint8_t> to(static_cast<uint8_t*>(out), static_cast<size_t>(size));
  const auto from = static_cast<uint64_t>(offset);
  return handle.kind == Kind::main ? state.read_main(to, from) : state.read_wal(to, from);
}

int x_write(sqlite3_file* file, const void* bytes, int size, sqlite3_int64 offset) {
  auto& handle = handle_of(file);
  auto& state = *handle.state;
  if (state.stopped()) return state.stopped_code();
  ByteView from(static_cast<const uint8_t*>(bytes), static_cast<size_t>(size));
  const auto to = static_cast<uint64_t>(offset);
  return handle.kind == Kind::main ? state.write_main(from, to) : state.write_wal(from, to);
}

int x_truncate(sqlite3_file* file, sqlite3_int64 size) {
  auto& handle = handle_of(file);
  auto& state = *handle.state;
  if (state.stopped()) return state.stopped_code();
  File* target = file_of(handle);
  if (!target) return SQLITE_OK;
  auto to = static_cast<uint64_t>(size);
  if (handle.kind == Kind::wal && state.cipher) {
    if (int code = state.flush_held()) return code;
    if (to != 0) to += kReservedSize;
  }
  auto done = target->truncate(to);
  return done ? SQLITE_OK : state.failed(done.error(), SQLITE_IOERR_TRUNCATE);
}

int x_sync(sqlite3_file* file, int) {
  auto& handle = handle_of(file);
  return handle.state->sync(file_of(handle));
}

int x_file_size(sqlite3_file* file, sqlite3_int64* out) {
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
int x_lock(sqlite3_file* file, int level) {
  auto& handle = handle_of(file);
  auto& state = *handle.state;
  if (handle.kind != Kind::main || state.cipher || state.main_read_only || level < SQLITE_LOCK_SHARED) return SQLITE_OK;
  auto done = state.main->lock_range(kLockBytes, kLockBytesSize);
  return done ? SQLITE_OK : state.failed(done.error(), SQLITE_BUSY);
}

int x_unlock(sqlite3_file*, int) {
  return SQLITE_OK;
}
int x_check_reserved(sqlite3_file*, int* out) {
  return *out = 0, SQLITE_OK;
}
int x_control(sqlite3_file*, int, void*) {
  return SQLITE_NOTFOUND;
}
int x_sector_size(sqlite3_file*) {
  return static_cast<int>(kPageSize);
}
// Without POWERSAFE_OVERWRITE SQLite pads commits to sectors and splits frames. Nothing else may be promised.
int x_characteristics(sqlite3_file*) {
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

int x_open(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* flags_out) {
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
int x_delete(sqlite3_vfs* vfs, const char*, int) {
  return state_of(vfs).refused(SQLITE_IOERR_DELETE);
}

int x_access(sqlite3_vfs* vfs, const char* name, int, int* out) {
  auto& state = state_of(vfs);
  *out = 0;
  if (kWalName != name) return SQLITE_OK;  // there are no rollback journals
  auto there = state.files.exists(state.wal_path);
  if (!there) return state.failed(there.error(), SQLITE_IOERR_ACCESS);
  *out = *there ? 1 : 0;
  return SQLITE_OK;
}

int x_full_path(sqlite3_vfs*, const char* name, int size, char* out) {
  sqlite3_snprintf(size, out, "%s", name);
  return SQLITE_OK;
}

int x_random(sqlite3_vfs*, int size, char* out) {
  auto* system = sqlite3_vfs_find(nullptr);
  return system->xRandomness(system, size, out);
}
int x_sleep(sqlite3_vfs*, int microseconds) {
  return microseconds;
}
int x_time(sqlite3_vfs*, double* out) {
  auto* system = sqlite3_vfs_find(nullptr);
  return system->xCurrentTime(system, out);
}
int x_last_error(sqlite3_vfs*, int, char*) {
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

Result<void> Vfs::scrub_wal(Random& random) {
  if (!state_->wal || state_->stopped()) return {};
  LYSOEN_ASSIGN(uint64_t size, state_->wal->size());
  LYSOEN_TRY(write_noise(*state_->wal, 0, size, random));
  return sync_wal();
}

}  // namespace lysoen::storage
