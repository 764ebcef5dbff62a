// An invite as a QR code: on the terminal and as a PNG file.
#pragma once
#include <lysoen/result.h>

#include <filesystem>
#include <string>

namespace lysoen::cli {

/// Half-block characters, dark on light with a quiet zone of four modules. Errors: limit_exceeded.
Result<std::string> qr_for_terminal(const std::string& text);
/// Eight pixels a module. Errors: limit_exceeded, already_exists, io_failed.
Result<void> write_qr_png(const std::string& text, const std::filesystem::path& file);

}  // namespace lysoen::cli
