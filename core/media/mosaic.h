// A picture made small while its pixels come by, in any order and maybe not all of them: each adds to the mean of the
// tile that it falls into. Memory is the same for every picture.
#pragma once
#include <lysoen/ids.h>

#include <array>

namespace lysoen::media {

struct Colour {
  uint32_t red, green, blue;  // 0 to 255
};

/// Rows of red, green, blue.
struct SmallPicture {
  uint32_t width = 0, height = 0;
  Bytes pixels;
};

class Mosaic {
 public:
  /// Tiles along the longer side, at most.
  static constexpr uint32_t kSideMax = 160;
  static constexpr uint32_t kPictureSideMax = 65'535;

  ~Mosaic();

  /// Of a picture of this size: each side at least 1 and at most kPictureSideMax. Once, before the first pixel.
  void begin(uint32_t width, uint32_t height);

  /// Pixels of a row: `count` of them, the i-th at column first + i * step, its colour given by colour_of(i). Beyond
  /// the picture they are passed over. Plain data only: it is called below guarded().
  template <class ColourOf>
  void add(uint32_t row, uint32_t first, uint32_t step, uint32_t count, const ColourOf& colour_of) {
    if (row >= height_) return;
    size_t tile = size_t{row * rows_ / height_} * columns_ + first * columns_ / width_;
    uint32_t rest = first * columns_ % width_;  // so that no pixel costs a division
    for (uint32_t i = 0, column = first; i < count && column < width_; ++i, column += step) {
      const Colour colour = colour_of(i);
      Tile& at = tiles_[tile];
      at.red += colour.red, at.green += colour.green, at.blue += colour.blue, ++at.pixels;
      for (rest += step * columns_; rest >= width_; rest -= width_) ++tile;
    }
    any_ = any_ || count > 0;
  }

  /// Whether a pixel came.
  bool any() const { return any_; }

  /// Turned upright (orientation.h), its longer side at most `side`; grey where nothing came.
  SmallPicture picture(uint32_t side, uint8_t orientation) const;

 private:
  struct Tile {
    uint64_t red = 0, green = 0, blue = 0, pixels = 0;
  };
  uint32_t width_ = 0, height_ = 0;  // of the picture
  uint32_t columns_ = 0, rows_ = 0;  // of the mosaic
  bool any_ = false;
  std::array<Tile, kSideMax * kSideMax> tiles_;
};

}  // namespace lysoen::media
