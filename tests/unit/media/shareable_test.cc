// A shareable copy has the same pixels and no word about place, time or device; what cannot be taken apart is refused.
#include "core/media/shareable.h"

#include <lysoen/media.h>
#include <algorithm>

#include "core/base/bytes.h"
#include "core/media/orientation.h"
#include "tests/support/catch.h"
#include "tests/support/files.h"
#include "tests/support/paths.h"
#include "tests/support/pictures.h"
#include "tests/support/seed.h"

using namespace lysoen;
using namespace lysoen::test;

namespace {

using namespace std::string_view_literals;

constexpr size_t kBehindSoi = 2, kBehindHeader = 33;  // of a JPEG; of a PNG: signature and IHDR

/// Put in pieces of `step` bytes.
Result<Bytes> copied(ByteView file, size_t step = 4096) {
  Bytes copy;
  ShareableCopy shareable([&](ByteView bytes) -> Result<void> {
    copy.insert(copy.end(), bytes.begin(), bytes.end());
    return {};
  });
  for (; !file.empty(); file = file.subspan(std::min(step, file.size())))
    if (auto put = shareable.put(file.first(std::min(step, file.size()))); !put) return std::move(put).error();
  if (auto finished = shareable.finish(); !finished) return std::move(finished).error();
  return copy;
}

Bytes text(std::string_view words) {
  return to_bytes(as_bytes(words));
}
Bytes joined(std::initializer_list<Bytes> parts) {
  Bytes all;
  for (const auto& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}
bool holds(const Bytes& file, std::string_view words) {
  return as_text(file).find(words) != std::string_view::npos;
}

Bytes exif(uint8_t orientation, bool big_endian = true) {
  return jpeg_segment(0xe1, joined({text("Exif\0\0"sv), camera_notes(orientation, big_endian)}));
}

void refused(ByteView file, std::string_view why) {
  auto copy = copied(file);
  REQUIRE_FALSE(copy.ok());
  CHECK(copy.error().code == ErrorCode::input_refused);
  CHECK(copy.error().message == "no shareable copy can be made: " + std::string(why));
  CHECK_FALSE(copy.error().hint.empty());
}

}  // namespace

TEST_CASE("Shareable copy: a JPEG keeps its pixels and loses place, device, captions, comments and what follows it",
          "[media][shareable]") {
  for (bool progressive : {false, true}) {
    CAPTURE(progressive);
    const auto plain = jpeg_of_scene({}, {.progressive = progressive, .restart_rows = 2});
    const auto icc = jpeg_segment(0xe2, text("ICC_PROFILE\0\1\1the colours"sv));
    const auto said =
        joined({exif(1), jpeg_segment(0xe1, text("http://ns.adobe.com/xap/1.0/\0<xmp>here</xmp>"sv)),
                jpeg_segment(0xed, text("Photoshop 3.0\0 the caption"sv)), jpeg_segment(0xfe, text("a comment")),
                jpeg_segment(0xe2, text("MPF\0 a second picture"sv)), jpeg_segment(0xe0, text("JFXX\0 small"sv)),
                jpeg_segment(0xef, text("what a maker adds"))});
    auto file = with(with(plain, kBehindSoi, said), kBehindSoi, icc);
    file = joined({file, jpeg_of_scene({10, 10}), text("and a film")});
    for (size_t step : {size_t{1}, size_t{7}, size_t{4096}, file.size()}) {
      auto copy = copied(file, step);
      REQUIRE(copy.ok());
      CHECK(*copy == with(plain, kBehindSoi, icc));  // byte for byte: the pixels, and what shows them
    }
    CHECK(copied(*copied(file)).value() == *copied(file));
  }
}

TEST_CASE("Shareable copy: the small picture inside a JFIF head is left out", "[media][shareable]") {
  const auto plain = jpeg_of_scene({});
  auto small = text("JFIF\0\1\2\0\0\1\0\1\2\1"sv);
  small.insert(small.end(), 6, 0x55);
  const auto head = jpeg_segment(0xe0, small);
  auto file = joined({Bytes(plain.begin(), plain.begin() + 2), head, Bytes(plain.begin() + 20, plain.end())});
  auto copy = copied(file);
  REQUIRE(copy.ok());
  CHECK(copy->size() == plain.size());
  CHECK_FALSE(holds(*copy, "UUUUUU"));
  CHECK(jpeg_pixels(*copy)->rgb == jpeg_pixels(plain)->rgb);
}

TEST_CASE("Shareable copy: which way up a picture is shown stays, and nothing else of the notes",
          "[media][shareable]") {
  for (int orientation = 0; orientation <= 9; ++orientation)
    for (bool big_endian : {true, false}) {
      CAPTURE(orientation, big_endian);
      const auto number = static_cast<uint8_t>(orientation);
      const bool turned = orientation >= 2 && orientation <= 8;
      const auto notes = camera_notes(number, big_endian);
      CHECK(media::orientation_of(notes).value_or(0) == (orientation >= 1 && orientation <= 8 ? orientation : 0));
      const auto own = media::notes_of(number);
      const auto made = turned ? to_bytes(ByteView(own)) : Bytes();

      const auto jpeg = jpeg_of_scene({});
      auto copy = copied(with(jpeg, kBehindSoi, exif(number, big_endian)));
      REQUIRE(copy.ok());
      CHECK_FALSE(holds(*copy, "51.5074"));
      CHECK(*copy == (turned ? with(jpeg, kBehindSoi, jpeg_segment(0xe1, joined({text("Exif\0\0"sv), made}))) : jpeg));

      const auto png = png_of_scene({});
      copy = copied(with(png, kBehindHeader, png_chunk("eXIf", notes)));
      REQUIRE(copy.ok());
      CHECK(*copy == (turned ? with(png, kBehindHeader, png_chunk("eXIf", made)) : png));
      CHECK(png_pixels(*copy)->rgb == png_pixels(png)->rgb);
    }
}

TEST_CASE("Shareable copy: a PNG keeps what shows it and loses every text, time and unknown chunk",
          "[media][shareable]") {
  for (bool interlaced : {false, true}) {
    const auto plain = png_of_scene({}, {.interlaced = interlaced, .transparent = true});
    const auto kept =
        joined({png_chunk("gAMA", Bytes{0, 0, 177, 143}), png_chunk("pHYs", Bytes{0, 0, 1, 0, 0, 0, 1, 0, 0})});
    const auto said = joined({png_chunk("tEXt", text("Author\0a name"sv)), png_chunk("zTXt", text("Comment\0\0?"sv)),
                              png_chunk("iTXt", text("XML:com.adobe.xmp\0\0\0\0\0<xmp/>"sv)),
                              png_chunk("tIME", Bytes{7, 234, 1, 1, 0, 0, 0}), png_chunk("caBX", text("who made it")),
                              png_chunk("gAMA", text("longer than a number"))});
    const auto file = joined({with(with(plain, kBehindHeader, said), kBehindHeader, kept), text("behind the end")});
    for (size_t step : {size_t{1}, size_t{7}, file.size()}) {
      auto copy = copied(file, step);
      REQUIRE(copy.ok());
      CHECK(*copy == with(plain, kBehindHeader, kept));
    }
  }
}

TEST_CASE("Shareable copy: what it cannot take apart is refused, never handed on as it is", "[media][shareable]") {
  refused(text("%PDF-1.7"), "this version cannot take a file of the type application/pdf apart");
  refused(text("\0\0\0\x18"
               "ftypheic"sv),
          "this version cannot take a file of the type image/heic apart");
  refused(text("words"), "this version cannot take a file of the type text/plain apart");
  refused({}, "this version cannot take a file of the type application/octet-stream apart");
  const auto jpeg = jpeg_of_scene({});
  const std::string_view disorder = "the picture's parts are not in order";
  refused(with(jpeg, kBehindSoi, Bytes{0xff, 0xe1, 0, 1}), disorder);
  refused(with(jpeg, kBehindSoi, jpeg_segment(0xc0, Bytes(9))), disorder);  // two frames
  refused(with(jpeg, kBehindSoi, Bytes{0xff, 0xd8}), disorder);
  refused(with(jpeg, kBehindSoi, jpeg_segment(0xf7, Bytes(4))),
          "it is of a kind of JPEG that this version does not know");
  refused(ByteView(jpeg).first(100), "the picture ends before its pixels");
  const auto png = png_of_scene({});
  refused(with(png, 8, png_chunk("tEXt", text("a\0b"sv))), disorder);
  refused(with(png, kBehindHeader, png_chunk("CgBI", Bytes(4))),
          "it is of a kind of PNG that this version does not know");
  refused(with(png, kBehindHeader, Bytes{0xff, 0xff, 0xff, 0xff, 't', 'E', 'X', 't'}), disorder);
  refused(ByteView(png).first(40), "the picture ends before its pixels");
}

TEST_CASE("Shareable copy: a picture that is cut off within its pixels is cut off there in the copy",
          "[media][shareable]") {
  const auto jpeg = jpeg_of_scene({});
  auto copy = copied(ByteView(with(jpeg, kBehindSoi, exif(1))).first(jpeg.size()));
  REQUIRE(copy.ok());
  CHECK(std::equal(copy->begin(), copy->end(), jpeg.begin()));
  const auto png = png_of_scene({});
  copy = copied(ByteView(png).first(png.size() - 20));
  REQUIRE(copy.ok());
  CHECK(*copy == to_bytes(ByteView(png).first(png.size() - 20)));
}

TEST_CASE("Shareable copy: an error of the place that it is written to comes back as it is", "[media][shareable]") {
  ShareableCopy shareable([](ByteView) -> Result<void> { return make_error(ErrorCode::storage_full, "no room"); });
  auto put = shareable.put(jpeg_of_scene({}));
  REQUIRE_FALSE(put.ok());
  CHECK(put.error().code == ErrorCode::storage_full);
}

TEST_CASE("Shareable copy: bytes that are flipped, lost or doubled never bring the notes into the copy",
          "[media][shareable]") {
  auto random = generator(7);
  const std::vector<Bytes> files = {with(jpeg_of_scene({40, 30}), kBehindSoi, exif(6)),
                                    with(png_of_scene({40, 30}), kBehindHeader, png_chunk("eXIf", camera_notes(6)))};
  for (const auto& file : files)
    for (int i = 0; i < 2000; ++i) {
      auto changed = file;
      // Beyond the notes: a changed length before them makes them part of something else, which is not theirs any more.
      const size_t from = 120 + random() % (changed.size() - 120);
      changed[from] ^= static_cast<uint8_t>(1u << random() % 8);
      if (random() % 4 == 0) changed.resize(from);
      if (auto copy = copied(changed, 1 + random() % 300)) CHECK_FALSE(holds(*copy, "51.5074"));
    }
}

TEST_CASE("Shareable copy: photos of real cameras keep their pixels and lose their place", "[media][shareable]") {
  auto shared = shared_dir();
  if (!shared) {
    WARN("no shared material here: not run");
    return;
  }
  size_t pictures = 0;
  for (const auto& entry : std::filesystem::directory_iterator(*shared / "data" / "photos")) {
    CAPTURE(entry.path().filename());
    const auto file = content_of(entry.path());
    auto copy = copied(file);
    CHECK(copy.ok() == (entry.path().extension() == ".jpg"));
    if (!copy) continue;
    ++pictures;
    auto before = jpeg_pixels(file), after = jpeg_pixels(*copy);
    CHECK(before.has_value() == after.has_value());
    if (before && after) CHECK(before->rgb == after->rgb);
    CHECK(copy->size() <= file.size());
    for (std::string_view word : {"GPS", "Canon", "NIKON", "http://ns.adobe.com", "Photoshop", "CASIO", "2008:"})
      CHECK_FALSE(holds(*copy, word));
    const auto exif_at = as_text(*copy).find("Exif\0\0"sv);
    if (exif_at != std::string_view::npos) CHECK(as_text(*copy).substr(exif_at + 6, 8) == "MM\0*\0\0\0\x08"sv);
  }
  CHECK(pictures >= 15);
}
