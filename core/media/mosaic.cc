#include "core/media/mosaic.h"

#include <algorithm>

#include "core/base/check.h"
#include "core/crypto/secret.h"
#include "core/media/orientation.h"

namespace lysoen::media {

namespace {

struct Size {
  uint32_t width, height;
};

/// The same shape with its longer side at most `side`; never larger, never without width or height.
Size fitted(Size size, uint32_t side) {
  const uint32_t longer = std::max(size.width, size.height);
  if (longer <= side) return size;
  auto scaled = [&](uint32_t length) {
    return std::max(1u, static_cast<uint32_t>((uint64_t{length} * side + longer / 2) / longer));
  };
  return {scaled(size.width), scaled(size.height)};
}

struct Place {
  uint32_t column, row;
};

/// Where the upright picture's place lies in the stored one, whose size is given (EXIF 2.32, 4.6.4 A, Orientation).
Place stored_place(Place upright, Size stored, uint8_t orientation) {
  const auto [column, row] = upright;
  const uint32_t right = stored.width - 1, bottom = stored.height - 1;
  switch (orientation) {
    case 2:  // mirrored left to right
      return {right - column, row};
    case 3:  // upside down
      return {right - column, bottom - row};
    case 4:  // mirrored top to bottom
      return {column, bottom - row};
    case 5:  // the first row is the left side, the first column the top
      return {row, column};
    case 6:  // the first row is the right side, the first column the top
      return {row, bottom - column};
    case 7:  // the first row is the right side, the first column the bottom
      return {right - row, bottom - column};
    case 8:  // the first row is the left side, the first column the bottom
      return {right - row, column};
    default:
      return upright;
  }
}

}  // namespace

Mosaic::~Mosaic() {
  crypto::wipe({reinterpret_cast<uint8_t*>(tiles_.data()), sizeof tiles_});
}

void Mosaic::begin(uint32_t width, uint32_t height) {
  LYSOEN_CHECK(width > 0 && height > 0 && width <= kPictureSideMax && height <= kPictureSideMax && width_ == 0);
  width_ = width, height_ = height;
  const Size tiles = fitted({width, height}, kSideMax);
  columns_ = tiles.width, rows_ = tiles.height;
}

SmallPicture Mosaic::picture(uint32_t side, uint8_t orientation) const {
  const Size stored = fitted({columns_, rows_}, side);
  std::vector<Tile> sums(size_t{stored.width} * stored.height);
  for (uint32_t row = 0; row < rows_; ++row)
    for (uint32_t column = 0; column < columns_; ++column) {
      const Tile& from = tiles_[size_t{row} * columns_ + column];
      Tile& to = sums[size_t{row * stored.height / rows_} * stored.width + column * stored.width / columns_];
      to.red += from.red, to.green += from.green, to.blue += from.blue, to.pixels += from.pixels;
    }
  const bool turned = orientation >= 5 && orientation <= kOrientationMax;
  SmallPicture made{turned ? stored.height : stored.width, turned ? stored.width : stored.height, {}};
  made.pixels.reserve(sums.size() * 3);
  for (uint32_t row = 0; row < made.height; ++row)
    for (uint32_t column = 0; column < made.width; ++column) {
      const Place place = stored_place({column, row}, stored, orientation);
      const Tile& tile = sums[size_t{place.row} * stored.width + place.column];
      for (uint64_t sum : {tile.red, tile.green, tile.blue})
        made.pixels.push_back(static_cast<uint8_t>(tile.pixels == 0 ? 128 : (sum + tile.pixels / 2) / tile.pixels));
    }
  crypto::wipe({reinterpret_cast<uint8_t*>(sums.data()), sums.size() * sizeof(Tile)});
  return made;
}

}  // namespace lysoen::media
