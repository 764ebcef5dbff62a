#include "core/exchange/encoding.h"

#include <algorithm>
#include <array>
#include <cstdint>

namespace lysoen::exchange {

namespace {

// Unicode's mapping of 0x80 to 0x9F; zero where Windows-1252 defines nothing. The rest is Latin-1.
constexpr std::array<uint16_t, 32> kHigh = {0x20AC, 0,      0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021,
                                            0x02C6, 0x2030, 0x0160, 0x2039, 0x0152, 0,      0x017D, 0,
                                            0,      0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014,
                                            0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0,      0x017E, 0x0178};

void append_utf8(std::string& out, uint32_t point) {
  if (point < 0x80) {
    out += static_cast<char>(point);
  } else if (point < 0x800) {
    out += static_cast<char>(0xC0 | point >> 6);
    out += static_cast<char>(0x80 | (point & 0x3F));
  } else {
    out += static_cast<char>(0xE0 | point >> 12);
    out += static_cast<char>(0x80 | (point >> 6 & 0x3F));
    out += static_cast<char>(0x80 | (point & 0x3F));
  }
}

// Length of the character that begins with this byte; 0 if none does.
size_t length_of(uint8_t lead) {
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) return 2;
  if (lead >= 0xE0 && lead <= 0xEF) return 3;
  if (lead >= 0xF0 && lead <= 0xF4) return 4;
  return 0;
}

bool second_byte_fits(uint8_t lead, uint8_t second) {
  if (second < 0x80 || second > 0xBF) return false;
  if (lead == 0xE0) return second >= 0xA0;  // overlong
  if (lead == 0xED) return second <= 0x9F;  // surrogates
  if (lead == 0xF0) return second >= 0x90;
  if (lead == 0xF4) return second <= 0x8F;  // beyond U+10FFFF
  return true;
}

}  // namespace

std::optional<Encoding> encoding_from(std::string_view name) {
  std::string lower(name);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  if (lower == "utf-8" || lower == "utf8") return Encoding::utf8;
  if (lower == "windows-1252" || lower == "cp1252") return Encoding::windows1252;
  return std::nullopt;
}

Error not_text(size_t line, Encoding encoding) {
  std::string where = "line " + std::to_string(line);
  if (encoding == Encoding::utf8)
    return make_error(ErrorCode::input_refused, "cannot read the file: " + where + " is not UTF-8",
                      "if a spreadsheet made it, try --encoding windows-1252");
  return make_error(ErrorCode::input_refused,
                    "cannot read the file: " + where + " has a byte that Windows-1252 does not define",
                    "save the file as UTF-8 and try again");
}

Result<Encoding> encoding_of(std::string_view first_bytes, Encoding stated) {
  if (first_bytes.starts_with(kByteOrderMark)) return Encoding::utf8;
  if (first_bytes.starts_with("\xFF\xFE") || first_bytes.starts_with("\xFE\xFF"))
    return make_error(ErrorCode::input_refused, "cannot read the file: it is UTF-16",
                      "save the file as UTF-8 and try again");
  return stated;
}

size_t unfinished_utf8(std::string_view text) {
  for (size_t back = 1; back <= std::min<size_t>(3, text.size()); ++back) {
    auto byte = static_cast<uint8_t>(text[text.size() - back]);
    if ((byte & 0xC0) == 0x80) continue;
    return length_of(byte) > back ? back : 0;
  }
  return 0;
}

std::optional<size_t> first_invalid_utf8(std::string_view text) {
  for (size_t at = 0; at < text.size();) {
    auto lead = static_cast<uint8_t>(text[at]);
    size_t length = length_of(lead);
    if (length == 0 || at + length > text.size()) return at;
    for (size_t i = 1; i < length; ++i) {
      auto next = static_cast<uint8_t>(text[at + i]);
      if (i == 1 ? !second_byte_fits(lead, next) : (next & 0xC0) != 0x80) return at;
    }
    at += length;
  }
  return std::nullopt;
}

Decoded decode_windows1252(std::string_view bytes) {
  Decoded decoded;
  decoded.text.reserve(bytes.size() + bytes.size() / 16);
  for (size_t at = 0; at < bytes.size(); ++at) {
    auto byte = static_cast<uint8_t>(bytes[at]);
    uint32_t point = byte >= 0x80 && byte < 0xA0 ? kHigh[byte - 0x80] : byte;
    if (point == 0 && byte != 0) {
      decoded.undefined_at = at;
      return decoded;
    }
    append_utf8(decoded.text, point);
  }
  return decoded;
}

}  // namespace lysoen::exchange
