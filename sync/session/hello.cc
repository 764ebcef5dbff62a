#include "sync/session/hello.h"

#include <lysoen/result.h>

#include <algorithm>

#include "core/base/bytes.h"
#include "core/crypto/cipher.h"
#include "core/feed/entry.h"

namespace lysoen::session {

namespace {
Writer begin(const Envelope& envelope) {
  Writer writer;
  writer.u8(crypto::kSuite1).id(envelope.relay).raw(envelope.key).raw(envelope.encapsulation);
  return writer;
}
}  // namespace

Bytes hello_message(const Envelope& envelope, const wire::Hello& hello) {
  Writer writer = begin(envelope);
  writer.id(hello.team).id(hello.device).u64(hello.counter).u8(hello.version_min).u8(hello.version_max);
  return std::move(writer).bytes();
}

Bytes join_message(const Envelope& envelope, const wire::JoinPost& post) {
  Writer writer = begin(envelope);
  writer.id(post.team).raw(post.invite_key).u8(post.version_min).u8(post.version_max);
  writer.id(crypto::sha256(post.request));
  return std::move(writer).bytes();
}

uint64_t heads_digest(const std::vector<FeedHead>& heads) {
  std::vector<std::pair<FeedId, uint64_t>> rows;
  for (const auto& head : heads)
    if (head.seq > 0) rows.emplace_back(feed::feed_id(head.feed), head.seq);
  std::sort(rows.begin(), rows.end());
  Writer writer;
  for (const auto& [feed, seq] : rows) writer.id(feed).u64(seq);
  return wire::hash8(crypto::labelled_hash("lysoen/1 heads", writer.bytes()));
}

wire::VerdictCode verdict_for(const Error& storage_failure) {
  switch (storage_failure.code) {
    case ErrorCode::storage_full:
      return wire::VerdictCode::storage_full;
    case ErrorCode::storage_read_only:
      return wire::VerdictCode::storage_read_only;
    default:
      return wire::VerdictCode::storage_failed;
  }
}

std::string describe(wire::VerdictCode code) {
  using wire::VerdictCode;
  switch (code) {
    case VerdictCode::stored:
      return "the relay has it";
    case VerdictCode::waiting:
      return "the relay holds the request; no admin has answered yet";
    case VerdictCode::team_unknown:
      return "the relay does not serve this team";
    case VerdictCode::device_unknown:
      return "the relay does not know this device";
    case VerdictCode::stale_counter:
      return "the relay has seen a later exchange of this device";
    case VerdictCode::two_places:
      return "the relay has seen this device's identity in two places";
    case VerdictCode::versions:
      return "the relay speaks another version of the protocol";
    case VerdictCode::does_not_verify:
      return "it does not verify";
    case VerdictCode::over_quota:
      return "the quota at the relay is used up";
    case VerdictCode::gap_before:
      return "earlier entries are missing at the relay";
    case VerdictCode::forked:
      return "two versions of one entry exist";
    case VerdictCode::storage_full:
      return "the relay's disk is full";
    case VerdictCode::storage_read_only:
      return "the relay's store is read-only";
    case VerdictCode::storage_failed:
      return "the relay's store failed";
    case VerdictCode::not_allowed:
      return "this device may not do that at the relay";
    case VerdictCode::unknown_invite:
      return "the relay does not know this invite";
    case VerdictCode::invite_used:
      return "this invite was used already";
    case VerdictCode::damaged:
      return "the relay cannot read what it should hold";
    case VerdictCode::too_large:
      return "it is larger than the relay takes";
    case VerdictCode::malformed:
      return "the relay could not read it";
    case VerdictCode::purged:
      return "it was purged";
    case VerdictCode::not_posted:
      return "no join request was posted for this invite";
    case VerdictCode::cut:
      return "the request was cut on the way";
    case VerdictCode::not_held:
      return "the relay does not have it, or not yet whole";
  }
  return "the relay refused it";
}

}  // namespace lysoen::session
