#include "plaintext.h"

#include <zstd.h>

#include <algorithm>
#include <memory>

#include "core/base/bytes.h"

namespace lysoen::sim {

namespace {

constexpr std::string_view kZstdMagic = "\x28\xb5\x2f\xfd";
constexpr size_t kInflatedMax = 64 * 1024;

/// What comes out of a zstd frame that begins here, up to where it ends, breaks off or was no frame at all.
std::string inflated(std::string_view frame) {
  std::unique_ptr<ZSTD_DCtx, decltype(&ZSTD_freeDCtx)> context(ZSTD_createDCtx(), ZSTD_freeDCtx);
  std::string text(kInflatedMax, '\0');
  ZSTD_inBuffer in{frame.data(), frame.size(), 0};
  ZSTD_outBuffer out{text.data(), text.size(), 0};
  size_t left = 1;
  while (left != 0 && !ZSTD_isError(left) && in.pos < in.size && out.pos < out.size)
    left = ZSTD_decompressStream(context.get(), &out, &in);
  text.resize(out.pos);
  return text;
}

}  // namespace

bool PlaintextWatch::shows_as_it_is(std::string_view bytes) const {
  return std::any_of(secrets_.begin(), secrets_.end(),
                     [&](const std::string& secret) { return bytes.find(secret) != std::string_view::npos; });
}

bool PlaintextWatch::shows(ByteView bytes) const {
  auto text = as_text(bytes);
  if (shows_as_it_is(text)) return true;
  for (size_t at = text.find(kZstdMagic); at != std::string_view::npos; at = text.find(kZstdMagic, at + 1))
    if (shows_as_it_is(inflated(text.substr(at)))) return true;
  return false;
}

void PlaintextWatch::look(ByteView bytes, std::string_view where) const {
  hold(!shows(bytes), Property::no_plaintext, "report text or a key in " + std::string(where));
}

}  // namespace lysoen::sim
