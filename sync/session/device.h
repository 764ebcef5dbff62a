// The device's side of an exchange, without I/O: a request out, an answer in. docs/protocol/exchange.md.
//
//   DeviceExchange exchange(peer, store, relay, environment);
//   do {
//     auto request = exchange.request({.window = 8192});
//     Bytes answer = ...carried by whatever there is...;
//     auto outcome = exchange.response(answer);
//   } while (outcome.ok() && outcome->more());
//
// One object serves one relay for as long as one likes; it remembers between exchanges what need not be stored (which
// key to use, what the relay said it lacks, gaps to ask for). Dropping it loses nothing. Threads: the vault's strand.
#pragma once
#include <lysoen/exchange.h>

#include <chrono>
#include <map>
#include <memory>
#include <set>

namespace lysoen::session {

struct RequestOptions {
  size_t window = 8 * 1024;       // bytes of batches; at least one entry goes whatever its size
  uint32_t wait_ms = 0;           // ask the relay to hold the answer until there is news
  uint32_t answer_max = 1 << 20;  // bytes of the answer, advice to the relay
  bool probe = false;             // no batches: first ask what the relay has (after a cut)
  bool attachments = true;        // false: they wait, in both directions
  bool list_only = false;         // another relay has just brought its news: most of this one's is here
};

/// A batch the relay would not take: set aside by name, the rest goes on.
struct RefusedBatch {
  FeedKey feed;
  uint64_t first_seq = 0, last_seq = 0;
  std::string reason;
};

struct ExchangeOutcome {
  uint64_t entries_sent = 0;      // newly confirmed by receipts of this answer
  uint64_t entries_received = 0;  // newly stored here
  uint64_t entries_left = 0;      // own entries this relay has not confirmed and has not refused
  uint64_t bytes_left = 0;        // of these, by the size of those sent so far; 0 while none was
  bool more_to_send = false;      // another exchange would send something
  bool more_to_fetch = false;     // the relay has more, or the answer was cut after it authenticated
  bool cut = false;               // request or answer ended without End; what came whole was taken
  /// Bytes of what is new by this exchange, either way: stored, confirmed, or listed for the first time since the
  /// object was made. Not what a relay can say without end: what is known, states, receipts, verdicts, made up feeds.
  uint64_t useful = 0;
  uint64_t receipts = 0, rosters = 0, join_requests = 0;
  uint64_t chunks_sent = 0;      // of attachments, newly held by the relay
  uint64_t chunks_received = 0;  // newly stored here
  uint64_t blobs_held = 0;       // attachments that the relay signed for in this answer
  BlobsLeft blobs_left;          // bytes of attachments that this relay has not yet, and that are not here yet
  uint64_t frames_unknown = 0;   // of types this version does not know: passed over
  uint64_t items_missing = 0;    // the relay listed entries that it did not or could not deliver
  std::vector<RefusedBatch> refused;
  bool counter_stale = false;      // the relay has seen a higher counter; raised now
  bool two_places = false;         // the relay saw this device's counter from another copy of it
  bool relay_lost_data = false;    // the relay holds less than it signed for; it is sent again
  std::vector<std::string> notes;  // what a person should know: forks, contradictions; no report text
  bool more() const { return more_to_send || more_to_fetch; }
};

class DeviceExchange {
 public:
  /// All references outlive the object.
  DeviceExchange(SyncPeer& peer, EntryStore& store, RelayInfo relay, Environment environment);
  ~DeviceExchange();
  DeviceExchange(DeviceExchange&&) noexcept;
  DeviceExchange& operator=(DeviceExchange&&) noexcept;

  /// The next request. A request that is never answered needs no cleaning up: ask for another.
  /// Errors: those of the peer and the store.
  Result<Bytes> request(const RequestOptions& options);

  /// While the answer comes: all of it that is here so far. May be called as often as bytes come, or never; response()
  /// follows all the same. Batches and chunks that came whole are stored now and then, cursors move over them, so that
  /// whoever is killed meanwhile loses about one of them. What fails is told by response().
  void part(ByteView so_far);

  /// The answer to the last request. An answer that does not open under its key changes nothing but what part() stored
  /// before (no_network: "something between this device and the relay answered ..."; the next request then uses the
  /// relay's fallback key, later ones every second time). Other errors: trust_refused (the relay does not know the team
  /// or the device; a receipt, key or mailbox point that its identity did not sign), storage_full, storage_read_only
  /// and io_failed (the *relay's* store); a bad receipt and the relay's store are notes instead if the exchange brought
  /// anything else. Also, newer_version, and those of the peer and the store.
  Result<ExchangeOutcome> response(ByteView answer);

  const RelayInfo& relay() const;

  struct State;  // opaque

 private:
  std::unique_ptr<State> state_;
};

}  // namespace lysoen::session
