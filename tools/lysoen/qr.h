// An invite as a QR code: on the terminal and as a PNG picture.
#pragma once
#include <lysoen/ids.h>
#include <lysoen/result.h>

#include <string>

namespace lysoen::cli {

/// Half-block characters, dark on light with a quiet zone of four modules. Errors: limit_exceeded.
Result<std::string> qr_for_terminal(const std::string& text);
/// A PNG file with eight pixels a module. Errors: limit_exceeded.
Result<Bytes> qr_png(const std::string& text);

}  // namespace lysoen::cli
