// libjpeg-turbo, fed piece by piece: where a piece ends it suspends (libjpeg.txt, "I/O suspension") and goes on with
// the next. A picture of one scan is decoded row by row, at an eighth of its size if it is large (DCT scaling); one of
// several scans is held as coefficients until all have come.
#include <algorithm>
#include <climits>
#include <cstdio>
#include <cstring>

// After <cstdio>.
#include <jpeglib.h>

#include "core/crypto/secret.h"
#include "core/media/decoder.h"
#include "core/media/guarded.h"

namespace lysoen::media {

namespace {

constexpr JOCTET kEnd[] = {0xff, JPEG_EOI};
// Twice as fine as the mosaic, so that its tiles are means.
constexpr uint32_t kDecodedSide = 2 * Mosaic::kSideMax;

class JpegDecoder final : public Decoder {
 public:
  explicit JpegDecoder(Mosaic& mosaic) : mosaic_(mosaic) {
    jpeg_.err = jpeg_std_error(&errors_);
    errors_.error_exit = [](j_common_ptr jpeg) { std::longjmp(self(jpeg)->error_, 1); };
    errors_.emit_message = [](j_common_ptr, int) {};
    errors_.output_message = [](j_common_ptr) {};
    jpeg_.client_data = this;
    const bool made = guarded(error_, [this] { jpeg_create_decompress(&jpeg_); });
    stage_ = made ? Stage::header : Stage::done;
    if (!made) return;
    // What exceeds this would go into a file outside of the vault; what is allowed is counted in begin().
    jpeg_.mem->max_memory_to_use = LONG_MAX;
    source_.init_source = source_.term_source = [](j_decompress_ptr) {};
    source_.fill_input_buffer = [](j_decompress_ptr jpeg) { return self(jpeg)->more(); };
    source_.skip_input_data = [](j_decompress_ptr jpeg, long size) { self(jpeg)->skip(size); };
    source_.resync_to_restart = jpeg_resync_to_restart;
    jpeg_.src = &source_;
    progress_.progress_monitor = [](j_common_ptr jpeg) {
      if (self(jpeg)->jpeg_.input_scan_number > kJpegScansMax) std::longjmp(self(jpeg)->error_, 1);
    };
    jpeg_.progress = &progress_;
  }

  ~JpegDecoder() override {
    jpeg_destroy_decompress(&jpeg_);
    crypto::wipe(input_);
    crypto::wipe(row_);
  }

  bool put(ByteView bytes) override {
    if (stage_ == Stage::done) return false;
    const size_t skipped = std::min(skip_, bytes.size());
    skip_ -= skipped;
    bytes = bytes.subspan(skipped);
    if (bytes.empty()) return true;
    // What was not taken stands at the end: less than a segment.
    const size_t left = source_.bytes_in_buffer;
    if (left > 0) std::memmove(input_.data(), source_.next_input_byte, left);
    input_.resize(left);
    input_.insert(input_.end(), bytes.begin(), bytes.end());
    source_.next_input_byte = input_.data();
    source_.bytes_in_buffer = input_.size();
    go_on();
    return stage_ != Stage::done;
  }

  void finish() override {
    ended_ = true;
    // Without a row, or a whole scan, libjpeg would fill the picture with grey.
    const bool something =
        (stage_ == Stage::rows && mosaic_.any()) || (stage_ == Stage::begin && jpeg_.input_scan_number > 1);
    if (something) go_on();
    stage_ = Stage::done;
  }

 private:
  enum class Stage { header, begin, rows, done };

  template <class Jpeg>
  static JpegDecoder* self(Jpeg* jpeg) {
    return static_cast<JpegDecoder*>(jpeg->client_data);
  }

  /// libjpeg wants more than there is: it suspends, or, at the file's end, sees an end of the picture.
  boolean more() {
    if (!ended_) return FALSE;
    source_.next_input_byte = kEnd;
    source_.bytes_in_buffer = sizeof kEnd;
    return TRUE;
  }

  void skip(long size) {
    if (size <= 0) return;
    const size_t now = std::min(static_cast<size_t>(size), source_.bytes_in_buffer);
    source_.next_input_byte += now;
    source_.bytes_in_buffer -= now;
    skip_ = static_cast<size_t>(size) - now;
  }

  void go_on() {
    bool suspended = false;
    while (stage_ != Stage::done && !suspended) {
      const Stage stage = stage_;
      if (stage == Stage::begin && row_.empty() && !prepare())
        stage_ = Stage::done;
      else if (!guarded(error_, [this, stage] { step(stage); }))
        stage_ = Stage::done;
      suspended = stage_ == stage;
    }
  }

  /// As far as the bytes reach; plain data only, below guarded().
  void step(Stage stage) {
    switch (stage) {
      case Stage::header:
        if (jpeg_read_header(&jpeg_, TRUE) == JPEG_HEADER_OK) stage_ = Stage::begin;
        return;
      case Stage::begin:
        if (jpeg_start_decompress(&jpeg_)) stage_ = Stage::rows;
        return;
      case Stage::rows:
        rows();
        return;
      case Stage::done:
        return;
    }
  }

  /// How it is decoded, and the memory for it; false if it is beyond a limit.
  bool prepare() {
    const uint64_t width = jpeg_.image_width, height = jpeg_.image_height;
    if (width == 0 || height == 0 || width * height > kJpegPixelsMax || !choose_colours()) return false;
    const uint64_t longer = std::max(width, height);
    jpeg_.scale_num = 1, jpeg_.scale_denom = 8;
    while (jpeg_.scale_denom > 1 && longer / jpeg_.scale_denom < kDecodedSide) jpeg_.scale_denom /= 2;
    jpeg_.do_fancy_upsampling = FALSE;  // its gain is lost in the mosaic
    jpeg_.do_block_smoothing = FALSE;
    if (jpeg_has_multiple_scans(&jpeg_)) {
      uint64_t bytes = 0;
      for (int i = 0; i < jpeg_.num_components; ++i) {
        const auto& component = jpeg_.comp_info[i];
        bytes += uint64_t{component.width_in_blocks} * component.height_in_blocks * sizeof(JBLOCK);
      }
      if (bytes > kJpegCoefficientBytesMax) return false;
    }
    if (!guarded(error_, [this] { jpeg_calc_output_dimensions(&jpeg_); })) return false;
    row_.resize(size_t{jpeg_.output_width} * static_cast<size_t>(jpeg_.output_components));
    if (row_.empty() || jpeg_.output_width > Mosaic::kPictureSideMax || jpeg_.output_height > Mosaic::kPictureSideMax)
      return false;
    mosaic_.begin(jpeg_.output_width, jpeg_.output_height);
    return true;
  }

  bool choose_colours() {
    switch (jpeg_.jpeg_color_space) {
      case JCS_GRAYSCALE:
        jpeg_.out_color_space = JCS_GRAYSCALE;
        return true;
      case JCS_CMYK:
      case JCS_YCCK:
        jpeg_.out_color_space = JCS_CMYK;
        return true;
      case JCS_YCbCr:
      case JCS_RGB:
        jpeg_.out_color_space = JCS_RGB;
        return true;
      default:
        return false;
    }
  }

  void rows() {
    JSAMPROW row = row_.data();
    while (jpeg_.output_scanline < jpeg_.output_height) {
      const uint32_t number = jpeg_.output_scanline;
      if (jpeg_read_scanlines(&jpeg_, &row, 1) == 0) return;
      const uint8_t* at = row_.data();
      const uint32_t count = jpeg_.output_width;
      if (jpeg_.out_color_space == JCS_GRAYSCALE)
        mosaic_.add(number, 0, 1, count, [at](uint32_t i) { return Colour{at[i], at[i], at[i]}; });
      else if (jpeg_.out_color_space == JCS_RGB)
        mosaic_.add(number, 0, 1, count, [at](uint32_t i) { return Colour{at[3 * i], at[3 * i + 1], at[3 * i + 2]}; });
      else
        mosaic_.add(number, 0, 1, count,
                    [at, inverted = jpeg_.saw_Adobe_marker](uint32_t i) { return of_inks(at + 4 * i, inverted); });
    }
    stage_ = Stage::done;
  }

  /// Cyan, magenta, yellow and black; Adobe's programs store how much is left white instead.
  static Colour of_inks(const uint8_t* ink, bool inverted) {
    auto left = [&](int i) { return static_cast<uint32_t>(inverted ? ink[i] : 255 - ink[i]); };
    return {left(0) * left(3) / 255, left(1) * left(3) / 255, left(2) * left(3) / 255};
  }

  Mosaic& mosaic_;
  std::jmp_buf error_;
  Stage stage_ = Stage::done;
  bool ended_ = false;
  Bytes input_, row_;
  size_t skip_ = 0;  // of the bytes to come
  jpeg_decompress_struct jpeg_{};
  jpeg_error_mgr errors_{};
  jpeg_source_mgr source_{};
  jpeg_progress_mgr progress_{};
};

}  // namespace

std::unique_ptr<Decoder> jpeg_decoder(Mosaic& mosaic) {
  return std::make_unique<JpegDecoder>(mosaic);
}

}  // namespace lysoen::media
