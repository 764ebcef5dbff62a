// SQLite as this project uses it: one connection, one strand, settings fixed, statements cached, errors without
// content.
//
//   LYSOEN_TRY(db.run("INSERT INTO feed(id, seq) VALUES(?, ?)", feed_id, seq));
//   LYSOEN_ASSIGN(auto query, db.prepare("SELECT seq, body FROM feed WHERE id = ?"));
//   query.bind(feed_id);
//   for (;;) {
//     LYSOEN_ASSIGN(bool row, query.step());
//     if (!row) break;
//     use(query.integer(0), query.blob(1));
//   }
//
// Settings: locking_mode EXCLUSIVE before the first access, WAL without shared memory, page size 4096, temp_store
// MEMORY, secure_delete, cell_size_check, foreign_keys, trusted_schema off, defensive, no ATTACH, no automatic
// checkpoint, no double-quoted strings. One function of ours: metres_between (database.cc). Writing transactions that
// belong to a container go through Container (container.h), which says how durable each kind is.
//
// Errors: storage_full, io_failed, damaged (corrupt, not a database, page does not authenticate), vault_in_use (busy),
// storage_read_only, already_exists (a UNIQUE or PRIMARY KEY constraint), limit_exceeded (too big), cancelled
// (interrupted), internal (anything that a correct program does not see). Messages never hold values or paths.
#pragma once
#include <lysoen/environment.h>
#include <lysoen/ids.h>
#include <lysoen/result.h>

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_map>
#include <vector>

#include "core/storage/files.h"

struct sqlite3;
struct sqlite3_stmt;

namespace lysoen::storage {

class Vfs;
class Database;

/// A prepared statement, borrowed from the database's cache; going out of scope resets it and clears what was bound.
/// Positions of parameters begin at 1, of columns at 0, as in SQLite. Must not outlive the database.
class Statement {
 public:
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&& other) noexcept;
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;
  ~Statement();

  /// Binds parameters 1..n. Values are copied. Takes integers, bool, double, text, bytes, ids, arrays of bytes, nullptr
  /// and std::optional of these. A failure (no such parameter, too big) is reported by the next step().
  template <class... Values>
  Statement& bind(const Values&... values) {
    int at = 0;
    (bind_at(++at, values), ...);
    return *this;
  }
  template <class Value>
  Statement& bind_at(int at, const Value& value);

  /// True: there is a row. False: done (the statement is reset and may be bound and run again).
  Result<bool> step();
  /// Steps until done; rows are passed over.
  Result<void> run();
  /// Back to the start, bindings kept.
  void reset();

  // Columns of the current row. Of the wrong type they convert as SQLite does; null reads as 0 or empty.
  bool is_null(int column) const;
  int64_t integer(int column) const;
  double real(int column) const;
  std::string_view text(int column) const;  // valid until the next step or reset
  ByteView blob(int column) const;          // valid until the next step or reset
  /// The id, or the none id if the column does not hold as many bytes as an id has.
  template <class IdType>
  IdType id(int column) const {
    return IdType::from(blob(column)).value_or(IdType{});
  }
  template <size_t N>
  std::array<uint8_t, N> array(int column) const {
    std::array<uint8_t, N> out{};
    auto from = blob(column);
    if (from.size() == N) std::memcpy(out.data(), from.data(), N);
    return out;
  }
  int columns() const;

 private:
  friend class Database;
  Statement(Database* database, sqlite3_stmt* statement) : database_(database), statement_(statement) {}
  void bind_null(int at);
  void bind_integer(int at, int64_t value);
  void bind_real(int at, double value);
  void bind_text(int at, std::string_view value);
  void bind_blob(int at, ByteView value);
  void give_back() noexcept;

  Database* database_;
  sqlite3_stmt* statement_;
  int bind_error_ = 0;
};

class Database {
 public:
  struct Options {
    bool create = false;        // the file must not exist; otherwise it must
    bool read_only = false;     // looks, never writes; not with create
    uint32_t cache_kib = 4096;  // page cache
  };
  /// Opens the one database that `vfs` serves. The connection owns the VFS. Used by Container and by tools that only
  /// look.
  static Result<std::unique_ptr<Database>> open(std::unique_ptr<Vfs> vfs, const Options& options);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  /// From the cache, or prepared. `sql` is a constant of the program or assembled from constants, never from input.
  Result<Statement> prepare(std::string_view sql);
  /// One statement, to its end.
  template <class... Values>
  Result<void> run(std::string_view sql, const Values&... values) {
    auto statement = prepare(sql);
    if (!statement) return std::move(statement).error();
    statement->bind(values...);
    return statement->run();
  }
  /// The first column of the first row as an integer; nothing if there is no row or it is null.
  template <class... Values>
  Result<std::optional<int64_t>> integer(std::string_view sql, const Values&... values) {
    auto statement = prepare(sql);
    if (!statement) return std::move(statement).error();
    statement->bind(values...);
    auto row = statement->step();
    if (!row) return std::move(row).error();
    if (!*row || statement->is_null(0)) return std::optional<int64_t>();
    return std::optional<int64_t>(statement->integer(0));
  }
  /// Several statements without parameters: schema and settings.
  Result<void> execute(const std::string& script);

  /// Rows changed by the statement that ended last.
  int64_t changes() const;
  int64_t last_insert_id() const;
  bool in_transaction() const;
  /// A statement is between its first row and its end. Checkpoints are refused then.
  bool statement_open() const;

  /// Ends a running statement with `cancelled`. The only call that another thread may make.
  void interrupt();

 private:
  friend class Statement;
  friend class Container;
  struct TextHash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };
  Database(std::unique_ptr<Vfs> vfs, sqlite3* handle);
  Result<void> settle(const Options& options);  // every setting
  Result<void> pragma(const char* sql, std::string_view expected = {});
  Error error_of(int code, const char* doing) const;
  /// Whether commits sync the WAL (FULL) or leave that to the next checkpoint (NORMAL).
  Result<void> set_commit_syncs(bool syncs);
  /// Moves every page from the WAL into the database file and syncs both.
  Result<void> checkpoint();
  Vfs& vfs() { return *vfs_; }

  std::unique_ptr<Vfs> vfs_;  // outlives handle_
  sqlite3* handle_;
  std::unordered_map<std::string, sqlite3_stmt*, TextHash, std::equal_to<>> idle_;
  bool commit_syncs_ = true;
  uint32_t wal_frames_ = 0;  // in the WAL after the last commit; 0 once checkpointed
};

/// BEGIN IMMEDIATE; rolled back when it goes out of scope without commit().
class Transaction {
 public:
  static Result<Transaction> begin(Database& database);
  Transaction(Transaction&& other) noexcept : database_(other.database_) { other.database_ = nullptr; }
  Transaction& operator=(Transaction&&) = delete;
  ~Transaction();
  /// After an error nothing of the transaction stands.
  Result<void> commit();

 private:
  explicit Transaction(Database* database) : database_(database) {}
  Database* database_;
};

/// One step of the schema, from version i to i+1 where i is its place in the list. Never changed once released.
struct Migration {
  std::string_view sql;                                // several statements
  Result<void> (*then)(Database& database) = nullptr;  // what SQL alone cannot say
};
/// The schema's version; 0 in a new database (SQLite's user_version).
Result<int64_t> schema_version(Database& database);
/// Refuses with newer_version if the database was made by a program that knows more steps than these.
Result<void> check_not_newer(Database& database, size_t steps);
/// Brings the schema up to `steps.size()`, one transaction per step. Answers whether anything was done.
Result<bool> migrate(Database& database, std::span<const Migration> steps);

// -- Binding, by type -----------------------------------------------------------------------------------------------
namespace detail {
template <class T>
inline constexpr bool kIsOptional = false;
template <class T>
inline constexpr bool kIsOptional<std::optional<T>> = true;
template <class T>
inline constexpr bool kIsId = false;
template <class Tag>
inline constexpr bool kIsId<Id<Tag>> = true;
}  // namespace detail

template <class Value>
Statement& Statement::bind_at(int at, const Value& value) {
  if constexpr (std::is_same_v<Value, std::nullptr_t> || std::is_same_v<Value, std::nullopt_t>) {
    bind_null(at);
  } else if constexpr (detail::kIsOptional<Value>) {
    if (value)
      bind_at(at, *value);
    else
      bind_null(at);
  } else if constexpr (detail::kIsId<Value>) {
    bind_blob(at, value.view());
  } else if constexpr (std::is_floating_point_v<Value>) {
    bind_real(at, static_cast<double>(value));
  } else if constexpr (std::is_integral_v<Value>) {
    bind_integer(at, static_cast<int64_t>(value));
  } else if constexpr (std::is_convertible_v<const Value&, std::string_view>) {
    bind_text(at, std::string_view(value));
  } else {
    static_assert(std::is_convertible_v<const Value&, ByteView>,
                  "this type cannot be bound; enums are cast by the caller");
    bind_blob(at, ByteView(value));
  }
  return *this;
}

}  // namespace lysoen::storage
