#include "tests/support/memory_disk.h"

#include <algorithm>
#include <cstring>

#include "core/base/try.h"

namespace lysoen::test {

using storage::File;
using storage::OpenMode;

class MemoryFile final : public File {
 public:
  MemoryFile(MemoryDisk& disk, std::shared_ptr<MemoryDisk::Entry> entry, std::string name)
      : disk_(disk), entry_(std::move(entry)), name_(std::move(name)) {}

  Result<size_t> read_at(uint64_t offset, std::span<uint8_t> out) override {
    LYSOEN_TRY(disk_.meet(MemoryDisk::Call::read, name_));
    if (offset >= entry_->now.size()) return size_t{0};
    size_t size = std::min<size_t>(out.size(), entry_->now.size() - offset);
    std::memcpy(out.data(), entry_->now.data() + offset, size);
    return size;
  }
  Result<void> write_at(uint64_t offset, ByteView bytes) override {
    LYSOEN_TRY(disk_.meet(MemoryDisk::Call::write, name_));
    uint64_t end = offset + bytes.size();
    if (end > entry_->now.size() && disk_.used() + (end - entry_->now.size()) > disk_.capacity_)
      return make_error(ErrorCode::storage_full, "cannot write a file of the store: no space left");
    return add({false, offset, Bytes(bytes.begin(), bytes.end())});
  }
  Result<uint64_t> size() override { return static_cast<uint64_t>(entry_->now.size()); }
  Result<void> truncate(uint64_t size) override {
    LYSOEN_TRY(disk_.meet(MemoryDisk::Call::truncate, name_));
    return add({true, size, {}});
  }
  Result<void> sync() override {
    LYSOEN_TRY(disk_.meet(MemoryDisk::Call::sync, name_));
    ++disk_.syncs_;
    for (const auto& write : entry_->pending) MemoryDisk::apply(entry_->durable, write);
    entry_->pending.clear();
    return {};
  }
  Result<void> lock_range(uint64_t, uint64_t) override { return {}; }

 private:
  Result<void> add(MemoryDisk::Write write) {
    disk_.bytes_written_ += write.bytes.size();
    MemoryDisk::apply(entry_->now, write);
    entry_->pending.push_back(std::move(write));
    return {};
  }
  MemoryDisk& disk_;
  std::shared_ptr<MemoryDisk::Entry> entry_;
  std::string name_;
};

void MemoryDisk::apply(Bytes& content, const Write& write) {
  if (write.cut) {
    content.resize(write.offset);
    return;
  }
  if (content.size() < write.offset + write.bytes.size()) content.resize(write.offset + write.bytes.size());
  std::memcpy(content.data() + write.offset, write.bytes.data(), write.bytes.size());
}

Result<void> MemoryDisk::meet(Call call, const std::string& name) {
  if (!fault_.applies(call, name)) return {};
  ++counted_;
  if (fault_.at == 0 || counted_ < fault_.at || (!fault_.forever && counted_ > fault_.at)) return {};
  return make_error(fault_.code, "cannot use a file of the store: injected");
}

Result<std::unique_ptr<File>> MemoryDisk::open(const std::filesystem::path& path, OpenMode mode) {
  const std::string name = path.filename().string();
  auto found = entries_.find(name);
  if (mode == OpenMode::create || (mode == OpenMode::open_or_create && found == entries_.end()))
    LYSOEN_TRY(meet(Call::open, name));
  if (found != entries_.end() && mode == OpenMode::create)
    return make_error(ErrorCode::already_exists, "there already");
  if (found == entries_.end()) {
    if (mode == OpenMode::read_only || mode == OpenMode::read_write)
      return make_error(ErrorCode::not_found, "not there");
    found = entries_.emplace(name, std::make_shared<Entry>()).first;
  }
  return std::unique_ptr<File>(std::make_unique<MemoryFile>(*this, found->second, name));
}

Result<bool> MemoryDisk::exists(const std::filesystem::path& path) {
  return has(path.filename().string());
}

Result<void> MemoryDisk::remove(const std::filesystem::path& path) {
  LYSOEN_TRY(meet(Call::remove, path.filename().string()));
  entries_.erase(path.filename().string());
  return {};
}

Result<void> MemoryDisk::rename(const std::filesystem::path& from, const std::filesystem::path& to) {
  auto node = entries_.extract(from.filename().string());
  if (!node) return make_error(ErrorCode::not_found, "not there");
  entries_[to.filename().string()] = node.mapped();
  return {};
}

uint64_t MemoryDisk::used() const {
  uint64_t sum = 0;
  for (const auto& [name, entry] : entries_) sum += entry->now.size();
  return sum;
}

void MemoryDisk::lose_power(std::mt19937_64& random) {
  constexpr size_t kSector = 512;
  for (auto& [name, entry] : entries_) {
    for (auto& write : entry->pending) {
      switch (random() % 3) {
        case 0:
          apply(entry->durable, write);
          break;
        case 1:
          break;    // never reached the medium
        default: {  // sector by sector: new, old, or neither
          if (write.cut) break;
          const auto before = entry->durable;
          auto whole = write;
          for (uint64_t at = write.offset - write.offset % kSector; at < write.offset + write.bytes.size();
               at += kSector) {
            const uint64_t first = std::max(at, write.offset),
                           last = std::min(at + kSector, write.offset + write.bytes.size());
            Write piece{false, first,
                        Bytes(write.bytes.begin() + static_cast<long>(first - write.offset),
                              write.bytes.begin() + static_cast<long>(last - write.offset))};
            switch (random() % 3) {
              case 0:
                apply(entry->durable, piece);
                break;
              case 1:
                break;
              default:
                for (auto& byte : piece.bytes) byte = static_cast<uint8_t>(random());
                apply(entry->durable, piece);
            }
          }
        }
      }
    }
    entry->pending.clear();
    entry->now = entry->durable;
  }
  fault_ = Fault{};
}

std::vector<std::string> MemoryDisk::names() const {
  std::vector<std::string> out;
  for (const auto& [name, entry] : entries_) out.push_back(name);
  return out;
}
Bytes MemoryDisk::content(const std::string& name) const {
  auto found = entries_.find(name);
  return found == entries_.end() ? Bytes() : found->second->now;
}
void MemoryDisk::set_content(const std::string& name, Bytes content) {
  auto& entry = entries_[name];
  if (!entry) entry = std::make_shared<Entry>();
  entry->now = entry->durable = std::move(content);
  entry->pending.clear();
}
MemoryDisk::Image MemoryDisk::image() const {
  Image image;
  for (const auto& [name, entry] : entries_) image[name] = entry->now;
  return image;
}
void MemoryDisk::restore(const Image& image) {
  entries_.clear();
  for (const auto& [name, content] : image) set_content(name, content);
  fault_ = Fault{};
}

}  // namespace lysoen::test
