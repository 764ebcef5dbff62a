#include <sys/wait.h>
#include <unistd.h>

#include "core/base/bytes.h"
#include "core/base/try.h"
#include "tests/support/temp_folder.h"
#include "tests/unit/storage/notebook.h"

using namespace lysoen;
using namespace lysoen::storage;
using namespace lysoen::test;
using Outcome = OpenReport::Outcome;

namespace {

void flip(MemoryDisk& disk, const std::string& name, size_t at) {
  auto content = disk.content(name);
  REQUIRE(at < content.size());
  content[at] ^= 1;
  disk.set_content(name, content);
}

// Where the record with this counter begins: the notebook's records are one block each while notes are short.
constexpr size_t record_at(size_t counter) {
  return counter * kRingBlock;
}
constexpr size_t kBodyAt = 72 + 24;
/// Of its prefix, at the end of its last block.
constexpr size_t copy_at(size_t counter) {
  return record_at(counter + 1) - 72;
}

}  // namespace

TEST_CASE("Container: every row of the recovery table", "[storage]") {
  for (bool sealed : {true, false}) {
    INFO("sealed " << sealed);
    MemoryDisk disk;
    Notebook book(&disk, sealed, seed());
    must(book.create());
    must(book.save("first"));
    must(book.container->checkpoint());
    const auto base = disk.content("A.db");
    must(book.save("second"));
    must(book.save("third"));
    book.drop();
    const auto image = disk.image();

    SECTION("database and ring at n: clean") {
      auto report = must(book.open());
      CHECK(report.outcome == Outcome::clean);
      CHECK(report.counter == 3);
      CHECK(!report.notable());
      CHECK(book.notes().size() == 3);
    }
    SECTION("record n missing: the save stands and its record is written first") {
      flip(disk, "A.ring", record_at(3) + 5);
      flip(disk, "A.ring", copy_at(3) + 5);
      auto report = must(book.open());
      CHECK(report.outcome == Outcome::record_rewritten);
      CHECK(report.counter == 3);
      CHECK(!report.needs_new_incarnation());
      CHECK(book.notes()[3] == "third");
      book.drop();
      CHECK(must(book.open()).outcome == Outcome::clean);
    }
    SECTION("record n known by the copy of its prefix: clean") {
      flip(disk, "A.ring", record_at(3) + 5);
      CHECK(must(book.open()).outcome == Outcome::clean);
      CHECK(must(book.save("fourth")) == 4);
    }
    SECTION("database behind, record n known by the copy of its prefix: replayed") {
      flip(disk, "A.ring", record_at(3) + 5);
      flip(disk, "A.db-wal", 40);
      auto report = must(book.open());
      CHECK(report.replayed == 2);
      CHECK(report.missing.empty());
      CHECK(book.notes()[3] == "third");
    }
    SECTION("record n begun and torn: the same") {
      flip(disk, "A.ring", record_at(3) + kBodyAt + 2);
      CHECK(must(book.open()).outcome == Outcome::record_rewritten);
      CHECK(book.notes()[3] == "third");
      CHECK(must(book.save("fourth")) == 4);
    }
    SECTION("database behind, records there: replayed") {
      flip(disk, "A.db-wal", 40);  // the log's header: SQLite takes it as empty
      auto report = must(book.open());
      CHECK(report.outcome == Outcome::replayed);
      CHECK(report.replayed == 2);
      CHECK(report.counter == 3);
      CHECK(report.notable());
      CHECK(report.wal_cut);
      CHECK(report.wal_kept_aside);
      CHECK(disk.content("A.wal-aside").size() == image.at("A.db-wal").size());
      CHECK(!report.needs_new_incarnation());
      auto notes = book.notes();
      CHECK(notes.size() == 3);
      CHECK(notes[2] == "second");
      CHECK(notes[3] == "third");
      CHECK(*must(book.container->database().integer("SELECT rowid FROM words WHERE words MATCH 'third'")) == 3);
      book.drop();
      CHECK(must(book.open()).outcome == Outcome::clean);
    }
    SECTION("database at n-1, record n begun and unreadable: said so, number not used again") {
      flip(disk, "A.db-wal", 40);
      flip(disk, "A.ring", record_at(3) + kBodyAt + 2);
      auto report = must(book.open());
      CHECK(report.outcome == Outcome::save_may_be_lost);
      CHECK(report.missing == std::vector<OpenReport::Range>{{3, 3}});
      CHECK(report.needs_new_incarnation());
      CHECK(book.notes().size() == 2);
      CHECK(must(book.save("fourth")) == 4);
      book.drop();
      CHECK(must(book.open()).outcome == Outcome::clean);
      CHECK(book.notes()[4] == "fourth");
    }
    SECTION("database behind, a record missing: its number is named, the others are back") {
      flip(disk, "A.db-wal", 40);
      flip(disk, "A.ring", record_at(2) + kBodyAt + 2);
      auto report = must(book.open());
      CHECK(report.outcome == Outcome::records_missing);
      CHECK(report.missing == std::vector<OpenReport::Range>{{2, 2}});
      CHECK(report.needs_new_incarnation());
      auto notes = book.notes();
      CHECK(notes.size() == 2);
      CHECK(notes[3] == "third");
      CHECK(must(book.save("fourth")) == 4);
    }
    SECTION("an older database beside a newer ring: every number in between is missing") {
      for (int i = 0; i < 70; ++i) {
        if (!book.container) must(book.open());
        must(book.save("more " + std::to_string(i)));
      }
      must(book.container->lock());
      disk.set_content("A.db", base);
      disk.set_content("A.db-wal", {});
      auto report = must(book.open());
      CHECK(report.outcome == Outcome::records_missing);
      REQUIRE(report.missing.size() == 1);
      CHECK(report.missing[0].first == 2);
      CHECK(report.replayed + report.missing[0].last == 73);
      CHECK(must(book.save("next")) == 74);
    }
    SECTION("no ring at all: made anew and said so") {
      must(disk.remove("A.ring"));
      auto report = must(book.open());
      CHECK(report.outcome == Outcome::record_rewritten);
      CHECK(report.ring_damaged);
      CHECK(book.notes().size() == 3);
    }
  }
}

TEST_CASE("Container: the ring gives back every save since the last checkpoint, however often it went round",
          "[storage]") {
  auto random = generator(4);
  for (int round = 0; round < 40; ++round) {
    const uint64_t key_seed = random();
    INFO("key " << key_seed);
    MemoryDisk disk;
    Notebook book(&disk, true, key_seed);
    book.options.wal_frames_max = 100000;
    must(book.create());
    std::map<uint64_t, std::string> saved;
    for (size_t i = 0, count = 20 + random() % 60; i < count; ++i) {
      std::string body(random() % 5 == 0 ? random() % 30000 : random() % 200, 'x');
      body += std::to_string(i);
      saved[must(book.save(body))] = body;
    }
    book.drop();
    disk.set_content("A.db-wal", Bytes(disk.content("A.db-wal").size(), 0x55));
    auto report = must(book.open());
    CHECK(report.missing.empty());
    REQUIRE(book.notes() == saved);
  }
}

TEST_CASE("Container: no record that is needed is overwritten, however long a checkpoint has to wait", "[storage]") {
  MemoryDisk disk;
  Notebook book(&disk, true, seed());
  must(book.create());
  std::map<uint64_t, std::string> saved;
  for (int i = 0; i < 2; ++i) saved[must(book.save("first"))] = "first";
  {
    auto query = must(book.container->database().prepare("SELECT counter FROM note"));
    REQUIRE(must(query.step()));
    Result<uint64_t> counter = uint64_t{0};
    for (int i = 0; i < 100; ++i) {
      counter = book.save("waiting " + std::to_string(i));
      if (!counter) break;
      saved[*counter] = "waiting " + std::to_string(i);
    }
    REQUIRE(!counter);
    CHECK(counter.error().code == ErrorCode::usage);
    CHECK(counter.error().message == "cannot save: a query is still being read and the ring needs a checkpoint");
  }
  book.drop();
  disk.set_content("A.db-wal", Bytes(disk.content("A.db-wal").size(), 0x55));
  CHECK(must(book.open()).missing.empty());
  CHECK(book.notes() == saved);
}

TEST_CASE("Container: a record of another history of the vault is not replayed", "[storage]") {
  MemoryDisk disk;
  Notebook book(&disk, true, seed());
  must(book.create());
  must(book.save("common"));
  must(book.container->lock());
  const auto fork = disk.image();
  must(book.open());
  must(book.save("one history"));
  const auto one = disk.image();
  book.drop();
  disk.restore(fork);
  must(book.open());
  must(book.save("other history"));
  must(book.save("other history, later"));
  book.drop();
  // Record 2 of one history and record 3 of the other; the log is gone.
  auto ring = disk.content("A.ring");
  std::copy_n(one.at("A.ring").begin() + record_at(2), kRingBlock, ring.begin() + record_at(2));
  disk.set_content("A.ring", ring);
  disk.set_content("A.db-wal", {});
  auto report = must(book.open());
  CHECK(report.outcome == Outcome::save_may_be_lost);
  CHECK(report.missing == std::vector<OpenReport::Range>{{3, 3}});
  CHECK(report.needs_new_incarnation());
}

TEST_CASE("Container: a failed sync is final until the vault is opened again", "[storage]") {
  for (const char* file : {"A.db-wal", "A.ring"}) {
    INFO(file);
    MemoryDisk disk;
    Notebook book(&disk, true, seed());
    must(book.create());
    must(book.save("first"));
    MemoryDisk::Fault fault;
    fault.at = 1;
    fault.applies = [&](MemoryDisk::Call call, const std::string& name) {
      return call == MemoryDisk::Call::sync && name == file;
    };
    disk.set_fault(fault);
    CHECK(book.save("second").error().code == ErrorCode::io_failed);
    for (auto attempt : {book.save("third").error(), book.see(1).error(), book.set_era(1).error(),
                         book.container->checkpoint().error()}) {
      CHECK(attempt.code == ErrorCode::io_failed);
      CHECK(attempt.message == "cannot write to the store: an earlier write did not reach the medium");
      CHECK(attempt.hint == "close the vault and open it again; what was confirmed as saved is there");
    }
    book.drop();
    must(book.open());
    CHECK(book.notes()[1] == "first");
    CHECK(book.notes().count(3) == 0);
    must(book.save("again"));
  }
}

TEST_CASE("Container: on a full disk the last report is saved from the reserve", "[storage]") {
  for (bool sealed : {true, false}) {
    MemoryDisk disk;
    Notebook book(&disk, sealed, seed());
    must(book.create());
    must(book.save("before"));
    disk.set_capacity(disk.used());
    Result<uint64_t> saved = uint64_t{0};
    std::map<uint64_t, std::string> confirmed = book.notes();
    for (int i = 0; i < 200 && saved; ++i) {
      std::string body(3000, static_cast<char>('a' + i % 26));
      saved = book.save(body);
      if (saved) confirmed[*saved] = body;
    }
    REQUIRE(!saved);
    CHECK(saved.error().code == ErrorCode::storage_full);
    CHECK(saved.error().message.find("no space left") != std::string::npos);
    CHECK(book.notes() == confirmed);

    std::string last(20000, 'z');
    confirmed[must(book.container->last_save(book.writing(last)))] = last;
    CHECK(book.notes() == confirmed);
    auto more = book.save("more");
    REQUIRE(!more);
    CHECK(more.error().code == ErrorCode::storage_full);
    CHECK(more.error().message == "cannot write to the store: the disk is full and the reserve is used up");
    book.drop();
    must(book.open());
    CHECK(book.notes() == confirmed);

    disk.set_capacity(UINT64_MAX);
    CHECK(book.container->reserve_ready());
    CHECK(disk.content("A.reserve").size() == book.options.reserve_size);
    must(book.save("more"));
  }
}

TEST_CASE("Container: the same last save after another full-disk day", "[storage]") {
  MemoryDisk disk;
  Notebook book(&disk, true, seed());
  must(book.create());
  disk.set_capacity(disk.used() + 40000);
  while (book.save(std::string(2000, 'q')))
    ;
  must(book.container->last_save(book.writing("last")));
  auto lock = book.container->lock();
  if (!lock) CHECK(lock.error().code == ErrorCode::storage_full);
  book.container.reset();
  must(book.open());  // a full disk keeps nobody out
  CHECK(book.notes().rbegin()->second == "last");
}

TEST_CASE("Container: work that fails changes nothing, and too large a save is refused with its limit", "[storage]") {
  MemoryDisk disk;
  Notebook book(&disk, true, seed());
  must(book.create());
  must(book.save("first"));
  auto refused = book.container->save([](Database& db, uint64_t counter) -> Result<Bytes> {
    LYSOEN_TRY(db.run("INSERT INTO note VALUES(?, 'half')", counter));
    return make_error(ErrorCode::input_refused, "cannot save: no");
  });
  CHECK(refused.error().message == "cannot save: no");
  auto large = book.save(std::string(book.container->payload_max() + 1, 'x'));
  CHECK(large.error().code == ErrorCode::limit_exceeded);
  CHECK(large.error().message == "cannot save: more than 32584 bytes at once; save it in smaller parts");
  CHECK(book.notes().size() == 1);
  CHECK(must(book.save(std::string(book.container->payload_max(), 'x'))) == 2);
}

TEST_CASE("Container: a checkpoint waits for nobody: an open query is a usage error", "[storage]") {
  MemoryDisk disk;
  Notebook book(&disk, true, seed());
  must(book.create());
  must(book.save("first"));
  must(book.save("second"));
  {
    auto query = must(book.container->database().prepare("SELECT counter FROM note"));
    REQUIRE(must(query.step()));
    CHECK(book.container->checkpoint().error().code == ErrorCode::usage);
    CHECK(book.set_era(5).error().message == "cannot make this durable: a query is still being read");
    must(book.save("third"));  // a save is taken all the same
  }
  must(book.container->checkpoint());
  CHECK(book.era() == 0);
}

TEST_CASE("Container: made by a newer version is refused, and its files are left as they are", "[storage]") {
  MemoryDisk disk;
  Notebook book(&disk, true, seed());
  must(book.create());
  must(book.save("first"));
  must(book.container->lock());
  const auto image = disk.image();
  book.options.migrations = std::span<const Migration>(kNotebookSchema).first(1);
  auto refused = book.open();
  REQUIRE(!refused);
  CHECK(refused.error().code == ErrorCode::newer_version);
  CHECK(refused.error().message == "cannot open the store: made by a newer version (2, this one reads up to 1)");
  auto after = disk.image();
  CHECK(after["A.db"] == image.at("A.db"));
  book.options.migrations = kNotebookSchema;
  must(book.open());
  CHECK(book.notes()[1] == "first");
}

TEST_CASE("Container: another key or another vault's id opens nothing and changes nothing", "[storage]") {
  MemoryDisk disk;
  Notebook book(&disk, true, seed());
  must(book.create());
  must(book.save("first"));
  book.drop();
  auto database = disk.content("A.db");
  SECTION("key") {
    book.key = crypto::Key32::random(book.random);
  }
  SECTION("vault") {
    book.vault.bytes[0] ^= 1;
  }
  auto refused = book.open();
  REQUIRE(!refused);
  CHECK(refused.error().code == ErrorCode::damaged);
  CHECK(disk.content("A.db") == database);
}

TEST_CASE("Container: creation is all or nothing, and never over something that is there", "[storage]") {
  MemoryDisk disk;
  Notebook book(&disk, true, seed());
  for (uint64_t at = 1; at < 400; ++at) {
    MemoryDisk::Fault fault;
    fault.at = at;
    fault.code = ErrorCode::storage_full;
    fault.applies = [](MemoryDisk::Call call, const std::string&) {
      return call == MemoryDisk::Call::open || call == MemoryDisk::Call::write;
    };
    disk.set_fault(fault);
    auto made = book.create();
    if (made) {
      CHECK(at > 10);
      disk.set_fault({});
      break;
    }
    INFO("call " << at << ": " << made.error().message);
    CHECK(made.error().code == ErrorCode::storage_full);
    REQUIRE(disk.names().empty());
  }
  REQUIRE(book.container);
  must(book.save("first"));
  must(book.container->lock());
  auto again = book.create();
  REQUIRE(!again);
  CHECK(again.error().code == ErrorCode::already_exists);
  must(book.open());
  CHECK(book.notes().size() == 1);
}

TEST_CASE("Container: a disk that is full at any byte of a creation is said to be full", "[storage]") {
  MemoryDisk disk;
  Notebook book(&disk, true, seed());
  must(book.create());
  const uint64_t whole = disk.used();
  auto random = generator(9);
  for (uint64_t capacity = 0; capacity < whole; capacity += 1 + random() % 1000) {
    INFO("room for " << capacity << " of " << whole);
    book.drop();
    disk.restore({});
    disk.set_capacity(capacity);
    auto made = book.create();
    REQUIRE(!made);
    CHECK(made.error().code == ErrorCode::storage_full);
    REQUIRE(disk.names().empty());
  }
  disk.set_capacity(UINT64_MAX);
  for (uint64_t at = 1; at < 4000; ++at) {
    INFO("no call from number " << at << " on");
    book.drop();
    disk.restore({});
    MemoryDisk::Fault fault;
    fault.at = at;
    fault.forever = true;
    fault.code = ErrorCode::storage_full;
    disk.set_fault(fault);
    auto made = book.create();
    if (made) break;
    CHECK(made.error().code == ErrorCode::storage_full);
  }
}

TEST_CASE("Container: after lock nothing is answered but that", "[storage]") {
  MemoryDisk disk;
  Notebook book(&disk, true, seed());
  must(book.create());
  must(book.container->lock());
  auto saved = book.save("late");
  REQUIRE(!saved);
  CHECK(saved.error().code == ErrorCode::locked);
  CHECK(book.container->checkpoint().error().code == ErrorCode::locked);
}

TEST_CASE("Container: a save syncs twice, and writes less than plain SQLite with a text index does", "[storage]") {
  MemoryDisk disk;
  Notebook book(&disk, true, seed());
  book.options.wal_frames_max = 100000;
  book.options.ring_size = kRingSize;
  must(book.create());
  for (int i = 0; i < 20; ++i) must(book.save("warm " + std::to_string(i)));
  const auto syncs = disk.syncs(), bytes = disk.bytes_written();
  for (int i = 0; i < 50; ++i) must(book.save("a report of ordinary length, number " + std::to_string(i)));
  CHECK(disk.syncs() - syncs == 100);
  CHECK((disk.bytes_written() - bytes) / 50 <= 50 * 1024);
}

TEST_CASE("FolderLock: it shows from outside whether a session is open or did not end in order", "[storage]") {
  TempFolder folder;
  CHECK(FolderLock::look(folder.path()).error().code == ErrorCode::not_found);
  {
    auto lock = FolderLock::take(folder.path());
    REQUIRE(lock.ok());
    CHECK_FALSE(FolderLock::look(folder.path())->session_open);
    (*lock)->begin_session();
    CHECK(FolderLock::look(folder.path())->taken);
    CHECK_FALSE(FolderLock::look(folder.path())->process);  // the system names other processes only
    CHECK(FolderLock::look(folder.path())->session_open);
  }
  CHECK_FALSE(FolderLock::look(folder.path())->taken);
  CHECK(FolderLock::look(folder.path())->session_open);
  auto lock = FolderLock::take(folder.path());
  CHECK(FolderLock::look(folder.path())->session_open);  // nobody has ended it yet
  (*lock)->begin_session();
  (*lock)->end_session();
  CHECK_FALSE(FolderLock::look(folder.path())->session_open);
}

TEST_CASE("FolderLock: a second process hears that the vault is in use", "[storage]") {
  TempFolder folder;
  auto lock = must(FolderLock::take(folder.path()));
  int child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    auto second = FolderLock::take(folder.path());
    bool right = !second && second.error().code == ErrorCode::vault_in_use &&
                 second.error().message == "cannot open the folder: another process has it open";
    _exit(right ? 0 : 1);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(WEXITSTATUS(status) == 0);
  lock.reset();
  must(FolderLock::take(folder.path()));
  CHECK(std::filesystem::file_size(folder.path() / "lock") == 0);
}
