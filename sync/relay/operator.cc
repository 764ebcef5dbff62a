// What the operator does: teams and tokens.
#include "core/base/base64url.h"
#include "core/base/try.h"
#include "core/team/text_key.h"
#include "sync/relay/relay_impl.h"

namespace lysoen::relay {

namespace {

constexpr std::string_view kTokenPrefix = "lysoen-token:1:";
constexpr size_t kTokenSize = 20;
constexpr uint64_t kTokenLifeMs = 30ull * 24 * 3600 * 1000;

std::string_view trimmed(std::string_view text) {
  auto first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

uint64_t now_ms(Environment& environment) {
  return static_cast<uint64_t>(std::max<int64_t>(environment.clock.wall().time_since_epoch().count(), 0));
}

}  // namespace

Result<TeamId> RelayImpl::admit_team(std::string_view root_key) {
  LYSOEN_ASSIGN(auto root, team::parse_team_key(root_key));
  LYSOEN_TRY(commit(Kind::durable, [&] { return store_->admit_team(root); }));
  settle_counts();
  return team::team_id(root);
}

Result<void> RelayImpl::remove_team(const TeamId& team) {
  LYSOEN_TRY(commit(Kind::durable, [&] { return store_->remove_team(team); }));
  settle_counts();
  return {};
}

Result<void> RelayImpl::purge_team(const TeamId& team) {
  LYSOEN_TRY(commit(Kind::durable, [&] { return store_->purge_team(team); }));
  settle_counts();
  LYSOEN_TRY(sweep_blobs());
  return container_->scrub();
}

Result<std::string> RelayImpl::make_operator_token() {
  Bytes secret(kTokenSize);
  environment_.random.fill(secret);
  uint64_t expires = now_ms(environment_) + kTokenLifeMs;
  auto done = commit(Kind::durable, [&]() -> Result<void> {
    LYSOEN_TRY(container_->database().run("DELETE FROM token WHERE expires_ms <= ?", now_ms(environment_)));
    return container_->database().run("INSERT INTO token VALUES(?, ?, 0)", crypto::sha256(secret), expires);
  });
  if (!done) return std::move(done).error();
  return std::string(kTokenPrefix) + to_base64url(secret);
}

Result<TeamId> RelayImpl::redeem_operator_token(std::string_view token, std::string_view root_key) {
  LYSOEN_ASSIGN(auto root, team::parse_team_key(root_key));
  token = trimmed(token);
  auto secret = token.substr(0, kTokenPrefix.size()) == kTokenPrefix ? from_base64url(token.substr(kTokenPrefix.size()))
                                                                     : std::nullopt;
  if (!secret || secret->size() != kTokenSize)
    return make_error(ErrorCode::input_refused, "cannot admit the team: this is not an operator token",
                      "a token begins with lysoen-token:1: and is copied whole");
  auto& db = container_->database();
  Hash hash = crypto::sha256(*secret);
  LYSOEN_ASSIGN(auto used,
                db.integer("SELECT used FROM token WHERE hash = ? AND expires_ms > ?", hash, now_ms(environment_)));
  if (!used || *used != 0)
    return make_error(ErrorCode::trust_refused,
                      used ? "cannot admit the team: this token was used already"
                           : "cannot admit the team: this token is unknown or expired",
                      "ask the relay's operator for a new one");
  auto done = commit(Kind::durable, [&]() -> Result<void> {
    LYSOEN_TRY(db.run("UPDATE token SET used = 1 WHERE hash = ?", hash));
    return store_->admit_team(root);
  });
  if (!done) return std::move(done).error();
  settle_counts();
  return team::team_id(root);
}

}  // namespace lysoen::relay
