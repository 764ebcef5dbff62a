// What one exchange at the relay has read and done so far. Private to relay.cc and relay_answer.cc.
#pragma once
#include <map>

#include "core/blob/run.h"
#include "sync/session/frames.h"
#include "sync/session/hello.h"
#include "sync/session/relay.h"

namespace lysoen::session {

struct RelayExchange::State {
  std::shared_ptr<const RelayKeys> keys;
  WallTime now;
  Random& random;

  // Intake. No secret is kept between calls: ten thousand slow or held exchanges would not fit the arena of secrets, so
  // the context is derived again from the encapsulation (one scalar multiplication) when it is needed.
  Bytes buffer;         // what was not decoded yet; until `opened` all of it
  size_t received = 0;  // bytes
  uint32_t frames = 0;  // decoded
  bool opened = false, refused = false, whole = false, finished = false;
  int key_index = -1;  // which key opens: index in keys->exchange, or its size for the fallback
  PublicKey encapsulation{};

  // What it says.
  bool join = false;
  wire::Hello hello;
  wire::JoinPost post;
  wire::Want want;
  bool wants = false;
  std::vector<Batch> batches;
  std::vector<BlobName> offered;
  std::vector<WantedBlob> asked;
  blob::RunReader runs;
  std::vector<ProvenChunks> chunks;  // taken off `runs`
  std::vector<Bytes> admission_lists, welcomes;
  std::vector<SealedRoster> rosters;
  Assembler list_parts, welcome_parts, roster_parts;
  std::vector<wire::Verdict> malformed;

  // What apply() did.
  bool applied = false, turned_away = false;
  Standing standing;
  CounterState counter;
  bool heads_differ = false;
  std::vector<wire::Verdict> verdicts;
  std::vector<FeedKey> touched;  // feeds to give a receipt for, each once
  std::vector<BlobName> told;    // blobs to say the state of, each once
  JoinState join_state = JoinState::unknown_invite;

  // What portions of it did whose commits stand.
  bool portion = false;  // what is here now is one
  bool begun = false;    // there was one
  struct {
    std::vector<wire::Verdict> verdicts;
    std::vector<FeedKey> touched;
    std::vector<BlobName> told;
  } settled;

  State(std::shared_ptr<const RelayKeys> keys_in, WallTime now_in, Random& random_in)
      : keys(std::move(keys_in)), now(now_in), random(random_in) {}

  const crypto::KemKeyPair& key_at(int index) const {
    return index < static_cast<int>(keys->exchange.size()) ? keys->exchange[static_cast<size_t>(index)].pair
                                                           : keys->fallback;
  }
  Result<crypto::HpkeContext> context_of(int index) const;
  bool passes_gate() const;
  bool open_first();
  void open_rest();
  bool read_frames(FrameOpener& opener, size_t& at);
  bool take_first(const Frame& frame);
  void take_frame(const Frame& frame);
  void take_runs(std::vector<ProvenChunks> runs_taken);
  template <class Message>
  std::optional<Message> read(const Frame& frame, wire::VerdictObject object);

  void refuse(wire::VerdictObject object, wire::VerdictCode code, uint64_t hash8 = 0, uint64_t number = 0);
  Result<bool> admit(RelayStore& store);
  Result<void> apply_batch(RelayStore& store, const Batch& batch);
  Result<void> apply_objects(RelayStore& store);
  Result<void> apply_chunks(RelayStore& store);
  Result<void> apply_join(RelayStore& store);
  void touch(const FeedKey& feed);
  void tell(const BlobName& name);
};

}  // namespace lysoen::session
