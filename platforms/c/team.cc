// Team, joining, inviting.
#include "platforms/c/handle.h"

using namespace lysoen;
using namespace lysoen::c;

struct lysoen_team {
  TeamView view;  // what the rest points into
  lysoen_team_facts facts;
  std::vector<lysoen_member> members;
  std::vector<const char*> urls;
};

struct lysoen_joining {
  Vault::Joining joining;
};

extern "C" {

lysoen_code lysoen_team_create(lysoen_vault* vault, const char* team_name, const char* member_name,
                               const char* root_passphrase, const char* relay_key, const char* relay_url,
                               lysoen_bytes** root_file) {
  return guarded([&]() -> Result<void> {
    LYSOEN_C_REQUIRE(vault);
    LYSOEN_C_REQUIRE(team_name);
    LYSOEN_C_REQUIRE(member_name);
    LYSOEN_C_REQUIRE(root_passphrase);
    LYSOEN_C_REQUIRE(root_file);
    CreateTeamOptions options{.name = team_name, .member_name = member_name, .root_passphrase = root_passphrase};
    if (!relay_key != !relay_url)
      return make_error(ErrorCode::usage, "a relay needs both its key and its URL, or neither is given");
    if (relay_key) {
      LYSOEN_ASSIGN(RelayInfo relay, parse_relay_key(relay_key));
      relay.urls = {relay_url};
      options.relays.push_back(std::move(relay));
    }
    auto out = std::make_unique<lysoen_bytes>();  // before the team exists: what follows cannot fail for memory's sake
    LYSOEN_ASSIGN(auto made, vault->vault->create_team(options));
    out->bytes = std::move(made.root_file);
    *root_file = out.release();
    return {};
  });
}

lysoen_code lysoen_team_open(lysoen_vault* vault, lysoen_team** out) {
  return guarded([&]() -> Result<void> {
    LYSOEN_C_REQUIRE(vault);
    LYSOEN_C_REQUIRE(out);
    auto team = std::make_unique<lysoen_team>();
    LYSOEN_ASSIGN(team->view, vault->vault->team_view());
    auto& view = team->view;
    team->facts = {id_of(view.team),    view.name.c_str(), view.roster_version,
                   ms_of(view.expires), view.expired,      view.single_reader};
    for (auto& member : view.members)
      team->members.push_back(
          {id_of(member.device), static_cast<uint32_t>(member.role), member.self, member.name.c_str()});
    for (auto& relay : view.relays)
      for (auto& url : relay.urls) team->urls.push_back(url.c_str());
    *out = team.release();
    return {};
  });
}

const lysoen_team_facts* lysoen_team_get_facts(const lysoen_team* team) {
  return team ? &team->facts : nullptr;
}
const lysoen_member* lysoen_team_member(const lysoen_team* team, size_t number) {
  return team && number < team->members.size() ? &team->members[number] : nullptr;
}
const char* lysoen_team_relay_url(const lysoen_team* team, size_t number) {
  return team && number < team->urls.size() ? team->urls[number] : nullptr;
}
void lysoen_team_free(lysoen_team* team) {
  delete team;
}

lysoen_code lysoen_join(lysoen_vault* vault, const uint8_t* invite, size_t size, lysoen_joining** out) {
  return guarded([&]() -> Result<void> {
    LYSOEN_C_REQUIRE(vault);
    LYSOEN_C_REQUIRE(invite);
    LYSOEN_C_REQUIRE(out);
    auto joining = std::make_unique<lysoen_joining>();
    LYSOEN_ASSIGN(joining->joining, vault->vault->join(bytes_of(invite, size)));
    *out = joining.release();
    return {};
  });
}

const uint8_t* lysoen_joining_request(const lysoen_joining* joining, size_t* size) {
  if (size) *size = joining ? joining->joining.request.size() : 0;
  return joining ? joining->joining.request.data() : nullptr;
}
const char* lysoen_joining_check_words(const lysoen_joining* joining) {
  return joining ? joining->joining.check_words.c_str() : "";
}
void lysoen_joining_free(lysoen_joining* joining) {
  delete joining;
}

lysoen_code lysoen_join_finish(lysoen_vault* vault, const uint8_t* welcome, size_t size) {
  return guarded([&]() -> Result<void> {
    LYSOEN_C_REQUIRE(vault);
    LYSOEN_C_REQUIRE(welcome);
    LYSOEN_ASSIGN([[maybe_unused]] auto view, vault->vault->finish_join(bytes_of(welcome, size)));
    return {};
  });
}

lysoen_code lysoen_invite(lysoen_vault* vault, uint32_t roles, const char* name, lysoen_bytes** out) {
  return guarded([&]() -> Result<void> {
    LYSOEN_C_REQUIRE(vault);
    LYSOEN_C_REQUIRE(name);
    LYSOEN_C_REQUIRE(out);
    if (roles == 0 || roles > 15) return make_error(ErrorCode::usage, "there is no role of that number");
    auto file = std::make_unique<lysoen_bytes>();
    LYSOEN_ASSIGN(auto invite, vault->vault->invite({.role = static_cast<Role>(roles), .name = name}));
    file->bytes = std::move(invite.file);
    *out = file.release();
    return {};
  });
}

lysoen_code lysoen_join_request_take(lysoen_vault* vault, const uint8_t* request, size_t size, lysoen_id* out,
                                     char check_words[128]) {
  return guarded([&]() -> Result<void> {
    LYSOEN_C_REQUIRE(vault);
    LYSOEN_C_REQUIRE(request);
    LYSOEN_C_REQUIRE(out);
    LYSOEN_C_REQUIRE(check_words);
    LYSOEN_ASSIGN(auto taken, vault->vault->offer_join_request(bytes_of(request, size)));
    *out = id_of(taken.id);
    check_words[taken.check_words.copy(check_words, 127)] = '\0';
    return {};
  });
}

lysoen_code lysoen_admit(lysoen_vault* vault, const lysoen_id* request, lysoen_bytes** welcome) {
  return guarded([&]() -> Result<void> {
    LYSOEN_C_REQUIRE(vault);
    LYSOEN_C_REQUIRE(request);
    LYSOEN_C_REQUIRE(welcome);
    auto out = std::make_unique<lysoen_bytes>();
    LYSOEN_ASSIGN(out->bytes, vault->vault->admit(id_from<Hash>(*request)));
    *welcome = out.release();
    return {};
  });
}

}  // extern "C"
