// Media types by signature: the formats of cameras, recorders and messengers, and documents. The names are IANA's, the
// signatures those of each format's specification.
#include <algorithm>

#include "core/base/bytes.h"
#include "core/media/attachment.h"

namespace lysoen::media {

namespace {

using namespace std::string_view_literals;

struct Signature {
  size_t at;
  std::string_view bytes;
  std::string_view type;
};

constexpr Signature kSignatures[] = {
    {0, "\xff\xd8\xff"sv, "image/jpeg"},
    {0, "\x89PNG\r\n\x1a\n"sv, "image/png"},
    {0, "GIF87a"sv, "image/gif"},
    {0, "GIF89a"sv, "image/gif"},
    {0, "II*\0"sv, "image/tiff"},
    {0, "MM\0*"sv, "image/tiff"},
    {0, "BM"sv, "image/bmp"},
    {8, "WEBP"sv, "image/webp"},
    {8, "WAVE"sv, "audio/wav"},
    {8, "AVI "sv, "video/x-msvideo"},
    {0, "#!AMR"sv, "audio/amr"},
    {0, "fLaC"sv, "audio/flac"},
    {0, "OggS"sv, "audio/ogg"},
    {0, "ID3"sv, "audio/mpeg"},
    {0, "\x1a\x45\xdf\xa3"sv, "video/webm"},
    {0, "%PDF-"sv, "application/pdf"},
    {0, "PK\x03\x04"sv, "application/zip"},
    {0, "{\\rtf"sv, "application/rtf"},
};

// The brand of an ISO base media file (ISO/IEC 14496-12), after its first box's size and `ftyp`.
struct Brand {
  std::string_view begins, type;
};
constexpr Brand kBrands[] = {{"heic", "image/heic"}, {"heix", "image/heic"}, {"mif1", "image/heif"},
                             {"msf1", "image/heif"}, {"avif", "image/avif"}, {"qt  ", "video/quicktime"},
                             {"M4A ", "audio/mp4"},  {"3g2", "video/3gpp2"}, {"3gp", "video/3gpp"}};

bool has(ByteView bytes, size_t at, std::string_view what) {
  return bytes.size() >= at + what.size() && as_text(bytes.subspan(at, what.size())) == what;
}

// A frame header of MPEG audio without a tag before it: 11 bits of sync; layer and rate that exist.
bool is_mpeg_audio(ByteView bytes) {
  return bytes.size() >= 4 && bytes[0] == 0xff && (bytes[1] & 0xe0) == 0xe0 && (bytes[1] & 0x06) != 0 &&
         (bytes[2] & 0xf0) != 0xf0 && (bytes[2] & 0x0c) != 0x0c;
}

/// UTF-8 that may be cut within its last character, without control characters but tab and line ends.
bool is_text(ByteView bytes) {
  size_t follow = 0;
  for (uint8_t byte : bytes) {
    if (follow > 0) {
      if ((byte & 0xc0) != 0x80) return false;
      --follow;
    } else if (byte < 0x80) {
      if (byte == 0x7f || (byte < 0x20 && byte != '\t' && byte != '\n' && byte != '\r')) return false;
    } else if (byte >= 0xc2 && byte <= 0xf4) {
      follow = byte >= 0xf0 ? 3 : byte >= 0xe0 ? 2 : 1;
    } else {
      return false;
    }
  }
  return !bytes.empty();
}

}  // namespace

std::optional<std::string_view> media_type(ByteView bytes) {
  if (has(bytes, 4, "ftyp")) {
    for (const auto& brand : kBrands)
      if (has(bytes, 8, brand.begins)) return brand.type;
    return "video/mp4";
  }
  for (const char* box : {"moov", "mdat", "wide", "free"})  // QuickTime before it had brands
    if (has(bytes, 4, box)) return "video/quicktime";
  for (const auto& signature : kSignatures)
    if (has(bytes, signature.at, signature.bytes) && (signature.at == 0 || has(bytes, 0, "RIFF")))
      return signature.type;
  if (is_mpeg_audio(bytes)) return "audio/mpeg";
  if (is_text(bytes)) return "text/plain";
  return std::nullopt;
}

}  // namespace lysoen::media
