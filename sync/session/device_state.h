// What one device knows about one relay between exchanges, and about the request under way. Private to device*.cc.
#pragma once
#include "core/blob/run.h"
#include "sync/session/answer.h"
#include "sync/session/device.h"
#include "sync/session/frames.h"
#include "sync/session/hello.h"

namespace lysoen::session {

struct DeviceExchange::State {
  SyncPeer& peer;
  EntryStore& store;
  RelayInfo relay;
  Environment environment;

  // Between exchanges; what is lost with the object is found again by the next exchanges.
  int unopened = 0;                       // answers in a row that did not open
  std::map<FeedKey, uint64_t> relay_has;  // less than it confirmed, by its own word
  std::map<FeedKey, uint64_t> refused;    // feed -> first seq that it would not take, or that cannot be read here
  std::set<uint64_t> refused_objects;     // hash8 of rosters, lists and welcomes it would not take
  std::map<FeedKey, uint64_t> gaps;       // feed -> first seq to ask for
  bool gaps_asked = false;                // those of the store
  std::map<FeedKey, uint64_t> own_asked;  // own feeds that differ: from where on they were asked for
  uint64_t log_size = 0, log_root8 = 0;   // newest checkpoint of the relay's log that was seen
  // What the newest answer said that the relay holds of attachments; what stood there before may not be true any more.
  std::map<BlobName, ChunkRanges> blobs_at_relay;
  std::set<BlobName> blobs_refused;         // it would not take them, or they cannot be read here
  std::set<BlobName> blobs_not_there;       // it does not have them whole
  uint64_t entries_put = 0, bytes_put = 0;  // into requests, with what surrounds them: how large an entry is
  // What was of use: the same once more is not, so that a relay cannot make it look as if something moved.
  std::map<FeedKey, uint64_t> listed;            // up to where the relay listed what is held here
  std::map<FeedKey, uint64_t> refilled;          // up to where it has again what it had lost
  std::map<BlobName, uint64_t> chunks_at_relay;  // the most that it said it holds of what was offered
  std::map<BlobName, ChunkRanges> chunks_here;   // what came, of what was asked for
  std::set<uint64_t> errands_done;               // hash8

  // The request under way.
  struct Sent {
    PublicKey key{}, encapsulation{};
    crypto::Key32 answer_key;
    std::vector<MailboxCursor> cursors;
    std::map<FeedKey, uint64_t> confirmed;  // before
    std::vector<FeedHead> heads;
    RelayErrands errands;
    std::map<FeedKey, uint64_t> asked;  // gaps: from where on
    bool gaps_asked = false;
    bool batches = false;
    bool attachments = false;    // may go and be asked for
    std::vector<ChunkRun> runs;  // chunks that went along
    std::vector<WantedBlob> blobs_asked;
    std::vector<BlobName> blobs_offered;
  };
  std::unique_ptr<Sent> sent;  // stays where it is: what comes refers to it

  // The answer to it while it comes.
  struct Coming {
    AnswerReader reader;
    Pull pull;
    ExchangeOutcome so_far;
    bool pulled = false;                               // there is something that end_intake has to know of
    std::optional<Error> pull_failure, chunk_failure;  // nothing more of that kind is taken
    std::chrono::nanoseconds last_end{0}, last_took{0};

    Coming(State& state, const Sent& sent)
        : reader(sent.answer_key, sent.encapsulation),
          pull(state.peer, state.store, state.relay.id, sent.cursors, reader.answer().verdicts, reader.answer().points,
               state.listed) {}
  };
  std::unique_ptr<Coming> coming;  // refers to `sent`

  State(SyncPeer& peer_in, EntryStore& store_in, RelayInfo relay_in, Environment environment_in)
      : peer(peer_in), store(store_in), relay(std::move(relay_in)), environment(environment_in) {}

  Result<PublicKey> choose_key();
  Result<void> add_hello(FrameSealer& out, Sent& now);
  Result<void> add_want(FrameSealer& out, Sent& now, const RequestOptions& options);
  Result<void> add_errands(FrameSealer& out, Sent& now);
  Result<void> add_batches(FrameSealer& out, Sent& now, size_t window);
  Result<void> add_blobs(FrameSealer& out, Sent& now, size_t end, bool waits);
  Result<bool> add_run(FrameSealer& out, Sent& now, const BlobName& name, ChunkRanges& there, size_t end);
  uint64_t first_to_send(const FeedKey& feed, uint64_t confirmed) const;
  /// One past the last seq that the relay may still take.
  uint64_t end_of_sendable(const FeedHead& head) const;
};

/// hash8 by which a verdict names an object.
uint64_t object_hash8(ByteView object);

}  // namespace lysoen::session
