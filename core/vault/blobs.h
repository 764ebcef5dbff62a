// The files of attachments: one sealed blob each, named "<container>.<32 hexadecimal digits>" in the vault's folder.
// What opens them stands in the table `blobs`; a file without a row there is of no use to anybody and is swept away.
// Behind the chunks lies their tree (core/blob/file.h), so that each can be proved when it is sent.
#pragma once
#include "core/vault/container_files.h"
#include "core/vault/record.h"

namespace lysoen::vault {

/// Which file of a container this is by its name, if it is one of an attachment.
std::optional<BlobFile> blob_file(std::string_view name, ContainerName container);

/// A blob's file while it is written. One that is not finished is swept away.
class NewBlob {
 public:
  Result<void> append(ByteView chunk);
  /// It is whole, on the medium and under its name once this returns.
  Result<void> finish();
  const BlobFile& name() const { return name_; }

 private:
  friend class BlobFiles;
  NewBlob(const Place& place, BlobFile name, std::unique_ptr<storage::File> file)
      : place_(&place), name_(name), file_(std::move(file)) {}
  const Place* place_;
  BlobFile name_;
  std::unique_ptr<storage::File> file_;
  uint64_t size_ = 0;
  std::vector<Hash> leaves_;  // 2 MiB for each GiB
};

class BlobFiles {
 public:
  BlobFiles(const Place& place, ContainerName container) : place_(place), container_(container) {}

  Result<NewBlob> begin(Random& random);
  /// Seals the source into a new file; after an error there is none. `report` is left to the caller.
  Result<SavedBlob> put(const media::Source& source, Random& random);
  /// Reads the blob to its end; what comes out counts once this returns without an error. Errors: damaged (also: the
  /// file is missing), those of the sink.
  Result<void> read(const SavedBlob& blob, const media::Sink& sink);
  /// Whether the file holds what its id says.
  Result<bool> sound(const SavedBlob& blob);
  /// For reading it as it is. Errors: damaged (it is missing).
  Result<std::unique_ptr<storage::File>> open(const BlobFile& file,
                                              storage::OpenMode mode = storage::OpenMode::read_only);
  /// A file that comes in pieces: a new one, on the medium under its name.
  Result<std::pair<BlobFile, std::unique_ptr<storage::File>>> make(Random& random);
  /// Random bytes over every file of this container that is not among these, then their names go.
  Result<void> sweep(std::vector<BlobFile> kept, Random& random);

 private:
  std::filesystem::path path(const BlobFile& file) const;
  const Place& place_;
  ContainerName container_;
};

}  // namespace lysoen::vault
