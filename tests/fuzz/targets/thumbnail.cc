// Thumbnails: any bytes give one that keeps its promises, or none, however the file is cut into pieces.
#include "core/media/thumbnail.h"

#include <algorithm>

#include "tests/fuzz/fuzz.h"
#include "tests/support/pictures.h"

using namespace lysoen;
using namespace lysoen::media;
using fuzz::require;

std::vector<Bytes> fuzz::seeds() {
  return {test::jpeg_of_scene({40, 30}),
          test::jpeg_of_scene({400, 300}, {.restart_rows = 1}),
          test::jpeg_of_scene({40, 30}, {.progressive = true}),
          test::jpeg_of_scene({40, 30}, {.inks = true}),
          test::png_of_scene({40, 30}),
          test::png_of_scene({40, 30}, {.interlaced = true, .transparent = true})};
}

namespace {

void keeps_its_promises(const std::optional<Bytes>& thumbnail) {
  if (!thumbnail) return;
  require(thumbnail->size() <= kThumbnailSizeMax, "a thumbnail is small");
  const auto pixels = test::jpeg_pixels(*thumbnail);
  require(pixels && std::max(pixels->width, pixels->height) <= kThumbnailSideMax, "a thumbnail is a small picture");
}

}  // namespace

// Of a damaged picture the last row before the damage may come or not, as its bytes are cut: zlib tells of the damage
// with it or after it. That sound ones do not depend on it, unit_media shows.
void fuzz::run(ByteView input) {
  ThumbnailMaker whole, pieces;
  whole.put(input);
  keeps_its_promises(whole.finish());
  const size_t step = 1 + input.size() / 5;
  for (auto rest = input; !rest.empty(); rest = rest.subspan(std::min(step, rest.size())))
    if (!pieces.put(rest.first(std::min(step, rest.size())))) break;
  keeps_its_promises(pieces.finish());
}
