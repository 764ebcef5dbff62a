#include "core/media/encoder.h"

#include <cstdio>

// After <cstdio>.
#include <jpeglib.h>

#include "core/media/guarded.h"

namespace lysoen::media {

namespace {

/// One picture; the room for it is there before.
class Encoder {
 public:
  Encoder(const SmallPicture& picture, int quality, std::span<uint8_t> into)
      : picture_(picture), quality_(quality), into_(into) {
    jpeg_.err = jpeg_std_error(&errors_);
    errors_.error_exit = [](j_common_ptr jpeg) { std::longjmp(static_cast<Encoder*>(jpeg->client_data)->error_, 1); };
    errors_.emit_message = [](j_common_ptr, int) {};
    errors_.output_message = [](j_common_ptr) {};
    jpeg_.client_data = this;
    destination_.init_destination = destination_.term_destination = [](j_compress_ptr) {};
    destination_.empty_output_buffer = [](j_compress_ptr jpeg) -> boolean {  // there is no more room
      std::longjmp(static_cast<Encoder*>(jpeg->client_data)->error_, 1);
    };
    destination_.next_output_byte = into_.data();
    destination_.free_in_buffer = into_.size();
  }
  ~Encoder() { jpeg_destroy_compress(&jpeg_); }
  Encoder(const Encoder&) = delete;
  Encoder& operator=(const Encoder&) = delete;

  std::optional<size_t> encode() {
    if (!guarded(error_, [this] { write(); })) return std::nullopt;
    return into_.size() - destination_.free_in_buffer;
  }

 private:
  /// Plain data only: below guarded().
  void write() {
    jpeg_create_compress(&jpeg_);
    jpeg_.client_data = this;
    jpeg_.dest = &destination_;
    jpeg_.image_width = picture_.width;
    jpeg_.image_height = picture_.height;
    jpeg_.input_components = 3;
    jpeg_.in_color_space = JCS_RGB;
    jpeg_set_defaults(&jpeg_);
    jpeg_set_quality(&jpeg_, quality_, TRUE);
    jpeg_.optimize_coding = TRUE;
    jpeg_start_compress(&jpeg_, TRUE);
    while (jpeg_.next_scanline < jpeg_.image_height) {
      // libjpeg reads rows through a pointer that is not const.
      JSAMPROW row = const_cast<JSAMPROW>(picture_.pixels.data()) + size_t{jpeg_.next_scanline} * picture_.width * 3;
      jpeg_write_scanlines(&jpeg_, &row, 1);
    }
    jpeg_finish_compress(&jpeg_);
  }

  const SmallPicture& picture_;
  int quality_;
  std::span<uint8_t> into_;
  std::jmp_buf error_;
  jpeg_compress_struct jpeg_{};
  jpeg_error_mgr errors_{};
  jpeg_destination_mgr destination_{};
};

}  // namespace

std::optional<Bytes> jpeg_of(const SmallPicture& picture, int quality, size_t size_max) {
  Bytes jpeg(size_max);
  const auto size = Encoder(picture, quality, jpeg).encode();
  if (!size) return std::nullopt;
  jpeg.resize(*size);
  return jpeg;
}

}  // namespace lysoen::media
