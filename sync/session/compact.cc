#include "sync/session/compact.h"

#include "core/base/try.h"
#include "core/crypto/hash.h"
#include "core/feed/entry.h"

namespace lysoen::session {

std::vector<Hash> entry_hashes(const Batch& batch) {
  std::vector<Hash> hashes;
  hashes.reserve(batch.entries.size());
  FeedId feed = feed::feed_id(batch.feed);
  Hash prev = batch.prev;
  uint64_t seq = batch.first_seq;
  for (const auto& entry : batch.entries) {
    prev = feed::entry_hash(feed, seq++, prev, entry);
    hashes.push_back(prev);
  }
  return hashes;
}

Batch elide(Batch batch, const DeviceId& sender) {
  if (batch.signed_seq == batch.last_seq()) batch.signed_head = {};
  if (batch.first_seq == 1) batch.prev = {};
  if (batch.feed.device == sender) batch.feed.device = {};
  for (auto& entry : batch.entries)
    if (!entry.is_stub()) entry.ciphertext_hash = {};
  return batch;
}

Result<Batch> complete(Batch batch, const DeviceId& sender) {
  auto missing = [](const char* what) {
    return make_error(ErrorCode::input_refused, std::string("cannot read a batch from the other side: ") + what);
  };
  if (batch.feed.device.is_none()) batch.feed.device = sender;
  if (batch.feed.device.is_none()) return missing("it names no device");
  if (batch.feed.audience.is_none()) return missing("it names no audience");
  for (auto& entry : batch.entries)
    if (entry.ciphertext_hash.is_none()) entry.ciphertext_hash = crypto::sha256(entry.ciphertext);
  if (batch.first_seq == 1 && batch.prev.is_none()) batch.prev.bytes = feed::feed_id(batch.feed).bytes;
  if (batch.prev.is_none()) return missing("it does not say what it follows");
  if (batch.signed_head.is_none()) {
    if (batch.signed_seq != batch.last_seq()) return missing("it does not say what is signed");
    batch.signed_head = entry_hashes(batch).back();
  }
  return batch;
}

}  // namespace lysoen::session
