// Invites, joining and admitting.
#include "core/base/try.h"
#include "core/team/join.h"
#include "core/team/roster_change.h"
#include "core/vault/vault_impl.h"

namespace lysoen::vault {

namespace {

constexpr std::string_view kJoiningFacts[] = {"joining.invite", "joining.request", "joining.words"};

struct StoredRequest {
  Bytes request;
  std::string words;
};
Bytes encode(const StoredRequest& stored) {
  Writer writer;
  writer.field(stored.words).raw(stored.request);
  return std::move(writer).bytes();
}
StoredRequest decode_stored(ByteView bytes) {
  Reader reader(bytes);
  StoredRequest stored;
  stored.words = as_text(reader.field(256));
  stored.request = to_bytes(reader.raw(reader.left()));
  return stored;
}

Result<team::InviteContents> invite_of(storage::Database& database, const Hash& invite) {
  LYSOEN_ASSIGN(auto query, database.prepare("SELECT content FROM invites WHERE invite = ?"));
  LYSOEN_ASSIGN(bool found, query.bind(invite).step());
  if (!found)
    return make_error(ErrorCode::trust_refused, "cannot admit: the invite was not made on this device",
                      "hand the request to the admin who made the invite");
  return team::decode_invite(query.blob(0));
}

}  // namespace

// -- Admin ----------------------------------------------------------------------------------------------------------

Result<Invite> VaultImpl::invite(const InviteOptions& options) {
  LYSOEN_TRY(require_admin("invite"));
  auto roster = team::whole_roster(membership_.roster());
  if (!roster) return make_error(ErrorCode::damaged, "cannot invite: the roster is not as stored");
  if (has(options.role, Role::admin))
    return make_error(ErrorCode::trust_refused, "cannot invite an admin: that needs the team's root key",
                      "invite a coordinator; further admins come with the root key file");
  const auto& head = roster->head;
  auto contents = team::make_invite(head.team, head.root, head.name, head.relays, membership_.device(),
                                    membership_.inbox().public_key, options, now(), environment_.random);
  LYSOEN_ASSIGN(Bytes file, team::encode_invite(contents));
  LYSOEN_TRY(durable([&](storage::Database& database) -> Result<void> {
    LYSOEN_TRY(database.run("INSERT INTO invites VALUES (?, ?, 0)", team::invite_id(contents), file));
    return next_admission(database, *roster, membership_.device_key());
  }));
  Invite invite{team::invite_link(file), {}, contents.expires, options.role};
  invite.file = std::move(file);
  return invite;
}

Result<JoinRequest> VaultImpl::offer_join_request(ByteView request) {
  LYSOEN_TRY(require_admin("admit"));
  auto id = team::join_request_id(request);
  LYSOEN_ASSIGN(auto invite_id, team::invite_of_request(request));
  LYSOEN_ASSIGN(auto invite, invite_of(database(), invite_id));
  LYSOEN_TRY(team::check_invite(invite, now(), membership_.team()));
  auto roster = team::whole_roster(membership_.roster());
  if (!roster) return make_error(ErrorCode::damaged, "cannot admit: the roster is not as stored");
  LYSOEN_TRY(team::check_unused(*roster, invite_id));
  LYSOEN_ASSIGN(auto opened, team::open_join_request(invite, membership_.inbox(), request));
  JoinRequest shown{id, opened.device, invite.role, invite.name, {}, opened.replaces, {}};
  if (!shown.replaces.is_none()) {
    if (!roster->find(shown.replaces))
      return make_error(ErrorCode::trust_refused, "cannot admit: the device that it says it replaces is no member",
                        "ask the joiner which backup was restored");
    for (const auto& member : membership_.view(now()).members)
      if (member.device == shown.replaces) shown.replaces_name = member.name;
  }
  {
    LYSOEN_ASSIGN(auto query, database().prepare("SELECT content FROM join_requests WHERE request = ?"));
    LYSOEN_ASSIGN(bool known, query.bind(id).step());
    if (known) {
      shown.check_words = decode_stored(query.blob(0)).words;
      return shown;
    }
  }
  LYSOEN_ASSIGN(shown.check_words, team::check_words(invite, id));
  LYSOEN_TRY(plain([&](storage::Database& database) {
    return database.run("INSERT OR IGNORE INTO join_requests VALUES (?, ?, 0)", id,
                        encode({to_bytes(request), shown.check_words}));
  }));
  return shown;
}

Result<std::vector<JoinRequest>> VaultImpl::join_requests() {
  LYSOEN_TRY(require_admin("list requests"));
  std::vector<StoredRequest> waiting;
  {
    LYSOEN_ASSIGN(auto query, database().prepare("SELECT content FROM join_requests WHERE state = 0"));
    for (;;) {
      LYSOEN_ASSIGN(bool more, query.step());
      if (!more) break;
      waiting.push_back(decode_stored(query.blob(0)));
    }
  }
  std::vector<JoinRequest> requests;
  for (const auto& stored : waiting) {
    auto request = offer_join_request(stored.request);
    if (request) requests.push_back(std::move(*request));  // those that ran out meanwhile are not shown
  }
  return requests;
}

// What the new member needs travels in its welcome; what the others need, as the next roster; what the relay needs, as
// the next admission list. All of it stands before the welcome is handed out.
Result<Bytes> VaultImpl::admit(const Hash& request_id) {
  LYSOEN_TRY(require_admin("admit"));
  StoredRequest stored;
  {
    LYSOEN_ASSIGN(auto query, database().prepare("SELECT content FROM join_requests WHERE request = ?"));
    LYSOEN_ASSIGN(bool found, query.bind(request_id).step());
    if (!found) return make_error(ErrorCode::not_found, "cannot admit: there is no such request here");
    stored = decode_stored(query.blob(0));
  }
  LYSOEN_ASSIGN([[maybe_unused]] auto checked, offer_join_request(stored.request));
  LYSOEN_ASSIGN(auto invite_id, team::invite_of_request(stored.request));
  LYSOEN_ASSIGN(auto invite, invite_of(database(), invite_id));
  LYSOEN_ASSIGN(auto request, team::open_join_request(invite, membership_.inbox(), stored.request));
  LYSOEN_ASSIGN(auto current, whole_roster());

  const auto* team_epoch = membership_.newest_epoch(membership_.team_audience());
  const auto* all_epoch = membership_.newest_epoch(membership_.all_audience());
  const auto* certificate = membership_.certificate() ? &*membership_.certificate() : nullptr;
  if (!all_epoch || (reads_team(invite.role) && !team_epoch))
    return make_error(ErrorCode::trust_refused, "cannot admit: this device holds no key that it could hand on",
                      "let an admin who is a coordinator admit");
  team::NewMember member{request.device, request.inbox, invite.role, invite_id, {}, invite.name};
  if (!request.replaces.is_none()) member.replaces = {request.replaces};
  auto& random = environment_.random;
  LYSOEN_ASSIGN(auto next,
                team::add_member(current, member, {membership_.device_key(), certificate}, team_epoch, now(), random));
  team::WelcomeContents contents;
  contents.roster = team::state_for(next, request.device);
  for (const auto& key : membership_.roster_keys()) contents.roster_keys.push_back(key.copy());
  auto wrap = [&](const team::Epoch& epoch) -> Result<void> {
    LYSOEN_ASSIGN(auto wraps, team::wrap_epoch(membership_.team(), epoch, {{request.device, request.inbox}},
                                               membership_.device_key(), random));
    auto own = team::own_wrap(wraps, request.device);
    if (own) contents.wraps.push_back(std::move(*own));
    return {};
  };
  LYSOEN_TRY(wrap(*all_epoch));
  if (reads_team(invite.role)) LYSOEN_TRY(wrap(*team_epoch));
  LYSOEN_ASSIGN(Bytes welcome, team::make_welcome(invite, request, contents, membership_.device_key(), random));
  LYSOEN_TRY(durable([&](storage::Database& database) -> Result<void> {
    LYSOEN_TRY(database.run("UPDATE invites SET state = 1 WHERE invite = ?", invite_id));
    LYSOEN_TRY(database.run("UPDATE join_requests SET state = 1 WHERE request = ?", request_id));
    LYSOEN_TRY(publish_roster(database, next));
    LYSOEN_TRY(put_errand(database, kWelcomeErrand, welcome));
    return next_admission(database, next, membership_.device_key());
  }));
  LYSOEN_TRY(follow_roster());
  return welcome;
}

// -- Joiner ---------------------------------------------------------------------------------------------------------

Result<Vault::Joining> VaultImpl::join(ByteView invite_file_or_link) {
  LYSOEN_TRY(usable());
  if (membership_.in_team())
    return make_error(ErrorCode::already_exists, "cannot join: this vault belongs to a team already",
                      "make another vault for another team");
  LYSOEN_ASSIGN(auto invite, team::read_invite(invite_file_or_link));
  LYSOEN_TRY(team::check_invite(invite, now()));
  LYSOEN_ASSIGN(auto waiting, joining());
  if (waiting && waiting->invite_id == team::invite_id(invite)) return std::move(*waiting);  // asked before
  LYSOEN_ASSIGN(auto before, origin());
  if (!before.team.is_none() && before.team != invite.team)
    return make_error(ErrorCode::trust_refused, "cannot join: this vault was restored from a backup of another team's",
                      "ask an admin of that team for an invite");
  auto device = crypto::SigningKey::generate(environment_.random);
  auto inbox = crypto::KemKeyPair::generate(environment_.random);
  LYSOEN_ASSIGN(Bytes request,
                team::make_join_request(invite, device, inbox.public_key, now(), environment_.random, before.device));
  LYSOEN_ASSIGN(auto words, team::check_words(invite, team::join_request_id(request)));
  LYSOEN_ASSIGN(Bytes file, team::encode_invite(invite));
  LYSOEN_TRY(durable([&](storage::Database& database) -> Result<void> {
    LYSOEN_TRY(membership_.enrol(database, std::move(device), std::move(inbox)));
    LYSOEN_TRY(set_secret_fact(database, "joining.invite", file, *key_wrap_));
    LYSOEN_TRY(set_fact(database, "joining.request", request));
    return set_fact(database, "joining.words", as_bytes(words));
  }));
  return Joining{std::move(request), std::move(words), invite.relays, team::invite_id(invite), invite.team};
}

Result<std::optional<Vault::Joining>> VaultImpl::joining() {
  LYSOEN_TRY(usable());
  LYSOEN_ASSIGN(auto file, secret_fact(database(), "joining.invite", *key_wrap_));
  if (file.empty() || membership_.in_team()) return std::optional<Joining>();
  LYSOEN_ASSIGN(auto invite, team::decode_invite(file));
  Joining joining;
  LYSOEN_ASSIGN(joining.request, fact(database(), "joining.request"));
  LYSOEN_ASSIGN(auto words, fact(database(), "joining.words"));
  joining.check_words = as_text(words);
  joining.relays = invite.relays;
  joining.invite_id = team::invite_id(invite);
  joining.team = invite.team;
  return std::optional(std::move(joining));
}

Result<Signature> VaultImpl::sign_as_invited(std::string_view label, ByteView message) {
  LYSOEN_TRY(usable());
  LYSOEN_ASSIGN(auto file, secret_fact(database(), "joining.invite", *key_wrap_));
  if (file.empty()) return make_error(ErrorCode::not_found, "there is no invite that waits for its welcome");
  LYSOEN_ASSIGN(auto invite, team::decode_invite(file));
  return team::invite_key(invite).sign(label, message);
}

Result<TeamView> VaultImpl::finish_join(ByteView welcome) {
  LYSOEN_TRY(usable());
  if (membership_.in_team())
    return make_error(ErrorCode::already_exists, "cannot finish joining: this vault belongs to a team already",
                      "nothing is left to do: `lysoen members` shows the team");
  LYSOEN_ASSIGN(auto file, secret_fact(database(), "joining.invite", *key_wrap_));
  if (file.empty())
    return make_error(ErrorCode::not_found, "cannot finish joining: this vault did not ask to join",
                      "begin with `lysoen join INVITE`");
  LYSOEN_ASSIGN(auto invite, team::decode_invite(file));
  LYSOEN_ASSIGN(auto request, fact(database(), "joining.request"));
  LYSOEN_ASSIGN(auto contents, team::open_welcome(invite, membership_.device(), membership_.inbox(),
                                                  team::join_request_id(request), welcome, now()));
  std::vector<team::Epoch> epochs;
  for (const auto& wrap : contents.wraps) {
    LYSOEN_ASSIGN(auto epoch, team::open_wrap(wrap, contents.roster, membership_.device(), membership_.inbox()));
    epochs.push_back(std::move(epoch));
  }
  auto root = contents.roster.head.root;
  LYSOEN_TRY(durable([&](storage::Database& database) -> Result<void> {
    LYSOEN_TRY(membership_.take_roster_keys(database, std::move(contents.roster_keys)));
    LYSOEN_TRY(membership_.take_state(database, std::move(contents.roster), {}));
    for (auto& epoch : epochs) LYSOEN_TRY(membership_.take_epoch(database, std::move(epoch)));
    if (contents.certificate) LYSOEN_TRY(membership_.take_certificate(database, *contents.certificate));
    if (!contents.admission_list.empty()) LYSOEN_TRY(put_errand(database, kAdmissionErrand, contents.admission_list));
    LYSOEN_TRY(set_fact(database, "team.root", root));
    for (auto name : kJoiningFacts) LYSOEN_TRY(drop_fact(database, name));
    return {};
  }));
  LYSOEN_TRY(follow_roster());
  return membership_.view(now());
}

}  // namespace lysoen::vault
