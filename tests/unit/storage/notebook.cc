#include "tests/unit/storage/notebook.h"

#include "core/base/bytes.h"
#include "core/base/try.h"

namespace lysoen::test {

using namespace storage;

namespace {
Result<void> write_note(Database& db, uint64_t counter, std::string_view body) {
  LYSOEN_TRY(db.run("INSERT OR REPLACE INTO note VALUES(?, ?)", counter, body));
  LYSOEN_TRY(db.run("DELETE FROM words WHERE rowid = ?", counter));
  LYSOEN_TRY(db.run("INSERT INTO words(rowid, body) VALUES(?, ?)", counter, body));
  double at = static_cast<double>(counter % 90);
  return db.run("INSERT OR REPLACE INTO places VALUES(?, ?, ?, ?, ?)", counter, at, at, at, at);
}
}  // namespace

Notebook::Notebook(MemoryDisk* disk, bool sealed, uint64_t seed_value, std::filesystem::path folder)
    : random(seed_value), key(crypto::Key32::random(random)) {
  random.fill(vault.bytes);
  options.folder = std::move(folder);
  options.sealed = sealed;
  options.migrations = kNotebookSchema;
  options.ring_size = 128 * 1024;
  options.reserve_size = 256 * 1024;
  options.wal_frames_max = 60;
  options.files = disk;
  options.replay = [](Database& db, uint64_t counter, ByteView payload) {
    return write_note(db, counter, as_text(payload));
  };
}

Result<void> Notebook::create() {
  LYSOEN_ASSIGN(container, Container::create(options, key, vault, random));
  return {};
}

Result<OpenReport> Notebook::open() {
  LYSOEN_ASSIGN(auto opened, Container::open(options, key, vault, random));
  container = std::move(opened.container);
  return opened.report;
}

Container::SaveWork Notebook::writing(const std::string& body) {
  return [body](Database& db, uint64_t counter) -> Result<Bytes> {
    LYSOEN_TRY(write_note(db, counter, body));
    return to_bytes(as_bytes(body));
  };
}

Result<uint64_t> Notebook::save(const std::string& body) {
  return container->save(writing(body));
}

Result<void> Notebook::see(int64_t number) {
  return container->plain([&](Database& db) { return db.run("INSERT INTO seen VALUES(?)", number); });
}

Result<void> Notebook::set_era(int64_t number) {
  return container->durable([&](Database& db) { return db.run("UPDATE era SET number = ?", number); });
}

std::map<uint64_t, std::string> Notebook::notes() {
  std::map<uint64_t, std::string> out;
  auto query = must(container->database().prepare("SELECT counter, body FROM note"));
  while (must(query.step())) out[static_cast<uint64_t>(query.integer(0))] = std::string(query.text(1));
  return out;
}

int64_t Notebook::seen() {
  int64_t count = *must(container->database().integer("SELECT count(*) FROM seen"));
  int64_t last = must(container->database().integer("SELECT max(number) FROM seen")).value_or(0);
  CHECK(count == last);
  return count;
}

int64_t Notebook::era() {
  return *must(container->database().integer("SELECT number FROM era"));
}

std::string Notebook::check() {
  auto query = must(container->database().prepare("PRAGMA integrity_check"));
  return must(query.step()) ? std::string(query.text(0)) : "nothing";
}

}  // namespace lysoen::test
