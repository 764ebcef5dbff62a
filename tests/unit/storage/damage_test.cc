// Bit rot: one flipped bit anywhere. What was saved is back after opening, or the damage is reported; never a wrong
// answer.
#include <cstdlib>

#include "core/base/bytes.h"
#include "tests/unit/storage/notebook.h"

using namespace lysoen;
using namespace lysoen::storage;
using namespace lysoen::test;

namespace {

size_t samples(size_t ordinary) {
  return std::getenv("LYSOEN_LONG") ? ordinary * 20 : ordinary;
}

// Everything that was saved, read to the end; or the error.
Result<std::map<uint64_t, std::string>> read_all(Notebook& book) {
  std::map<uint64_t, std::string> out;
  auto query = book.container->database().prepare("SELECT counter, body FROM note");
  if (!query) return query.error();
  for (;;) {
    auto row = query->step();
    if (!row) return row.error();
    if (!*row) return out;
    out[static_cast<uint64_t>(query->integer(0))] = std::string(query->text(1));
  }
}

}  // namespace

TEST_CASE("Damage: one flipped bit in log or ring loses no save", "[storage]") {
  auto random = generator(6);
  for (bool sealed : {true, false}) {
    MemoryDisk disk;
    const uint64_t key_seed = random();
    Notebook book(&disk, sealed, key_seed);
    book.options.wal_frames_max = 100000;
    must(book.create());
    std::map<uint64_t, std::string> saved;
    for (int i = 0; i < 12; ++i) {
      if (i == 3) must(book.container->checkpoint());
      std::string body = "note " + std::to_string(i) + std::string(random() % 500, 'n');
      saved[must(book.save(body))] = body;
      must(book.see(i + 1));
    }
    book.drop();
    const auto image = disk.image();
    size_t replayed = 0;
    for (const char* name : {"A.db-wal", "A.ring"}) {
      const auto size = image.at(name).size();
      for (size_t i = 0, count = samples(400); i < count; ++i) {
        // The ring is mostly empty; its records are what matters.
        const size_t range = std::string(name) == "A.ring" ? 16 * kRingBlock : size;
        const size_t at = random() % std::min(range, size);
        const auto bit = static_cast<uint8_t>(1u << (random() % 8));
        INFO("sealed " << sealed << " key " << key_seed << " file " << name << " byte " << at << " bit " << int(bit));
        disk.restore(image);
        auto content = image.at(name);
        content[at] ^= bit;
        disk.set_content(name, content);
        auto report = must(book.open());
        REQUIRE(report.missing.empty());
        REQUIRE(!report.pages_doubtful);
        REQUIRE(must(read_all(book)) == saved);
        REQUIRE(book.check() == "ok");
        (void)book.seen();
        replayed += report.outcome == OpenReport::Outcome::replayed;
        book.drop();
      }
    }
    CHECK(replayed > 20);
  }
}

TEST_CASE("Damage: a log that was checkpointed cannot bring old pages back", "[storage]") {
  auto random = generator(7);
  for (bool sealed : {true, false}) {
    MemoryDisk disk;
    const uint64_t key_seed = random();
    Notebook book(&disk, sealed, key_seed);
    book.options.wal_frames_max = 100000;
    must(book.create());
    std::map<uint64_t, std::string> saved;
    for (int i = 0; i < 12; ++i) saved[must(book.save("note " + std::to_string(i)))] = "note " + std::to_string(i);
    must(book.container->lock());
    book.container.reset();
    const auto image = disk.image();
    const auto& log = image.at("A.db-wal");
    REQUIRE(log.size() > 20 * kFrameSize);
    for (size_t at = 0; at < log.size(); at += 1 + random() % 900) {
      INFO("sealed " << sealed << " key " << key_seed << " byte " << at);
      disk.restore(image);
      auto content = log;
      content[at] ^= 4;
      disk.set_content("A.db-wal", content);
      auto report = must(book.open());
      REQUIRE(report.outcome == OpenReport::Outcome::clean);
      REQUIRE(must(read_all(book)) == saved);
      REQUIRE(book.check() == "ok");
      book.drop();
    }
  }
}

TEST_CASE("Damage: a flipped bit in a page is reported, never read as something else", "[storage]") {
  auto random = generator(8);
  MemoryDisk disk;
  const uint64_t key_seed = random();
  Notebook book(&disk, true, key_seed);
  must(book.create());
  std::map<uint64_t, std::string> saved;
  for (int i = 0; i < 30; ++i) saved[must(book.save("note " + std::to_string(i)))] = "note " + std::to_string(i);
  must(book.container->lock());
  const auto image = disk.image();
  const auto& database = image.at("A.db");
  for (size_t page = 0; page * kPageSize < database.size(); ++page) {
    for (size_t i = 0, count = samples(8); i < count; ++i) {
      const size_t at = page * kPageSize + random() % kPageSize;
      INFO("key " << key_seed << " byte " << at);
      disk.restore(image);
      auto content = database;
      content[at] ^= static_cast<uint8_t>(1u << (random() % 8));
      disk.set_content("A.db", content);
      auto report = book.open();
      if (!report) {
        REQUIRE(report.error().code == ErrorCode::damaged);
        continue;
      }
      auto notes = read_all(book);
      if (notes)
        REQUIRE(*notes == saved);
      else
        REQUIRE(notes.error().code == ErrorCode::damaged);
      REQUIRE(book.check() != "ok");
      book.drop();
    }
  }
}

TEST_CASE("Damage: files cut at any length open to what was saved, or say that they are damaged", "[storage]") {
  auto random = generator(9);
  MemoryDisk disk;
  Notebook book(&disk, true, random());
  book.options.wal_frames_max = 100000;
  must(book.create());
  std::map<uint64_t, std::string> saved;
  for (int i = 0; i < 8; ++i) saved[must(book.save("note " + std::to_string(i)))] = "note " + std::to_string(i);
  book.drop();
  const auto image = disk.image();
  for (const char* name : {"A.db-wal", "A.ring", "A.db"}) {
    const auto& whole = image.at(name);
    for (size_t i = 0, count = samples(60); i < count; ++i) {
      const size_t size = i == 0 ? 0 : random() % whole.size();
      INFO(name << " cut at " << size);
      disk.restore(image);
      disk.set_content(name, Bytes(whole.begin(), whole.begin() + static_cast<long>(size)));
      auto report = book.open();
      if (!report) {
        REQUIRE(std::string(name) == "A.db");
        REQUIRE(report.error().code == ErrorCode::damaged);
        continue;
      }
      auto notes = read_all(book);
      if (notes)
        REQUIRE(*notes == saved);
      else
        REQUIRE(notes.error().code == ErrorCode::damaged);
      book.drop();
    }
  }
}
