#include "sync/wire/proto_fields.h"

namespace lysoen::wire {

uint64_t hash8(ByteView hash) {
  return Reader(hash.first(std::min<size_t>(hash.size(), 8))).u64();
}

namespace fields {

void put(pb::FeedKey& out, const FeedKey& key) {
  if (!key.device.is_none()) out.set_device(text_of_id(key.device));
  if (!key.audience.is_none()) out.set_audience(text_of_id(key.audience));
  out.set_incarnation(key.incarnation);
}

FeedKey feed_key(const pb::FeedKey& in, Check& check) {
  FeedKey key;
  key.device = check.id<DeviceId>(in.device(), "a device id is not 32 bytes", true);
  key.audience = check.id<AudienceId>(in.audience(), "an audience id is not 32 bytes", true);
  key.incarnation = in.incarnation();
  return key;
}

}  // namespace fields
}  // namespace lysoen::wire
