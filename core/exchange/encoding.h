// Text of other encodings becomes UTF-8; UTF-8 is checked.
#pragma once
#include <lysoen/result.h>

#include <optional>
#include <string>
#include <string_view>

namespace lysoen::exchange {

enum class Encoding { utf8, windows1252 };

/// "utf-8" and "windows-1252", whatever the case; "cp1252" too.
std::optional<Encoding> encoding_from(std::string_view name);

/// "line 12 is not UTF-8", with what to do about it.
Error not_text(size_t line, Encoding encoding);
/// What the first bytes of a file say about it, whatever was stated: a byte order mark of UTF-8 makes it UTF-8; one of
/// UTF-16 is refused. `stated` otherwise. Errors: input_refused.
Result<Encoding> encoding_of(std::string_view first_bytes, Encoding stated);
inline constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

/// Bytes at the end of `text` that begin a UTF-8 character without ending it (0 to 3).
size_t unfinished_utf8(std::string_view text);
/// Offset of the first byte that is not well-formed UTF-8 (RFC 3629), or nothing.
std::optional<size_t> first_invalid_utf8(std::string_view text);
/// Windows-1252 as UTF-8. The five bytes it does not define are refused: the offset of the first is the error's value.
struct Decoded {
  std::string text;
  std::optional<size_t> undefined_at;
};
Decoded decode_windows1252(std::string_view bytes);

}  // namespace lysoen::exchange
