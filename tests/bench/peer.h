// The peer: the same reports as decoded rows in SQLite, with the indexes that a vault has: unique id, list order,
// R*Tree, full text. Compiled twice, over Debian's SQLite and over SQLite3MultipleCiphers; runs through any VFS.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "tests/bench/workload.h"

struct sqlite3;
struct sqlite3_stmt;

namespace lysoen::bench {

class Peer {
 public:
  struct Setup {
    const char* path;
    const char* vfs = nullptr;     // SQLite's own if null
    int reserved = 0;              // bytes of each page
    const char* cipher = nullptr;  // SQLite3MultipleCiphers: pragma that names the key
    bool new_file = true;
  };
  explicit Peer(const Setup& setup);
  ~Peer();
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  void run(const char* sql);
  void insert(const Sample& sample);
  /// One transaction.
  void insert_all(const Sample* first, size_t count);

  size_t latest(size_t count);
  size_t with_words(const std::string& words, size_t count);
  size_t in_box(double south, double west, double north, double east, size_t count);
  bool by_id(const std::string& id);

 private:
  sqlite3_stmt* prepared(const char* sql);
  size_t rows(sqlite3_stmt* statement);

  sqlite3* database_ = nullptr;
  std::vector<std::pair<const char*, sqlite3_stmt*>> statements_;
};

/// The statements by which page encryption is compared: batches of a hundred, single durable inserts, reads. Tells
/// what each cost under `column`.
void compare_pages(Peer& peer, const std::vector<Sample>& samples, size_t single, const char* column);

}  // namespace lysoen::bench
