// What a bundle says, verified part by part and handed on piece by piece (import.cc).
// Constant memory: a record, and a mebibyte or two of chunks.
#pragma once
#include <lysoen/exchange.h>

#include <filesystem>
#include <functional>

#include "core/blob/run.h"
#include "sync/bundle/format.h"

namespace lysoen::bundle {

/// Takes what was read. An Error ends the reading.
class Sink {
 public:
  virtual ~Sink() = default;
  virtual Result<void> take_roster(const SealedRoster& roster) = 0;
  /// With the hashes that follow from its ciphertexts; not verified.
  virtual Result<void> take_batch(Batch batch, size_t bytes) = 0;
  /// Of one blob, proven; at most 1 MiB.
  virtual Result<void> take_chunks(const ProvenChunks& chunks) = 0;
  /// A record that is none.
  virtual void refuse(std::string why) = 0;
};

struct Read {
  bool whole = true;  // every byte of the file is as it was written
  uint64_t records_unknown = 0;
};

/// Reads all that is whole. Errors: not_found, io_failed, damaged (no key opens it), newer_version, those of the sink.
Result<Read> read_bundle(const std::filesystem::path& file, std::span<const CarrierKey> keys, Sink& sink,
                         const BundleProgress& progress);

}  // namespace lysoen::bundle
