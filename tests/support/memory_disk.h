// A disk in memory that breaks on purpose: it fails the n-th call, is full at a given size, and loses power: what was
// not synced is then kept, dropped or torn, write by write, over all files in the order in which they were written.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "core/storage/files.h"

namespace lysoen::test {

class MemoryDisk final : public storage::Files {
 public:
  enum class Call { open, read, write, truncate, sync, remove };
  struct Fault {
    uint64_t at = 0;       // the call that fails, counted from 1 over the kinds that `applies` lets through; 0: none
    bool forever = false;  // and every later one
    ErrorCode code = ErrorCode::io_failed;
    std::function<bool(Call, const std::string& name)> applies = [](Call call, const std::string&) {
      return call != Call::read;
    };
  };

  Result<std::unique_ptr<storage::File>> open(const std::filesystem::path& path, storage::OpenMode mode) override;
  Result<bool> exists(const std::filesystem::path& path) override;
  Result<void> remove(const std::filesystem::path& path) override;
  Result<void> rename(const std::filesystem::path& from, const std::filesystem::path& to) override;
  Result<void> make_folder(const std::filesystem::path&) override { return {}; }
  Result<std::vector<std::string>> list(const std::filesystem::path&) override { return names(); }
  Result<void> sync_folder(const std::filesystem::path&) override { return {}; }

  void set_fault(Fault fault) { fault_ = std::move(fault), counted_ = 0; }
  /// Calls counted since set_fault.
  uint64_t counted() const { return counted_; }
  /// Together the files may not grow beyond this.
  void set_capacity(uint64_t bytes) { capacity_ = bytes; }
  uint64_t used() const;
  uint64_t bytes_written() const { return bytes_written_; }
  uint64_t syncs() const { return syncs_; }

  /// The power goes: unsynced writes are kept, dropped or torn. Faults end.
  void lose_power(std::mt19937_64& random);

  /// Whole files by name ("A.db"), for looking and for damaging. Setting makes it durable.
  std::vector<std::string> names() const;
  bool has(const std::string& name) const { return entries_.count(name) != 0; }
  Bytes content(const std::string& name) const;
  void set_content(const std::string& name, Bytes content);
  using Image = std::map<std::string, Bytes>;
  Image image() const;
  void restore(const Image& image);

 private:
  friend class MemoryFile;
  struct Write {
    bool cut = false;  // a truncation to `offset`
    uint64_t offset = 0;
    Bytes bytes;
  };
  struct Entry {
    Bytes now, durable;
    std::vector<Write> pending;
  };
  Result<void> meet(Call call, const std::string& name);
  static void apply(Bytes& content, const Write& write);

  std::map<std::string, std::shared_ptr<Entry>> entries_;
  Fault fault_;
  uint64_t counted_ = 0, capacity_ = UINT64_MAX, bytes_written_ = 0, syncs_ = 0;
};

}  // namespace lysoen::test
