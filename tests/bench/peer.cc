#include "tests/bench/peer.h"

#include <sqlite3.h>

#include <cstdio>
#include <cstdlib>

#include "tests/bench/measure.h"

namespace lysoen::bench {

namespace {

constexpr size_t kColumns = 22;

[[noreturn]] void give_up(sqlite3* database, const char* doing) {
  std::fprintf(stderr, "error: peer: %s: %s\n", doing, sqlite3_errmsg(database));
  std::exit(1);
}

}  // namespace

Peer::Peer(const Setup& setup) {
  int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | (setup.new_file ? SQLITE_OPEN_CREATE : 0);
  if (sqlite3_open_v2(setup.path, &database_, flags, setup.vfs) != SQLITE_OK) give_up(database_, "open");
  if (setup.cipher) run(setup.cipher);
  // As a vault has it, for all peers alike.
  run("PRAGMA locking_mode=EXCLUSIVE; PRAGMA temp_store=MEMORY; PRAGMA mmap_size=0; PRAGMA cache_size=-4096;"
      "PRAGMA cell_size_check=ON; PRAGMA secure_delete=ON");
  if (setup.new_file) {
    run("PRAGMA page_size=4096");
    int reserved = setup.reserved;
    if (reserved) sqlite3_file_control(database_, "main", SQLITE_FCNTL_RESERVE_BYTES, &reserved);
    run("PRAGMA journal_mode=MEMORY");
  }
  run("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=1000");
  if (!setup.new_file) return;
  run(R"sql(
    CREATE TABLE reports (row INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, created INTEGER, event_time INTEGER,
      latitude REAL, longitude REAL, title TEXT, external_id TEXT, category TEXT, what_happened TEXT, event_date TEXT,
      reported_at TEXT, place_name TEXT, settlement TEXT, country TEXT, police_area TEXT, reported_how TEXT,
      place_type TEXT, conditions TEXT, cause TEXT, event_day INTEGER, killed INTEGER, injured INTEGER,
      arrested INTEGER, missing INTEGER);
    CREATE INDEX reports_in_order ON reports (event_time, created, id);
    CREATE VIRTUAL TABLE report_places USING rtree (id, south, north, west, east);
    CREATE VIRTUAL TABLE report_words USING fts5 (words, content='', tokenize = 'unicode61 remove_diacritics 2'))sql");
}

Peer::~Peer() {
  for (auto& [sql, statement] : statements_) sqlite3_finalize(statement);
  sqlite3_close(database_);
}

void Peer::run(const char* sql) {
  if (sqlite3_exec(database_, sql, nullptr, nullptr, nullptr) != SQLITE_OK) give_up(database_, sql);
}

sqlite3_stmt* Peer::prepared(const char* sql) {
  for (auto& [known, statement] : statements_)
    if (known == sql) return statement;
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v3(database_, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, nullptr) != SQLITE_OK)
    give_up(database_, sql);
  statements_.emplace_back(sql, statement);
  return statement;
}

size_t Peer::rows(sqlite3_stmt* statement) {
  size_t count = 0;
  int code;
  while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
    for (int i = 0; i < sqlite3_column_count(statement); ++i) (void)sqlite3_column_blob(statement, i);
    ++count;
  }
  if (code != SQLITE_DONE) give_up(database_, "step");
  sqlite3_reset(statement);
  return count;
}

void Peer::insert(const Sample& sample) {
  static const char kReport[] =
      "INSERT INTO reports VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
  static const char kPlace[] = "INSERT INTO report_places VALUES (?1, ?2, ?2, ?3, ?3)";
  static const char kWords[] = "INSERT INTO report_words (rowid, words) VALUES (?, ?)";
  auto* report = prepared(kReport);
  int at = 0;
  auto text = [&](sqlite3_stmt* statement, int column, const std::string& value) {
    sqlite3_bind_text(statement, column, value.data(), static_cast<int>(value.size()), SQLITE_TRANSIENT);
  };
  sqlite3_bind_blob(report, ++at, sample.id.data(), static_cast<int>(sample.id.size()), SQLITE_TRANSIENT);
  sqlite3_bind_int64(report, ++at, sample.created);
  sqlite3_bind_int64(report, ++at, sample.event_time);
  sqlite3_bind_double(report, ++at, sample.latitude);
  sqlite3_bind_double(report, ++at, sample.longitude);
  for (const auto& answer : sample.answers) {
    if (answer.value->type() == ValueType::point) continue;
    if (answer.value->type() == ValueType::integer)
      sqlite3_bind_int64(report, ++at, std::atoll(answer.value->text().c_str()));
    else
      text(report, ++at, answer.value->text());
  }
  rows(report);
  const auto row = sqlite3_last_insert_rowid(database_);
  auto* place = prepared(kPlace);
  sqlite3_bind_int64(place, 1, row);
  sqlite3_bind_double(place, 2, sample.latitude);
  sqlite3_bind_double(place, 3, sample.longitude);
  rows(place);
  auto* words = prepared(kWords);
  sqlite3_bind_int64(words, 1, row);
  text(words, 2, sample.words());
  rows(words);
}

void Peer::insert_all(const Sample* first, size_t count) {
  rows(prepared("BEGIN IMMEDIATE"));
  for (size_t i = 0; i < count; ++i) insert(first[i]);
  rows(prepared("COMMIT"));
}

size_t Peer::latest(size_t count) {
  auto* query = prepared("SELECT * FROM reports ORDER BY event_time DESC, created DESC, id DESC LIMIT ?");
  sqlite3_bind_int64(query, 1, static_cast<sqlite3_int64>(count));
  return rows(query);
}

size_t Peer::with_words(const std::string& words, size_t count) {
  auto* query = prepared(
      "SELECT * FROM reports WHERE row IN (SELECT rowid FROM report_words WHERE report_words MATCH ?) "
      "ORDER BY event_time DESC, created DESC, id DESC LIMIT ?");
  std::string quoted = '"' + words + '"';
  sqlite3_bind_text(query, 1, quoted.data(), static_cast<int>(quoted.size()), SQLITE_TRANSIENT);
  sqlite3_bind_int64(query, 2, static_cast<sqlite3_int64>(count));
  return rows(query);
}

size_t Peer::in_box(double south, double west, double north, double east, size_t count) {
  auto* query = prepared(
      "SELECT * FROM reports WHERE row IN (SELECT id FROM report_places WHERE north >= ? AND south <= ? AND east >= ? "
      "AND west <= ?) ORDER BY event_time DESC, created DESC, id DESC LIMIT ?");
  int at = 0;
  for (double edge : {south, north, west, east}) sqlite3_bind_double(query, ++at, edge);
  sqlite3_bind_int64(query, ++at, static_cast<sqlite3_int64>(count));
  return rows(query);
}

bool Peer::by_id(const std::string& id) {
  auto* query = prepared("SELECT * FROM reports WHERE id = ?");
  sqlite3_bind_blob(query, 1, id.data(), static_cast<int>(id.size()), SQLITE_TRANSIENT);
  return rows(query) == 1;
}

void compare_pages(Peer& peer, const std::vector<Sample>& samples, size_t single, const char* column) {
  constexpr size_t kBatch = 100;
  auto told = [&](const std::string& what, Cost cost) {
    tell(("pages " + what + " processor").c_str(), column, cost.processor);
    tell(("pages " + what + " wall").c_str(), column, cost.wall);
    return cost.processor;
  };
  const size_t many = samples.size() - single;
  double all = 0;
  all += told("batches", cost_of([&] {
                for (size_t first = 0; first < many; first += kBatch)
                  peer.insert_all(&samples[first], std::min(kBatch, many - first));
              }));
  all += told("single", cost_of([&] {
                for (size_t i = many; i < samples.size(); ++i) peer.insert_all(&samples[i], 1);
              }));
  all += told("reads", cost_of([&] {
                for (size_t i = 0; i < samples.size(); i += 2) peer.by_id(samples[(i * 7919) % samples.size()].id);
                for (int i = 0; i < 100; ++i) peer.latest(50);
                for (size_t i = 0; i < 100; ++i) {
                  const auto& sample = samples[(i * 7919) % samples.size()];
                  peer.with_words(sample.answers[0].value->text(), 50);
                  peer.in_box(sample.latitude - 1, sample.longitude - 1, sample.latitude + 1, sample.longitude + 1, 50);
                }
              }));
  tell("pages all processor", column, all);
}

}  // namespace lysoen::bench
