// Warrants: why a stub stands in place of an entry. docs/formats/feed.md, "Warrants".
//
// refused: the relay's signed verdict. rotten: the author's own statement that the bytes are lost. purged and redacted
// have reserved kinds: this version keeps such stubs and their warrants unread.
#pragma once
#include <lysoen/environment.h>

#include <span>

#include "core/crypto/sign.h"
#include "core/feed/entry.h"

namespace lysoen::feed {

/// Which entry a warrant speaks of.
struct EntryPoint {
  FeedKey feed;
  uint64_t seq = 0;
  Hash hash;  // entry hash at seq
  bool operator==(const EntryPoint&) const = default;
};

/// The relay's refusal, given to the author who keeps it as the stub's warrant. `code` is a verdict code of the wire.
Bytes sign_refusal(const TeamId& team, const EntryPoint& entry, uint8_t code, WallTime time,
                   const crypto::SigningKey& relay);
/// The author's statement. Requires that key is the feed's device.
Bytes sign_rotten(const TeamId& team, const EntryPoint& entry, WallTime time, const crypto::SigningKey& key);

enum class WarrantState : uint8_t {
  gap,      // none: held back or lost, still wanted
  valid,    //
  unread,   // of a reserved kind or by a relay not in `relays`: kept aside, counts as a gap meanwhile
  invalid,  // does not verify or speaks of another entry: the stub is a gap
};
/// `relays`: those that the roster names or named.
WarrantState check_warrant(const TeamId& team, const EntryPoint& entry, StubReason reason, ByteView warrant,
                           std::span<const RelayId> relays);

}  // namespace lysoen::feed
