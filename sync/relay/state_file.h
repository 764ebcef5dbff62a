// The file beside the key file that remembers the newest commit of the store: "<key file>.state", 32 bytes, written in
// place after each durable commit and before anybody is answered. A store whose commits are fewer than this says was
// restored from an older state, and begins a new store epoch.
//
//   "LYSS" ‖ version u32 ‖ store epoch u32 ‖ zero u32 ‖ commits u64 ‖ first 8 bytes of SHA-256(store id ‖ the 24 bytes
//   before)
#pragma once
#include <filesystem>

#include "core/storage/files.h"

namespace lysoen::relay {

struct CommitMark {
  uint32_t epoch = 0;
  uint64_t commits = 0;
};

class StateFile {
 public:
  static Result<StateFile> open(storage::Files& files, const std::filesystem::path& path, const Hash& store_id);
  /// Nothing: new, torn, or of another store.
  const std::optional<CommitMark>& found() const { return found_; }
  /// No sync: a mark that a power cut takes away is only older than the store, which is allowed.
  Result<void> write(const CommitMark& mark);

 private:
  StateFile(std::unique_ptr<storage::File> file, const Hash& store_id) : file_(std::move(file)), store_id_(store_id) {}
  std::unique_ptr<storage::File> file_;
  Hash store_id_;
  std::optional<CommitMark> found_;
};

}  // namespace lysoen::relay
