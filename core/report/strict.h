// The strict validator that an edit's bytes pass before a protobuf parser sees them.
//
// Protobuf accepts many encodings of one message. This reads the raw bytes and refuses: unknown fields, fields out of
// order, a singular field twice, two values of a oneof, a wrong wire type, a varint that is longer than it need be,
// text that is not UTF-8, messages nested deeper than 8, and lengths and counts beyond the limits of edit.h.
#pragma once
#include <lysoen/result.h>

#include "core/base/bytes.h"

namespace lysoen::report {

/// Errors: input_refused, limit_exceeded, newer_version (a field that this version does not know).
Result<void> check_edit_bytes(ByteView bytes);

}  // namespace lysoen::report
