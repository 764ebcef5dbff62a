// A new team, its relays, and what an admin publishes: rosters and admission lists.
#include <algorithm>

#include "core/base/try.h"
#include "core/feed/entry.h"
#include "core/team/invite.h"
#include "core/team/root.h"
#include "core/team/roster_verify.h"
#include "core/team/text_key.h"
#include "core/vault/vault_impl.h"

namespace lysoen::vault {

namespace {

team::AdmissionContents contents_for(const team::Roster& roster) {
  team::AdmissionContents contents;
  const auto& head = roster.head;
  for (const auto& leaf : roster.leaves) {
    if (has(leaf.role, Role::admin)) contents.admins.push_back(leaf.device);
    team::Admitted admitted;
    admitted.device = leaf.device;
    bool staff = reads_team(leaf.role) || has(leaf.role, Role::admin);
    admitted.quota = staff ? team::QuotaClass::staff : team::QuotaClass::member;
    admitted.mailboxes = {inbox_audience(head.team, leaf.device), head.audience(team::AudienceKind::all)};
    if (reads_team(leaf.role)) admitted.mailboxes.push_back(head.audience(team::AudienceKind::team));
    std::sort(admitted.mailboxes.begin(), admitted.mailboxes.end());
    contents.devices.push_back(std::move(admitted));
  }
  return contents;
}

}  // namespace

Result<void> VaultImpl::require_admin(std::string_view doing) {
  LYSOEN_TRY(require_team(doing));
  if (!has(membership_.role(), Role::admin))
    return make_error(ErrorCode::trust_refused, "cannot " + std::string(doing) + ": this device is no admin",
                      "ask an admin of the team");
  if (!membership_.roster().whole)
    return make_error(ErrorCode::trust_refused,
                      "cannot " + std::string(doing) + ": this device does not hold the whole roster",
                      "sync, so that the newest roster arrives");
  return {};
}

Result<void> VaultImpl::put_errand(storage::Database& database, int kind, ByteView item) {
  return database.run("INSERT OR IGNORE INTO errands (kind, item) VALUES (?, ?)", kind, item);
}

Result<std::optional<team::AdmissionList>> VaultImpl::newest_admission() {
  LYSOEN_ASSIGN(auto query, database().prepare("SELECT item FROM errands WHERE kind = ? ORDER BY id DESC LIMIT 1"));
  LYSOEN_ASSIGN(bool found, query.bind(kAdmissionErrand).step());
  if (!found) return std::optional<team::AdmissionList>();
  LYSOEN_ASSIGN(auto list, team::decode_admission(query.blob(0)));
  return std::optional(std::move(list));
}

/// Says what the roster says, and which invites are open; invites that ran out drop off by themselves.
Result<void> VaultImpl::next_admission(storage::Database& database, const team::Roster& roster,
                                       const crypto::SigningKey& signer) {
  LYSOEN_ASSIGN(auto current, newest_admission());
  auto contents = contents_for(roster);
  {
    LYSOEN_ASSIGN(auto query, database.prepare("SELECT content FROM invites WHERE state = 0"));
    for (;;) {
      LYSOEN_ASSIGN(bool more, query.step());
      if (!more) break;
      LYSOEN_ASSIGN(auto invite, team::decode_invite(query.blob(0)));
      contents.invites.push_back({team::invite_id(invite), invite.expires});
    }
  }
  LYSOEN_ASSIGN(auto list, team::next_admission(current ? &*current : nullptr, roster.head.root, std::move(contents),
                                                signer, now()));
  return put_errand(database, kAdmissionErrand, team::encode_admission(list));
}

Result<void> VaultImpl::publish_roster(storage::Database& database, const team::Roster& roster) {
  LYSOEN_ASSIGN(auto sealed, team::seal_roster(roster, membership_.roster_keys().front(), environment_.random));
  return membership_.take_state(database, team::state_for(roster, membership_.device()), sealed.sealed);
}

Result<Vault::NewTeam> VaultImpl::create_team(const CreateTeamOptions& options) {
  LYSOEN_TRY(usable());
  if (membership_.in_team())
    return make_error(ErrorCode::already_exists, "cannot create a team: this vault belongs to one already",
                      "make another vault for another team");
  auto& random = environment_.random;
  auto device = crypto::SigningKey::generate(random);
  auto inbox = crypto::KemKeyPair::generate(random);
  auto root = team::RootKey::found(random);
  LYSOEN_ASSIGN(auto founding, team::make_founding_roster(options, root, {device, inbox.public_key}, now(), random));
  LYSOEN_ASSIGN(Bytes root_file, team::seal_root(root, options.root_passphrase, cost_, random));
  LYSOEN_TRY(durable([&](storage::Database& database) -> Result<void> {
    LYSOEN_TRY(membership_.enrol(database, std::move(device), std::move(inbox)));
    std::vector<crypto::Key32> keys;
    keys.push_back(founding.roster_key.copy());
    LYSOEN_TRY(membership_.take_roster_keys(database, std::move(keys)));
    LYSOEN_TRY(publish_roster(database, founding.roster));
    LYSOEN_TRY(membership_.take_epoch(database, std::move(founding.team_epoch)));
    LYSOEN_TRY(membership_.take_epoch(database, std::move(founding.all_epoch)));
    LYSOEN_TRY(membership_.take_certificate(database, founding.certificate));
    LYSOEN_TRY(set_fact(database, "team.root", founding.roster.head.root));
    for (auto name : {"joining.invite", "joining.request", "joining.words"}) LYSOEN_TRY(drop_fact(database, name));
    return next_admission(database, founding.roster, root.key);
  }));
  return NewTeam{std::move(root_file), membership_.view(now())};
}

Result<TeamView> VaultImpl::team_view() {
  LYSOEN_TRY(usable());
  if (!membership_.in_team())
    return make_error(ErrorCode::not_found, "this vault belongs to no team yet", "join with an invite, or create one");
  return membership_.view(now());
}

Result<team::RootKey> VaultImpl::own_root(ByteView root_file, std::string_view passphrase) const {
  LYSOEN_ASSIGN(auto root, team::open_root(root_file, passphrase));
  if (root.team == membership_.team()) return root;
  return make_error(ErrorCode::trust_refused, "the root key file is of another team", "give this team's file");
}

Result<team::Roster> VaultImpl::whole_roster() const {
  auto roster = team::whole_roster(membership_.roster());
  if (roster) return std::move(*roster);
  return make_error(ErrorCode::damaged, "cannot change the roster: it is not as stored");
}

Result<TeamView> VaultImpl::renew_roster(ByteView root_file, std::string_view passphrase) {
  LYSOEN_TRY(require_admin("renew the roster"));
  auto certificate = membership_.certificate();
  if (!root_file.empty()) {
    LYSOEN_ASSIGN(auto root, own_root(root_file, passphrase));
    certificate = team::certify_admin(root.key, membership_.team(), membership_.device(), now());
  }
  LYSOEN_ASSIGN(auto current, whole_roster());
  team::HeadSigner signer{membership_.device_key(), certificate ? &*certificate : nullptr};
  LYSOEN_ASSIGN(auto next, team::renew(current, signer, now()));
  LYSOEN_TRY(durable([&](storage::Database& database) -> Result<void> {
    if (!root_file.empty()) LYSOEN_TRY(membership_.take_certificate(database, *certificate));
    return publish_roster(database, next);
  }));
  return membership_.view(now());
}

Result<TeamView> VaultImpl::set_policy(Role role, const RolePolicy& policy) {
  LYSOEN_TRY(require_admin("set the policy"));
  LYSOEN_ASSIGN(auto current, whole_roster());
  const auto& certificate = membership_.certificate();
  team::HeadSigner signer{membership_.device_key(), certificate ? &*certificate : nullptr};
  LYSOEN_ASSIGN(auto next, team::set_policy(current, role, policy, signer, now()));
  LYSOEN_TRY(durable([&](storage::Database& database) { return publish_roster(database, next); }));
  return membership_.view(now());
}

Result<TeamView> VaultImpl::change_relays(std::vector<RelayInfo> relays, ByteView root_file,
                                          std::string_view passphrase) {
  LYSOEN_TRY(require_admin("change the relays"));
  LYSOEN_ASSIGN(auto root, own_root(root_file, passphrase));
  LYSOEN_ASSIGN(auto current, whole_roster());
  LYSOEN_ASSIGN(auto next, team::set_relays(current, std::move(relays), {root.key, nullptr}, now()));
  LYSOEN_TRY(durable([&](storage::Database& database) { return publish_roster(database, next); }));
  return membership_.view(now());
}

Result<TeamView> VaultImpl::add_relay(const RelayInfo& relay, ByteView root_file, std::string_view root_passphrase) {
  LYSOEN_TRY(require_admin("add a relay"));
  auto relays = membership_.roster().head.relays;
  std::erase_if(relays, [&](const RelayInfo& known) { return known.id == relay.id; });
  relays.push_back(relay);
  return change_relays(std::move(relays), root_file, root_passphrase);
}

Result<TeamView> VaultImpl::remove_relay(const RelayId& relay, ByteView root_file, std::string_view root_passphrase) {
  LYSOEN_TRY(require_admin("remove a relay"));
  auto relays = membership_.roster().head.relays;
  if (std::erase_if(relays, [&](const RelayInfo& known) { return known.id == relay; }) == 0)
    return make_error(ErrorCode::not_found, "cannot remove a relay: the roster does not name it",
                      "`lysoen members` lists the relays");
  return change_relays(std::move(relays), root_file, root_passphrase);
}

Result<std::string> VaultImpl::team_key_text() {
  LYSOEN_TRY(require_team("show the team's key"));
  LYSOEN_ASSIGN(auto root, fact(database(), "team.root"));
  return team::team_key_text(Reader(root).array<32>());
}

Result<std::vector<std::array<uint8_t, 32>>> VaultImpl::carrier_keys() {
  LYSOEN_TRY(require_team("make or read a bundle"));
  std::vector<std::array<uint8_t, 32>> keys;
  for (const auto& roster_key : membership_.roster_keys()) {
    auto key = team::carrier_key(roster_key);
    std::array<uint8_t, 32> raw;
    std::copy(key.view().begin(), key.view().end(), raw.begin());
    keys.push_back(raw);
  }
  return keys;
}

Result<std::vector<SealedRoster>> VaultImpl::sealed_rosters() {
  LYSOEN_TRY(usable());
  std::vector<SealedRoster> rosters;
  LYSOEN_ASSIGN(auto query, database().prepare("SELECT version, hash, sealed FROM rosters WHERE length(sealed) > 0 "
                                               "ORDER BY version"));
  for (;;) {
    LYSOEN_ASSIGN(bool more, query.step());
    if (!more) return rosters;
    rosters.push_back({static_cast<uint64_t>(query.integer(0)), query.id<Hash>(1), to_bytes(query.blob(2))});
  }
}

// -- Rosters that arrive --------------------------------------------------------------------------------------------

// Versions between may be missing: what is ahead waits, and is offered again after each version that was taken.
Result<void> VaultImpl::take_roster(const SealedRoster& sealed) {
  LYSOEN_TRY(require_team("take a roster"));
  LYSOEN_TRY(settle());
  std::optional<team::Roster> roster;
  for (const auto& key : membership_.roster_keys()) {
    auto opened = team::open_roster(sealed, membership_.team(), key);
    if (opened) roster.emplace(std::move(*opened));
    if (roster) break;
  }
  auto set_aside = [&](Error why) {
    refused_roster_ = why;
    auto notice = why.message + (why.hint.empty() ? "" : ": " + why.hint);
    return plain([&](storage::Database& database) { return add_notice(database, now(), notice); });
  };
  if (!roster)
    return set_aside(make_error(ErrorCode::trust_refused,
                                "a roster arrived that does not open with this device's keys; it was set aside",
                                "work goes on with the known roster; ask an admin of your team"));
  std::optional<Hash> held;
  {
    LYSOEN_ASSIGN(auto query, database().prepare("SELECT hash FROM rosters WHERE version = ?"));
    LYSOEN_ASSIGN(bool found, query.bind(roster->head.version).step());
    if (found) held = query.id<Hash>(0);
  }
  auto verdict = team::verify_successor(membership_.roster(), *roster, now(), held);
  switch (verdict.outcome) {
    case team::RosterOutcome::accepted:
      break;
    case team::RosterOutcome::same:
      return {};
    case team::RosterOutcome::older:
      return {};  // carriers bring what they have; nothing is taken back by it
    case team::RosterOutcome::ahead:
      return plain([&](storage::Database& database) {
        return database.run(
            "INSERT OR IGNORE INTO rosters_ahead SELECT ?1, ?2, ?3 WHERE (SELECT count(*) FROM "
            "rosters_ahead) < 64",
            sealed.version, sealed.hash, sealed.sealed);
      });
    default:
      return set_aside(verdict.error());
  }
  auto state = team::state_for(*roster, membership_.device());
  // Who keeps a part of the roster only must not have the whole of it at hand, sealed under a key that lies beside it.
  ByteView to_hand_on = state.whole ? ByteView(sealed.sealed) : ByteView();
  LYSOEN_TRY(durable([&](storage::Database& database) -> Result<void> {
    LYSOEN_TRY(membership_.take_state(database, std::move(state), to_hand_on));
    return database.run("DELETE FROM rosters_ahead WHERE version <= ?", sealed.version);
  }));
  return follow_roster();
}

/// After a new version: feeds of devices that are members now, edits that waited for it, versions that came too early.
Result<void> VaultImpl::follow_roster() {
  LYSOEN_TRY(intake_ready());
  if (auto taken = intake_->take_up(); !taken) return drop_intake(std::move(taken).error());
  LYSOEN_TRY(settle());
  SealedRoster next;
  {
    LYSOEN_ASSIGN(auto query, database().prepare("SELECT version, hash, sealed FROM rosters_ahead WHERE version = ?"));
    LYSOEN_ASSIGN(bool found, query.bind(membership_.roster_version() + 1).step());
    if (!found) return {};
    next = {static_cast<uint64_t>(query.integer(0)), query.id<Hash>(1), to_bytes(query.blob(2))};
  }
  LYSOEN_TRY(plain([&](storage::Database& database) {
    return database.run("DELETE FROM rosters_ahead WHERE version = ? AND hash = ?", next.version, next.hash);
  }));
  return take_roster(next);
}

}  // namespace lysoen::vault
