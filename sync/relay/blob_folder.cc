#include "sync/relay/blob_folder.h"

#include "core/base/fault.h"
#include "core/base/try.h"

namespace lysoen::relay {

std::string BlobFolder::name_of(const TeamId& team, const BlobName& name) {
  Writer fields;
  fields.id(team).id(name.blob).u64(name.size);
  return to_hex(crypto::labelled_hash("lysoen/1 blob file", fields.bytes()).view().first(20));
}

Result<void> BlobFolder::write(const TeamId& team, const ProvenChunks& chunks, bool whole) {
  const auto name = name_of(team, chunks.name);
  auto at = written_.find(name);
  if (at == written_.end()) {
    auto file = files_.open(folder_ / name, storage::OpenMode::read_write);
    if (!file && file.error().code == ErrorCode::not_found) {
      LYSOEN_TRY(files_.make_folder(folder_));
      file = files_.open(folder_ / name, storage::OpenMode::open_or_create);
      made_ = true;
    }
    if (!file) return std::move(file).error();
    at = written_.emplace(name, blob::ChunkFile(std::move(*file), chunks.name)).first;
  }
  LYSOEN_TRY(at->second.write(chunks));
  return whole ? at->second.finish() : Result<void>();
}

Result<void> BlobFolder::sync() {
  for (auto& [name, file] : written_)
    if (!LYSOEN_FAULT(chunks_not_synced)) LYSOEN_TRY(file.sync());
  if (made_) LYSOEN_TRY(files_.sync_folder(folder_));
  forget();
  return {};
}

Result<blob::ChunkFile> BlobFolder::open(const TeamId& team, const BlobName& name) {
  auto file = files_.open(folder_ / name_of(team, name), storage::OpenMode::read_only);
  if (!file && file.error().code == ErrorCode::not_found)
    return make_error(ErrorCode::damaged, "cannot read an attachment: its file is missing in the relay's store");
  if (!file) return std::move(file).error();
  return blob::ChunkFile(std::move(*file), name);
}

Result<std::vector<std::string>> BlobFolder::names() const {
  auto listed = files_.list(folder_);
  if (!listed && listed.error().code == ErrorCode::not_found) return std::vector<std::string>();
  if (!listed) return listed;
  // On a disk without folders, as tests have it, they lie among others.
  std::erase_if(*listed, [](const std::string& name) { return name.size() != 40 || !from_hex(name); });
  return listed;
}

Result<void> BlobFolder::sweep(const std::set<std::string>& kept) {
  LYSOEN_ASSIGN(auto all, names());
  bool removed = false;
  for (const auto& name : all) {
    if (kept.count(name) != 0) continue;
    LYSOEN_TRY(files_.remove(folder_ / name));
    removed = true;
  }
  return removed ? files_.sync_folder(folder_) : Result<void>();
}

}  // namespace lysoen::relay
