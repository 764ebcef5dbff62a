// Runs of chunks: what proves where they stand, and the reader of runs that come piece by piece.
#pragma once
#include <lysoen/blob.h>

#include "core/blob/ranges.h"
#include "core/crypto/hash.h"

namespace lysoen::blob {

/// Whether the leaf hashes stand where the run says, in the blob that it names.
bool proves(const ChunkRun& run);

/// Takes a run, then its chunks one by one. What came whole and fits is kept, whatever happens to the rest.
class RunReader {
 public:
  /// False: it proves nothing; chunks up to the next run are dropped.
  bool begin(ChunkRun run);
  /// False: not the chunk that comes next; the run ends here.
  bool add(Bytes chunk);
  /// Everything since the last call; the run is over.
  std::vector<ProvenChunks> take();
  /// Everything since the last call; the run goes on.
  std::vector<ProvenChunks> take_so_far();

 private:
  std::vector<Hash> expected_;  // leaf hashes of chunks that are still to come, last first
  std::vector<ProvenChunks> taken_;
};

}  // namespace lysoen::blob
