// base64url without padding (RFC 4648, section 5). Strict: one text for each byte string, so that a key or link has one
// spelling. No white space, no '=', unused bits of the last character zero.
#pragma once
#include <lysoen/ids.h>

namespace lysoen {

std::string to_base64url(ByteView bytes);
/// The bytes, or nothing if `text` is not exactly what to_base64url makes.
std::optional<Bytes> from_base64url(std::string_view text);

}  // namespace lysoen
