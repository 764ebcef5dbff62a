// The HTTP carrier and the loop it runs on (Boost.Asio and Beast behind), and blocking calls for command lines:
//
//   auto outcome = sync_now(vault->sync_peer(), vault->entries(), system_environment(), {});
#pragma once
#include <lysoen/sync/sync.h>

#include <string>

namespace lysoen {

struct HttpOptions {
  /// SHA-256 of the DER form of the only certificate to accept, for https URLs. Replaces the ordinary verification
  /// (chain to the system's authorities, host name), so that a relay may use a certificate it made itself.
  std::optional<Hash> pinned_certificate;
  /// PEM file of further authorities to trust, or empty.
  std::string authorities_file;
  /// "socks5://host:port": every connection goes through it and names are resolved by it, never here. If it does not
  /// answer there is no connection. User and password are not supported.
  std::string proxy;
  std::chrono::milliseconds connect_deadline = std::chrono::seconds(20);  // name, TCP, proxy and TLS together
  std::chrono::milliseconds idle_max = std::chrono::seconds(30);          // an unused connection is kept this long
};

/// A loop and a carrier on it. One thread: the one that calls run().
class HttpStack {
 public:
  virtual ~HttpStack() = default;
  /// Errors: input_refused (a proxy or certificate file that cannot be used).
  static Result<std::unique_ptr<HttpStack>> make(const HttpOptions& options);

  virtual Loop& loop() = 0;
  virtual Carrier& carrier() = 0;
  /// Runs what is posted until stop().
  virtual void run() = 0;
  /// From any thread.
  virtual void stop() = 0;
};

/// Syncs and returns when nothing is left, nothing works or the options' deadline has passed. An Error means that no
/// exchange took place; an outcome with a `failure` means that part of it was done.
Result<SyncOutcome> sync_now(SyncPeer& peer, EntryStore& store, Environment environment, const SyncOptions& options,
                             const HttpOptions& http = {});

/// Posts a join request and asks for the welcome. An Error means that no relay took the request.
Result<JoinOutcome> join_now(JoinErrand errand, Environment environment, const JoinOptions& options,
                             const HttpOptions& http = {});

}  // namespace lysoen
