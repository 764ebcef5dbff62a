// Shareable copies: any bytes give a copy or a refusal; a copy is one of itself, and says nothing that was left out.
#include <lysoen/media.h>

#include <algorithm>

#include "core/media/attachment.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/pictures.h"

using namespace lysoen;
using fuzz::require;

namespace {

using namespace std::string_view_literals;

/// The whole at once, or in pieces of one size.
Result<Bytes> copied(ByteView file, size_t step) {
  Bytes copy;
  ShareableCopy shareable([&](ByteView bytes) -> Result<void> {
    copy.insert(copy.end(), bytes.begin(), bytes.end());
    return {};
  });
  while (!file.empty()) {
    const auto piece = file.first(std::min(step, file.size()));
    if (auto put = shareable.put(piece); !put) return std::move(put).error();
    file = file.subspan(piece.size());
  }
  if (auto finished = shareable.finish(); !finished) return std::move(finished).error();
  return copy;
}

}  // namespace

std::vector<Bytes> fuzz::seeds() {
  const auto notes = test::camera_notes(6);
  Bytes exif = to_bytes(as_bytes("Exif\0\0"sv));
  exif.insert(exif.end(), notes.begin(), notes.end());
  return {test::with(test::jpeg_of_scene({40, 30}), 2, test::jpeg_segment(0xe1, exif)),
          test::jpeg_of_scene({40, 30}, {.progressive = true, .restart_rows = 1}),
          test::with(test::png_of_scene({40, 30}), 33, test::png_chunk("eXIf", notes)),
          test::with(test::png_of_scene({40, 30}, {.interlaced = true}), 33, test::png_chunk("tEXt", as_bytes("a")))};
}

void fuzz::run(ByteView input) {
  const auto copy = copied(input, input.size());
  const auto again = copied(input, 1 + input.size() / 7);
  require(copy.ok() == again.ok(), "a copy does not depend on how the file is cut into pieces");
  if (!copy) {
    require(copy.error().code == ErrorCode::input_refused, "a refusal says which kind");
    return;
  }
  require(*copy == *again, "a copy does not depend on how the file is cut into pieces");
  // Notes may lack the place of a further directory; the copy's say that there is none.
  require(copy->size() <= input.size() + 4, "a copy adds nothing");
  const auto type = media::media_type(input.first(std::min(input.size(), media::kMediaTypeBytes)));
  require(type == media::media_type(ByteView(*copy).first(std::min(copy->size(), media::kMediaTypeBytes))),
          "a copy is of the same type");
  const auto second = copied(*copy, copy->size());
  require(second.ok() && *second == *copy, "a copy of a copy is the same");
}
