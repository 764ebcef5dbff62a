#include "core/vault/blobs.h"

#include <algorithm>

#include "core/base/bytes.h"
#include "core/base/try.h"
#include "core/blob/file.h"
#include "core/storage/noise.h"

namespace lysoen::vault {

namespace {

std::string prefix_of(ContainerName container) {
  return container == ContainerName::a ? "A." : "B.";
}

/// The chunks of a file.
media::Source reading(storage::File& file, uint64_t size) {
  return [&file, size, at = uint64_t{0}](std::span<uint8_t> into) mutable -> Result<size_t> {
    into = into.first(static_cast<size_t>(std::min<uint64_t>(into.size(), size - at)));
    LYSOEN_ASSIGN(size_t came, file.read_at(at, into));
    at += came;
    return came;
  };
}

}  // namespace

std::optional<BlobFile> blob_file(std::string_view name, ContainerName container) {
  if (!name.starts_with(prefix_of(container))) return std::nullopt;
  auto bytes = from_hex(name.substr(2));
  BlobFile file;
  if (!bytes || bytes->size() != file.size() || to_hex(*bytes) != name.substr(2)) return std::nullopt;
  std::copy(bytes->begin(), bytes->end(), file.begin());
  return file;
}

std::filesystem::path BlobFiles::path(const BlobFile& file) const {
  return place_.folder / (prefix_of(container_) + to_hex(file));
}

Result<std::unique_ptr<storage::File>> BlobFiles::open(const BlobFile& file, storage::OpenMode mode) {
  auto opened = place_.files.open(path(file), mode);
  if (opened || opened.error().code != ErrorCode::not_found) return opened;
  return make_error(ErrorCode::damaged, "cannot open the attachment: its file is missing in the vault's folder",
                    "put the whole folder back as it was; it may be whole on another device");
}

Result<std::pair<BlobFile, std::unique_ptr<storage::File>>> BlobFiles::make(Random& random) {
  BlobFile name;
  random.fill(name);
  LYSOEN_ASSIGN(auto file, place_.files.open(path(name), storage::OpenMode::create));
  LYSOEN_TRY(place_.files.sync_folder(place_.folder));
  return std::pair(name, std::move(file));
}

Result<NewBlob> BlobFiles::begin(Random& random) {
  BlobFile name;
  random.fill(name);
  LYSOEN_ASSIGN(auto file, place_.files.open(path(name), storage::OpenMode::create));
  return NewBlob(place_, name, std::move(file));
}

Result<void> NewBlob::append(ByteView chunk) {
  LYSOEN_TRY(file_->write_at(size_, chunk));
  size_ += chunk.size();
  leaves_.push_back(crypto::merkle_leaf(chunk));
  return {};
}

Result<void> NewBlob::finish() {
  if (leaves_.empty()) return {};  // a damaged one, of a backup
  blob::ChunkFile file(std::move(file_), {BlobId{crypto::merkle_root(leaves_).bytes}, size_});
  LYSOEN_TRY(file.write_leaves(0, leaves_));
  LYSOEN_TRY(file.finish());
  LYSOEN_TRY(file.sync());
  return place_->files.sync_folder(place_->folder);
}

Result<SavedBlob> BlobFiles::put(const media::Source& source, Random& random) {
  LYSOEN_ASSIGN(auto file, begin(random));
  SavedBlob blob;
  blob.file = file.name();
  auto write = [&]() -> Result<void> {
    LYSOEN_ASSIGN(blob.info, media::seal_blob(
                                 source, [&](ByteView chunk) { return file.append(chunk); }, random));
    return file.finish();
  };
  auto written = write();
  if (written) return blob;
  (void)place_.files.remove(path(blob.file));
  return std::move(written).error();
}

Result<void> BlobFiles::read(const SavedBlob& blob, const media::Sink& sink) {
  LYSOEN_ASSIGN(auto file, open(blob.file));
  return media::open_blob(blob.info, reading(*file, media::blob_size(blob.info.size)), sink);
}

Result<bool> BlobFiles::sound(const SavedBlob& blob) {
  auto file = open(blob.file);
  if (!file && file.error().code == ErrorCode::damaged) return false;
  if (!file) return std::move(file).error();
  LYSOEN_ASSIGN(auto id, media::blob_id(reading(**file, media::blob_size(blob.info.size))));
  return id == blob.info.blob;
}

Result<void> BlobFiles::sweep(std::vector<BlobFile> kept, Random& random) {
  std::sort(kept.begin(), kept.end());
  LYSOEN_ASSIGN(auto names, place_.files.list(place_.folder));
  std::vector<BlobFile> gone;
  for (const auto& name : names) {
    auto file = blob_file(name, container_);
    if (file && !std::binary_search(kept.begin(), kept.end(), *file)) gone.push_back(*file);
  }
  if (gone.empty()) return {};
  for (const auto& name : gone) {
    LYSOEN_ASSIGN(auto file, place_.files.open(path(name), storage::OpenMode::read_write));
    LYSOEN_ASSIGN(uint64_t size, file->size());
    LYSOEN_TRY(storage::write_noise(*file, 0, size, random));
    LYSOEN_TRY(file->sync());
  }
  for (const auto& name : gone) LYSOEN_TRY(place_.files.remove(path(name)));
  return place_.files.sync_folder(place_.folder);
}

}  // namespace lysoen::vault
