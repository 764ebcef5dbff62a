#include "core/storage/database.h"

#include <sqlite3.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/base/check.h"
#include "core/base/try.h"
#include "core/storage/page_cipher.h"
#include "core/storage/vfs.h"

namespace lysoen::storage {

namespace {

constexpr size_t kIdleStatementsMax = 256;

ErrorCode code_for(int code) {
  switch (code & 0xff) {
    case SQLITE_FULL:
      return ErrorCode::storage_full;
    case SQLITE_READONLY:
      return ErrorCode::storage_read_only;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return ErrorCode::vault_in_use;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return ErrorCode::damaged;
    case SQLITE_IOERR:
      return code == SQLITE_IOERR_DATA ? ErrorCode::damaged : ErrorCode::io_failed;
    case SQLITE_CANTOPEN:
    case SQLITE_NOMEM:
      return ErrorCode::io_failed;
    case SQLITE_TOOBIG:
      return ErrorCode::limit_exceeded;
    case SQLITE_INTERRUPT:
      return ErrorCode::cancelled;
    case SQLITE_CONSTRAINT:
      return code == SQLITE_CONSTRAINT_UNIQUE || code == SQLITE_CONSTRAINT_PRIMARYKEY || code == SQLITE_CONSTRAINT_ROWID
                 ? ErrorCode::already_exists
                 : ErrorCode::internal;
    default:
      return ErrorCode::internal;
  }
}

// Codes that come from below SQLite: there the VFS knows better what happened.
bool from_below(int code) {
  switch (code & 0xff) {
    case SQLITE_FULL:
    case SQLITE_READONLY:
    case SQLITE_BUSY:
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
      return true;
    default:
      return false;
  }
}

/// metres_between(latitude, longitude, latitude, longitude): along the great circle, on a sphere (haversine; within
/// 0.6 % of the ellipsoid). Null if a place is not known.
void metres_between(sqlite3_context* context, int count, sqlite3_value** values) {
  constexpr double kEarthRadius = 6371008.8, kRadian = 3.14159265358979323846 / 180;
  double degrees[4] = {};
  for (int i = 0; i < count; ++i) {
    if (sqlite3_value_type(values[i]) == SQLITE_NULL) return;
    degrees[i] = sqlite3_value_double(values[i]);
  }
  const double north = std::sin((degrees[2] - degrees[0]) * kRadian / 2),
               east = std::sin((degrees[3] - degrees[1]) * kRadian / 2);
  const double h = north * north + std::cos(degrees[0] * kRadian) * std::cos(degrees[2] * kRadian) * east * east;
  sqlite3_result_double(context, 2 * kEarthRadius * std::asin(std::sqrt(std::min(1.0, h))));
}

int remember_wal_frames(void* out, sqlite3*, const char*, int frames) {
  *static_cast<uint32_t*>(out) = static_cast<uint32_t>(frames);
  return SQLITE_OK;
}

}  // namespace

// -- Statement
// ----------------------------------------------------------------------------------------------------------

Statement::Statement(Statement&& other) noexcept
    : database_(other.database_),
      statement_(std::exchange(other.statement_, nullptr)),
      bind_error_(other.bind_error_) {}

Statement& Statement::operator=(Statement&& other) noexcept {
  if (this == &other) return *this;
  give_back();
  database_ = other.database_;
  statement_ = std::exchange(other.statement_, nullptr);
  bind_error_ = other.bind_error_;
  return *this;
}

Statement::~Statement() {
  give_back();
}

void Statement::give_back() noexcept {
  if (!statement_) return;
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
  auto& idle = database_->idle_;
  const char* sql = sqlite3_sql(statement_);
  if (!sql || idle.size() >= kIdleStatementsMax || !idle.emplace(sql, statement_).second) sqlite3_finalize(statement_);
  statement_ = nullptr;
}

void Statement::bind_null(int at) {
  if (int code = sqlite3_bind_null(statement_, at)) bind_error_ = code;
}
void Statement::bind_integer(int at, int64_t value) {
  if (int code = sqlite3_bind_int64(statement_, at, value)) bind_error_ = code;
}
void Statement::bind_real(int at, double value) {
  if (int code = sqlite3_bind_double(statement_, at, value)) bind_error_ = code;
}
// An empty view may have a null pointer, which SQLite would take for NULL.
void Statement::bind_text(int at, std::string_view value) {
  const char* data = value.data() ? value.data() : "";
  if (int code = sqlite3_bind_text64(statement_, at, data, value.size(), SQLITE_TRANSIENT, SQLITE_UTF8))
    bind_error_ = code;
}
void Statement::bind_blob(int at, ByteView value) {
  const void* data = value.data() ? static_cast<const void*>(value.data()) : "";
  if (int code = sqlite3_bind_blob64(statement_, at, data, value.size(), SQLITE_TRANSIENT)) bind_error_ = code;
}

Result<bool> Statement::step() {
  LYSOEN_CHECK(statement_ != nullptr);
  if (bind_error_ != 0) return database_->error_of(bind_error_, "bind a value");
  int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) {
    sqlite3_reset(statement_);
    return false;
  }
  auto error = database_->error_of(code, "run a statement");
  sqlite3_reset(statement_);
  return error;
}

Result<void> Statement::run() {
  for (;;) {
    LYSOEN_ASSIGN(bool row, step());
    if (!row) return {};
  }
}

void Statement::reset() {
  sqlite3_reset(statement_);
  bind_error_ = 0;
}

bool Statement::is_null(int column) const {
  return sqlite3_column_type(statement_, column) == SQLITE_NULL;
}
int64_t Statement::integer(int column) const {
  return sqlite3_column_int64(statement_, column);
}
double Statement::real(int column) const {
  return sqlite3_column_double(statement_, column);
}
std::string_view Statement::text(int column) const {
  auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
  return text ? std::string_view(text, static_cast<size_t>(sqlite3_column_bytes(statement_, column)))
              : std::string_view();
}
ByteView Statement::blob(int column) const {
  auto* blob = static_cast<const uint8_t*>(sqlite3_column_blob(statement_, column));
  return blob ? ByteView(blob, static_cast<size_t>(sqlite3_column_bytes(statement_, column))) : ByteView();
}
int Statement::columns() const {
  return sqlite3_column_count(statement_);
}

// -- Database
// -----------------------------------------------------------------------------------------------------------

Database::Database(std::unique_ptr<Vfs> vfs, sqlite3* handle) : vfs_(std::move(vfs)), handle_(handle) {}

Database::~Database() {
  for (auto& [sql, statement] : idle_) sqlite3_finalize(statement);
  // Never a hidden checkpoint: whoever wants one has asked for it before (NO_CKPT_ON_CLOSE).
  sqlite3_close_v2(handle_);
}

Result<std::unique_ptr<Database>> Database::open(std::unique_ptr<Vfs> vfs, const Options& options) {
  LYSOEN_CHECK(!(options.create && options.read_only));
  const int access = options.read_only ? SQLITE_OPEN_READONLY
                     : options.create  ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
                                       : SQLITE_OPEN_READWRITE;
  sqlite3* handle = nullptr;
  int code =
      sqlite3_open_v2(vfs->database_name(), &handle,
                      access | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE | SQLITE_OPEN_EXRESCODE, vfs->name());
  auto database = std::unique_ptr<Database>(new Database(std::move(vfs), handle));
  if (code != SQLITE_OK) return database->error_of(code, "open the store");
  LYSOEN_TRY(database->settle(options));
  return database;
}

Result<void> Database::settle(const Options& options) {
  auto config = [&](int option, int value) {
    return sqlite3_db_config(handle_, option, value, static_cast<int*>(nullptr)) == SQLITE_OK;
  };
  sqlite3_limit(handle_, SQLITE_LIMIT_ATTACHED, 0);
  bool set = config(SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1) && config(SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0) &&
             config(SQLITE_DBCONFIG_DQS_DML, 0) && config(SQLITE_DBCONFIG_DQS_DDL, 0) &&
             config(SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0) && config(SQLITE_DBCONFIG_ENABLE_FKEY, 1);
  if (!set) return make_error(ErrorCode::internal, "cannot open the store: a setting of the database was refused");
  sqlite3_busy_timeout(handle_, 0);

  // Before the first access to the file: with EXCLUSIVE the WAL's index lives in memory and no -shm file is made.
  LYSOEN_TRY(pragma("PRAGMA locking_mode=EXCLUSIVE", "exclusive"));
  LYSOEN_TRY(pragma("PRAGMA temp_store=MEMORY"));
  LYSOEN_TRY(pragma("PRAGMA mmap_size=0"));
  LYSOEN_TRY(pragma("PRAGMA cell_size_check=ON"));
  LYSOEN_TRY(pragma(("PRAGMA cache_size=-" + std::to_string(options.cache_kib)).c_str()));
  if (options.create) {
    LYSOEN_TRY(pragma("PRAGMA page_size=4096"));
    int reserved = vfs_->sealed() ? static_cast<int>(kReservedSize) : 0;
    if (int code = sqlite3_file_control(handle_, "main", SQLITE_FCNTL_RESERVE_BYTES, &reserved))
      return error_of(code, "lay out the store");
    // The step to WAL writes page 1 under a rollback journal, which must not become a file.
    LYSOEN_TRY(pragma("PRAGMA journal_mode=MEMORY", "memory"));
  }
  LYSOEN_TRY(pragma(options.read_only ? "PRAGMA journal_mode" : "PRAGMA journal_mode=WAL", "wal"));
  LYSOEN_TRY(pragma("PRAGMA secure_delete=ON", "1"));
  if (vfs_->sealed()) LYSOEN_TRY(pragma(("PRAGMA max_page_count=" + std::to_string(kPagesMax)).c_str()));
  LYSOEN_TRY(pragma("PRAGMA synchronous=FULL"));
  LYSOEN_TRY(pragma("PRAGMA wal_autocheckpoint=0", "0"));
  // A log that one large transaction made long is cut back when it is begun anew.
  LYSOEN_TRY(pragma("PRAGMA journal_size_limit=16777216"));
  sqlite3_wal_hook(handle_, remember_wal_frames, &wal_frames_);
  if (int code = sqlite3_create_function_v2(handle_, "metres_between", 4,
                                            SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_DIRECTONLY, nullptr,
                                            metres_between, nullptr, nullptr, nullptr))
    return error_of(code, "open the store");
  // Last: it forbids some of the pragmas above.
  if (!config(SQLITE_DBCONFIG_DEFENSIVE, 1))
    return make_error(ErrorCode::internal, "cannot open the store: a setting of the database was refused");
  return {};
}

// Runs a pragma; if `expected` is given, its answer must be that.
Result<void> Database::pragma(const char* sql, std::string_view expected) {
  sqlite3_stmt* raw = nullptr;
  int code = sqlite3_prepare_v2(handle_, sql, -1, &raw, nullptr);
  if (code != SQLITE_OK) return error_of(code, "open the store");
  std::string answer;
  if (sqlite3_step(raw) == SQLITE_ROW)
    if (auto* text = reinterpret_cast<const char*>(sqlite3_column_text(raw, 0))) answer = text;
  // It knows of every failure above: of the step, and of memory for the answer as a text.
  code = sqlite3_finalize(raw);
  if (code != SQLITE_OK) return error_of(code, "open the store");
  if (expected.empty() || answer == expected) return {};
  // A change of the journal mode that fails answers the old mode instead of an error.
  if (auto below = vfs_->take_error()) return std::move(*below);
  return make_error(ErrorCode::internal, "cannot open the store: a setting of the database was refused");
}

Error Database::error_of(int code, const char* doing) const {
  auto below = vfs_->take_error();
  if (below && from_below(code)) return std::move(*below);
  auto kind = code_for(code);
  std::string message = std::string("cannot ") + doing + ": ";
  switch (kind) {
    case ErrorCode::storage_full:
      message += "the disk is full";
      break;
    case ErrorCode::storage_read_only:
      message += "the store is read-only";
      break;
    case ErrorCode::vault_in_use:
      message += "the store is in use";
      break;
    case ErrorCode::damaged:
      message += "the store is damaged";
      break;
    case ErrorCode::io_failed:
      message += (code & 0xff) == SQLITE_NOMEM ? "there is not enough memory" : "the system refused it";
      break;
    case ErrorCode::limit_exceeded:
      message += "a value is too large";
      break;
    case ErrorCode::cancelled:
      message += "cancelled";
      break;
    case ErrorCode::already_exists:
      message += "there is one already";
      break;
    default:
      message += "the database refused it";
  }
  // The number, never sqlite3_errmsg of a running statement: that may quote values.
  return make_error(kind, message + " (" + std::to_string(code) + ")");
}

Result<Statement> Database::prepare(std::string_view sql) {
  if (auto found = idle_.find(sql); found != idle_.end()) {
    auto* statement = found->second;
    idle_.erase(found);
    return Statement(this, statement);
  }
  sqlite3_stmt* statement = nullptr;
  int code = sqlite3_prepare_v3(handle_, sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT,
                                &statement, nullptr);
  if (code == SQLITE_OK && statement) return Statement(this, statement);
  if (statement) sqlite3_finalize(statement);
  if (code != SQLITE_ERROR) return error_of(code, "prepare a statement");
  // The text is a constant of the program, so is what SQLite says of it.
  return make_error(ErrorCode::internal, std::string("cannot prepare a statement: ") + sqlite3_errmsg(handle_));
}

Result<void> Database::execute(const std::string& script) {
  int code = sqlite3_exec(handle_, script.c_str(), nullptr, nullptr, nullptr);
  if (code == SQLITE_OK) return {};
  if (code != SQLITE_ERROR) return error_of(code, "run a script");
  return make_error(ErrorCode::internal, std::string("cannot run a script: ") + sqlite3_errmsg(handle_));
}

int64_t Database::changes() const {
  return sqlite3_changes64(handle_);
}
int64_t Database::last_insert_id() const {
  return sqlite3_last_insert_rowid(handle_);
}
bool Database::in_transaction() const {
  return sqlite3_get_autocommit(handle_) == 0;
}
void Database::interrupt() {
  sqlite3_interrupt(handle_);
}

bool Database::statement_open() const {
  for (auto* at = sqlite3_next_stmt(handle_, nullptr); at; at = sqlite3_next_stmt(handle_, at))
    if (sqlite3_stmt_busy(at)) return true;
  return false;
}

Result<void> Database::set_commit_syncs(bool syncs) {
  if (syncs == commit_syncs_) return {};
  LYSOEN_TRY(pragma(syncs ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL"));
  commit_syncs_ = syncs;
  return {};
}

Result<void> Database::checkpoint() {
  int frames = 0, moved = 0;
  int code = sqlite3_wal_checkpoint_v2(handle_, "main", SQLITE_CHECKPOINT_PASSIVE, &frames, &moved);
  if (code != SQLITE_OK) return error_of(code, "checkpoint the store");
  if (frames != moved) return make_error(ErrorCode::internal, "cannot checkpoint the store: something is being read");
  return {};
}

// -- Transaction
// ----------------------------------------------------------------------------------------------------------

Result<Transaction> Transaction::begin(Database& database) {
  LYSOEN_TRY(database.run("BEGIN IMMEDIATE"));
  return Transaction(&database);
}

Transaction::~Transaction() {
  // SQLite itself rolls back after some errors; then there is nothing left to do.
  if (database_ && database_->in_transaction()) (void)database_->run("ROLLBACK");
}

Result<void> Transaction::commit() {
  LYSOEN_CHECK(database_ != nullptr);
  auto done = database_->run("COMMIT");
  if (!done && database_->in_transaction()) (void)database_->run("ROLLBACK");
  database_ = nullptr;
  return done;
}

// -- Migration
// ------------------------------------------------------------------------------------------------------------

Result<int64_t> schema_version(Database& database) {
  LYSOEN_ASSIGN(auto version, database.integer("PRAGMA user_version"));
  return version.value_or(0);
}

Result<void> check_not_newer(Database& database, size_t steps) {
  LYSOEN_ASSIGN(int64_t version, schema_version(database));
  if (version >= 0 && static_cast<uint64_t>(version) <= steps) return {};
  return make_error(ErrorCode::newer_version, "cannot open the store: made by a newer version (" +
                                                  std::to_string(version) + ", this one reads up to " +
                                                  std::to_string(steps) + ")");
}

Result<bool> migrate(Database& database, std::span<const Migration> steps) {
  LYSOEN_TRY(check_not_newer(database, steps.size()));
  LYSOEN_ASSIGN(int64_t version, schema_version(database));
  const auto first = static_cast<size_t>(version);
  for (size_t i = first; i < steps.size(); ++i) {
    LYSOEN_ASSIGN(auto transaction, Transaction::begin(database));
    LYSOEN_TRY(database.execute(std::string(steps[i].sql)));
    if (steps[i].then) LYSOEN_TRY(steps[i].then(database));
    LYSOEN_TRY(database.execute("PRAGMA user_version=" + std::to_string(i + 1)));
    LYSOEN_TRY(transaction.commit());
  }
  return first < steps.size();
}

}  // namespace lysoen::storage
