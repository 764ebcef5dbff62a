// What the first frame's signature covers, and the digest that tells both sides whether they agree about heads.
// Fixed layouts: docs/protocol/exchange.md.
#pragma once
#include <lysoen/entry_store.h>

#include "sync/wire/message.h"

namespace lysoen::session {

inline constexpr std::string_view kHelloLabel = "lysoen/1 hello", kJoinLabel = "lysoen/1 join post";

/// Where a request goes: what binds a signature to one encapsulation under one key of one relay.
struct Envelope {
  RelayId relay;
  PublicKey key{}, encapsulation{};
};

/// suite ‖ relay ‖ key ‖ encapsulation ‖ team ‖ device ‖ counter u64 ‖ version min ‖ version max
Bytes hello_message(const Envelope& envelope, const wire::Hello& hello);
/// suite ‖ relay ‖ key ‖ encapsulation ‖ team ‖ invite key ‖ version min ‖ version max ‖ SHA-256(request)
Bytes join_message(const Envelope& envelope, const wire::JoinPost& post);

/// First 8 bytes of the hash over (feed id ‖ seq u64) of all feeds with seq > 0, by feed id.
uint64_t heads_digest(const std::vector<FeedHead>& heads);

/// A verdict in words: "the relay's store is full".
std::string describe(wire::VerdictCode code);

/// The relay's store failed with this error.
wire::VerdictCode verdict_for(const Error& storage_failure);

}  // namespace lysoen::session
