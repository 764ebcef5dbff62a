// One answer, opened and decoded, with nothing done yet: the same for a device and a joiner.
#pragma once
#include <memory>

#include "core/blob/run.h"
#include "sync/session/frames.h"
#include "sync/session/pull.h"

namespace lysoen::session {

struct Answer {
  std::vector<wire::Verdict> verdicts;
  std::vector<Bytes> keys, receipts, join_requests, welcomes;
  std::vector<wire::Frontier> frontiers;
  std::vector<SealedRoster> rosters;
  std::vector<PullPiece> pieces;
  std::optional<wire::MailboxPoints> points;
  std::vector<wire::BlobState> blobs;
  std::vector<ProvenChunks> chunks;
  bool false_chunks = false;         // some proved nothing, and are not here
  uint64_t unknown = 0;              // frames of types this version does not know
  bool ended = false, more = false;  // not ended: cut; what came whole is here
};

/// Reads an answer while it comes.
class AnswerReader {
 public:
  AnswerReader(const crypto::Key32& answer_key, const PublicKey& encapsulation);
  ~AnswerReader();
  AnswerReader(AnswerReader&&) = delete;

  /// `bytes`: all that came so far. False: no more of it will be read, and finish() says why.
  bool read(ByteView bytes);
  /// Bytes of batches and chunks since the last call of take_chunks().
  size_t waiting() const;
  /// What came whole so far; pieces may be taken off it.
  Answer& answer();
  /// Into answer().chunks: those since the last call.
  void take_chunks();

  /// No more will come. Errors: no_network if it does not open, with words that tell a page of a captive portal,
  /// nothing, a cut and a changed answer apart; what decoding says if the relay itself sent nonsense.
  Result<void> finish(ByteView bytes);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// The whole of it.
Result<Answer> open_answer(const crypto::Key32& answer_key, const PublicKey& encapsulation, ByteView bytes);

}  // namespace lysoen::session
