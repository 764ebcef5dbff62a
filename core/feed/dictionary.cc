#include "core/feed/dictionary.h"

#include <zstd.h>

#include "core/base/try.h"
#include "core/crypto/hash.h"
#include "core/crypto/secret.h"
#include "core/feed/limits.h"
#include "core/feed/zstd_frame.h"

namespace lysoen::feed {

namespace {

constexpr std::string_view kLabel = "lysoen/1 dictionary";
// RFC 8878, sections 5 and 3.1.1; both as they lie in the bytes.
constexpr std::array<uint8_t, 4> kDictionaryMagic{0x37, 0xa4, 0x30, 0xec}, kFrameMagic{0x28, 0xb5, 0x2f, 0xfd};

Error refused(std::string_view why) {
  return make_error(ErrorCode::input_refused, "cannot read body: " + std::string(why));
}

template <class Made, size_t (*kFree)(Made*)>
struct Freeing {
  void operator()(Made* made) const { kFree(made); }
};

}  // namespace

namespace {
DictionaryName name_from(const Hash& hash) {
  DictionaryName name;
  std::copy_n(hash.bytes.begin(), name.size(), name.begin());
  return name;
}
}  // namespace

DictionaryName dictionary_name(ByteView dictionary) {
  return name_from(crypto::labelled_hash(kLabel, dictionary));
}

struct Dictionary::Tables {
  Bytes content;  // until packing is made ready
  std::unique_ptr<ZSTD_DDict, Freeing<ZSTD_DDict, ZSTD_freeDDict>> reading;
  std::unique_ptr<ZSTD_DCtx, Freeing<ZSTD_DCtx, ZSTD_freeDCtx>> unpacking;
  std::unique_ptr<ZSTD_CCtx, Freeing<ZSTD_CCtx, ZSTD_freeCCtx>> packing;

  /// The dictionary stays in the context from one frame to the next.
  bool ready_to_pack() {
    if (packing) return true;
    packing.reset(ZSTD_createCCtx());
    auto set = [&](ZSTD_cParameter parameter, int value) {
      return !ZSTD_isError(ZSTD_CCtx_setParameter(packing.get(), parameter, value));
    };
    bool ready = packing && set(ZSTD_c_compressionLevel, kDictionaryLevel) && set(ZSTD_c_dictIDFlag, 0) &&
                 !ZSTD_isError(ZSTD_CCtx_loadDictionary(packing.get(), content.data(), content.size()));
    if (!ready) packing.reset();
    if (ready) content = {};
    return ready;
  }
};

Dictionary::~Dictionary() = default;

Result<std::unique_ptr<Dictionary>> Dictionary::make(ByteView dictionary) {
  if (dictionary.size() > kDictionarySizeMax)
    return make_error(ErrorCode::limit_exceeded, "cannot take dictionary: larger than 64 KiB");
  Error no_dictionary = make_error(ErrorCode::input_refused, "cannot take dictionary: it is not one of zstd",
                                   "make the form's dictionary again");
  // Without the magic number and the 4 bytes behind it zstd would take any bytes for content without tables.
  if (dictionary.size() < 2 * kDictionaryMagic.size() ||
      !std::equal(kDictionaryMagic.begin(), kDictionaryMagic.end(), dictionary.begin()))
    return no_dictionary;
  auto made = std::unique_ptr<Dictionary>(new Dictionary);
  made->hash_ = crypto::labelled_hash(kLabel, dictionary);
  made->name_ = name_from(made->hash_);
  made->tables_ = std::make_unique<Tables>();
  made->tables_->content.assign(dictionary.begin(), dictionary.end());
  made->tables_->reading.reset(ZSTD_createDDict(dictionary.data(), dictionary.size()));
  made->tables_->unpacking.reset(ZSTD_createDCtx());
  if (!made->tables_->reading || !made->tables_->unpacking) return no_dictionary;
  return made;
}

Bytes Dictionary::pack(ByteView content) {
  if (!tables_->ready_to_pack()) return {};
  Bytes frame(ZSTD_compressBound(content.size()));
  size_t size = ZSTD_compress2(tables_->packing.get(), frame.data(), frame.size(), content.data(), content.size());
  Bytes packed;
  if (!ZSTD_isError(size) && size > kFrameMagic.size())
    packed.assign(frame.begin() + kFrameMagic.size(), frame.begin() + static_cast<std::ptrdiff_t>(size));
  crypto::wipe(frame);
  return packed;
}

Result<Bytes> Dictionary::unpack(ByteView frame) {
  Bytes whole(kFrameMagic.begin(), kFrameMagic.end());
  whole.insert(whole.end(), frame.begin(), frame.end());
  LYSOEN_ASSIGN(size_t size, stated_size(whole));
  Bytes content(size);
  size_t found = ZSTD_decompress_usingDDict(tables_->unpacking.get(), content.data(), size, whole.data(), whole.size(),
                                            tables_->reading.get());
  crypto::wipe(whole);
  if (found != size) return refused("its zstd frame is damaged");
  return content;
}

Result<Dictionary*> Dictionaries::add(ByteView dictionary) {
  LYSOEN_ASSIGN(auto made, Dictionary::make(dictionary));
  const Hash hash = made->hash();
  auto known = held_.try_emplace(made->name(), std::move(made)).first;
  if (known->second->hash() != hash)
    return make_error(ErrorCode::input_refused, "cannot take dictionary: another one goes by its name",
                      "make the form's dictionary again");
  return known->second.get();
}

Dictionary* Dictionaries::find(const DictionaryName& name) const {
  auto known = held_.find(name);
  return known == held_.end() ? nullptr : known->second.get();
}

Hash Dictionaries::fingerprint() const {
  Bytes names;
  for (const auto& [name, held] : held_) names.insert(names.end(), name.begin(), name.end());
  return crypto::sha256(names);
}

}  // namespace lysoen::feed
