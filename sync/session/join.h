// The joiner's side: somebody who holds an invite but is no member yet posts one join request through a relay and asks
// for the welcome. Signed by the invite's one-time key. Without I/O, like DeviceExchange.
#pragma once
#include <lysoen/exchange.h>

#include <functional>
#include <memory>

namespace lysoen::session {

struct JoinTicket {
  RelayInfo relay;
  TeamId team;
  PublicKey invite_key{};  // Ed25519 public half of the invite's one-time key
  std::function<Result<Signature>(std::string_view label, ByteView message)> sign;
};

struct JoinAnswer {
  bool posted = false;           // the relay holds a request for this invite
  std::optional<Bytes> welcome;  // sealed to the joiner; for Vault::finish_join
};

class JoinExchange {
 public:
  JoinExchange(JoinTicket ticket, Environment environment);
  ~JoinExchange();
  JoinExchange(JoinExchange&&) noexcept;

  /// Posts the sealed join request (at most 1 KiB); again with the same bytes is harmless.
  Result<Bytes> post(ByteView join_request);
  /// Asks for the welcome.
  Result<Bytes> poll();
  /// Errors: no_network (the answer does not open), trust_refused (invite unknown to the relay, already used by
  /// another request, team not admitted, an answer about something else), storage_full, storage_read_only.
  Result<JoinAnswer> response(ByteView answer);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace lysoen::session
