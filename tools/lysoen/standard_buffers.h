// Buffers of standard input and output that can be wiped: what was typed and what was shown goes through them.
#pragma once

namespace lysoen::cli {

/// Before anything is read or written.
void own_standard_buffers();
/// Writes out what waits, then wipes both. What was read ahead of a question is gone.
void wipe_standard_buffers();

}  // namespace lysoen::cli
