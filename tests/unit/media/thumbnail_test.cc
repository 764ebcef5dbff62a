// Thumbnails: small, upright, of every kind of picture; hostile ones cost no more than their limits.
#include "core/media/thumbnail.h"

#include <algorithm>
#include <map>

#include "core/base/bytes.h"
#include "core/media/decoder.h"
#include "tests/support/catch.h"
#include "tests/support/files.h"
#include "tests/support/paths.h"
#include "tests/support/pictures.h"
#include "tests/support/seed.h"

using namespace lysoen;
using namespace lysoen::media;
using namespace lysoen::test;

namespace {

using namespace std::string_view_literals;

std::optional<Bytes> made(ByteView file, size_t step = 64 * 1024) {
  ThumbnailMaker maker;
  for (; !file.empty(); file = file.subspan(std::min(step, file.size())))
    if (!maker.put(file.first(std::min(step, file.size())))) break;
  return maker.finish();
}

/// Decoded; a thumbnail keeps its promises whatever it is of.
Pixels shown(const std::optional<Bytes>& jpeg) {
  REQUIRE(jpeg.has_value());
  CHECK(jpeg->size() <= kThumbnailSizeMax);
  CHECK(as_text(*jpeg).substr(6, 5) == "JFIF\0"sv);
  for (std::string_view word : {"Exif", "http", "ICC_PROFILE", "Photoshop"})
    CHECK(as_text(*jpeg).find(word) == std::string_view::npos);
  auto pixels = jpeg_pixels(*jpeg);
  REQUIRE(pixels.has_value());
  CHECK(std::max(pixels->width, pixels->height) <= kThumbnailSideMax);
  return *pixels;
}

bool near(Pixels::Colour colour, int red, int green, int blue) {
  auto apart = [](int a, int b) { return std::abs(a - b) > 30; };
  INFO(colour.red << " " << colour.green << " " << colour.blue);
  return !apart(colour.red, red) && !apart(colour.green, green) && !apart(colour.blue, blue);
}

/// The four quarters of the scene as it is seen upright.
void check_scene(const Pixels& pixels) {
  CHECK(near(pixels.at(25, 25), 220, 30, 30));
  CHECK(near(pixels.at(75, 25), 30, 200, 30));
  CHECK(near(pixels.at(25, 75), 30, 30, 220));
  CHECK(near(pixels.at(75, 75), 250, 250, 250));
}

Bytes with_notes(const Bytes& jpeg, uint8_t orientation) {
  Bytes payload = to_bytes(as_bytes("Exif\0\0"sv));
  const auto notes = camera_notes(orientation);
  payload.insert(payload.end(), notes.begin(), notes.end());
  return with(jpeg, 2, jpeg_segment(0xe1, payload));
}

}  // namespace

TEST_CASE("Thumbnail: every kind of JPEG and PNG is shown small, in its colours and shape", "[media][thumbnail]") {
  const Scene scene{1000, 500};
  const std::vector<Bytes> files = {jpeg_of_scene(scene),
                                    jpeg_of_scene(scene, {.progressive = true}),
                                    jpeg_of_scene(scene, {.restart_rows = 1}),
                                    jpeg_of_scene(scene, {.inks = true}),
                                    png_of_scene(scene),
                                    png_of_scene(scene, {.interlaced = true})};
  for (const auto& file : files) {
    CAPTURE(&file - files.data());
    const auto thumbnail = made(file);
    const auto pixels = shown(thumbnail);
    CHECK(pixels.width == 160);
    CHECK(pixels.height == 80);
    check_scene(pixels);
    for (size_t step : {size_t{1}, size_t{13}, size_t{1000}}) CHECK(made(file, step) == thumbnail);
  }
  CHECK(near(shown(made(jpeg_of_scene(scene, {.grey = true}))).at(25, 25), 220, 220, 220));
  // What is transparent is white.
  const auto pixels = shown(made(png_of_scene(scene, {.transparent = true})));
  CHECK(near(pixels.at(25, 25), 220, 30, 30));
  CHECK(near(pixels.at(25, 75), 255, 255, 255));
}

TEST_CASE("Thumbnail: a picture is turned upright, in each of the eight ways that a camera may hold it",
          "[media][thumbnail]") {
  // Where the stored picture's corners (red, green above; blue, white below) are seen: EXIF 2.32, 4.6.4 A.
  struct Seen {
    uint8_t orientation;
    const char* corners;  // above left, above right, below left, below right
  };
  const std::map<char, std::array<int, 3>> colours = {
      {'r', {220, 30, 30}}, {'g', {30, 200, 30}}, {'b', {30, 30, 220}}, {'w', {250, 250, 250}}};
  const auto jpeg = jpeg_of_scene({400, 200});
  const auto png = png_of_scene({400, 200});
  for (const Seen& seen : {Seen{1, "rgbw"}, Seen{2, "grwb"}, Seen{3, "wbgr"}, Seen{4, "bwrg"}, Seen{5, "rbgw"},
                           Seen{6, "brwg"}, Seen{7, "wgbr"}, Seen{8, "gwrb"}}) {
    CAPTURE(seen.corners);
    for (const auto& file :
         {with_notes(jpeg, seen.orientation), with(png, 33, png_chunk("eXIf", camera_notes(seen.orientation)))}) {
      const auto pixels = shown(made(file));
      CHECK(pixels.width == (seen.orientation < 5 ? 160 : 80));
      CHECK(pixels.height == (seen.orientation < 5 ? 80 : 160));
      for (uint32_t corner = 0; corner < 4; ++corner) {
        const auto& [red, green, blue] = colours.at(seen.corners[corner]);
        CHECK(near(pixels.at(corner % 2 == 0 ? 20 : 80, corner < 2 ? 20 : 80), red, green, blue));
      }
    }
  }
}

TEST_CASE("Thumbnail: pictures of one pixel, one row and one column have one too, and none is made larger",
          "[media][thumbnail]") {
  for (Scene scene : {Scene{1, 1}, Scene{1, 9000}, Scene{9000, 1}, Scene{159, 161}, Scene{161, 320}, Scene{7, 5}})
    for (const auto& file : {jpeg_of_scene(scene), jpeg_of_scene(scene, {.progressive = true}), png_of_scene(scene),
                             png_of_scene(scene, {.interlaced = true})}) {
      CAPTURE(scene.width, scene.height);
      const auto pixels = shown(made(file));
      CHECK(pixels.width == std::max(1u, std::min({scene.width, kThumbnailSideMax,
                                                   (scene.width * 160 + scene.height / 2) / scene.height})));
      CHECK(pixels.height <= scene.height);
    }
}

TEST_CASE("Thumbnail: pure noise fits as well", "[media][thumbnail]") {
  auto random = generator(3);
  auto file = png_of_scene({1, 1});
  // A stored (not compressed) PNG of noise: 200 by 200 pixels, zlib blocks of one row each.
  Bytes rows;
  for (int row = 0; row < 200; ++row) {
    rows.push_back(0);
    for (int i = 0; i < 600; ++i) rows.push_back(static_cast<uint8_t>(random()));
  }
  Writer zlib;
  zlib.u8(0x78).u8(0x01);
  for (size_t at = 0; at < rows.size(); at += 601) {
    zlib.u8(at + 601 == rows.size() ? 1 : 0).u8(601 & 0xff).u8(601 >> 8).u8(~601 & 0xff).u8((~601 >> 8) & 0xff);
    zlib.raw(ByteView(rows).subspan(at, 601));
  }
  uint32_t a = 1, b = 0;
  for (uint8_t byte : rows) a = (a + byte) % 65521, b = (b + a) % 65521;
  zlib.u32(b << 16 | a);
  file.resize(8);
  for (const auto& chunk : {png_chunk("IHDR", Bytes{0, 0, 0, 200, 0, 0, 0, 200, 8, 2, 0, 0, 0}),
                            png_chunk("IDAT", zlib.bytes()), png_chunk("IEND", {})})
    file.insert(file.end(), chunk.begin(), chunk.end());
  CHECK(png_pixels(file).has_value());
  shown(made(file));
}

TEST_CASE("Thumbnail: of a picture that is cut off it shows what came, and of nothing it is nothing",
          "[media][thumbnail]") {
  for (const auto& file : {jpeg_of_scene({1600, 1200}, {.restart_rows = 1}), png_of_scene({1600, 1200})}) {
    CHECK_FALSE(made(ByteView(file).first(20)).has_value());
    if (file[0] == 0xff) CHECK_FALSE(made(ByteView(file).first(640)).has_value());  // a head makes no grey picture
    const auto pixels = shown(made(ByteView(file).first(file.size() * 2 / 3)));
    CHECK(near(pixels.at(25, 10), 220, 30, 30));
    CHECK(near(pixels.at(75, 98), 128, 128, 128));
  }
  const auto progressive = jpeg_of_scene({1600, 1200}, {.progressive = true});
  check_scene(shown(made(ByteView(progressive).first(progressive.size() - 100))));
}

TEST_CASE("Thumbnail: what is no picture, or one of a type that is not read, has none", "[media][thumbnail]") {
  CHECK_FALSE(made({}).has_value());
  CHECK_FALSE(made(as_bytes("words that are no picture")).has_value());
  CHECK_FALSE(made(as_bytes("\0\0\0\x18"
                            "ftypheic and so on"sv))
                  .has_value());
  CHECK_FALSE(made(as_bytes("\xff\xd8\xff"sv)).has_value());
}

TEST_CASE("Thumbnail: pictures beyond the limits of size, memory or passes have none", "[media][thumbnail]") {
  auto jpeg = jpeg_of_scene({64, 64});
  const auto frame = as_text(jpeg).find("\xff\xc0"sv);
  auto claims = [&](Bytes file, size_t at, uint16_t height, uint16_t width) {
    Writer size;
    size.u16(height).u16(width);
    std::copy(size.bytes().begin(), size.bytes().end(), file.begin() + static_cast<ptrdiff_t>(at));
    return file;
  };
  CHECK_FALSE(made(claims(jpeg, frame + 5, 65000, 65000)).has_value());
  CHECK(made(claims(jpeg, frame + 5, 64, 65000)).has_value());  // 4 million pixels are within them
  auto progressive = jpeg_of_scene({64, 64}, {.progressive = true});
  const auto other = as_text(progressive).find("\xff\xc2"sv);
  CHECK(made(claims(progressive, other + 5, 3000, 4000)).has_value());
  CHECK_FALSE(made(claims(progressive, other + 5, 8000, 8000)).has_value());
  // A hundred passes over one picture.
  const auto scan = as_text(progressive).rfind("\xff\xda"sv);
  auto tail = Bytes(progressive.begin() + static_cast<ptrdiff_t>(scan), progressive.end() - 2);
  auto many = progressive;
  for (int i = 0; i < 2 * kJpegScansMax; ++i) many = with(many, many.size() - 2, tail);
  CHECK_FALSE(made(many).has_value());

  // Two colours, so that a row of 60,000 is small: one row has come, as a block that is not compressed.
  auto png_of_height = [](uint32_t height) {
    const size_t row = 1 + 60000 / 8;
    Writer header, row_alone;
    header.u32(60000).u32(height).raw(Bytes{1, 0, 0, 0, 0});
    row_alone.u8(0x78)
        .u8(0x01)
        .u8(0)
        .u8(row & 0xff)
        .u8(row >> 8)
        .u8(~row & 0xff)
        .u8((~row >> 8) & 0xff)
        .raw(Bytes(row));
    auto png = png_of_scene({1, 1});
    png.resize(8);
    for (const auto& chunk : {png_chunk("IHDR", header.bytes()), png_chunk("IDAT", row_alone.bytes())})
      png.insert(png.end(), chunk.begin(), chunk.end());
    return png;
  };
  CHECK(made(png_of_height(1000)).has_value());
  CHECK_FALSE(made(png_of_height(1200)).has_value());
}

TEST_CASE("Thumbnail: bytes that are flipped, lost or doubled cost a picture, and nothing else", "[media][thumbnail]") {
  auto random = generator(4);
  const std::vector<Bytes> files = {with_notes(jpeg_of_scene({120, 90}), 6),
                                    jpeg_of_scene({120, 90}, {.progressive = true}),
                                    jpeg_of_scene({120, 90}, {.inks = true}), png_of_scene({60, 40}),
                                    png_of_scene({60, 40}, {.interlaced = true, .transparent = true})};
  for (const auto& file : files)
    for (int i = 0; i < 150; ++i) {
      auto changed = file;
      for (size_t times = 1 + random() % 4; times > 0; --times)
        changed[random() % changed.size()] ^= static_cast<uint8_t>(1u << random() % 8);
      if (random() % 4 == 0) changed.resize(random() % changed.size());
      if (auto thumbnail = made(changed, 1 + random() % 500)) shown(thumbnail);
    }
}

TEST_CASE("Thumbnail: the file is read to where it is enough, and its errors come back", "[media][thumbnail]") {
  const auto file = jpeg_of_scene({});
  size_t at = 0;
  auto source = [&](std::span<uint8_t> into) -> Result<size_t> {
    const size_t size = std::min(into.size(), file.size() - at);
    std::copy_n(file.begin() + static_cast<ptrdiff_t>(at), size, into.begin());
    at += size;
    return size;
  };
  auto thumbnail = media::thumbnail(source);
  REQUIRE(thumbnail.ok());
  check_scene(shown(*thumbnail));
  size_t given = 0;
  auto endless = [&](std::span<uint8_t> into) -> Result<size_t> {
    std::fill(into.begin(), into.end(), uint8_t{'a'});
    given += into.size();
    return into.size();
  };
  CHECK_FALSE(media::thumbnail(endless)->has_value());
  CHECK(given <= 64 * 1024);
  auto broken = [](std::span<uint8_t>) -> Result<size_t> {
    return make_error(ErrorCode::io_failed, "the card was pulled");
  };
  CHECK(media::thumbnail(broken).error().message == "the card was pulled");
}

TEST_CASE("Thumbnail: photos of real cameras have one, upright, and so have their shareable copies",
          "[media][thumbnail]") {
  auto shared = shared_dir();
  if (!shared) {
    WARN("no shared material here: not run");
    return;
  }
  std::vector<Pixels> landscapes;
  for (const auto& entry : std::filesystem::directory_iterator(*shared / "data" / "photos")) {
    CAPTURE(entry.path().filename());
    const auto file = content_of(entry.path());
    const auto thumbnail = made(file);
    CHECK(thumbnail.has_value() == (entry.path().extension() == ".jpg"));
    if (!thumbnail) continue;
    const auto pixels = shown(thumbnail);
    CHECK(std::max(pixels.width, pixels.height) >= 60);
    if (entry.path().filename().string().starts_with("landscape_")) landscapes.push_back(pixels);
    Bytes copy;
    ShareableCopy shareable([&](ByteView bytes) -> Result<void> {
      copy.insert(copy.end(), bytes.begin(), bytes.end());
      return {};
    });
    REQUIRE(shareable.put(file).ok());
    REQUIRE(shareable.finish().ok());
    CHECK(made(copy) == thumbnail);
  }
  // The same scene, held in four ways.
  REQUIRE(landscapes.size() == 4);
  for (const auto& one : landscapes) {
    REQUIRE(one.rgb.size() == landscapes[0].rgb.size());
    CHECK(one.width == landscapes[0].width);
    uint64_t apart = 0;
    for (size_t i = 0; i < one.rgb.size(); ++i)
      apart += static_cast<uint64_t>(std::abs(one.rgb[i] - landscapes[0].rgb[i]));
    CHECK(apart / one.rgb.size() <= 25);
  }
}
