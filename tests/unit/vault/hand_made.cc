#include "tests/unit/vault/hand_made.h"

#include "core/feed/body.h"

namespace lysoen::test {

namespace {
uint64_t made = 0;
}

HandMade::HandMade(Vault& admin, Role role, WallTime now)
    : key([] {
        SeededRandom source(seed() + 1000 + ++made);
        return crypto::SigningKey::generate(source);
      }()),
      inbox([] {
        SeededRandom source(seed() + 2000 + made);
        return crypto::KemKeyPair::generate(source);
      }()),
      random(seed() + 3000 + made) {
  auto invite = must(team::read_invite(must(admin.invite({role, "Hand"})).file));
  auto request = must(team::make_join_request(invite, key, inbox.public_key, now, random));
  auto offered = must(admin.offer_join_request(request));
  auto bytes = must(admin.admit(offered.id));
  welcome.emplace(must(team::open_welcome(invite, device(), inbox, offered.id, bytes, now)));
}

DeviceId HandMade::device() const {
  DeviceId id;
  id.bytes = key.public_key();
  return id;
}

AudienceId HandMade::inbox_of(const DeviceId& reader) const {
  return feed::inbox_of(roster().head.team, reader);
}

PublicKey HandMade::key_of(const AudienceId& audience) const {
  if (const auto* epoch = roster().head.epoch_of(audience)) return epoch->public_key;
  for (const auto& leaf : roster().leaves)
    if (inbox_of(leaf.device) == audience) return leaf.inbox;
  FAIL("no key for this audience");
  return {};
}

HandMade::Feed HandMade::Feed::copy() const {
  Feed other{key, block, {}, entries};
  if (stream) other.stream = stream->copy();
  return other;
}

HandMade::Feed HandMade::begin_feed(const AudienceId& audience, uint32_t incarnation) const {
  Feed feed;
  feed.key = {device(), audience, incarnation};
  feed.block = feed::first_block(feed::feed_id(feed.key));
  return feed;
}

void HandMade::add(Feed& feed, ByteView payload) {
  auto id = feed::feed_id(feed.key);
  if (!feed.stream) {
    feed::StreamPlace place{roster().head.team, feed.key, 1, key_of(feed.key.audience)};
    auto begun = must(feed::StreamWriter::begin(place, feed.block.last_seq() + 1, {}, random));
    feed::append_own(feed.block, id, begun.entry);
    feed.entries.push_back(begun.entry);
    feed.stream = begun.writer.state();
  }
  auto writer = must(feed::StreamWriter::resume(feed.stream->copy()));
  auto sealed = must(writer.seal(feed.block.last_hash(), payload));
  feed::append_own(feed.block, id, sealed.entry);
  feed.entries.push_back(sealed.entry);
  feed.stream = writer.state();
  feed::sign_block(feed.block, id, key);
}

Batch HandMade::batch(const Feed& feed, uint64_t first_seq) const {
  std::vector<SealedEntry> run(feed.entries.begin() + static_cast<std::ptrdiff_t>(first_seq) - 1, feed.entries.end());
  return feed::make_batch(feed.key, feed.block, first_seq, std::move(run));
}

Bytes HandMade::edit_payload(report::Edit edit) {
  feed::EditPayload payload;
  random.fill(payload.salt);
  payload.edit = must(report::encode_edit(std::move(edit)));
  last_edit = feed::edit_id(device(), payload.salt, payload.edit);
  return feed::encode_payload(payload);
}

}  // namespace lysoen::test
