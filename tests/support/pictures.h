// Pictures for tests, made here: a scene with a different colour in each quarter, as JPEG or PNG, with what a camera
// writes beside the pixels.
#pragma once
#include <lysoen/ids.h>

#include <optional>
#include <string_view>

namespace lysoen::test {

// The scene upright: red, green above; blue, white below.
struct Scene {
  uint32_t width = 400, height = 300;
};

struct Pixels {
  uint32_t width = 0, height = 0;
  Bytes rgb;

  struct Colour {
    int red, green, blue;
  };
  /// At a place given in hundredths of width and height.
  Colour at(uint32_t across, uint32_t down) const;
};

struct JpegKind {
  bool progressive = false, grey = false, inks = false;
  unsigned restart_rows = 0;
};
Bytes jpeg_of_scene(Scene scene, JpegKind kind = {});
struct PngKind {
  bool interlaced = false;
  bool transparent = false;  // the lower half wholly
};
Bytes png_of_scene(Scene scene, PngKind kind = {});

/// What a decoder that knows nothing of us makes of them. Nothing if it finds an error or a warning.
std::optional<Pixels> jpeg_pixels(ByteView jpeg);
std::optional<Pixels> png_pixels(ByteView png);

/// A JPEG's marker segment of this code.
Bytes jpeg_segment(uint8_t code, ByteView payload);
/// A PNG's chunk, with its CRC.
Bytes png_chunk(std::string_view type, ByteView data);
/// A camera's notes (TIFF) with an orientation, a place and a maker, in either byte order; the text "51.5074" is in
/// them.
Bytes camera_notes(uint8_t orientation, bool big_endian = true);
/// The file with these bytes put behind its first `at` bytes.
Bytes with(const Bytes& file, size_t at, ByteView inserted);

}  // namespace lysoen::test
