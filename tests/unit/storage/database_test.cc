#include "core/base/bytes.h"
#include "core/base/try.h"
#include "core/storage/vfs.h"
#include "tests/support/temp_folder.h"
#include "tests/unit/storage/notebook.h"

using namespace lysoen;
using namespace lysoen::storage;
using namespace lysoen::test;

namespace {
struct Fixture {
  Fixture() : book(&disk, true, seed()) { must(book.create()); }
  Database& db() { return book.container->database(); }
  MemoryDisk disk;
  Notebook book;
};
}  // namespace

TEST_CASE("Database: values of every type come back as they were bound", "[storage]") {
  Fixture f;
  must(f.db().execute("CREATE TABLE t(a, b, c, d, e, g, h, i)"));
  ReportId id;
  f.book.random.fill(id.bytes);
  std::array<uint8_t, 3> three{1, 2, 3};
  std::optional<int> nothing;
  must(f.db().run("INSERT INTO t VALUES(?, ?, ?, ?, ?, ?, ?, ?)", INT64_MIN, 0.1, std::string_view("zwölf\0z", 8),
                  Bytes{}, id, three, nullptr, nothing));
  auto query = must(f.db().prepare("SELECT * FROM t"));
  REQUIRE(must(query.step()));
  CHECK(query.integer(0) == INT64_MIN);
  CHECK(query.real(1) == 0.1);
  CHECK(query.text(2) == std::string_view("zwölf\0z", 8));
  CHECK(!query.is_null(3));
  CHECK(query.blob(3).empty());
  CHECK(query.id<ReportId>(4) == id);
  CHECK(query.id<ReportId>(5).is_none());
  CHECK(query.array<3>(5) == three);
  CHECK(query.is_null(6));
  CHECK(query.is_null(7));
  CHECK(!must(query.step()));
}

TEST_CASE("Database: statements nest, are reused, and forget what was bound", "[storage]") {
  Fixture f;
  must(f.db().execute("CREATE TABLE t(a); INSERT INTO t VALUES(1),(2),(3)"));
  constexpr const char* kSql = "SELECT a FROM t WHERE a >= ? ORDER BY a";
  auto outer = must(f.db().prepare(kSql));
  outer.bind(1);
  int rows = 0;
  while (must(outer.step())) {
    auto inner = must(f.db().prepare(kSql));
    inner.bind(3);
    CHECK(must(inner.step()));
    CHECK(inner.integer(0) == 3);
    ++rows;
  }
  CHECK(rows == 3);
  auto unbound = must(f.db().prepare(kSql));
  CHECK(!must(unbound.step()));
}

TEST_CASE("Database: a transaction that goes out of scope leaves nothing", "[storage]") {
  Fixture f;
  must(f.db().execute("CREATE TABLE t(a)"));
  {
    auto transaction = must(Transaction::begin(f.db()));
    must(f.db().run("INSERT INTO t VALUES(1)"));
  }
  CHECK(!f.db().in_transaction());
  CHECK(*must(f.db().integer("SELECT count(*) FROM t")) == 0);
}

TEST_CASE("Database: other files, temporary files and settings that would open a way out are refused", "[storage]") {
  Fixture f;
  for (const char* sql :
       {"ATTACH 'other.db' AS other", "ATTACH ':memory:' AS other", "VACUUM", "VACUUM INTO 'copy.db'"})
    CHECK(!f.db().execute(sql));
  for (const char* sql : {"PRAGMA temp_store=FILE", "PRAGMA mmap_size=1000000", "PRAGMA writable_schema=ON"})
    (void)f.db().execute(sql);
  CHECK(!f.db().execute("UPDATE sqlite_schema SET sql = 'x'"));
  CHECK(must(f.db().integer("PRAGMA mmap_size")).value_or(0) == 0);
  CHECK(f.disk.names() == std::vector<std::string>{"A.db", "A.db-wal", "A.reserve", "A.ring"});
}

TEST_CASE("Database: errors say what and never which value", "[storage]") {
  Fixture f;
  must(f.db().execute("CREATE TABLE t(a TEXT PRIMARY KEY, b INTEGER CHECK(b > 0))"));
  must(f.db().run("INSERT INTO t VALUES('SECRET', 1)"));
  auto twice = f.db().run("INSERT INTO t VALUES(?, 1)", "SECRET");
  REQUIRE(!twice);
  CHECK(twice.error().code == ErrorCode::already_exists);
  CHECK(twice.error().message == "cannot run a statement: there is one already (1555)");
  auto refused = f.db().run("INSERT INTO t VALUES('other SECRET', -1)");
  auto search = f.db().run("SELECT * FROM words WHERE words MATCH ?", "\"SECRET");
  auto missing = f.db().prepare("SELECT SECRET_x FROM nowhere");
  for (const auto& error : {twice.error(), refused.error(), search.error()}) {
    CHECK(error.message.find("SECRET") == std::string::npos);
    CHECK(error.message.find('/') == std::string::npos);
  }
  CHECK(missing.error().code == ErrorCode::internal);
}

TEST_CASE("Database: a failed migration leaves the version before it", "[storage]") {
  Fixture f;
  Migration steps[] = {
      kNotebookSchema[0], kNotebookSchema[1], {"CREATE TABLE fine(a)"}, {"CREATE TABLE broken(a); NONSENSE"}};
  auto done = migrate(f.db(), steps);
  CHECK(!done);
  CHECK(must(schema_version(f.db())) == 3);
  CHECK(!f.db().execute("SELECT * FROM broken"));
  steps[3].sql = "CREATE TABLE broken(a)";
  CHECK(must(migrate(f.db(), steps)));
  CHECK(!must(migrate(f.db(), steps)));
}

TEST_CASE("Files: a file is replaced as a whole or not at all, links are not followed", "[storage]") {
  TempFolder folder;
  auto& files = system_files();
  const auto path = folder.path() / "slots";
  must(replace_file(files, path, as_bytes("first")));
  must(replace_file(files, path, as_bytes("second, longer")));
  CHECK(as_text(must(read_file(files, path, 100))) == "second, longer");
  CHECK(read_file(files, path, 5).error().code == ErrorCode::limit_exceeded);
  CHECK(read_file(files, folder.path() / "none", 5).error().code == ErrorCode::not_found);
  CHECK(!must(files.exists(folder.path() / "slots.new")));
  std::filesystem::create_symlink(path, folder.path() / "link");
  CHECK(!files.open(folder.path() / "link", OpenMode::read_write));
  auto again = files.open(path, OpenMode::create);
  REQUIRE(!again);
  CHECK(again.error().code == ErrorCode::already_exists);
  CHECK(again.error().message.find("slots") == std::string::npos);
  auto status = std::filesystem::status(path).permissions();
  CHECK((status & (std::filesystem::perms::group_all | std::filesystem::perms::others_all)) ==
        std::filesystem::perms::none);

  MemoryDisk disk;
  disk.set_content("slots", to_bytes(as_bytes("old")));
  for (uint64_t at = 1; at < 10; ++at) {
    MemoryDisk::Fault fault;
    fault.at = at;
    disk.set_fault(fault);
    auto replaced = replace_file(disk, "slots", as_bytes("new"));
    const std::string is(as_text(disk.content("slots")));
    CHECK((is == "new" || (is == "old" && !replaced)));
    if (replaced) break;
  }
}

TEST_CASE("Database: a tool that only looks changes no byte", "[storage]") {
  MemoryDisk disk;
  Notebook book(&disk, true, seed());
  must(book.create());
  must(book.save("seen"));
  book.drop();
  const auto image = disk.image();
  {
    auto vfs = Vfs::make(disk, "x/A.db", Vfs::Sealing{book.key, book.vault}, book.random);
    auto db = must(Database::open(std::move(vfs), {.create = false, .read_only = true, .cache_kib = 512}));
    CHECK(*must(db->integer("SELECT count(*) FROM note")) == 1);
    auto refused = db->run("DELETE FROM note");
    REQUIRE(!refused);
    CHECK(refused.error().code == ErrorCode::storage_read_only);
  }
  CHECK(disk.image() == image);
}
