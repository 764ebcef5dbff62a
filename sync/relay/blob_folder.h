// The relay's files of attachments: a folder beside the tables, one file for each blob of each team, named by a hash of
// both. What is held of it stands in the table `blob`; a file that no row names is swept away.
//
// Chunks are written, then synced, and only then may the transaction that says so commit.
#pragma once
#include <filesystem>
#include <map>
#include <set>

#include "core/blob/file.h"

namespace lysoen::relay {

class BlobFolder {
 public:
  BlobFolder(storage::Files& files, std::filesystem::path folder) : files_(files), folder_(std::move(folder)) {}

  /// `whole`: with these chunks nothing is missing any more. Not on the medium before sync().
  Result<void> write(const TeamId& team, const ProvenChunks& chunks, bool whole);
  /// What was written since is on the medium.
  Result<void> sync();
  /// Written files are forgotten; what they got is not counted on.
  void forget() { written_.clear(), made_ = false; }

  Result<blob::ChunkFile> open(const TeamId& team, const BlobName& name);
  /// Removes the files of blobs that are not among these.
  Result<void> sweep(const std::set<std::string>& kept);
  /// Names of the files there are, and one of them.
  Result<std::vector<std::string>> names() const;
  Result<std::unique_ptr<storage::File>> open(const std::string& name) const {
    return files_.open(folder_ / name, storage::OpenMode::read_only);
  }
  /// How the file is called.
  static std::string name_of(const TeamId& team, const BlobName& name);

 private:
  storage::Files& files_;
  std::filesystem::path folder_;
  std::map<std::string, blob::ChunkFile> written_;
  bool made_ = false;  // a file since the last sync
};

}  // namespace lysoen::relay
