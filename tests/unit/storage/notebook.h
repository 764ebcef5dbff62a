// A small owner of a container for the tests: notes (saves), things seen (plain) and an era (durable).
#pragma once
#include <map>
#include <memory>

#include "core/storage/container.h"
#include "tests/support/catch.h"
#include "tests/support/memory_disk.h"
#include "tests/support/seed.h"

namespace lysoen::test {

/// Fails the test with the error's message.
template <class T>
T must(Result<T> result) {
  if (!result) FAIL(result.error().message);
  if constexpr (!std::is_void_v<T>) return std::move(result).value();
}

inline constexpr storage::Migration kNotebookSchema[] = {
    {"CREATE TABLE note(counter INTEGER PRIMARY KEY, body TEXT NOT NULL);"
     "CREATE TABLE seen(number INTEGER PRIMARY KEY);"
     "CREATE TABLE era(id INTEGER PRIMARY KEY CHECK(id = 1), number INTEGER NOT NULL); INSERT INTO era VALUES(1, 0);"},
    {"CREATE VIRTUAL TABLE words USING fts5(body);"
     "CREATE VIRTUAL TABLE places USING rtree(id, west, east, south, north);"}};

class Notebook {
 public:
  /// Small ring and log, so that every path is walked often. On `disk`, or on the system's files if null.
  Notebook(MemoryDisk* disk, bool sealed, uint64_t seed_value, std::filesystem::path folder = "x");

  Result<void> create();
  Result<storage::OpenReport> open();
  /// As a kill would leave it.
  void drop() {
    if (container) container->abandon();
    container.reset();
  }

  Result<uint64_t> save(const std::string& body);
  Result<void> see(int64_t number);
  Result<void> set_era(int64_t number);
  std::map<uint64_t, std::string> notes();
  int64_t seen();  // and checks that they are 1..n
  int64_t era();
  std::string check();  // integrity_check

  storage::Container::SaveWork writing(const std::string& body);

  SeededRandom random;
  crypto::Key32 key;
  storage::VaultId vault;
  storage::Container::Options options;
  std::unique_ptr<storage::Container> container;
};

}  // namespace lysoen::test
