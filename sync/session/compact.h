// Leaving out of a batch what its receiver can compute, and putting it back: 40 bytes per entry and 160 per batch is
// the budget. What can be computed: the device (of the Hello), prev of seq 1 (the feed id), the ciphertext hash of a
// whole entry, and the signed head if the run ends there.
//
// `complete` proves nothing; feed::verify does.
#pragma once
#include <lysoen/entry_store.h>

namespace lysoen::session {

/// With those fields none. `sender`: the device that the receiver assumes, or none to keep the feed's device.
Batch elide(Batch batch, const DeviceId& sender);

/// With all fields. Errors: input_refused if a field is missing that cannot be computed.
Result<Batch> complete(Batch batch, const DeviceId& sender);

}  // namespace lysoen::session
