// One answer, opened and decoded, with nothing done yet: the same for a device and a joiner.
#pragma once
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

/// Errors: no_network if it does not open, with words that tell a page of a captive portal, nothing, a cut and a
/// changed answer apart; what decoding says if the relay itself sent nonsense.
Result<Answer> open_answer(const crypto::Key32& answer_key, const PublicKey& encapsulation, ByteView bytes);

}  // namespace lysoen::session
