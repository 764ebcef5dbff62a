// The bytes on disk, read by a decoder of its own, written from docs/formats/vault.md and using nothing of core/storage
// but the numbers there. And: no plaintext in any file, at any moment.
#include <algorithm>
#include <cstring>
#include <set>

#include "core/base/bytes.h"
#include "core/base/fault.h"
#include "core/base/try.h"
#include "core/crypto/cipher.h"
#include "tests/unit/storage/notebook.h"

using namespace lysoen;
using namespace lysoen::storage;
using namespace lysoen::test;

namespace {

std::optional<Bytes> open_box(const Notebook& book, const Bytes& file, size_t at, size_t size, Writer aad) {
  if (at + size > file.size()) return std::nullopt;
  return crypto::aead_open_box(book.key, aad.bytes(), ByteView(file).subspan(at, size));
}
Writer aad_of(const Notebook& book, std::string_view label) {
  return Writer().id(book.vault).raw(as_bytes(label));
}

// The database as stock SQLite would have written it.
Bytes decode_database(const Notebook& book, const Bytes& file) {
  REQUIRE(file.size() % 4096 == 0);
  Bytes plain;
  for (uint32_t page = 1; page <= file.size() / 4096; ++page) {
    auto content = open_box(book, file, (page - 1) * size_t{4096}, 4096, aad_of(book, "main").u32(page));
    REQUIRE(content.has_value());
    REQUIRE(content->size() == 4056);
    plain.insert(plain.end(), content->begin(), content->end());
    plain.insert(plain.end(), 40, 0);
  }
  return plain;
}

struct DecodedLog {
  Bytes header;
  std::vector<Bytes> frames;  // header 24 and 4,056 bytes of page
};
DecodedLog decode_log(const Notebook& book, const Bytes& file) {
  DecodedLog log;
  auto header = open_box(book, file, 0, 72, aad_of(book, "wal-header"));
  REQUIRE(header.has_value());
  log.header = *header;
  ByteView salts = ByteView(log.header).subspan(16, 8);
  for (uint32_t index = 0;; ++index) {
    auto frame = open_box(book, file, 72 + index * size_t{4120}, 4120, aad_of(book, "wal").raw(salts).u32(index));
    if (!frame) break;
    REQUIRE(frame->size() == 24 + 4056);
    log.frames.push_back(*frame);
  }
  return log;
}

struct DecodedRecord {
  uint64_t counter = 0;
  uint8_t flags = 0;
  Bytes payload, before, tag;
};
std::vector<DecodedRecord> decode_ring(const Notebook& book, const Bytes& file) {
  std::vector<DecodedRecord> records;
  for (size_t at = 4096; at + 4096 <= file.size(); at += 4096) {
    auto prefix = open_box(book, file, at, 72, aad_of(book, "ring-prefix"));
    if (!prefix) continue;
    Reader reader(*prefix);
    DecodedRecord record;
    record.counter = reader.u64();
    uint32_t length = reader.u32();
    record.flags = reader.u8();
    const size_t size = (72 + 40 + length + 72 + 4095) / 4096 * 4096;
    CHECK(open_box(book, file, at + size - 72, 72, aad_of(book, "ring-prefix")) == prefix);
    REQUIRE(to_bytes(reader.raw(3)) == Bytes(3, 0));
    record.before = to_bytes(reader.raw(16));
    REQUIRE(reader.done());
    auto aad = aad_of(book, "ring").u64(record.counter).u32(length).raw(record.before);
    auto payload = open_box(book, file, at + 72, length + size_t{40}, aad);
    REQUIRE(payload.has_value());
    record.payload = *payload;
    record.tag = to_bytes(ByteView(file).subspan(at + 72 + 24 + length, 16));
    records.push_back(std::move(record));
  }
  return records;
}

bool contains(const Bytes& haystack, std::string_view needle) {
  return as_text(haystack).find(needle) != std::string_view::npos;
}

constexpr std::string_view kCanary = "CANARY-9f3b62-witness";
void require_no_plaintext(const MemoryDisk& disk) {
  for (const auto& name : disk.names()) {
    INFO(name);
    auto content = disk.content(name);
    REQUIRE(!contains(content, kCanary));
    REQUIRE(!contains(content, "SQLite format 3"));
    REQUIRE(!contains(content, "CREATE TABLE"));
    REQUIRE(!contains(content, "storage_state"));
  }
}

}  // namespace

TEST_CASE("Format: an independent decoder reads pages, log and ring", "[storage]") {
  MemoryDisk disk;
  Notebook book(&disk, true, seed());
  must(book.create());
  must(book.save("the first note"));
  must(book.container->checkpoint());
  must(book.save("the second note"));
  must(book.save(std::string(9000, 'n')));

  auto database = decode_database(book, disk.content("A.db"));
  CHECK(as_text(ByteView(database).first(16)) == std::string_view("SQLite format 3\0", 16));
  CHECK(database[20] == 40);
  CHECK(contains(database, "the first note"));
  CHECK(!contains(database, "the second note"));

  auto log = decode_log(book, disk.content("A.db-wal"));
  Reader header(log.header);
  CHECK((header.u32() & 0xfffffffe) == 0x377f0682);
  CHECK(header.u32() == 3007000);
  CHECK(header.u32() == 4096);
  REQUIRE(!log.frames.empty());
  bool second = false;
  for (const auto& frame : log.frames) {
    CHECK(std::memcmp(frame.data() + 8, log.header.data() + 16, 8) == 0);
    second |= contains(frame, "the second note");
  }
  CHECK(second);

  auto records = decode_ring(book, disk.content("A.ring"));
  REQUIRE(records.size() == 3);
  for (size_t i = 0; i < records.size(); ++i) {
    CHECK(records[i].counter == i + 1);
    CHECK(records[i].flags == 2);
    CHECK(records[i].before == (i == 0 ? Bytes(16, 0) : records[i - 1].tag));
  }
  CHECK(as_text(records[1].payload) == "the second note");
  CHECK(disk.content("A.ring").size() == book.options.ring_size);

  // The state: the newer of two places.
  uint64_t newest = 0;
  uint8_t phase = 0;
  for (size_t at : {size_t{0}, size_t{2048}}) {
    auto state = open_box(book, disk.content("A.ring"), at, 64, aad_of(book, "ring-state"));
    if (!state) continue;
    Reader reader(*state);
    uint64_t turn = reader.u64();
    if (turn < newest) continue;
    newest = turn;
    phase = reader.u8();
  }
  CHECK(newest > 0);
  CHECK(phase == 2);
}

TEST_CASE("Format: no plaintext in any file, in the middle of transactions too", "[storage]") {
  MemoryDisk disk;
  Notebook book(&disk, true, seed());
  book.options.cache_kib = 64;  // so that pages are written before the commit
  must(book.create());
  auto body = [](int i) {
    return std::string(kCanary) + " number " + std::to_string(i * 7919 % 1000) + std::string(300, 'w');
  };
  for (int i = 0; i < 30; ++i) {
    must(book.save(body(i)));
    require_no_plaintext(disk);
  }
  size_t spilled = 0;
  must(book.container->durable([&](Database& db) -> Result<void> {
    const auto before = disk.content("A.db-wal").size();
    for (int i = 0; i < 800; ++i) {
      LYSOEN_TRY(db.run("INSERT INTO note VALUES(?, ?)", 1000 + i, body(i)));
      LYSOEN_TRY(db.run("INSERT INTO words(rowid, body) VALUES(?, ?)", 1000 + i, body(i)));
      LYSOEN_TRY(db.run("INSERT INTO places VALUES(?, ?, ?, ?, ?)", 1000 + i, i, i + 1, i, i + 1));
      // Pages that are already in the log are written again within the same transaction.
      LYSOEN_TRY(db.run("UPDATE note SET body = body || ? WHERE counter = ?", "+", 1000 + i / 2));
      if (i % 100 == 0) require_no_plaintext(disk);
    }
    // A statement journal that would spill to a file, and a sort that would too.
    LYSOEN_TRY(db.run("UPDATE note SET body = body || ? WHERE counter >= 1000", std::string(200, 'v')));
    LYSOEN_TRY(db.run("SAVEPOINT inner"));
    LYSOEN_TRY(db.run("DELETE FROM note WHERE counter % 2 = 0"));
    LYSOEN_TRY(db.run("ROLLBACK TO inner"));
    LYSOEN_TRY(db.run("RELEASE inner"));
    LYSOEN_ASSIGN(auto sort,
                  db.prepare("SELECT a.body FROM note a, note b WHERE b.counter < 40 ORDER BY a.body || b.body"));
    size_t rows = 0;
    for (;;) {
      LYSOEN_ASSIGN(bool row, sort.step());
      if (!row) break;
      if (++rows == 500) require_no_plaintext(disk);
    }
    CHECK(rows > 20000);
    spilled = disk.content("A.db-wal").size() - before;
    return {};
  }));
  CHECK(spilled > 300 * 1024);
  require_no_plaintext(disk);
  CHECK(book.check() == "ok");
  CHECK(*must(book.container->database().integer("SELECT count(*) FROM words WHERE words MATCH 'canary'")) == 830);
  CHECK(*must(book.container->database().integer("SELECT count(*) FROM places WHERE west >= 100 AND east <= 110")) ==
        10);
  CHECK(*must(book.container->database().integer("SELECT count(*) FROM note")) == 830);
  for (const auto& name : disk.names())
    CHECK((name == "A.db" || name == "A.db-wal" || name == "A.ring" || name == "A.reserve"));

  book.drop();
  must(book.open());
  CHECK(book.check() == "ok");
  CHECK(*must(book.container->database().integer("SELECT count(*) FROM note")) == 830);
  require_no_plaintext(disk);
}

TEST_CASE("Format: a transaction larger than the cache survives a kill at once after its commit", "[storage]") {
  MemoryDisk disk;
  Notebook book(&disk, true, seed());
  book.options.cache_kib = 64;
  must(book.create());
  for (int round = 0; round < 3; ++round) {
    must(book.container->plain([&](Database& db) -> Result<void> {
      for (int i = 0; i < 2000; ++i)
        LYSOEN_TRY(db.run("INSERT OR REPLACE INTO note VALUES(?, ?)", (i * 7919) % 2000,
                          std::to_string(round) + std::string(400, 'x')));
      return {};
    }));
    // The disk keeps what was written: a kill of the process, not of the machine.
    book.drop();
    auto report = must(book.open());
    CHECK(report.outcome == OpenReport::Outcome::clean);
    CHECK(!report.wal_cut);
    CHECK(*must(book.container->database().integer("SELECT count(*) FROM note WHERE substr(body, 1, 1) = ?",
                                                   std::to_string(round))) == 2000);
    CHECK(book.check() == "ok");
  }
}

TEST_CASE("Format: after a scrub, what was deleted is in no page, frame or record any more", "[storage]") {
  MemoryDisk disk;
  Notebook book(&disk, true, seed());
  must(book.create());
  must(book.save("kept"));
  for (int i = 0; i < 5; ++i) must(book.save(std::string(kCanary) + std::to_string(i)));
  std::set<Bytes> generations;
  auto present = [&] {
    if (contains(decode_database(book, disk.content("A.db")), "CANARY")) return true;
    // Frames of earlier generations too: their salts were in a header once.
    auto log = disk.content("A.db-wal");
    if (auto header = open_box(book, log, 0, 72, aad_of(book, "wal-header")))
      generations.insert(Bytes(header->begin() + 16, header->begin() + 24));
    for (const auto& salts : generations)
      for (uint32_t index = 0; 72 + (index + 1) * size_t{4120} <= log.size(); ++index) {
        auto frame = open_box(book, log, 72 + index * size_t{4120}, 4120, aad_of(book, "wal").raw(salts).u32(index));
        if (frame && contains(*frame, "CANARY")) return true;
      }
    for (const auto& record : decode_ring(book, disk.content("A.ring")))
      if (contains(record.payload, "CANARY")) return true;
    return false;
  };
  REQUIRE(present());
  must(book.container->durable([](Database& db) -> Result<void> {
    LYSOEN_TRY(db.run("DELETE FROM words WHERE rowid > 1"));
    LYSOEN_TRY(db.run("INSERT INTO words(words) VALUES('optimize')"));
    LYSOEN_TRY(db.run("DELETE FROM places WHERE id > 1"));
    return db.run("DELETE FROM note WHERE counter > 1");
  }));
  must(book.container->scrub());
  CHECK(!present());
  CHECK(book.check() == "ok");
  CHECK(must(book.save("afterwards")) == 8);
  book.drop();
  CHECK(must(book.open()).outcome == OpenReport::Outcome::clean);
  CHECK(book.notes().size() == 2);
}

TEST_CASE("Format: a store that is not sealed is a database that stock SQLite reads", "[storage]") {
  MemoryDisk disk;
  Notebook book(&disk, false, seed());
  must(book.create());
  must(book.save("readable"));
  must(book.container->lock());
  auto database = disk.content("A.db");
  CHECK(as_text(ByteView(database).first(15)) == "SQLite format 3");
  CHECK(database[20] == 0);
  CHECK(contains(database, "readable"));
  CHECK(!contains(disk.content("A.ring"), "readable"));
}

TEST_CASE("Pages: between the places of a page's cells and the cells nothing is left of what SQLite moved",
          "[storage]") {
  // Bytes other than zero in those gaps, of all b-tree pages of the database file.
  auto left_over = [](const Bytes& image) {
    size_t count = 0;
    for (size_t at = 0; at < image.size(); at += 4096) {
      auto page = ByteView(image).subspan(at, 4096);
      const size_t header = at == 0 ? 100 : 0;
      auto two_bytes = [&](size_t place) { return size_t{page[header + place]} << 8 | page[header + place + 1]; };
      const uint8_t type = page[header];
      if (type != 2 && type != 5 && type != 10 && type != 13) continue;
      const size_t begin = header + (type > 5 ? 8 : 12) + 2 * two_bytes(3), end = two_bytes(5);
      if (begin < end)
        count += static_cast<size_t>(std::count_if(page.begin() + static_cast<ptrdiff_t>(begin),
                                                   page.begin() + static_cast<ptrdiff_t>(end),
                                                   [](uint8_t byte) { return byte != 0; }));
    }
    return count;
  };
  auto random = generator(9);
  for (bool kept : {false, true}) {
    MemoryDisk disk;
    Notebook book(&disk, true, random());
    must(book.create());
#ifdef LYSOEN_TEST_BUILD
    fault::page_gap_kept = kept;
#else
    if (kept) break;
#endif
    for (int i = 0; i < 400; ++i) {
      must(book.save(std::string(20 + random() % 600, 'w')));
      if (i % 3 == 0)
        must(book.container->plain([&](Database& db) {
          return db.run("DELETE FROM note WHERE counter = (SELECT counter FROM note ORDER BY counter LIMIT 1 OFFSET ?)",
                        static_cast<int64_t>(random() % static_cast<uint64_t>(i / 2 + 1)));
        }));
    }
    must(book.container->lock());
#ifdef LYSOEN_TEST_BUILD
    fault::page_gap_kept = false;
#endif
    CHECK((left_over(decode_database(book, disk.content("A.db"))) > 0) == kept);
  }
}
