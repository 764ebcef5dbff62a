// The relay's HTTP(S) side: connections in, request bodies out in pieces, answers back. Knows nothing of exchanges.
//
// Threads: the listener has `threads` network threads of its own. Calls to the service come from them, for one request
// one at a time; the service may answer from any thread. No client address is ever kept, logged or handed on.
#pragma once
#include <lysoen/ids.h>
#include <lysoen/result.h>

#include <chrono>
#include <functional>
#include <memory>

namespace lysoen::net {

/// What the service says to a piece of a request.
enum class Piece {
  unknown,   // go on, but the sender has not shown yet that it may speak: tight limits hold
  admitted,  // go on
  enough,    // do not read on: end() has an answer for it, then the connection closes
  busy,      // too much at once: hang up with a 503
  crowded,   // this sender has too much under way: hang up with a 429
  refused,   // hang up with a 404, as anything that is no relay would
};

/// What the listener sends back. Anything but 200 closes the connection; a 404 has no body.
struct Answer {
  int status = 200;  // 200, 404, 413, 429, 503
  Bytes body;        // application/octet-stream
};

/// One request as it arrives. Destroyed when the connection breaks or the answer is out; an answer given after that is
/// dropped. The listener waits for `next` before it reads on, so at most one piece of a connection is pending.
class Incoming {
 public:
  virtual ~Incoming() = default;
  using Next = std::function<void(Piece)>;
  using Reply = std::function<void(Answer)>;
  /// At most 64 KiB.
  virtual void take(Bytes piece, Next next) = 0;
  /// The body is over: whole, or cut by a broken connection or a deadline (then the reply goes nowhere).
  virtual void end(bool whole, Reply reply) = 0;
};

/// What the listener has counted since it began; `open` now.
struct ListenerCounts {
  uint64_t open = 0, accepted = 0, turned_away = 0, displaced = 0, late = 0, answered = 0, refused = 0, cut = 0;
};

class Service {
 public:
  virtual ~Service() = default;
  virtual std::shared_ptr<Incoming> begin() = 0;
  /// Nothing while healthy, otherwise why not ("store is read-only"); for GET /healthz.
  virtual std::string unhealthy() = 0;
  /// For GET /metrics: all of the page, Prometheus text format, this listener's counts among it.
  virtual std::string metrics(const ListenerCounts& listener) = 0;
};

struct ListenerOptions {
  std::string address = "127.0.0.1";
  uint16_t port = 0;                       // 0: the system chooses
  std::string certificate_file, key_file;  // PEM; TLS 1.3 when given
  int threads = 2;
  // When all are taken a new one takes the place of the one that has waited longest without an admitted exchange under
  // way: who never showed that it may speak, or is idle and loses nothing. If there is none the new one is closed.
  size_t connections_max = 12000;
  uint64_t body_max = 16u * 1024 * 1024;
  uint64_t unknown_body_max = 4096;                                      // from a sender that is not admitted yet
  std::chrono::milliseconds unknown_deadline = std::chrono::seconds(5);  // from the request's first byte
  // TLS handshake; a request's head; and until a connection that has had no admitted exchange begins a request.
  std::chrono::milliseconds head_deadline = std::chrono::seconds(10);
  std::chrono::milliseconds piece_deadline =
      std::chrono::seconds(30);  // from one piece of a body to the next; answers too
  std::chrono::milliseconds body_deadline = std::chrono::minutes(10);    // all of a body; all of an answer
  std::chrono::milliseconds idle_deadline = std::chrono::seconds(75);    // between requests of who is known
  std::chrono::milliseconds answer_deadline = std::chrono::minutes(10);  // the service's, long polls included
};

class Listener {
 public:
  /// Stops at once. The service must have dropped every Next and Reply before.
  virtual ~Listener() = default;
  /// Binds and begins to serve. Errors: input_refused (address, certificate or key that cannot be used),
  /// already_exists (the port is taken).
  static Result<std::unique_ptr<Listener>> start(const ListenerOptions& options, Service& service);
  /// All that start() would refuse but for a port that is taken. Binds nothing.
  static Result<void> check(const ListenerOptions& options);
  virtual uint16_t port() const = 0;
  /// Graceful: takes no new connection, closes idle ones, lets requests in progress end for at most `patience`.
  virtual void stop(std::chrono::milliseconds patience) = 0;
};

}  // namespace lysoen::net
