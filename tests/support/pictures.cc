#include "tests/support/pictures.h"

#include <csetjmp>
#include <cstdio>
#include <cstdlib>

// After <cstdio>.
#include <jpeglib.h>
#include <png.h>

#include "core/base/bytes.h"
#include "core/base/check.h"

namespace lysoen::test {

namespace {

Pixels scene_pixels(Scene scene) {
  Pixels pixels{scene.width, scene.height, {}};
  pixels.rgb.reserve(size_t{scene.width} * scene.height * 3);
  for (uint32_t y = 0; y < scene.height; ++y)
    for (uint32_t x = 0; x < scene.width; ++x) {
      const bool right = x * 2 >= scene.width, below = y * 2 >= scene.height;
      const uint8_t colours[4][3] = {{220, 30, 30}, {30, 200, 30}, {30, 30, 220}, {250, 250, 250}};
      for (uint8_t value : colours[(below ? 2 : 0) + (right ? 1 : 0)]) pixels.rgb.push_back(value);
    }
  return pixels;
}

struct Errors {
  jpeg_error_mgr manager;
  std::jmp_buf error;
};

void jump(j_common_ptr jpeg) {
  std::longjmp(reinterpret_cast<Errors*>(jpeg->err)->error, 1);
}

}  // namespace

Pixels::Colour Pixels::at(uint32_t across, uint32_t down) const {
  const uint8_t* pixel = rgb.data() + (size_t{height * down / 100} * width + width * across / 100) * 3;
  return {pixel[0], pixel[1], pixel[2]};
}

Bytes jpeg_of_scene(Scene scene, JpegKind kind) {
  const auto pixels = scene_pixels(scene);
  jpeg_compress_struct jpeg{};
  jpeg_error_mgr errors{};
  jpeg.err = jpeg_std_error(&errors);
  jpeg_create_compress(&jpeg);
  unsigned char* made = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&jpeg, &made, &size);
  jpeg.image_width = scene.width, jpeg.image_height = scene.height;
  jpeg.input_components = kind.grey ? 1 : kind.inks ? 4 : 3;
  jpeg.in_color_space = kind.grey ? JCS_GRAYSCALE : kind.inks ? JCS_CMYK : JCS_RGB;
  jpeg_set_defaults(&jpeg);
  if (kind.progressive) jpeg_simple_progression(&jpeg);
  jpeg.restart_in_rows = static_cast<int>(kind.restart_rows);
  jpeg_start_compress(&jpeg, TRUE);
  Bytes row;
  while (jpeg.next_scanline < jpeg.image_height) {
    row.clear();
    const uint8_t* from = pixels.rgb.data() + size_t{jpeg.next_scanline} * scene.width * 3;
    for (uint32_t x = 0; x < scene.width; ++x, from += 3) {
      if (kind.grey) {
        row.push_back(from[0]);
      } else {
        row.insert(row.end(), from, from + 3);  // as inks: Adobe's programs store what is left white
        if (kind.inks) row.push_back(255);
      }
    }
    JSAMPROW at = row.data();
    jpeg_write_scanlines(&jpeg, &at, 1);
  }
  jpeg_finish_compress(&jpeg);
  jpeg_destroy_compress(&jpeg);
  Bytes file(made, made + size);
  std::free(made);
  return file;
}

Bytes png_of_scene(Scene scene, PngKind kind) {
  auto pixels = scene_pixels(scene);
  auto* png = png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, nullptr);
  auto* info = png_create_info_struct(png);
  Bytes file;
  png_set_write_fn(
      png, &file,
      [](png_structp writer, png_bytep bytes, size_t size) {
        auto* to = static_cast<Bytes*>(png_get_io_ptr(writer));
        to->insert(to->end(), bytes, bytes + size);
      },
      nullptr);
  png_set_IHDR(png, info, scene.width, scene.height, 8, kind.transparent ? PNG_COLOR_TYPE_RGBA : PNG_COLOR_TYPE_RGB,
               kind.interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
               PNG_FILTER_TYPE_DEFAULT);
  png_write_info(png, info);
  std::vector<Bytes> rows(scene.height);
  for (uint32_t y = 0; y < scene.height; ++y)
    for (uint32_t x = 0; x < scene.width; ++x) {
      const uint8_t* from = pixels.rgb.data() + (size_t{y} * scene.width + x) * 3;
      rows[y].insert(rows[y].end(), from, from + 3);
      if (kind.transparent) rows[y].push_back(y * 2 >= scene.height ? 0 : 255);
    }
  std::vector<png_bytep> pointers;
  for (auto& row : rows) pointers.push_back(row.data());
  png_write_image(png, pointers.data());
  png_write_end(png, nullptr);
  png_destroy_write_struct(&png, &info);
  return file;
}

std::optional<Pixels> jpeg_pixels(ByteView file) {
  jpeg_decompress_struct jpeg{};
  Errors errors{};
  Pixels pixels;
  jpeg.err = jpeg_std_error(&errors.manager);
  errors.manager.error_exit = jump;
  errors.manager.output_message = [](j_common_ptr) {};
  if (setjmp(errors.error) != 0) {
    jpeg_destroy_decompress(&jpeg);
    return std::nullopt;
  }
  jpeg_create_decompress(&jpeg);
  jpeg_mem_src(&jpeg, file.data(), file.size());
  jpeg_read_header(&jpeg, TRUE);
  jpeg.out_color_space = jpeg.jpeg_color_space == JCS_YCCK || jpeg.jpeg_color_space == JCS_CMYK ? JCS_CMYK : JCS_RGB;
  jpeg_start_decompress(&jpeg);
  pixels.width = jpeg.output_width, pixels.height = jpeg.output_height;
  const size_t row_size = size_t{jpeg.output_width} * static_cast<size_t>(jpeg.output_components);
  pixels.rgb.resize(row_size * jpeg.output_height);
  while (jpeg.output_scanline < jpeg.output_height) {
    JSAMPROW at = pixels.rgb.data() + row_size * jpeg.output_scanline;
    jpeg_read_scanlines(&jpeg, &at, 1);
  }
  jpeg_finish_decompress(&jpeg);
  const bool warned = errors.manager.num_warnings > 0;
  jpeg_destroy_decompress(&jpeg);
  if (warned) return std::nullopt;
  return pixels;
}

std::optional<Pixels> png_pixels(ByteView file) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  if (!png_image_begin_read_from_memory(&image, file.data(), file.size())) return std::nullopt;
  image.format = PNG_FORMAT_RGB;
  Pixels pixels{image.width, image.height, Bytes(PNG_IMAGE_SIZE(image))};
  const png_color white{255, 255, 255};
  if (!png_image_finish_read(&image, &white, pixels.rgb.data(), 0, nullptr)) return std::nullopt;
  return pixels;
}

Bytes jpeg_segment(uint8_t code, ByteView payload) {
  Writer writer;
  writer.u8(0xff).u8(code).u16(static_cast<uint16_t>(payload.size() + 2)).raw(payload);
  return std::move(writer).bytes();
}

Bytes png_chunk(std::string_view type, ByteView data) {
  Writer writer;
  writer.u32(static_cast<uint32_t>(data.size())).raw(as_bytes(type)).raw(data);
  uint32_t crc = 0xffffffff;
  for (uint8_t byte : ByteView(writer.bytes()).subspan(4)) {
    crc ^= byte;
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
  }
  writer.u32(~crc);
  return std::move(writer).bytes();
}

Bytes camera_notes(uint8_t orientation, bool big_endian) {
  Bytes notes;
  auto integer = [&](uint32_t value, size_t size) {
    for (size_t i = 0; i < size; ++i)
      notes.push_back(static_cast<uint8_t>(value >> 8 * (big_endian ? size - 1 - i : i)));
  };
  for (int i = 0; i < 2; ++i) notes.push_back(big_endian ? 'M' : 'I');
  integer(42, 2), integer(8, 4), integer(2, 2);
  integer(0x010f, 2), integer(2, 2), integer(20, 4), integer(38, 4);  // maker, text, behind it all
  integer(0x0112, 2), integer(3, 2), integer(1, 4), integer(orientation, 2), integer(0, 2);
  integer(0, 4);
  auto text = as_bytes("Maker at 51.5074 N");
  notes.insert(notes.end(), text.begin(), text.end());
  notes.insert(notes.end(), 2, 0);
  return notes;
}

Bytes with(const Bytes& file, size_t at, ByteView inserted) {
  LYSOEN_CHECK(at <= file.size());
  Bytes made = file;
  made.insert(made.begin() + static_cast<ptrdiff_t>(at), inserted.begin(), inserted.end());
  return made;
}

}  // namespace lysoen::test
