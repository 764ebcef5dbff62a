#include "core/media/thumbnail.h"

#include <algorithm>

#include "core/base/try.h"
#include "core/media/decoder.h"
#include "core/media/encoder.h"
#include "core/media/shareable.h"

namespace lysoen::media {

namespace {

static_assert(kThumbnailSideMax == Mosaic::kSideMax);

constexpr size_t kPiece = 64 * 1024;

// Tried in this order; pure noise of 160 pixels fits at about a quality of 25, of 32 at any.
struct Attempt {
  uint32_t side;
  int quality;
};
constexpr Attempt kAttempts[] = {{160, 80}, {160, 65}, {160, 50}, {160, 35}, {128, 50}, {128, 35},
                                 {96, 50},  {96, 35},  {64, 35},  {32, 35},  {32, 10}};

}  // namespace

/// The file's bytes, through the filter of its type, into the decoder.
class ThumbnailMaker::Making {
 public:
  ~Making() { crypto::wipe(first_); }

  bool put(ByteView bytes) {
    if (state_ == State::beginning) {
      const size_t taken = std::min(kPictureBytes - first_.size(), bytes.size());
      first_.insert(first_.end(), bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(taken));
      bytes = bytes.subspan(taken);
      if (first_.size() < kPictureBytes) return true;
      begin();
    }
    if (state_ == State::decoding) feed(bytes);
    return state_ != State::ended;
  }

  std::optional<Bytes> finish() {
    if (!decoder_) return std::nullopt;
    decoder_->finish();
    state_ = State::ended;
    if (!mosaic_.any()) return std::nullopt;
    for (const auto& attempt : kAttempts) {
      auto picture = mosaic_.picture(attempt.side, filter_->orientation());
      auto jpeg = jpeg_of(picture, attempt.quality, kThumbnailSizeMax);
      crypto::wipe(picture.pixels);
      if (jpeg) return jpeg;
    }
    return std::nullopt;
  }

 private:
  enum class State { beginning, decoding, ended };

  void begin() {
    filter_ = picture_filter(first_, [this](ByteView bytes) -> Result<void> {
      if (state_ == State::decoding && !decoder_->put(bytes)) state_ = State::ended;
      return {};
    });
    state_ = filter_ ? State::decoding : State::ended;
    if (!filter_) return;
    decoder_ = media_type(first_) == "image/png" ? png_decoder(mosaic_) : jpeg_decoder(mosaic_);
    feed(first_);
  }

  void feed(ByteView bytes) {
    if (!filter_->put(bytes)) state_ = State::ended;  // what came before it is shown
  }

  State state_ = State::beginning;
  Bytes first_;
  Mosaic mosaic_;
  std::unique_ptr<Decoder> decoder_;
  std::unique_ptr<PictureFilter> filter_;
};

ThumbnailMaker::ThumbnailMaker() : making_(std::make_unique<Making>()) {}
ThumbnailMaker::~ThumbnailMaker() = default;

bool ThumbnailMaker::put(ByteView bytes) {
  return making_->put(bytes);
}

std::optional<Bytes> ThumbnailMaker::finish() {
  return making_->finish();
}

Result<std::optional<Bytes>> thumbnail(const Source& file) {
  ThumbnailMaker maker;
  Bytes piece(kPiece);
  Result<std::optional<Bytes>> made(std::nullopt);
  for (bool more = true; more;) {
    auto came = file(piece);
    if (!came) {
      made = std::move(came).error();
      break;
    }
    more = *came == piece.size();
    if (!maker.put(ByteView(piece).first(*came))) more = false;
    if (!more) made = maker.finish();
  }
  crypto::wipe(piece);
  return made;
}

}  // namespace lysoen::media
