// What remains of a command's work outside of the heap, so that it can be wiped: buffers of standard input and output,
// through which goes what was typed and shown, and the stack.
#pragma once

namespace lysoen::cli {

/// Before anything is read or written.
void own_standard_buffers();
/// Writes out what waits, then wipes both and the stack below the caller. What was read ahead of a question is gone.
void wipe_remains();

}  // namespace lysoen::cli
