#include "tools/dictionary/make.h"

#define ZDICT_STATIC_LINKING_ONLY  // for the cover algorithm with a fixed segment size
#include <zdict.h>
#include <zstd.h>

#include "core/base/base64url.h"
#include "core/base/try.h"
#include "core/feed/dictionary.h"
#include "core/feed/limits.h"
#include "tools/dictionary/samples.h"

namespace lysoen::dictionary {

namespace {

constexpr size_t kSamples = 3000, kStructureSize = 20 * 1024;
constexpr size_t kLineSize = 100;  // letters of a dictionary in a form's text
constexpr std::string_view kPrefix = "xmlns:lysoen=\"urn:lysoen:form\"";
constexpr std::string_view kOpen = "<lysoen:dictionary>", kClose = "</lysoen:dictionary>", kHeadEnd = "</h:head>";

struct Joined {
  explicit Joined(std::span<const Bytes> edits) {
    for (const auto& edit : edits) {
      bytes.insert(bytes.end(), edit.begin(), edit.end());
      sizes.push_back(edit.size());
    }
  }
  unsigned count() const { return static_cast<unsigned>(sizes.size()); }
  Bytes bytes;
  std::vector<size_t> sizes;
};

Result<Bytes> sized(Bytes dictionary, size_t size) {
  if (ZDICT_isError(size))
    return make_error(ErrorCode::input_refused, "cannot make dictionary: the samples are too few or too alike");
  dictionary.resize(size);
  return dictionary;
}

Result<Bytes> trained(std::span<const Bytes> edits, size_t size_max) {
  Joined samples(edits);
  Bytes dictionary(size_max);
  size_t size = ZDICT_trainFromBuffer(dictionary.data(), dictionary.size(), samples.bytes.data(), samples.sizes.data(),
                                      samples.count());
  return sized(std::move(dictionary), size);
}

/// What the edits of a form have in common beside what is told in them. Without zstd's tables.
Result<Bytes> structure(const Form& form) {
  LYSOEN_ASSIGN(auto edits, sample_edits(form, {.seed = 1, .count = kSamples, .long_texts = false}));
  LYSOEN_ASSIGN(Bytes dictionary, trained(edits, kStructureSize));
  size_t tables = ZDICT_getDictHeaderSize(dictionary.data(), dictionary.size());
  return Bytes(dictionary.begin() + static_cast<std::ptrdiff_t>(tables), dictionary.end());
}

}  // namespace

bool is_zstd_version() {
  return ZSTD_versionNumber() == kZstdVersion;
}

// The tables are of texts that are not in the dictionary: with those that are, zstd would expect every sentence to be
// found whole, and take 6 % more for real ones.
Result<Bytes> make_dictionary(const Form& form) {
  if (form.questions().empty())
    return make_error(ErrorCode::input_refused, "cannot make dictionary: the form asks nothing");
  LYSOEN_ASSIGN(Bytes common, structure(form));
  Bytes content;
  for (const auto& phrase : phrases(Phrases::kept)) {
    content.insert(content.end(), phrase.begin(), phrase.end());
    content.push_back(' ');
  }
  content.insert(content.end(), common.begin(), common.end());  // what is near costs least
  LYSOEN_ASSIGN(auto edits, sample_edits(form, {.seed = 2, .count = kSamples, .phrases = Phrases::held_back}));
  Joined samples(edits);
  Bytes dictionary(feed::kDictionarySizeMax);
  ZDICT_params_t parameters{};
  parameters.compressionLevel = feed::kDictionaryLevel;
  size_t size = ZDICT_finalizeDictionary(dictionary.data(), dictionary.size(), content.data(), content.size(),
                                         samples.bytes.data(), samples.sizes.data(), samples.count(), parameters);
  if (ZDICT_isError(size) || size < content.size())
    return make_error(ErrorCode::input_refused, "cannot make dictionary: it does not fit 64 KiB");
  dictionary.resize(size);
  return dictionary;
}

Result<Bytes> train_dictionary(std::span<const Bytes> edits) {
  Joined samples(edits);
  Bytes dictionary(feed::kDictionarySizeMax);
  ZDICT_cover_params_t parameters{};
  parameters.k = 500, parameters.d = 6;  // long pieces: 1 % better on texts than what zstd finds by itself
  parameters.zParams.compressionLevel = feed::kDictionaryLevel;
  size_t size = ZDICT_trainFromBuffer_cover(dictionary.data(), dictionary.size(), samples.bytes.data(),
                                            samples.sizes.data(), samples.count(), parameters);
  return sized(std::move(dictionary), size);
}

Result<std::string> with_dictionary(std::string_view xform, ByteView dictionary) {
  std::string text = to_base64url(dictionary), element = "    " + std::string(kOpen) + "\n";
  for (size_t at = 0; at < text.size(); at += kLineSize) element += text.substr(at, kLineSize) + "\n";
  element += "    " + std::string(kClose) + "\n";
  size_t head_end = xform.find(kHeadEnd), begin = xform.find(kOpen), end = xform.find(kClose);
  if (xform.find(kPrefix) == std::string_view::npos || head_end == std::string_view::npos)
    return make_error(ErrorCode::input_refused,
                      "cannot put in dictionary: the form has no h:head, or no prefix lysoen for urn:lysoen:form",
                      "write xmlns:lysoen=\"urn:lysoen:form\" into its first element");
  if (begin == std::string_view::npos || end == std::string_view::npos || begin > head_end)
    begin = end = xform.rfind('\n', head_end) + 1;
  else
    begin = xform.rfind('\n', begin) + 1, end = xform.find('\n', end) + 1;
  return std::string(xform.substr(0, begin)) + element + std::string(xform.substr(end));
}

}  // namespace lysoen::dictionary
