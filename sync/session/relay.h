// The relay's side of one exchange, without I/O. It is cut in three so that many exchanges share one commit:
//
//   take()    pieces of the request as they arrive: sieve, opening, decoding. Touches no store; any thread, one at a
//   time. apply()   inside the store's transaction: batches, lists, rosters, join requests. answer()  after the durable
//   commit, or after it failed: receipts, verdicts, mailboxes; sealed and padded.
//
// A request without End is cut: what came whole is applied. A frame that does not open, or anything after End, spoils
// the request: nothing more of it is applied and there is no answer that the sender could open. What a portion brought
// before stands, as after a cut: every frame of it opened, and every batch and chunk proves itself.
#pragma once
#include <chrono>
#include <memory>

#include "sync/session/keys.h"
#include "sync/session/relay_store.h"

namespace lysoen::session {

enum class Intake {
  more,     // go on; nothing is known about the sender yet
  opened,   // the first frame opened and its signature holds: see team(), device(), invite_key()
  refused,  // no relay would answer this
};

class RelayExchange {
 public:
  RelayExchange(std::shared_ptr<const RelayKeys> keys, WallTime now, Random& random);
  ~RelayExchange();
  RelayExchange(RelayExchange&&) noexcept;

  /// Errors are in the value: `refused` is final.
  Intake take(ByteView piece);

  /// Opens what came whole so far, so that it can be applied before the rest is here: who is killed or cut off then
  /// loses no more than a chunk. True: give it to apply(), then call settle(), and only then go on with take(). False:
  /// nothing is worth it yet, or what it brings goes together or not at all (lists, rosters, a join request).
  bool portion();
  /// The commit of a portion stands, or failed: then it is applied again with the rest.
  void settle(bool stands);

  /// No more bytes will come: opens what is left. apply() does it otherwise; here it may run on any thread.
  Intake finish();

  // Valid once `opened`.
  const TeamId& team() const;
  const DeviceId& device() const;  // none for a joiner
  bool is_join() const;
  const PublicKey& invite_key() const;  // of a joiner
  bool whole() const;                   // End has come
  /// What apply() would write besides the counter: batches (and their size as the store writes them down), or objects
  /// that must not be undone (lists, rosters, welcomes, join requests). Valid after finish().
  size_t batch_bytes() const;
  bool brings_objects() const;
  /// A portion of it stands already.
  bool is_begun() const;

  /// Requires opened. Errors: the store failed; the caller rolls back and passes the error to answer().
  Result<void> apply(RelayStore& store);

  /// Whether the sender asked to wait and there is nothing for it: the caller may hold the answer until
  /// has_news() or wait() has passed.
  Result<bool> may_hold(RelayStore& store);
  std::chrono::milliseconds wait() const;

  /// The sealed answer; may be called once. `failure`: why the commit failed, or null. `size_max`: bytes, about, if the
  /// sender asked for more; what is left comes with another exchange. 0: as the sender asked.
  Result<Bytes> answer(RelayStore& store, const Error* failure = nullptr, size_t size_max = 0);

  struct State;  // opaque

 private:
  std::unique_ptr<State> state_;
};

/// The whole of it for one request; for tests. The store needs no transaction.
Result<Bytes> respond(RelayStore& store, std::shared_ptr<const RelayKeys> keys, ByteView request, WallTime now,
                      Random& random);

}  // namespace lysoen::session
