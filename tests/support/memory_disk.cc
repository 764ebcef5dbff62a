#include "tests/support/memory_disk.h"

#include <algorithm>

#include "core/base/try.h"

namespace lysoen::test {

using storage::File;
using storage::OpenMode;
using Kind = DiskOperation::Kind;

namespace {

constexpr uint64_t kSector = 512;
constexpr uint64_t kFolder = 0;  // as a file's number

bool is_of_folder(Kind kind) {
  return kind == Kind::create || kind == Kind::remove || kind == Kind::rename;
}

void overwrite(Bytes& content, uint64_t offset, ByteView bytes) {
  if (content.size() < offset + bytes.size()) content.resize(offset + bytes.size());
  std::copy(bytes.begin(), bytes.end(), content.begin() + static_cast<ptrdiff_t>(offset));
}

void perform(Bytes& content, const DiskOperation& operation) {
  if (operation.kind == Kind::cut)
    content.resize(operation.offset);
  else
    overwrite(content, operation.offset, operation.bytes);
}

std::string folder_of(const std::string& name) {
  return std::filesystem::path(name).parent_path().generic_string();
}

/// Gives everything in one folder the same name in another.
template <class Entry>
void move_folder(std::map<std::string, Entry>& names, const std::string& from, const std::string& to) {
  std::map<std::string, Entry> moved;
  for (auto& [name, entry] : names) {
    const bool inside = folder_of(name) == from;
    const auto file = std::filesystem::path(name).filename();
    moved[inside ? (std::filesystem::path(to) / file).generic_string() : name] = std::move(entry);
  }
  names = std::move(moved);
}

void perform(std::map<std::string, uint64_t>& names, const DiskOperation& operation) {
  switch (operation.kind) {
    case Kind::create:
      names[operation.name] = operation.file;
      break;
    case Kind::remove:
      names.erase(operation.name);
      break;
    default:
      if (operation.file == kFolder) return move_folder(names, operation.name, operation.to);
      // Whether its creation was kept or not: the new name is the file's.
      names.erase(operation.name);
      names[operation.to] = operation.file;
  }
}

// Sector by sector: new, old, or neither.
void tear(Bytes& content, const DiskOperation& write, std::mt19937_64& random) {
  const uint64_t end = write.offset + write.bytes.size();
  for (uint64_t at = write.offset - write.offset % kSector; at < end; at += kSector) {
    const uint64_t first = std::max(at, write.offset), last = std::min(at + kSector, end);
    auto sector = ByteView(write.bytes).subspan(first - write.offset, last - first);
    switch (random() % 3) {
      case 0:
        overwrite(content, first, sector);
        break;
      case 1:
        break;
      default: {
        Bytes garbage(sector.begin(), sector.end());
        for (auto& byte : garbage) byte = static_cast<uint8_t>(random());
        overwrite(content, first, garbage);
      }
    }
  }
}

enum class Fate { kept, dropped, torn };

void settle(Bytes& content, const DiskOperation& operation, Fate fate, std::mt19937_64& random) {
  if (fate == Fate::kept) perform(content, operation);
  if (fate == Fate::torn && operation.kind == Kind::write) tear(content, operation, random);
}

// How one power cut treats what was not synced: each by itself; a beginning of it, the last one torn; none; all but
// one.
class Cut {
 public:
  Cut(size_t pending, std::mt19937_64& random)
      : random_(random), way_(random() % 5), border_(pending ? random() % pending : 0) {}
  Fate fate(size_t number) {
    switch (way_) {
      case 0:
        return number == border_ ? Fate::torn : number < border_ ? Fate::kept : Fate::dropped;
      case 1:
        return Fate::dropped;
      case 2:
        return number == border_ ? Fate::dropped : Fate::kept;
      default:
        return static_cast<Fate>(random_() % 3);
    }
  }

 private:
  std::mt19937_64& random_;
  uint64_t way_, border_;
};

}  // namespace

// -- The medium -----------------------------------------------------------------------------------------------------

Medium::Medium(const DiskImage& image) {
  uint64_t number = 0;
  for (const auto& [name, content] : image) {
    names_[name] = ++number;
    files_[number] = content;
  }
}

void Medium::take(DiskOperation operation) {
  if (operation.kind == Kind::sync || operation.kind == Kind::failed_sync) {
    std::mt19937_64 random(operation.offset);
    for (const auto& write : pending_) {
      if (write.file != operation.file || is_of_folder(write.kind)) continue;
      auto fate = operation.kind == Kind::sync ? Fate::kept : static_cast<Fate>(random() % 3);
      settle(files_[write.file], write, fate, random);
    }
    std::erase_if(pending_,
                  [&](const auto& write) { return write.file == operation.file && !is_of_folder(write.kind); });
  } else if (operation.kind == Kind::sync_folder) {
    auto stands = [&](const DiskOperation& change) {
      return is_of_folder(change.kind) && folder_of(change.name) == operation.name;
    };
    for (const auto& change : pending_)
      if (stands(change)) perform(names_, change);
    std::erase_if(pending_, stands);
  } else {
    pending_.push_back(std::move(operation));
  }
}

DiskImage Medium::after_cut(std::mt19937_64& random) const {
  auto files = files_;
  auto names = names_;
  Cut cut(pending_.size(), random);
  for (size_t i = 0; i < pending_.size(); ++i) {
    const auto& operation = pending_[i];
    const auto fate = cut.fate(i);
    if (!is_of_folder(operation.kind))
      settle(files[operation.file], operation, fate, random);
    else if (fate == Fate::kept)
      perform(names, operation);
  }
  DiskImage image;
  for (const auto& [name, file] : names) image[name] = std::move(files[file]);
  return image;
}

// -- The disk as a process sees it ----------------------------------------------------------------------------------

class MemoryFile final : public File {
 public:
  MemoryFile(MemoryDisk& disk, std::shared_ptr<MemoryDisk::Entry> entry, std::string name)
      : disk_(disk), entry_(std::move(entry)), name_(std::move(name)) {}

  Result<size_t> read_at(uint64_t offset, std::span<uint8_t> out) override {
    LYSOEN_TRY(disk_.meet(MemoryDisk::Call::read, name_));
    if (offset >= entry_->now.size()) return size_t{0};
    size_t size = std::min<size_t>(out.size(), entry_->now.size() - offset);
    std::copy_n(entry_->now.begin() + static_cast<ptrdiff_t>(offset), size, out.begin());
    return size;
  }
  Result<void> write_at(uint64_t offset, ByteView bytes) override {
    auto met = disk_.meet(MemoryDisk::Call::write, name_);
    size_t fits = bytes.size();
    if (!met) fits = met.error().code == ErrorCode::storage_read_only ? 0 : bytes.size() / 2;
    const uint64_t room = disk_.capacity_ - std::min(disk_.capacity_, disk_.used());
    const uint64_t inside =
        std::min<uint64_t>(bytes.size(), entry_->now.size() - std::min<uint64_t>(offset, entry_->now.size()));
    if (met && bytes.size() - inside > room) {
      fits = static_cast<size_t>(inside + room);
      met = make_error(ErrorCode::storage_full, "cannot write a file of the store: no space left");
    }
    if (met || fits > 0)
      change({Kind::write,
              entry_->file,
              offset,
              Bytes(bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(fits)),
              {},
              {}});
    return met;
  }
  Result<uint64_t> size() override { return static_cast<uint64_t>(entry_->now.size()); }
  Result<void> truncate(uint64_t size) override {
    LYSOEN_TRY(disk_.meet(MemoryDisk::Call::truncate, name_));
    change({Kind::cut, entry_->file, size, {}, {}, {}});
    return {};
  }
  Result<void> sync() override {
    auto met = disk_.meet(MemoryDisk::Call::sync, name_);
    disk_.syncs_ += met.ok();
    disk_.note({met ? Kind::sync : Kind::failed_sync, entry_->file, disk_.counted_, {}, {}, {}});
    return met;
  }
  Result<void> lock_range(uint64_t, uint64_t) override { return {}; }

 private:
  void change(DiskOperation operation) {
    disk_.bytes_written_ += operation.bytes.size();
    perform(entry_->now, operation);
    disk_.note(std::move(operation));
  }
  MemoryDisk& disk_;
  std::shared_ptr<MemoryDisk::Entry> entry_;
  std::string name_;
};

std::string MemoryDisk::name_of(const std::filesystem::path& path) const {
  if (folder_.empty()) return path.filename().string();
  auto name = path.lexically_relative(folder_).lexically_normal().generic_string();
  return name == "." ? "" : name;
}

void MemoryDisk::note(DiskOperation operation) {
  if (journalled_) journal_.push_back(operation);
  medium_.take(std::move(operation));
}

Result<void> MemoryDisk::meet(Call call, const std::string& name) {
  if (watch_) watch_(call);
  if (!fault_.applies(call, name)) return {};
  ++counted_;
  if (fault_.at == 0 || counted_ < fault_.at || (!fault_.forever && counted_ > fault_.at)) return {};
  return make_error(fault_.code, "cannot use a file of the store: injected");
}

Result<std::unique_ptr<File>> MemoryDisk::open(const std::filesystem::path& path, OpenMode mode) {
  const std::string name = name_of(path);
  auto found = entries_.find(name);
  if (mode == OpenMode::create || (mode == OpenMode::open_or_create && found == entries_.end()))
    LYSOEN_TRY(meet(Call::open, name));
  if (found != entries_.end() && mode == OpenMode::create)
    return make_error(ErrorCode::already_exists, "there already");
  if (found == entries_.end()) {
    if (mode == OpenMode::read_only || mode == OpenMode::read_write)
      return make_error(ErrorCode::not_found, "not there");
    found = entries_.emplace(name, std::make_shared<Entry>(Entry{++files_made_, {}})).first;
    note({Kind::create, files_made_, 0, {}, name, {}});
  }
  return std::unique_ptr<File>(std::make_unique<MemoryFile>(*this, found->second, name));
}

Result<bool> MemoryDisk::exists(const std::filesystem::path& path) {
  return has(name_of(path));
}

Result<void> MemoryDisk::remove(const std::filesystem::path& path) {
  const std::string name = name_of(path);
  LYSOEN_TRY(meet(Call::remove, name));
  auto found = entries_.find(name);
  if (found == entries_.end()) return {};
  note({Kind::remove, found->second->file, 0, {}, name, {}});
  entries_.erase(found);
  return {};
}

Result<void> MemoryDisk::rename(const std::filesystem::path& from, const std::filesystem::path& to) {
  const std::string name = name_of(from), target = name_of(to);
  LYSOEN_TRY(meet(Call::rename, name));
  if (!folder_.empty() && !list(from)->empty()) {
    note({Kind::rename, kFolder, 0, {}, name, target});
    move_folder(entries_, name, target);
    return {};
  }
  auto node = entries_.extract(name);
  if (!node) return make_error(ErrorCode::not_found, "not there");
  note({Kind::rename, node.mapped()->file, 0, {}, name, target});
  entries_[target] = node.mapped();
  return {};
}

Result<std::vector<std::string>> MemoryDisk::list(const std::filesystem::path& folder) {
  if (folder_.empty()) return names();
  std::vector<std::string> inside;
  for (const auto& [name, entry] : entries_)
    if (folder_of(name) == name_of(folder)) inside.push_back(std::filesystem::path(name).filename().string());
  return inside;
}

Result<void> MemoryDisk::sync_folder(const std::filesystem::path& folder) {
  LYSOEN_TRY(meet(Call::sync_folder, ""));
  note({Kind::sync_folder, 0, 0, {}, folder_.empty() ? std::string() : name_of(folder), {}});
  return {};
}

uint64_t MemoryDisk::used() const {
  uint64_t sum = 0;
  for (const auto& [name, entry] : entries_) sum += entry->now.size();
  return sum;
}

void MemoryDisk::lose_power(std::mt19937_64& random) {
  restore(medium_.after_cut(random));
}

void MemoryDisk::begin_journal() {
  medium_ = Medium(image());
  files_made_ = 0;
  for (auto& [name, entry] : entries_) entry->file = ++files_made_;  // as the medium numbers them
  journalled_ = true;
  journal_.clear();
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
  auto found = entries_.find(name);
  if (found == entries_.end()) {
    found = entries_.emplace(name, std::make_shared<Entry>(Entry{++files_made_, {}})).first;
    note({Kind::create, files_made_, 0, {}, name, {}});
    note({Kind::sync_folder, 0, 0, {}, folder_of(name), {}});
  }
  const uint64_t file = found->second->file;
  found->second->now = content;
  note({Kind::cut, file, 0, {}, {}, {}});
  note({Kind::write, file, 0, std::move(content), {}, {}});
  note({Kind::sync, file, 0, {}, {}, {}});
}
MemoryDisk::Image MemoryDisk::image() const {
  Image image;
  for (const auto& [name, entry] : entries_) image[name] = entry->now;
  return image;
}
void MemoryDisk::restore(const Image& image) {
  entries_.clear();
  medium_ = Medium(image);
  files_made_ = 0;
  for (const auto& [name, content] : image) entries_[name] = std::make_shared<Entry>(Entry{++files_made_, content});
  fault_ = Fault{};
}

}  // namespace lysoen::test
