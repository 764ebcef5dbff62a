// A disk in memory that breaks on purpose: it fails the n-th call, is full at a given size, and loses power.
//
// Every change is an operation in one ordered list over all files and over the folder itself. What a power cut leaves
// is decided from that list: what was not synced is kept, dropped or torn (a sector is old, new or garbage), write by
// write; names are made, removed and changed for good only by sync_folder. The list can be kept and walked afterwards,
// so that one run gives a crash at each of its calls.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "core/storage/files.h"

namespace lysoen::test {

/// Whole files by name ("A.db"), those of other folders by their way there ("../backup").
using DiskImage = std::map<std::string, Bytes>;

struct DiskOperation {
  enum class Kind : uint8_t { create, write, cut, sync, failed_sync, remove, rename, sync_folder };
  Kind kind = Kind::write;
  uint64_t file = 0;     // a number for each file, whatever its name
  uint64_t offset = 0;   // write; the new size for cut; a seed for failed_sync
  Bytes bytes;           // write
  std::string name, to;  // create, remove, rename; sync_folder: the folder, "" for the disk's own
};

/// What is on the medium, and what was asked of it since without a sync.
class Medium {
 public:
  Medium() = default;
  /// Files are numbered in the order of their names, from 1.
  explicit Medium(const DiskImage& image);
  void take(DiskOperation operation);
  /// The files after a power cut at this moment.
  DiskImage after_cut(std::mt19937_64& random) const;

 private:
  std::map<uint64_t, Bytes> files_;
  std::map<std::string, uint64_t> names_;
  std::vector<DiskOperation> pending_;  // in the order in which they were asked for
};

class MemoryDisk final : public storage::Files {
 public:
  /// Files in `folder` go by their bare names here. Without one all folders are the same.
  explicit MemoryDisk(std::filesystem::path folder = {}) : folder_(std::move(folder)) {}

  enum class Call { open, read, write, truncate, sync, remove, rename, sync_folder };  // open: only what creates
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
  Result<std::vector<std::string>> list(const std::filesystem::path& folder) override;
  Result<void> sync_folder(const std::filesystem::path&) override;

  /// A sync that fails leaves the kernel believing that all is written: later reads show it, later syncs do not bring
  /// it out. A write that fails has written its first half, but on a disk that is read-only.
  void set_fault(Fault fault) { fault_ = std::move(fault), counted_ = 0; }
  /// Calls counted since set_fault.
  uint64_t counted() const { return counted_; }
  /// Called before every call. May set a fault, for this very call; and fork the process.
  void set_watch(std::function<void(Call call)> watch) { watch_ = std::move(watch); }
  /// Together the files may not grow beyond this; a write that would has written what still fits.
  void set_capacity(uint64_t bytes) { capacity_ = bytes; }
  uint64_t used() const;
  uint64_t bytes_written() const { return bytes_written_; }
  uint64_t syncs() const { return syncs_; }

  /// The power goes: what was not synced is kept, dropped or torn. Faults end.
  void lose_power(std::mt19937_64& random);
  /// Keeps every operation from now on; the list begins at what the files hold now, all of it taken as durable.
  void begin_journal();
  const std::vector<DiskOperation>& journal() const { return journal_; }

  /// For looking and for damaging. Setting makes it durable.
  std::vector<std::string> names() const;
  bool has(const std::string& name) const { return entries_.count(name) != 0; }
  Bytes content(const std::string& name) const;
  void set_content(const std::string& name, Bytes content);
  using Image = DiskImage;
  Image image() const;
  void restore(const Image& image);

 private:
  friend class MemoryFile;
  struct Entry {
    uint64_t file = 0;
    Bytes now;
  };
  std::string name_of(const std::filesystem::path& path) const;
  Result<void> meet(Call call, const std::string& name);
  void note(DiskOperation operation);

  std::filesystem::path folder_;
  std::map<std::string, std::shared_ptr<Entry>> entries_;
  Medium medium_;
  uint64_t files_made_ = 0;
  bool journalled_ = false;
  std::vector<DiskOperation> journal_;
  Fault fault_;
  std::function<void(Call)> watch_;
  uint64_t counted_ = 0, capacity_ = UINT64_MAX, bytes_written_ = 0, syncs_ = 0;
};

}  // namespace lysoen::test
