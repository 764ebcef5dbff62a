#include "core/vault/outbox.h"

#include "core/base/try.h"

namespace lysoen::vault {

namespace {

Bytes wrap_context(const FeedRow& row) {
  Writer writer;
  writer.raw(as_bytes("lysoen/1 stream state")).u8(0).id(row.feed);
  return std::move(writer).bytes();
}

}  // namespace

Bytes wrap_stream(const crypto::Key32& key, const FeedRow& row, const feed::StreamState& state, Random& random) {
  Writer writer;
  writer.u32(state.place.epoch).raw(state.place.epoch_key).u64(state.first_seq).u64(state.next_seq);
  Bytes plain = std::move(writer).bytes();
  plain.reserve(plain.size() + 32);
  plain.insert(plain.end(), state.chain.view().begin(), state.chain.view().end());
  auto wrapped = crypto::aead_seal_box(key, wrap_context(row), plain, random);
  crypto::wipe(plain);
  return wrapped;
}

std::optional<feed::StreamState> unwrap_stream(const crypto::Key32& key, const FeedRow& row, const TeamId& team,
                                               ByteView wrapped) {
  auto plain = crypto::aead_open_box(key, wrap_context(row), wrapped);
  if (!plain) return std::nullopt;
  Reader reader(*plain);
  feed::StreamState state;
  state.place.team = team;
  state.place.feed = row.key;
  state.place.epoch = reader.u32();
  state.place.epoch_key = reader.array<32>();
  state.first_seq = reader.u64();
  state.next_seq = reader.u64();
  auto chain = crypto::Key32::from(reader.raw(32));
  bool done = reader.done();
  crypto::wipe(*plain);
  if (!chain || !done) return std::nullopt;
  state.chain = std::move(*chain);
  return state;
}

Result<Outbox::Feed*> Outbox::feed_for(const AudienceId& audience) {
  if (auto known = open_.find(audience); known != open_.end()) return &known->second;
  Feed opened;
  FeedKey key{membership_.device(), audience, membership_.incarnation()};
  LYSOEN_ASSIGN(opened.row, feeds_.require(key, true));
  uint64_t first = opened.row.head_seq == 0 ? 1 : feed::block_first(opened.row.head_seq);
  LYSOEN_ASSIGN(auto held, feeds_.block(opened.row, first));
  opened.block = std::move(held.state);
  LYSOEN_ASSIGN(auto query, database_.prepare("SELECT writer FROM feeds WHERE id = ?"));
  LYSOEN_ASSIGN(bool found, query.bind(opened.row.id).step());
  if (found && !query.is_null(0)) {
    auto state = unwrap_stream(wrap_key_, opened.row, membership_.team(), query.blob(0));
    if (state && state->next_seq == opened.row.head_seq + 1) {
      auto writer = feed::StreamWriter::resume(std::move(*state));
      if (writer) opened.writer.emplace(std::move(*writer));
    }
  }
  return &open_.emplace(audience, std::move(opened)).first->second;
}

Result<void> Outbox::append(Feed& feed, const SealedEntry& entry, SaveRecord& record) {
  if (feed.block.full()) {
    if (feed.changed) sign(feed, record);
    feed.block = feed::next_block(feed.block);
  }
  auto hash = feed::append_own(feed.block, feed.row.feed, entry);
  feed.row.head_seq += 1;
  feed.row.head_hash = hash;
  feed.changed = true;
  OwnEntry own;
  own.feed = feed.row.key;
  own.seq = feed.row.head_seq;
  own.kind = entry.kind;
  own.ciphertext = entry.ciphertext;
  record.entries.push_back(std::move(own));
  return {};
}

Result<void> Outbox::begin_stream(Feed& feed, const AudienceKey& key, SaveRecord& record) {
  feed::StreamPlace place{membership_.team(), feed.row.key, key.epoch, key.public_key};
  LYSOEN_ASSIGN(auto begun, feed::StreamWriter::begin(place, feed.row.head_seq + 1, witness_, random_));
  LYSOEN_TRY(append(feed, begun.entry, record));
  feed.writer.emplace(std::move(begun.writer));
  return {};
}

Result<Outbox::Placed> Outbox::seal(const AudienceId& audience, ByteView payload, SaveRecord& record,
                                    feed::Dictionary* dictionary) {
  auto key = membership_.sealing_key(audience);
  if (!key)
    return make_error(ErrorCode::trust_refused, "cannot seal: the roster held here names no key for its readers",
                      "sync, so that the newest roster arrives");
  LYSOEN_ASSIGN(Feed * feed, feed_for(audience));
  bool usable = feed->writer && !feed->writer->full() && feed->writer->place().epoch == key->epoch &&
                feed->writer->place().epoch_key == key->public_key;
  if (!usable) LYSOEN_TRY(begin_stream(*feed, *key, record));
  LYSOEN_ASSIGN(auto sealed, feed->writer->seal(feed->row.head_hash, payload, dictionary));
  LYSOEN_TRY(append(*feed, sealed.entry, record));
  auto& own = record.entries.back();
  std::copy(sealed.entry_key.view().begin(), sealed.entry_key.view().end(), own.entry_key.begin());
  own.payload = to_bytes(payload);
  return Placed{feed->row.key, feed->row.head_seq};
}

void Outbox::sign(Feed& feed, SaveRecord& record) {
  feed::sign_block(feed.block, feed.row.feed, membership_.device_key());
  record.heads.push_back({feed.row.key, feed.block.signed_seq, feed.block.signed_head, feed.block.signature});
}

Result<void> Outbox::finish(SaveRecord& record) {
  for (auto& [audience, feed] : open_) {
    if (!feed.changed) continue;
    sign(feed, record);
    feed.changed = false;
    auto wrapped = wrap_stream(wrap_key_, feed.row, feed.writer->state(), random_);
    LYSOEN_TRY(database_.run("UPDATE feeds SET writer = ?2 WHERE id = ?1", feed.row.id, wrapped));
  }
  return {};
}

}  // namespace lysoen::vault
