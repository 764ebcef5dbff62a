// JPEG (ISO/IEC 10918-1, annex B; JFIF 1.02; ICC.1 annex B.4) is a row of markers: FF and a code, for most a length and
// a payload behind it; behind SOS the pixels, in which an FF is followed by 00 or by a restart marker.
//
//   kept: what describes and holds pixels (SOF, DHT, DAC, DQT, DRI, DNL, SOS); the first 14 bytes of JFIF, so without
//   the
//         small picture in it; ICC profiles; the first 12 bytes of Adobe's, which say what the colours are
//   made: notes with the orientation alone, in the place of those that named one that is not upright
//   left out: every other APPn, comments, what stands between segments, everything behind the end
#include <algorithm>

#include "core/base/bytes.h"
#include "core/base/try.h"
#include "core/media/orientation.h"
#include "core/media/shareable.h"

namespace lysoen::media {

namespace {

using namespace std::string_view_literals;

constexpr uint8_t kSof0 = 0xc0, kDht = 0xc4, kJpg = 0xc8, kDac = 0xcc, kSof15 = 0xcf, kRst0 = 0xd0, kRst7 = 0xd7,
                  kSoi = 0xd8, kEoi = 0xd9, kSos = 0xda, kDqt = 0xdb, kDnl = 0xdc, kDri = 0xdd, kApp0 = 0xe0,
                  kApp1 = 0xe1, kApp2 = 0xe2, kApp14 = 0xee, kApp15 = 0xef, kCom = 0xfe, kTem = 0x01;
constexpr std::string_view kJfif = "JFIF\0"sv, kExif = "Exif\0\0"sv, kIccProfile = "ICC_PROFILE\0"sv,
                           kAdobe = "Adobe"sv;
constexpr size_t kJfifSize = 14, kAdobeSize = 12, kLengthSize = 2, kSegmentSizeMax = 65'535;

bool begins_with(ByteView bytes, std::string_view what) {
  return as_text(bytes).starts_with(what);
}

/// Behind an FF within the pixels: a byte FF of theirs, or a place to begin again at after an error.
bool is_of_pixels(uint8_t code) {
  return code == 0 || (code >= kRst0 && code <= kRst7);
}

class JpegFilter final : public PictureFilter {
 public:
  explicit JpegFilter(Sink out) : out_(std::move(out)) { segment_.reserve(kSegmentSizeMax); }
  ~JpegFilter() override { crypto::wipe(segment_); }

  Result<void> put(ByteView bytes) override {
    while (!bytes.empty() && state_ != State::ended) {
      if (state_ == State::pixels) {
        LYSOEN_TRY(pixels(bytes));
      } else if (state_ == State::payload) {
        LYSOEN_TRY(payload(bytes));
      } else {
        const uint8_t byte = bytes[0];
        bytes = bytes.subspan(1);
        LYSOEN_TRY(marker_byte(byte));
      }
    }
    return {};
  }

  Result<void> finish() override {
    if (!pixels_seen_) return not_shareable("the picture ends before its pixels");
    return {};
  }

  uint8_t orientation() const override { return orientation_; }

 private:
  enum class State { between, marker, payload, pixels, pixels_marker, ended };

  Result<void> marker_byte(uint8_t byte) {
    if (state_ == State::between) {
      if (byte == 0xff) state_ = State::marker;
      return {};  // what stands between segments is nothing that a decoder reads
    }
    if (byte == 0xff) return {};  // any number of them may come before a code
    const bool in_pixels = state_ == State::pixels_marker;
    state_ = in_pixels && is_of_pixels(byte) ? State::pixels : State::between;
    if (state_ == State::pixels) return write(byte, {});
    return is_of_pixels(byte) || byte == kTem ? Result<void>() : marker(byte);
  }

  Result<void> marker(uint8_t code) {
    if (!begun_ && code != kSoi) return not_shareable("the picture's parts are not in order");
    switch (code) {
      case kSoi:
        if (begun_) return not_shareable("the picture's parts are not in order");
        begun_ = true;
        return write(kSoi, {});
      case kEoi:
        state_ = State::ended;
        return write(kEoi, {});
      default:
        code_ = code;
        segment_.clear();
        state_ = State::payload;
        return {};
    }
  }

  /// Gathers a segment whole: length and payload.
  Result<void> payload(ByteView& bytes) {
    auto want = [&] {
      return segment_.size() < kLengthSize ? kLengthSize : static_cast<size_t>(segment_[0]) << 8 | segment_[1];
    };
    while (!bytes.empty() && segment_.size() < want()) {
      const size_t taken = std::min(bytes.size(), want() - segment_.size());
      segment_.insert(segment_.end(), bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(taken));
      bytes = bytes.subspan(taken);
    }
    if (segment_.size() < want()) return {};
    if (want() < kLengthSize) return not_shareable("the picture's parts are not in order");
    state_ = State::between;
    return segment(code_, ByteView(segment_).subspan(kLengthSize));
  }

  Result<void> segment(uint8_t code, ByteView payload) {
    if (code == kApp0 && begins_with(payload, kJfif) && payload.size() >= kJfifSize) {
      Bytes jfif = to_bytes(payload.first(kJfifSize));
      jfif[12] = jfif[13] = 0;  // of the small picture: width and height
      return write(kApp0, jfif);
    }
    if (code == kApp1 && begins_with(payload, kExif)) return notes(payload.subspan(kExif.size()));
    if (code == kApp2 && begins_with(payload, kIccProfile)) return write(code, payload);
    if (code == kApp14 && begins_with(payload, kAdobe) && payload.size() >= kAdobeSize)
      return write(code, payload.first(kAdobeSize));
    if ((code >= kApp0 && code <= kApp15) || code == kCom) return {};
    const bool frame = code >= kSof0 && code <= kSof15 && code != kDht && code != kJpg && code != kDac;
    if (frame && frame_seen_) return not_shareable("the picture's parts are not in order");
    frame_seen_ = frame_seen_ || frame;
    if (!frame && code != kDht && code != kDac && code != kSos && code != kDqt && code != kDri && code != kDnl)
      return not_shareable("it is of a kind of JPEG that this version does not know");
    if (code == kSos) pixels_seen_ = true, state_ = State::pixels;
    return write(code, payload);
  }

  Result<void> notes(ByteView tiff) {
    const auto named = orientation_of(tiff);
    if (!named || oriented_ || pixels_seen_) return {};
    oriented_ = true;
    orientation_ = *named;
    if (orientation_ == kUpright) return {};
    Bytes made = to_bytes(as_bytes(kExif));
    const auto own = notes_of(orientation_);
    made.insert(made.end(), own.begin(), own.end());
    return write(kApp1, made);
  }

  /// Passes on a run that ends at a marker, or with the bytes.
  Result<void> pixels(ByteView& bytes) {
    size_t end = 0;
    bool marker = false;
    while (end < bytes.size() && !marker) {
      const void* found = std::memchr(bytes.data() + end, 0xff, bytes.size() - end);
      end = found ? static_cast<size_t>(static_cast<const uint8_t*>(found) - bytes.data()) : bytes.size();
      if (found && end + 1 < bytes.size() && is_of_pixels(bytes[end + 1]))
        end += 2;
      else
        marker = found != nullptr;
    }
    if (end > 0) LYSOEN_TRY(out_(bytes.first(end)));
    bytes = bytes.subspan(end + (marker ? 1 : 0));
    if (marker) state_ = State::pixels_marker;
    return {};
  }

  /// A marker; with its length and payload if its code has them.
  Result<void> write(uint8_t code, ByteView payload) {
    const bool bare = is_of_pixels(code) || code == kSoi || code == kEoi;
    const size_t length = payload.size() + kLengthSize;
    const std::array<uint8_t, 4> head = {0xff, code, static_cast<uint8_t>(length >> 8), static_cast<uint8_t>(length)};
    LYSOEN_TRY(out_(ByteView(head).first(bare ? 2 : 4)));
    return payload.empty() ? Result<void>() : out_(payload);
  }

  Sink out_;
  State state_ = State::between;
  uint8_t code_ = 0;    // of the segment that is gathered
  Bytes segment_;       // its length and payload as far as they came
  bool begun_ = false;  // SOI came
  bool frame_seen_ = false, pixels_seen_ = false, oriented_ = false;
  uint8_t orientation_ = kUpright;
};

}  // namespace

std::unique_ptr<PictureFilter> jpeg_filter(Sink out) {
  return std::make_unique<JpegFilter>(std::move(out));
}

}  // namespace lysoen::media
