// libpng's progressive reader: rows come as their bytes do, those of interlaced pictures in seven passes, each at its
// places in the mosaic. Nothing but pixels, palette and transparency is read; what is transparent is shown on white.
#include <png.h>

#include <algorithm>

#include "core/media/decoder.h"
#include "core/media/guarded.h"

namespace lysoen::media {

namespace {

class PngDecoder final : public Decoder {
 public:
  explicit PngDecoder(Mosaic& mosaic) : mosaic_(mosaic) {
    done_ = !guarded(error_, [this] { set_up(); });
  }
  ~PngDecoder() override { png_destroy_read_struct(&png_, &info_, nullptr); }

  bool put(ByteView bytes) override {
    // libpng takes bytes that it may change, and changes none.
    auto* data = const_cast<png_bytep>(bytes.data());
    if (!done_ && !guarded(error_, [&] { png_process_data(png_, info_, data, bytes.size()); })) done_ = true;
    return !done_;
  }

  void finish() override { done_ = true; }

 private:
  static PngDecoder* self(png_structp png) { return static_cast<PngDecoder*>(png_get_progressive_ptr(png)); }
  [[noreturn]] static void fail(png_structp png) {
    std::longjmp(static_cast<PngDecoder*>(png_get_error_ptr(png))->error_, 1);
  }

  // Below guarded(): plain data only.

  void set_up() {
    png_ = png_create_read_struct(
        PNG_LIBPNG_VER_STRING, this, [](png_structp png, png_const_charp) { fail(png); },
        [](png_structp, png_const_charp) {});
    info_ = png_ ? png_create_info_struct(png_) : nullptr;
    if (!info_) std::longjmp(error_, 1);
    png_set_user_limits(png_, Mosaic::kPictureSideMax, Mosaic::kPictureSideMax);
    png_set_chunk_malloc_max(png_, kPngChunkMax);
    png_set_keep_unknown_chunks(png_, PNG_HANDLE_CHUNK_NEVER, nullptr, -1);
    png_set_progressive_read_fn(
        png_, this, [](png_structp png, png_infop) { self(png)->begin(); },
        [](png_structp png, png_bytep row, png_uint_32 number, int pass) { self(png)->row(row, number, pass); },
        [](png_structp png, png_infop) { self(png)->done_ = true; });
  }

  void begin() {
    width_ = png_get_image_width(png_, info_);
    const uint32_t height = png_get_image_height(png_, info_);
    if (uint64_t{width_} * height > kPngPixelsMax) fail(png_);
    interlaced_ = png_get_interlace_type(png_, info_) == PNG_INTERLACE_ADAM7;
    png_set_expand(png_);
    png_set_scale_16(png_);
    png_set_gray_to_rgb(png_);
    png_set_add_alpha(png_, 0xff, PNG_FILLER_AFTER);
    png_read_update_info(png_, info_);
    if (png_get_rowbytes(png_, info_) != size_t{width_} * 4) fail(png_);
    mosaic_.begin(width_, height);
  }

  void row(const uint8_t* pixels, uint32_t number, int pass) {
    if (!pixels) return;
    auto colour_of = [pixels](uint32_t i) {
      const uint8_t* at = pixels + size_t{i} * 4;
      const uint32_t white = 255u * (255u - at[3]);
      return Colour{(at[0] * at[3] + white) / 255, (at[1] * at[3] + white) / 255, (at[2] * at[3] + white) / 255};
    };
    if (interlaced_)
      mosaic_.add(PNG_ROW_FROM_PASS_ROW(number, pass), PNG_PASS_START_COL(pass), PNG_PASS_COL_OFFSET(pass),
                  PNG_PASS_COLS(width_, pass), colour_of);
    else
      mosaic_.add(number, 0, 1, width_, colour_of);
  }

  Mosaic& mosaic_;
  std::jmp_buf error_;
  png_structp png_ = nullptr;
  png_infop info_ = nullptr;
  uint32_t width_ = 0;
  bool interlaced_ = false, done_ = true;
};

}  // namespace

std::unique_ptr<Decoder> png_decoder(Mosaic& mosaic) {
  return std::make_unique<PngDecoder>(mosaic);
}

}  // namespace lysoen::media
