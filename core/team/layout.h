// What the fixed layouts of this module share. Internal. docs/formats/team.md, "Common fields".
#pragma once
#include <lysoen/exchange.h>

#include "core/base/bytes.h"
#include "core/team/roster.h"

namespace lysoen::team::layout {

inline constexpr std::string_view kHeadLabel = "lysoen/1 roster head";
inline constexpr std::string_view kApprovalLabel = "lysoen/1 reader approval";

/// The bytes that a head's hash and signature cover.
Bytes head_body(const Head& head);

/// Milliseconds since 1970, at most the end of year 9999, so that every time can be shown and added to.
void put_time(Writer& out, WallTime time);
WallTime take_time(Reader& in);

/// A hash that may be missing: a field of 0 or 32 bytes; 32 zero bytes are refused.
void put_optional(Writer& out, const Hash& hash);
Hash take_optional(Reader& in);

/// Well-formed UTF-8 of at most `size_max` bytes without control characters.
bool is_text(std::string_view text, size_t size_max);
std::string take_text(Reader& in, size_t size_max);

/// identity 32 ‖ fallback key 32 ‖ gate key 32 ‖ flags u8 (1: durable) ‖ number of urls u8 ‖ each url as a field.
void put_relay(Writer& out, const RelayInfo& relay);
RelayInfo take_relay(Reader& in);
bool is_sound(const RelayInfo& relay);

void put_proof(Writer& out, const LeafProof& proof);
LeafProof take_proof(Reader& in);

/// Hashes of a list: device ids, audience ids. Sorted strictly ascending or the reader fails.
template <class IdType>
std::vector<IdType> take_sorted_ids(Reader& in, size_t count, size_t count_max) {
  std::vector<IdType> ids;
  if (count > count_max || count > in.left() / IdType::kSize) return in.fail(), ids;
  for (size_t i = 0; i < count; ++i) {
    ids.push_back(in.id<IdType>());
    if (ids.back().is_none() || (i > 0 && !(ids[i - 1] < ids[i]))) in.fail();
  }
  return ids;
}

/// The object's first byte: newer_version if it is not ours, damaged if there is none.
Result<void> check_format(ByteView bytes, std::string_view what);
Error damaged(std::string_view what);

/// label ‖ 0x00: the start of an HPKE info or of additional data.
Writer context(std::string_view label);

}  // namespace lysoen::team::layout
