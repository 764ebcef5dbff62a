// Dictionaries for bodies: what reports of one form have in common, so that a short edit need not say it again. They
// are part of forms (docs/formats/form.md, "Dictionaries"); docs/formats/feed.md says how a body names one. Made by
// tools/dictionary.
//
// A reader meets dictionaries and bodies of others: a dictionary is checked when it is taken in, and what a body says
// is never larger than kPayloadSizeMax whatever both claim.
#pragma once
#include <lysoen/ids.h>
#include <lysoen/result.h>

#include <map>
#include <memory>

namespace lysoen::feed {

/// The level of zstd to pack with. With a dictionary it counts: of 900 bytes, 9 leaves 5 % more than this one; 19 saves
/// 0.2 % for three times the time.
inline constexpr int kDictionaryLevel = 15;

/// How bodies name a dictionary: the first 8 bytes of labelled_hash("lysoen/1 dictionary", its bytes).
using DictionaryName = std::array<uint8_t, 8>;
DictionaryName dictionary_name(ByteView dictionary);

/// One dictionary, made ready for use: reading at once, writing at its first use. Its tables hold pieces of what was
/// packed and unpacked last, so it is let go of when the vault locks. One strand.
class Dictionary {
 public:
  /// Errors: input_refused (not a dictionary of zstd with its tables), limit_exceeded (kDictionarySizeMax).
  static Result<std::unique_ptr<Dictionary>> make(ByteView dictionary);
  ~Dictionary();

  const Hash& hash() const { return hash_; }
  const DictionaryName& name() const { return name_; }
  /// A zstd frame without its magic number; empty if zstd fails.
  Bytes pack(ByteView content);
  /// What such a frame holds. Errors: input_refused (not exactly one frame that states its size), limit_exceeded
  /// (content above kPayloadSizeMax).
  Result<Bytes> unpack(ByteView frame);

 private:
  Dictionary() = default;
  struct Tables;
  Hash hash_;  // of which the name is the beginning
  DictionaryName name_{};
  std::unique_ptr<Tables> tables_;
};

/// The dictionaries that a device has. One strand.
class Dictionaries {
 public:
  /// Takes one in, or finds that it is here. Errors: those of make; input_refused if another one with its name is here:
  /// a body must never mean two things.
  Result<Dictionary*> add(ByteView dictionary);
  /// Null if it is not here.
  Dictionary* find(const DictionaryName& name) const;
  /// Changes whenever one is added, and with nothing else.
  Hash fingerprint() const;

 private:
  std::map<DictionaryName, std::unique_ptr<Dictionary>> held_;
};

}  // namespace lysoen::feed
