#include "core/media/shareable.h"

#include <algorithm>

#include "core/base/bytes.h"
#include "core/base/try.h"

namespace lysoen {

/// Holds the first bytes back until they tell the type.
class ShareableCopy::Copying {
 public:
  explicit Copying(AttachmentSink copy) : copy_(std::move(copy)) {}
  ~Copying() { crypto::wipe(first_); }

  Result<void> put(ByteView bytes) {
    if (filter_) return filter_->put(bytes);
    const size_t taken = std::min(media::kMediaTypeBytes - first_.size(), bytes.size());
    first_.insert(first_.end(), bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(taken));
    if (first_.size() < media::kMediaTypeBytes) return {};
    LYSOEN_TRY(begin());
    return filter_->put(bytes.subspan(taken));
  }

  Result<void> finish() {
    if (!filter_) LYSOEN_TRY(begin());
    return filter_->finish();
  }

 private:
  Result<void> begin() {
    filter_ = media::picture_filter(first_, copy_);
    if (filter_) return filter_->put(first_);
    const auto type = media::media_type(first_).value_or(media::kUnknownMediaType);
    return media::not_shareable("this version cannot take a file of the type " + std::string(type) + " apart");
  }

  AttachmentSink copy_;
  Bytes first_;
  std::unique_ptr<media::PictureFilter> filter_;
};

ShareableCopy::ShareableCopy(AttachmentSink copy) : copying_(std::make_unique<Copying>(std::move(copy))) {}
ShareableCopy::~ShareableCopy() = default;

Result<void> ShareableCopy::put(ByteView bytes) {
  return copying_->put(bytes);
}

Result<void> ShareableCopy::finish() {
  return copying_->finish();
}

namespace media {

Error not_shareable(std::string_view why) {
  return make_error(
      ErrorCode::input_refused, "no shareable copy can be made: " + std::string(why),
      "save the picture anew as JPEG or PNG and share that, or hand on the original with all that it says "
      "about place, time and device");
}

std::unique_ptr<PictureFilter> picture_filter(ByteView first_bytes, Sink out) {
  const auto type = media_type(first_bytes);
  if (type == "image/jpeg") return jpeg_filter(std::move(out));
  if (type == "image/png") return png_filter(std::move(out));
  return nullptr;
}

}  // namespace media
}  // namespace lysoen
