#include "core/vault/membership.h"

#include <algorithm>

#include "core/base/try.h"
#include "core/team/roster_verify.h"

namespace lysoen::vault {

namespace {

constexpr uint8_t kInboxKind = 3;
constexpr uint32_t kInboxEpoch = 1;

Error damaged() {
  return make_error(ErrorCode::damaged, "cannot open vault: its keys are not as stored");
}

/// Wipes `bytes`.
Result<crypto::Key32> key_from(Bytes bytes) {
  auto key = crypto::Key32::from(bytes);
  crypto::wipe(bytes);
  if (!key) return damaged();
  return std::move(*key);
}

std::string epoch_name(const AudienceId& audience, uint32_t number) {
  return "epoch " + audience.hex() + " " + std::to_string(number);
}

}  // namespace

Result<Bytes> fact(storage::Database& database, std::string_view name) {
  LYSOEN_ASSIGN(auto query, database.prepare("SELECT value FROM facts WHERE name = ?"));
  LYSOEN_ASSIGN(bool found, query.bind(name).step());
  return found ? to_bytes(query.blob(0)) : Bytes();
}

Result<void> set_fact(storage::Database& database, std::string_view name, ByteView value) {
  return database.run("INSERT OR REPLACE INTO facts VALUES (?, ?)", name, value);
}

Result<void> drop_fact(storage::Database& database, std::string_view name) {
  return database.run("DELETE FROM facts WHERE name = ?", name);
}

Result<Bytes> secret_fact(storage::Database& database, std::string_view name, const KeyWrap& wrap) {
  LYSOEN_ASSIGN(auto sealed, fact(database, name));
  return sealed.empty() ? Result<Bytes>(Bytes()) : wrap.open(name, sealed);
}

Result<void> set_secret_fact(storage::Database& database, std::string_view name, ByteView value, const KeyWrap& wrap) {
  return set_fact(database, name, wrap.seal(name, value));
}

Result<team::RoleHistory> role_history(storage::Database& database) {
  LYSOEN_ASSIGN(auto history, fact(database, "team.history"));
  return history.empty() ? Result<team::RoleHistory>(team::RoleHistory()) : team::RoleHistory::decode(history);
}

AudienceId inbox_audience(const TeamId& team, const DeviceId& device) {
  Writer writer;
  writer.id(team).u8(kInboxKind).id(device);
  return crypto::labelled_id<AudienceId>("lysoen/1 audience", writer.bytes());
}

Result<Membership> Membership::load(storage::Database& database, const KeyWrap& wrap) {
  Membership membership;
  membership.wrap_ = &wrap;
  LYSOEN_ASSIGN(membership.history_, role_history(database));  // a restored vault has one before it has keys
  LYSOEN_ASSIGN(auto seed, secret_fact(database, "device.seed", wrap));
  if (seed.empty()) return membership;
  LYSOEN_ASSIGN(auto seed_key, key_from(std::move(seed)));
  LYSOEN_ASSIGN(auto inbox, secret_fact(database, "device.inbox", wrap));
  LYSOEN_ASSIGN(auto inbox_key, key_from(std::move(inbox)));
  membership.device_ = crypto::SigningKey::from_seed(seed_key);
  membership.inbox_ = crypto::KemKeyPair::from_secret(inbox_key);
  membership.device_id_.bytes = membership.device_->public_key();
  LYSOEN_ASSIGN(auto incarnation, fact(database, "device.incarnation"));
  membership.incarnation_ = Reader(incarnation).u32();

  {
    LYSOEN_ASSIGN(auto query, database.prepare("SELECT content FROM rosters ORDER BY version DESC LIMIT 1"));
    LYSOEN_ASSIGN(bool found, query.step());
    if (!found) return membership;
    LYSOEN_ASSIGN(membership.roster_, team::decode_state(query.blob(0)));
  }
  LYSOEN_ASSIGN(auto certificate, fact(database, "team.certificate"));
  if (!certificate.empty()) {
    LYSOEN_ASSIGN(membership.certificate_, team::decode_certificate(certificate));
  }
  LYSOEN_ASSIGN(auto keys, secret_fact(database, "team.roster_keys", wrap));
  for (size_t at = 0; at + 32 <= keys.size(); at += 32)
    membership.roster_keys_.push_back(*crypto::Key32::from(ByteView(keys).subspan(at, 32)));
  crypto::wipe(keys);
  LYSOEN_ASSIGN(auto query, database.prepare("SELECT audience, epoch, secret FROM epoch_keys ORDER BY epoch"));
  for (;;) {
    LYSOEN_ASSIGN(bool more, query.step());
    if (!more) return membership;
    auto audience = query.id<AudienceId>(0);
    auto number = static_cast<uint32_t>(query.integer(1));
    LYSOEN_ASSIGN(auto opened, wrap.open(epoch_name(audience, number), query.blob(2)));
    LYSOEN_ASSIGN(auto secret, key_from(std::move(opened)));
    membership.epochs_.push_back({audience, number, crypto::KemKeyPair::from_secret(secret)});
  }
}

Role Membership::role() const {
  if (!in_team()) return Role::none;
  const auto* leaf = roster_->find(device_id_);
  return leaf ? leaf->role : Role::none;
}

RolePolicy Membership::policy() const {
  return in_team() ? roster_->policy.of(role()) : RolePolicy{};
}

std::optional<AudienceKey> Membership::sealing_key(const AudienceId& audience) const {
  if (const auto* epoch = roster_->head.epoch_of(audience)) return AudienceKey{epoch->epoch, epoch->public_key};
  for (const auto& leaf : roster_->leaves)
    if (inbox_audience(team(), leaf.device) == audience) return AudienceKey{kInboxEpoch, leaf.inbox};
  return std::nullopt;
}

AudienceId Membership::inbox_of(const DeviceId& author) const {
  DeviceId speaks = author;
  for (size_t steps = 0; steps < team::kReplacesMax; ++steps) {
    const auto& leaves = roster_->leaves;
    auto later = std::find_if(leaves.begin(), leaves.end(), [&](const team::Leaf& leaf) {
      return std::find(leaf.replaces.begin(), leaf.replaces.end(), speaks) != leaf.replaces.end();
    });
    if (later == leaves.end()) break;
    speaks = later->device;
  }
  return inbox_audience(team(), speaks);
}

const crypto::KemKeyPair* Membership::reading_key(const AudienceId& audience, uint32_t epoch) const {
  if (audience == own_inbox()) return epoch == kInboxEpoch ? &*inbox_ : nullptr;
  for (const auto& held : epochs_)
    if (held.audience == audience && held.number == epoch) return &held.keys;
  return nullptr;
}

const team::Epoch* Membership::newest_epoch(const AudienceId& audience) const {
  const team::Epoch* newest = nullptr;
  for (const auto& held : epochs_)
    if (held.audience == audience && (!newest || held.number > newest->number)) newest = &held;
  return newest;
}

bool Membership::reads(const AudienceId& audience) const {
  return in_team() && (audience == own_inbox() || newest_epoch(audience) != nullptr);
}

std::vector<AudienceId> Membership::mailboxes() const {
  if (!in_team()) return {};
  std::vector<AudienceId> all{own_inbox(), all_audience()};
  if (reads_team(role())) all.push_back(team_audience());
  return all;
}

TeamView Membership::view(WallTime now) const {
  TeamView view;
  const auto& head = roster_->head;
  view.team = head.team;
  view.name = head.name;
  view.roster_version = head.version;
  view.roster_hash = team::head_hash(head);
  view.issued = head.issued;
  view.expires = head.expires;
  view.expired = team::check_expiry(head, now).expired;
  view.single_reader = roster_->single_reader();
  view.relays = head.relays;
  view.policy = roster_->policy;
  view.own_policy = policy();
  for (const auto& leaf : roster_->leaves) {
    Member member{leaf.device, leaf.role, {}, leaf.since, leaf.device == device_id_};
    for (const auto& epoch : epochs_) {
      if (epoch.audience != team_audience() || epoch.number != leaf.name_epoch) continue;
      auto key = team::names_key(epoch.keys.secret);
      if (auto name = team::open_name(key, head.team, leaf)) member.name = std::move(*name);
    }
    view.members.push_back(std::move(member));
  }
  return view;
}

Result<void> Membership::enrol(storage::Database& database, crypto::SigningKey device, crypto::KemKeyPair inbox) {
  LYSOEN_TRY(set_secret_fact(database, "device.seed", device.seed().view(), *wrap_));
  LYSOEN_TRY(set_secret_fact(database, "device.inbox", inbox.secret.view(), *wrap_));
  device_id_.bytes = device.public_key();
  device_ = std::move(device);
  inbox_ = std::move(inbox);
  return begin_incarnation(database, 1);
}

Result<void> Membership::begin_incarnation(storage::Database& database, uint32_t incarnation) {
  Writer writer;
  LYSOEN_TRY(set_fact(database, "device.incarnation", writer.u32(incarnation).bytes()));
  incarnation_ = incarnation;
  return {};
}

Result<void> Membership::take_state(storage::Database& database, team::RosterState state, ByteView sealed) {
  LYSOEN_TRY(database.run("INSERT OR REPLACE INTO rosters (version, hash, content, sealed) VALUES (?, ?, ?, ?)",
                          state.head.version, team::head_hash(state.head), team::encode_state(state), sealed));
  // Who replaces a device hears once more what was opened of it: what was said before lies in the other's inbox.
  for (const auto& leaf : state.leaves)
    if (!roster_ || !roster_->find(leaf.device))
      for (const auto& replaced : leaf.replaces)
        LYSOEN_TRY(database.run("UPDATE feeds SET acknowledged_seq = 0 WHERE own = 0 AND device = ?", replaced));
  history_.follow(state);
  LYSOEN_TRY(set_fact(database, "team.history", history_.encode()));
  roster_ = std::move(state);
  return {};
}

Result<void> Membership::take_epoch(storage::Database& database, team::Epoch epoch) {
  LYSOEN_TRY(database.run("INSERT OR REPLACE INTO epoch_keys VALUES (?, ?, ?)", epoch.audience, epoch.number,
                          wrap_->seal(epoch_name(epoch.audience, epoch.number), epoch.keys.secret.view())));
  epochs_.push_back(std::move(epoch));
  return {};
}

Result<void> Membership::take_certificate(storage::Database& database, const team::AdminCertificate& certificate) {
  LYSOEN_TRY(set_fact(database, "team.certificate", team::encode_certificate(certificate)));
  certificate_ = certificate;
  return {};
}

Result<void> Membership::take_roster_keys(storage::Database& database, std::vector<crypto::Key32> keys) {
  Bytes all;
  for (const auto& key : keys) all.insert(all.end(), key.view().begin(), key.view().end());
  LYSOEN_TRY(set_secret_fact(database, "team.roster_keys", all, *wrap_));
  crypto::wipe(all);
  roster_keys_ = std::move(keys);
  return {};
}

}  // namespace lysoen::vault
