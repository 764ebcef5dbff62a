#include "sync/session/compact.h"

#include "core/base/try.h"
#include "core/crypto/hash.h"
#include "core/feed/batch.h"

namespace lysoen::session {

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
  if (batch.first_seq == 1 && batch.prev.is_none()) batch.prev = feed::hash_before_first(feed::feed_id(batch.feed));
  if (batch.prev.is_none()) return missing("it does not say what it follows");
  if (batch.signed_head.is_none()) {
    if (batch.signed_seq != batch.last_seq()) return missing("it does not say what is signed");
    batch.signed_head = feed::hashes_of(batch).back();
  }
  return batch;
}

}  // namespace lysoen::session
