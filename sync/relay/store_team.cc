// Teams, admission lists, counters, rosters, joining.
#include <algorithm>

#include "core/base/try.h"
#include "core/team/join.h"
#include "core/team/text_key.h"
#include "sync/relay/store.h"
#include "sync/wire/limits.h"

namespace lysoen::relay {

using session::JoinState;
using session::Refusal;
using wire::VerdictCode;

namespace {

constexpr uint64_t kCounterWindow = 64;

std::optional<crypto::MerkleLog> log_of(uint64_t size, ByteView peaks) {
  std::vector<Hash> hashes;
  for (Reader reader(peaks); reader.left() >= Hash::kSize;) hashes.push_back(reader.id<Hash>());
  return crypto::MerkleLog::from(size, std::move(hashes));
}

}  // namespace

void Store::forget() {
  teams_.clear();
  blocks_.clear();
  record_.clear();
  blobs_.forget();
  counts_ = {};
  news_ = {};
  admission_changed_ = true;
}

// -- Teams ----------------------------------------------------------------------------------------------------------

Result<Store::TeamRow*> Store::team_row(const TeamId& team) {
  auto cached = teams_.find(team);
  if (cached != teams_.end()) return &cached->second;
  LYSOEN_ASSIGN(auto query,
                db_.prepare("SELECT id, root, removed, bytes, log_size, log_peaks FROM team WHERE team = ?"));
  query.bind(team);
  LYSOEN_ASSIGN(bool found, query.step());
  if (!found) return static_cast<TeamRow*>(nullptr);
  TeamRow row;
  row.id = query.integer(0), row.root = query.array<32>(1), row.removed = query.integer(2) != 0;
  row.bytes = static_cast<uint64_t>(query.integer(3));
  auto log = log_of(static_cast<uint64_t>(query.integer(4)), query.blob(5));
  if (!log) return make_error(ErrorCode::damaged, "cannot read the relay's store: the log of a team is damaged");
  row.log = std::move(*log);
  LYSOEN_ASSIGN(auto newest, db_.prepare("SELECT list FROM admission WHERE team = ? ORDER BY version DESC LIMIT 1"));
  newest.bind(row.id);
  LYSOEN_ASSIGN(bool has_list, newest.step());
  if (has_list) {
    LYSOEN_ASSIGN(row.list, team::decode_admission(newest.blob(0)));
  }
  return &teams_.emplace(team, std::move(row)).first->second;
}

Result<void> Store::save_log(const TeamRow& team) {
  Writer peaks;
  for (const auto& peak : team.log.peaks()) peaks.id(peak);
  return db_.run("UPDATE team SET bytes = ?, log_size = ?, log_peaks = ? WHERE id = ?", team.bytes, team.log.size(),
                 peaks.bytes(), team.id);
}

Result<void> Store::admit_team(const crypto::SignPublic& root) {
  TeamId team = team::team_id(root);
  LYSOEN_ASSIGN(auto* row, team_row(team));
  admission_changed_ = true;
  if (row) {
    row->removed = false;
    return db_.run("UPDATE team SET removed = 0 WHERE id = ?", row->id);
  }
  LYSOEN_ASSIGN(auto highest, db_.integer("SELECT max(id) FROM team"));
  return db_.run("INSERT INTO team VALUES(?, ?, ?, ?, 0, 0, 0, x'')", highest.value_or(0) + 1, team, root, now_ms());
}

Result<void> Store::remove_team(const TeamId& team) {
  LYSOEN_ASSIGN(auto* row, team_row(team));
  if (!row) return make_error(ErrorCode::not_found, "cannot remove the team: it is not admitted here");
  admission_changed_ = true;
  news_.teams.push_back(team);
  row->removed = true;
  return db_.run("UPDATE team SET removed = ? WHERE id = ? AND removed = 0", std::max<uint64_t>(now_ms(), 1), row->id);
}

Result<void> Store::purge_team(const TeamId& team) {
  LYSOEN_ASSIGN(auto* row, team_row(team));
  if (!row) return make_error(ErrorCode::not_found, "cannot purge the team: it is not known here");
  int64_t id = row->id;
  for (const char* table : {"entry", "block", "fork"})
    LYSOEN_TRY(
        db_.run(std::string("DELETE FROM ") + table + " WHERE feed IN (SELECT id FROM feed WHERE team = ?)", id));
  LYSOEN_TRY(db_.run("DELETE FROM item WHERE mailbox IN (SELECT id FROM mailbox WHERE team = ?)", id));
  for (const char* table : {"feed", "mailbox", "admission", "device", "roster", "joining", "log_leaf", "blob"})
    LYSOEN_TRY(db_.run(std::string("DELETE FROM ") + table + " WHERE team = ?", id));
  LYSOEN_TRY(db_.run("DELETE FROM team WHERE id = ?", id));
  forget();
  return {};
}

Result<std::shared_ptr<const Store::Admitted>> Store::admitted() {
  auto all = std::make_shared<Admitted>();
  LYSOEN_ASSIGN(auto query, db_.prepare("SELECT team FROM team WHERE removed = 0"));
  for (;;) {
    LYSOEN_ASSIGN(bool next, query.step());
    if (!next) break;
    auto id = query.id<TeamId>(0);
    LYSOEN_ASSIGN(auto* row, team_row(id));
    auto& team = all->teams[id];
    team.open = !row->list;
    if (!row->list) continue;
    for (const auto& device : row->list->devices) team.devices.push_back(device.device);
    for (const auto& invite : row->list->invites) team.invites.emplace_back(invite.invite, invite.expires);
    LYSOEN_ASSIGN(auto posted, db_.prepare("SELECT invite FROM joining WHERE team = ?"));
    posted.bind(row->id);
    for (;;) {
      LYSOEN_ASSIGN(bool more, posted.step());
      if (!more) break;
      team.invites.emplace_back(posted.id<Hash>(0), WallTime::max());
    }
    std::sort(team.invites.begin(), team.invites.end());
  }
  admission_changed_ = false;
  return std::shared_ptr<const Admitted>(std::move(all));
}

// -- Who may ---------------------------------------------------------------------------------------------------------

Result<session::Standing> Store::standing(const TeamId& team, const DeviceId& device) {
  session::Standing standing;
  LYSOEN_ASSIGN(auto* row, team_row(team));
  standing.team_admitted = row && !row->removed;
  if (!standing.team_admitted || !row->list) return standing;
  standing.device_admitted = row->list->find(device) != nullptr;
  standing.may_admit = standing.device_admitted && row->list->is_admin(device);
  return standing;
}

Result<Refusal> Store::take_admission_list(const TeamId& team, ByteView bytes) {
  LYSOEN_ASSIGN(auto* row, team_row(team));
  if (!row) return Refusal(VerdictCode::team_unknown);
  auto list = team::decode_admission(bytes);
  if (!list) return Refusal(VerdictCode::malformed);
  auto verdict = team::verify_admission(row->list ? &*row->list : nullptr, *list, row->root);
  switch (verdict.outcome) {
    case team::AdmissionOutcome::accepted:
      break;
    case team::AdmissionOutcome::same:
      return Refusal();
    case team::AdmissionOutcome::older: {
      LYSOEN_ASSIGN(auto held, db_.integer("SELECT 1 FROM admission WHERE team = ? AND version = ? AND list = ?",
                                           row->id, list->version, bytes));
      return held ? Refusal() : Refusal(VerdictCode::forked);
    }
    case team::AdmissionOutcome::ahead:
      return Refusal(VerdictCode::gap_before);
    case team::AdmissionOutcome::fork:
      return Refusal(VerdictCode::forked);
    default:
      return Refusal(VerdictCode::does_not_verify);
  }
  LYSOEN_TRY(db_.run("INSERT INTO admission VALUES(?, ?, ?)", row->id, list->version, bytes));
  row->list = std::move(*list);
  admission_changed_ = true;
  news_.teams.push_back(team);
  return Refusal();
}

Result<session::CounterState> Store::take_counter(const TeamId& team, const DeviceId& device, uint64_t counter,
                                                  const PublicKey& encapsulation) {
  session::CounterState state;
  LYSOEN_ASSIGN(auto* row, team_row(team));
  if (!row || counter > static_cast<uint64_t>(INT64_MAX)) return state;
  LYSOEN_ASSIGN(auto query,
                db_.prepare("SELECT highest, used, encapsulations FROM device WHERE team = ? AND device = ?"));
  query.bind(row->id, device);
  LYSOEN_ASSIGN(bool found, query.step());
  uint64_t highest = found ? static_cast<uint64_t>(query.integer(0)) : 0;
  uint64_t used = found ? static_cast<uint64_t>(query.integer(1)) : 0;
  Bytes marks = found ? to_bytes(query.blob(2)) : Bytes();
  query.reset();
  marks.resize(kCounterWindow * 8);
  auto mark = marks.begin() + static_cast<ptrdiff_t>(counter % kCounterWindow * 8);
  if (counter > highest) {
    uint64_t shift = counter - highest;
    used = shift >= kCounterWindow ? 1 : used << shift | 1;
    highest = counter, state.fresh = true;
  } else if (highest - counter < kCounterWindow) {
    uint64_t bit = uint64_t{1} << (highest - counter);
    state.fresh = (used & bit) == 0;
    state.two_places = !state.fresh && !std::equal(mark, mark + 8, encapsulation.begin());
    used |= bit;
  }
  state.highest = highest;
  if (!state.fresh) ++(state.two_places ? counts_.two_places : counts_.stale_counters);
  if (!state.fresh) return state;
  std::copy_n(encapsulation.begin(), 8, mark);
  LYSOEN_TRY(
      db_.run("INSERT INTO device VALUES(?, ?, ?, ?, ?, 0, 0) ON CONFLICT(team, device) DO UPDATE SET "
              "highest = excluded.highest, used = excluded.used, encapsulations = excluded.encapsulations",
              row->id, device, highest, static_cast<int64_t>(used), marks));
  return state;
}

// -- Rosters --------------------------------------------------------------------------------------------------------

Result<Refusal> Store::take_roster(const TeamId& team, const SealedRoster& roster) {
  LYSOEN_ASSIGN(auto* row, team_row(team));
  if (!row) return Refusal(VerdictCode::team_unknown);
  if (roster.version == 0 || roster.version > static_cast<uint64_t>(INT64_MAX) ||
      roster.sealed.size() > wire::kRosterMax)
    return Refusal(VerdictCode::malformed);
  news_.teams.push_back(team);
  LYSOEN_TRY(
      db_.run("INSERT OR IGNORE INTO roster VALUES(?, ?, ?, ?)", row->id, roster.version, roster.hash, roster.sealed));
  return Refusal();
}

Result<std::vector<SealedRoster>> Store::rosters_after(const TeamId& team, uint64_t version, uint64_t hash8,
                                                       size_t size_max) {
  std::vector<SealedRoster> rosters;
  LYSOEN_ASSIGN(auto* row, team_row(team));
  if (!row) return rosters;
  LYSOEN_ASSIGN(
      auto query,
      db_.prepare("SELECT version, hash, sealed FROM roster WHERE team = ? AND version >= ? ORDER BY version, hash"));
  query.bind(row->id, std::min(version, static_cast<uint64_t>(INT64_MAX)));
  for (size_t size = 0;;) {
    LYSOEN_ASSIGN(bool next, query.step());
    if (!next) return rosters;
    SealedRoster roster{static_cast<uint64_t>(query.integer(0)), query.id<Hash>(1), to_bytes(query.blob(2))};
    if (roster.version == version && wire::hash8(roster.hash) == hash8) continue;
    size += roster.sealed.size();
    if (!rosters.empty() && size > size_max) return rosters;
    rosters.push_back(std::move(roster));
  }
}

// -- Joining --------------------------------------------------------------------------------------------------------

Result<JoinState> Store::join(const TeamId& team, const PublicKey& invite_key, ByteView request) {
  LYSOEN_ASSIGN(auto* row, team_row(team));
  if (!row || row->removed) return JoinState::unknown_invite;
  Hash invite{invite_key};
  LYSOEN_ASSIGN(auto query, db_.prepare("SELECT request, length(welcome) FROM joining WHERE team = ? AND invite = ?"));
  query.bind(row->id, invite);
  LYSOEN_ASSIGN(bool posted, query.step());
  if (posted) {
    auto held = query.blob(0);
    if (!request.empty() && !held.empty() && !std::equal(held.begin(), held.end(), request.begin(), request.end()))
      return JoinState::used_otherwise;
    return query.integer(1) > 0 ? JoinState::welcomed : JoinState::waiting;
  }
  const auto* open = row->list ? row->list->find_invite(invite) : nullptr;
  if (!open || open->expires <= clock_.wall()) return JoinState::unknown_invite;
  if (request.empty()) return JoinState::not_posted;
  auto of = team::invite_of_request(request);
  if (!of || *of != invite) return JoinState::unknown_invite;
  LYSOEN_ASSIGN(auto waiting,
                db_.integer("SELECT count(*) FROM joining WHERE team = ? AND length(welcome) = 0", row->id));
  if (static_cast<uint64_t>(waiting.value_or(0)) >= quotas_.join_requests_open) return JoinState::too_many;
  LYSOEN_TRY(db_.run("INSERT INTO joining VALUES(?, ?, ?, ?, x'')", row->id, invite, now_ms(), request));
  admission_changed_ = true;
  news_.teams.push_back(team);
  return JoinState::waiting;
}

Result<Refusal> Store::take_welcome(const TeamId& team, ByteView welcome) {
  LYSOEN_ASSIGN(auto* row, team_row(team));
  if (!row) return Refusal(VerdictCode::team_unknown);
  auto invite = team::invite_of_welcome(welcome);
  if (!invite || welcome.size() > wire::kWelcomeMax) return Refusal(VerdictCode::malformed);
  LYSOEN_TRY(db_.run(
      "INSERT INTO joining VALUES(?, ?, ?, x'', ?) ON CONFLICT(team, invite) DO UPDATE SET welcome = excluded.welcome",
      row->id, *invite, now_ms(), welcome));
  admission_changed_ = true;
  news_.teams.push_back(team);
  return Refusal();
}

Result<Bytes> Store::welcome_for(const TeamId& team, const PublicKey& invite_key) {
  LYSOEN_ASSIGN(auto* row, team_row(team));
  if (!row) return Bytes();
  LYSOEN_ASSIGN(auto query, db_.prepare("SELECT welcome FROM joining WHERE team = ? AND invite = ?"));
  query.bind(row->id, Hash{invite_key});
  LYSOEN_ASSIGN(bool found, query.step());
  return found ? to_bytes(query.blob(0)) : Bytes();
}

Result<std::vector<Bytes>> Store::join_requests(const TeamId& team) {
  std::vector<Bytes> requests;
  LYSOEN_ASSIGN(auto* row, team_row(team));
  if (!row) return requests;
  LYSOEN_ASSIGN(auto query, db_.prepare("SELECT request FROM joining WHERE team = ? AND length(welcome) = 0 AND "
                                        "length(request) > 0 ORDER BY posted_ms, invite LIMIT 1024"));
  query.bind(row->id);
  for (;;) {
    LYSOEN_ASSIGN(bool next, query.step());
    if (!next) return requests;
    requests.push_back(to_bytes(query.blob(0)));
  }
}

}  // namespace lysoen::relay
