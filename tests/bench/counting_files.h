// The system's files, every write and sync counted, by file: what a vault really writes.
#pragma once
#include <map>
#include <string>

#include "core/storage/files.h"

namespace lysoen::bench {

struct Written {
  uint64_t bytes = 0, writes = 0, syncs = 0;
  Written operator-(const Written& before) const {
    return {bytes - before.bytes, writes - before.writes, syncs - before.syncs};
  }
};

class CountingFiles final : public storage::Files {
 public:
  Result<std::unique_ptr<storage::File>> open(const std::filesystem::path& path, storage::OpenMode mode) override {
    auto opened = under_.open(path, mode);
    if (!opened) return opened;
    return std::unique_ptr<storage::File>(new Counted(std::move(*opened), by_file_[path.filename().string()]));
  }
  Result<bool> exists(const std::filesystem::path& path) override { return under_.exists(path); }
  Result<void> remove(const std::filesystem::path& path) override { return under_.remove(path); }
  Result<void> rename(const std::filesystem::path& from, const std::filesystem::path& to) override {
    return under_.rename(from, to);
  }
  Result<void> make_folder(const std::filesystem::path& folder) override { return under_.make_folder(folder); }
  Result<std::vector<std::string>> list(const std::filesystem::path& folder) override { return under_.list(folder); }
  Result<void> sync_folder(const std::filesystem::path& folder) override { return under_.sync_folder(folder); }

  Written of(const std::string& name) { return by_file_[name]; }
  Written all() const {
    Written sum;
    for (const auto& [name, file] : by_file_) {
      sum.bytes += file.bytes;
      sum.writes += file.writes;
      sum.syncs += file.syncs;
    }
    return sum;
  }

 private:
  class Counted final : public storage::File {
   public:
    Counted(std::unique_ptr<storage::File> under, Written& written) : under_(std::move(under)), written_(written) {}
    Result<size_t> read_at(uint64_t offset, std::span<uint8_t> out) override { return under_->read_at(offset, out); }
    Result<void> write_at(uint64_t offset, ByteView bytes) override {
      written_.bytes += bytes.size();
      ++written_.writes;
      return under_->write_at(offset, bytes);
    }
    Result<uint64_t> size() override { return under_->size(); }
    Result<void> truncate(uint64_t size) override { return under_->truncate(size); }
    Result<void> sync() override {
      ++written_.syncs;
      return under_->sync();
    }
    Result<void> lock_range(uint64_t offset, uint64_t size) override { return under_->lock_range(offset, size); }

   private:
    std::unique_ptr<storage::File> under_;
    Written& written_;
  };

  storage::Files& under_ = storage::system_files();
  std::map<std::string, Written> by_file_;  // its references stay good
};

}  // namespace lysoen::bench
