#include "core/feed/warrant.h"

#include <algorithm>

#include "core/base/check.h"

namespace lysoen::feed {

namespace {

constexpr std::string_view kRefusalLabel = "lysoen/1 refusal", kRottenLabel = "lysoen/1 rotten";
constexpr uint8_t kSuite = 1;
// reason ‖ suite ‖ signer ‖ team ‖ feed ‖ seq ‖ hash ‖ code ‖ time ‖ signature
constexpr size_t kWarrantSize = 1 + 1 + 32 + 32 + 32 + 8 + 32 + 1 + 8 + 64;

struct Statement {
  StubReason reason = StubReason::refused;
  std::array<uint8_t, 32> signer{};
  TeamId team;
  FeedId feed;
  uint64_t seq = 0;
  Hash hash;
  uint8_t code = 0;  // zero in rotten
  uint64_t time_ms = 0;
};

std::string_view label_for(StubReason reason) {
  return reason == StubReason::refused ? kRefusalLabel : kRottenLabel;
}

Bytes sign_statement(const Statement& statement, const crypto::SigningKey& key) {
  Writer out;
  out.u8(static_cast<uint8_t>(statement.reason)).u8(kSuite).raw(statement.signer).id(statement.team);
  out.id(statement.feed).u64(statement.seq).id(statement.hash).u8(statement.code).u64(statement.time_ms);
  out.raw(key.sign(label_for(statement.reason), out.bytes()));
  return std::move(out).bytes();
}

Statement statement_of(const TeamId& team, const EntryPoint& entry, WallTime time, const crypto::SigningKey& key) {
  Statement statement;
  statement.signer = key.public_key();
  statement.team = team;
  statement.feed = feed_id(entry.feed);
  statement.seq = entry.seq;
  statement.hash = entry.hash;
  statement.time_ms = static_cast<uint64_t>(time.time_since_epoch().count());
  return statement;
}

/// The statement, if the bytes are one and its own signature holds; who may make it is not looked at.
std::optional<Statement> read_statement(ByteView bytes) {
  if (bytes.size() != kWarrantSize) return std::nullopt;
  Reader in(bytes);
  Statement statement;
  statement.reason = static_cast<StubReason>(in.u8());
  uint8_t suite = in.u8();
  statement.signer = in.array<32>();
  statement.team = in.id<TeamId>();
  statement.feed = in.id<FeedId>();
  statement.seq = in.u64();
  statement.hash = in.id<Hash>();
  statement.code = in.u8();
  statement.time_ms = in.u64();
  auto signature = in.array<64>();
  if (!in.done() || suite != kSuite) return std::nullopt;
  if (!crypto::verify(statement.signer, label_for(statement.reason), bytes.first(kWarrantSize - 64), signature))
    return std::nullopt;
  return statement;
}

}  // namespace

Bytes sign_refusal(const TeamId& team, const EntryPoint& entry, uint8_t code, WallTime time,
                   const crypto::SigningKey& relay) {
  Statement statement = statement_of(team, entry, time, relay);
  statement.code = code;
  return sign_statement(statement, relay);
}

Bytes sign_rotten(const TeamId& team, const EntryPoint& entry, WallTime time, const crypto::SigningKey& key) {
  LYSOEN_CHECK(key.public_key() == entry.feed.device.bytes);
  Statement statement = statement_of(team, entry, time, key);
  statement.reason = StubReason::rotten;
  return sign_statement(statement, key);
}

WarrantState check_warrant(const TeamId& team, const EntryPoint& entry, StubReason reason, ByteView warrant,
                           std::span<const RelayId> relays) {
  if (reason == StubReason::gap || reason == StubReason::none) return WarrantState::gap;
  if (reason != StubReason::refused && reason != StubReason::rotten) return WarrantState::unread;
  auto statement = read_statement(warrant);
  if (!statement || statement->reason != reason || statement->team != team || statement->feed != feed_id(entry.feed) ||
      statement->seq != entry.seq || statement->hash != entry.hash)
    return WarrantState::invalid;
  if (reason == StubReason::rotten)
    return statement->signer == entry.feed.device.bytes ? WarrantState::valid : WarrantState::invalid;
  bool known =
      std::any_of(relays.begin(), relays.end(), [&](const RelayId& relay) { return relay.bytes == statement->signer; });
  return known ? WarrantState::valid : WarrantState::unread;
}

}  // namespace lysoen::feed
