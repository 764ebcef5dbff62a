#include "sync/wire/proto_fields.h"

namespace lysoen::wire {

uint64_t hash8(ByteView hash) {
  return Reader(hash.first(std::min<size_t>(hash.size(), 8))).u64();
}

namespace fields {

std::string text_of_hashes(const std::vector<Hash>& hashes) {
  std::string text;
  for (const auto& hash : hashes) text += text_of_id(hash);
  return text;
}

std::vector<Hash> Check::hashes(const std::string& text, size_t count_max, const char* why) {
  std::vector<Hash> list;
  limit(text.size(), count_max * Hash::kSize, why);
  require(text.size() % Hash::kSize == 0, "a list of hashes is not one");
  if (!ok()) return list;
  for (size_t at = 0; at < text.size(); at += Hash::kSize)
    list.push_back(*Hash::from(as_bytes(std::string_view(text).substr(at, Hash::kSize))));
  return list;
}

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
