#include "plaintext.h"

#include <lysoen/form.h>
#include <zstd.h>

#include <algorithm>
#include <memory>

#include "core/base/bytes.h"
#include "core/feed/dictionary.h"

namespace lysoen::sim {

namespace {

constexpr std::string_view kZstdMagic = "\x28\xb5\x2f\xfd";
constexpr size_t kInflatedMax = 64 * 1024;
constexpr size_t kSaltSize = 16;

/// What comes out of a zstd frame that begins here, up to where it ends, breaks off or was no frame at all.
std::string inflated(std::string_view frame, ByteView dictionary = {}) {
  std::unique_ptr<ZSTD_DCtx, decltype(&ZSTD_freeDCtx)> context(ZSTD_createDCtx(), ZSTD_freeDCtx);
  if (!dictionary.empty()) ZSTD_DCtx_loadDictionary(context.get(), dictionary.data(), dictionary.size());
  std::string text(kInflatedMax, '\0');
  ZSTD_inBuffer in{frame.data(), frame.size(), 0};
  ZSTD_outBuffer out{text.data(), text.size(), 0};
  size_t left = 1;
  while (left != 0 && !ZSTD_isError(left) && in.pos < in.size && out.pos < out.size)
    left = ZSTD_decompressStream(context.get(), &out, &in);
  text.resize(out.pos);
  return text;
}

/// Bodies with a form's dictionary: its name, a salt, a frame without its magic number. By name.
const std::vector<std::pair<std::string, ByteView>>& dictionaries() {
  static const auto known = [] {
    std::vector<std::pair<std::string, ByteView>> found;
    for (const auto& form : built_in_forms())
      for (const auto& dictionary : form->dictionaries())
        found.emplace_back(as_text(feed::dictionary_name(dictionary)), dictionary);
    return found;
  }();
  return known;
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
  for (const auto& [name, dictionary] : dictionaries())
    for (size_t at = text.find(name); at != std::string_view::npos; at = text.find(name, at + 1)) {
      size_t frame = std::min(at + name.size() + kSaltSize, text.size());
      if (shows_as_it_is(inflated(std::string(kZstdMagic) + std::string(text.substr(frame)), dictionary))) return true;
    }
  return false;
}

void PlaintextWatch::look(ByteView bytes, std::string_view where) const {
  hold(!shows(bytes), Property::no_plaintext, "report text or a key in " + std::string(where));
}

}  // namespace lysoen::sim
