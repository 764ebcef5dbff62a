#include "tools/lysoen/qr.h"

#include <png.h>
#include <qrencode.h>

#include <cstdio>
#include <memory>
#include <vector>

#include "core/base/try.h"

namespace lysoen::cli {

namespace {

constexpr int kQuietModules = 4, kPixelsPerModule = 8;

struct FreeCode {
  void operator()(QRcode* code) const { QRcode_free(code); }
};

// A square of modules with its quiet zone; true is dark.
struct Modules {
  int width = 0;
  std::vector<bool> dark;
  bool at(int row, int column) const { return row < width && dark[static_cast<size_t>(row * width + column)]; }
};

Result<Modules> encode(const std::string& text) {
  std::unique_ptr<QRcode, FreeCode> code(QRcode_encodeString8bit(text.c_str(), 0, QR_ECLEVEL_L));
  if (!code)
    return make_error(ErrorCode::limit_exceeded, "cannot make a QR code: the invite is too long for one",
                      "hand over the invite file instead");
  Modules modules;
  modules.width = code->width + 2 * kQuietModules;
  modules.dark.resize(static_cast<size_t>(modules.width * modules.width));
  for (int row = 0; row < code->width; ++row)
    for (int column = 0; column < code->width; ++column)
      modules.dark[static_cast<size_t>((row + kQuietModules) * modules.width + column + kQuietModules)] =
          code->data[row * code->width + column] & 1;
  return modules;
}

}  // namespace

Result<std::string> qr_for_terminal(const std::string& text) {
  LYSOEN_ASSIGN(Modules modules, encode(text));
  std::string out;
  for (int row = 0; row < modules.width; row += 2) {
    out += "\033[30;107m";  // black on white whatever the terminal's colours are
    for (int column = 0; column < modules.width; ++column) {
      bool upper = modules.at(row, column), lower = modules.at(row + 1, column);
      out += upper && lower ? "█" : upper ? "▀" : lower ? "▄" : " ";
    }
    out += "\033[0m\n";
  }
  return out;
}

Result<Bytes> qr_png(const std::string& text) {
  LYSOEN_ASSIGN(Modules modules, encode(text));
  int side = modules.width * kPixelsPerModule;
  std::vector<png_byte> pixels(static_cast<size_t>(side) * static_cast<size_t>(side), 255);
  for (int y = 0; y < side; ++y)
    for (int x = 0; x < side; ++x)
      if (modules.at(y / kPixelsPerModule, x / kPixelsPerModule)) pixels[static_cast<size_t>(y * side + x)] = 0;
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.width = image.height = static_cast<png_uint_32>(side);
  image.format = PNG_FORMAT_GRAY;
  png_alloc_size_t size = 0;
  Bytes file;
  bool made = png_image_write_to_memory(&image, nullptr, &size, 0, pixels.data(), 0, nullptr) != 0;
  file.resize(size);
  made = made && png_image_write_to_memory(&image, file.data(), &size, 0, pixels.data(), 0, nullptr) != 0;
  if (!made) return make_error(ErrorCode::internal, "cannot make a QR code: the picture does not come out");
  file.resize(size);
  return file;
}

}  // namespace lysoen::cli
