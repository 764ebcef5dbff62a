// Which way up a picture is: tag 0x0112 of EXIF 2.32 (section 4.6.4 A), the one thing of a camera's notes that showing
// the picture needs. The notes are a TIFF 6.0 structure: in JPEG behind "Exif\0\0" in a segment APP1, in PNG in a chunk
// eXIf (PNG third edition, 11.3.5.2).
#pragma once
#include <lysoen/ids.h>

#include <array>
#include <optional>

namespace lysoen::media {

/// 1: as it is stored. 2 to 8: mirrored, turned, or both, before it is shown.
inline constexpr uint8_t kUpright = 1, kOrientationMax = 8;

/// The orientation that these notes name, from 1 to 8; nothing if they name none or are no notes.
std::optional<uint8_t> orientation_of(ByteView tiff);

/// Notes that name an orientation and nothing else.
std::array<uint8_t, 26> notes_of(uint8_t orientation);

}  // namespace lysoen::media
