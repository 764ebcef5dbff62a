// PNG (third edition; extensions 1.5) is a signature and a row of chunks: length u32, type of four letters, data,
// CRC-32 of type and data.
//
//   kept: the chunks of kKept, with their CRC as it is
//   made: eXIf with the orientation alone, in the place of one that named one that is not upright
//   left out: every other chunk that a decoder may ignore (its first letter is small), everything behind IEND
#include <algorithm>

#include "core/base/bytes.h"
#include "core/base/try.h"
#include "core/media/orientation.h"
#include "core/media/shareable.h"

namespace lysoen::media {

namespace {

using namespace std::string_view_literals;

constexpr std::string_view kSignature = "\x89PNG\r\n\x1a\n"sv;
constexpr uint32_t kLengthMax = 0x7fffffff;  // PNG, 5.3
constexpr uint32_t kProfileMax = 4 * 1024 * 1024;
constexpr size_t kHeadSize = 8, kCrcSize = 4, kNotesMax = 64 * 1024;

struct Kept {
  std::string_view type;
  uint32_t size_max;
};
// What shows the picture: its shape, palette, pixels, frames, colours, transparency, and how wide its pixels are.
constexpr Kept kKept[] = {{"IHDR", 13}, {"PLTE", 768}, {"IDAT", kLengthMax},  {"IEND", 0}, {"tRNS", 256},
                          {"cHRM", 32}, {"gAMA", 4},   {"iCCP", kProfileMax}, {"sBIT", 4}, {"sRGB", 1},
                          {"cICP", 4},  {"mDCV", 24},  {"cLLI", 8},           {"bKGD", 6}, {"pHYs", 9},
                          {"acTL", 8},  {"fcTL", 26},  {"fdAT", kLengthMax}};

bool may_be_ignored(std::string_view type) {
  return (type[0] & 0x20) != 0;
}

/// CRC-32 of ISO/IEC 3309, bit by bit: it is for 30 bytes.
uint32_t crc32(ByteView bytes) {
  uint32_t crc = 0xffffffff;
  for (uint8_t byte : bytes) {
    crc ^= byte;
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ ((crc & 1) != 0 ? 0xedb88320u : 0);
  }
  return ~crc;
}

class PngFilter final : public PictureFilter {
 public:
  explicit PngFilter(Sink out) : out_(std::move(out)) {}
  ~PngFilter() override { crypto::wipe(held_); }

  Result<void> put(ByteView bytes) override {
    while (!bytes.empty() && state_ != State::ended) {
      if (state_ == State::signature || state_ == State::head) {
        const size_t taken = std::min(kHeadSize - held_.size(), bytes.size());
        held_.insert(held_.end(), bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(taken));
        bytes = bytes.subspan(taken);
        if (held_.size() == kHeadSize) LYSOEN_TRY(state_ == State::signature ? begin() : chunk());
        continue;
      }
      const auto part = bytes.first(static_cast<size_t>(std::min<uint64_t>(bytes.size(), left_)));
      bytes = bytes.subspan(part.size());
      left_ -= part.size();
      if (state_ == State::kept) LYSOEN_TRY(out_(part));
      if (state_ == State::notes)
        held_.insert(held_.end(), part.begin(),
                     part.begin() + static_cast<ptrdiff_t>(std::min(part.size(), kNotesMax - held_.size())));
      if (left_ == 0) LYSOEN_TRY(chunk_ended());
    }
    return {};
  }

  Result<void> finish() override {
    if (!pixels_seen_) return not_shareable("the picture ends before its pixels");
    return {};
  }

  uint8_t orientation() const override { return orientation_; }

 private:
  enum class State { signature, head, kept, notes, left_out, ended };

  Result<void> begin() {
    if (as_text(held_) != kSignature) return not_shareable("the picture's parts are not in order");
    LYSOEN_TRY(out_(held_));
    held_.clear();
    state_ = State::head;
    return {};
  }

  /// A chunk's length and type have come.
  Result<void> chunk() {
    const uint32_t length = Reader(held_).u32();
    const auto type = as_text(held_).substr(4);
    const auto* kept =
        std::find_if(std::begin(kKept), std::end(kKept), [&](const Kept& one) { return one.type == type; });
    const bool keep = kept != std::end(kKept) && length <= kept->size_max;
    if (length > kLengthMax || (type == "IHDR") == header_seen_)
      return not_shareable("the picture's parts are not in order");
    if (!keep && !may_be_ignored(type)) return not_shareable("it is of a kind of PNG that this version does not know");
    header_seen_ = true;
    pixels_seen_ = pixels_seen_ || type == "IDAT";
    last_ = type == "IEND";
    left_ = uint64_t{length} + kCrcSize;
    state_ = keep ? State::kept : type == "eXIf" && !oriented_ ? State::notes : State::left_out;
    if (keep) LYSOEN_TRY(out_(held_));
    held_.clear();
    return {};
  }

  Result<void> chunk_ended() {
    const bool notes = state_ == State::notes;
    state_ = last_ ? State::ended : State::head;
    const auto named = notes ? orientation_of(held_) : std::nullopt;
    held_.clear();
    if (!named) return {};
    oriented_ = true;
    orientation_ = *named;
    if (orientation_ == kUpright) return {};
    const auto own = notes_of(orientation_);
    Writer made;
    made.u32(static_cast<uint32_t>(own.size())).raw(as_bytes("eXIf")).raw(own);
    made.u32(crc32(ByteView(made.bytes()).subspan(4)));
    return out_(made.bytes());
  }

  Sink out_;
  State state_ = State::signature;
  Bytes held_;         // signature, head or notes as far as they came
  uint64_t left_ = 0;  // of the chunk: data and CRC
  bool header_seen_ = false, pixels_seen_ = false, oriented_ = false, last_ = false;
  uint8_t orientation_ = kUpright;
};

}  // namespace

std::unique_ptr<PictureFilter> png_filter(Sink out) {
  return std::make_unique<PngFilter>(std::move(out));
}

}  // namespace lysoen::media
