// The files of attachments: one sealed blob each, named "<container>.<32 hexadecimal digits>" in the vault's folder.
// What opens them stands in the table `blobs`; a file without a row there is of no use to anybody and is swept away.
#pragma once
#include "core/vault/container_files.h"
#include "core/vault/record.h"

namespace lysoen::vault {

class BlobFiles {
 public:
  BlobFiles(const Place& place, ContainerName container) : place_(place), container_(container) {}

  /// Seals the source into a new file. It is whole, on the medium and under its name once this returns; after an error
  /// it is gone. `report` is left to the caller.
  Result<SavedBlob> put(const media::Source& source, Random& random);
  /// Reads the blob to its end; what comes out counts once this returns without an error. Errors: not_found, damaged.
  Result<void> read(const SavedBlob& blob, const media::Sink& sink);
  /// Whether the file holds what its id says.
  Result<bool> sound(const SavedBlob& blob);
  /// Random bytes over every file of this container that is not among these, then their names go.
  Result<void> sweep(std::vector<BlobFile> kept, Random& random);

  /// A blob that comes in pieces, as restore reads it. A file that is not finished is swept away.
  Result<BlobFile> begin(Random& random);
  Result<void> append(const BlobFile& file, ByteView chunk);
  Result<void> finish(const BlobFile& file);
  /// For reading it as it is. Errors: damaged (it is missing).
  Result<std::unique_ptr<storage::File>> open(const BlobFile& file);

 private:
  std::filesystem::path path(const BlobFile& file) const;
  const Place& place_;
  ContainerName container_;
};

}  // namespace lysoen::vault
