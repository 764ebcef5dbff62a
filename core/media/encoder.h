// A small picture as a JPEG.
#pragma once
#include <optional>

#include "core/media/mosaic.h"

namespace lysoen::media {

/// Baseline JPEG of a quality from 1 to 100, with a JFIF head and nothing else beside the pixels; nothing if it were
/// larger than `size_max`.
std::optional<Bytes> jpeg_of(const SmallPicture& picture, int quality, size_t size_max);

}  // namespace lysoen::media
