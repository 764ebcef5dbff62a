#include "core/feed/entry.h"

#include <algorithm>

#include "core/base/check.h"
#include "core/base/try.h"
#include "core/crypto/hash.h"

namespace lysoen::feed {

AudienceId audience_id(const TeamId& team, AudienceKind kind, const Hash& subject) {
  Writer fields;
  fields.id(team).u8(static_cast<uint8_t>(kind)).id(subject);
  return crypto::labelled_id<AudienceId>("lysoen/1 audience", fields.bytes());
}

AudienceId inbox_of(const TeamId& team, const DeviceId& reader) {
  return audience_id(team, AudienceKind::inbox, Hash{reader.bytes});
}

FeedId feed_id(const FeedKey& feed) {
  Writer fields;
  fields.id(feed.device).id(feed.audience).u32(feed.incarnation);
  return crypto::labelled_id<FeedId>("lysoen/1 feed", fields.bytes());
}

Hash hash_before_first(const FeedId& feed) {
  return Hash{feed.bytes};
}

Hash entry_hash(const FeedId& feed, uint64_t seq, const Hash& prev, const SealedEntry& entry) {
  Writer fields;
  fields.id(feed).u64(seq).id(prev).u8(static_cast<uint8_t>(entry.kind)).u32(entry.length).id(entry.ciphertext_hash);
  return crypto::labelled_hash("lysoen/1 entry", fields.bytes());
}

// -- Making and checking --------------------------------------------------------------------------------------------

SealedEntry whole_entry(EntryKind kind, Bytes ciphertext) {
  SealedEntry entry;
  entry.kind = kind;
  entry.length = static_cast<uint32_t>(ciphertext.size());
  entry.ciphertext_hash = crypto::sha256(ciphertext);
  entry.ciphertext = std::move(ciphertext);
  return entry;
}

SealedEntry stub_of(const SealedEntry& entry, StubReason reason, Bytes warrant) {
  LYSOEN_CHECK(reason != StubReason::none && (reason == StubReason::gap) == warrant.empty());
  return {entry.kind, entry.length, entry.ciphertext_hash, {}, reason, std::move(warrant)};
}

namespace {

Error refused(std::string why) {
  return make_error(ErrorCode::input_refused, "cannot take entry: " + std::move(why));
}

Result<void> check_whole(const SealedEntry& entry) {
  if (!entry.warrant.empty()) return refused("it is whole and has a warrant");
  if (entry.ciphertext.size() != entry.length) return refused("its length is not that of its ciphertext");
  if (crypto::sha256(entry.ciphertext) != entry.ciphertext_hash)
    return refused("its hash is not that of its ciphertext");
  return {};
}

Result<void> check_stub(const SealedEntry& entry) {
  if (!entry.ciphertext.empty()) return refused("it is a stub and has a ciphertext");
  if (entry.warrant.size() > kWarrantSizeMax)
    return make_error(ErrorCode::limit_exceeded, "cannot take entry: its warrant is larger than 1 KiB");
  if ((entry.reason == StubReason::gap) != entry.warrant.empty())
    return refused("a stub has a warrant unless it is a gap");
  return {};
}

}  // namespace

Result<void> check_entry(const SealedEntry& entry) {
  if (entry.kind != EntryKind::stream && entry.kind != EntryKind::sealed) return refused("unknown kind");
  if (entry.reason > StubReason::redacted) return refused("unknown reason of a stub");
  if (entry.length == 0) return refused("its ciphertext is empty");
  if (entry.length > kEntrySizeMax)
    return make_error(ErrorCode::limit_exceeded, "cannot take entry: its ciphertext is larger than 64 KiB");
  return entry.is_stub() ? check_stub(entry) : check_whole(entry);
}

// -- Lists of sequence numbers --------------------------------------------------------------------------------------

SeqRanges ranges_of(const std::vector<uint64_t>& seqs) {
  SeqRanges ranges;
  for (uint64_t seq : seqs) {
    if (!ranges.empty() && seq <= ranges.back().last + 1)
      ranges.back().last = seq;
    else
      ranges.push_back({seq, seq});
  }
  return ranges;
}

bool contains(const SeqRanges& ranges, uint64_t seq) {
  return std::any_of(ranges.begin(), ranges.end(),
                     [&](const SeqRange& range) { return range.first <= seq && seq <= range.last; });
}

void write_ranges(Writer& out, const SeqRanges& ranges) {
  LYSOEN_CHECK(ranges.size() <= kRangesMax);
  out.u16(static_cast<uint16_t>(ranges.size()));
  for (const auto& range : ranges) out.u64(range.first).u64(range.last);
}

SeqRanges read_ranges(Reader& in, uint64_t seq_max) {
  SeqRanges ranges;
  size_t count = in.u16();
  if (count > kRangesMax) in.fail();
  uint64_t free_from = 1;
  for (size_t i = 0; i < count && in.ok(); ++i) {
    uint64_t first = in.u64(), last = in.u64();
    if (first < free_from || last < first || last > seq_max || last > kSeqMax) in.fail();
    ranges.push_back({first, last});
    free_from = last + 2;
  }
  if (!in.ok()) ranges.clear();
  return ranges;
}

}  // namespace lysoen::feed
