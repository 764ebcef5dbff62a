// What a bundle says, verified part by part and handed on piece by piece: to a vault (import.cc), or to a relay's store
// (sync/relay/import.cc).
// Constant memory: a record, and a mebibyte or two of chunks.
#pragma once
#include <lysoen/exchange.h>

#include <filesystem>
#include <functional>
#include <memory>

#include "core/blob/run.h"
#include "sync/bundle/format.h"

namespace lysoen::bundle {

/// Takes what was read. An Error ends the reading.
class Sink {
 public:
  virtual ~Sink() = default;
  virtual Result<void> take_roster(const SealedRoster& roster) = 0;
  /// Of a bundle for a relay; not verified.
  virtual Result<void> take_writer(const WriterRecord&) { return {}; }
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

/// A file under way. Belongs to one thread at a time.
class BundleReader {
 public:
  /// The key of the parts, if the head of the file is for who asks.
  using Opens = std::function<std::optional<crypto::Key32>(ByteView head)>;

  /// `whose`: "team" or "relay", for messages. The sink outlives the reader. Errors: not_found, io_failed,
  /// input_refused (no file), damaged (no key opens it).
  static Result<std::unique_ptr<BundleReader>> open(const std::filesystem::path& file, const Opens& opens,
                                                    std::string_view whose, Sink& sink);
  ~BundleReader();

  /// Reads the next part and hands on what is whole with it. False: it was the last. Errors: io_failed, newer_version,
  /// those of the sink.
  Result<bool> next();
  /// Hands on chunks that were gathered and not handed on yet; also after an error, since they are sound.
  Result<void> flush();
  /// So far; `whole` only once next() said false.
  Read read() const;
  uint64_t bytes_done() const;
  uint64_t bytes_all() const;

 private:
  struct State;
  explicit BundleReader(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// Reads all that is whole. Errors: not_found, io_failed, damaged (no key opens it), newer_version, those of the sink.
Result<Read> read_bundle(const std::filesystem::path& file, std::span<const CarrierKey> keys, Sink& sink,
                         const BundleProgress& progress);

}  // namespace lysoen::bundle
