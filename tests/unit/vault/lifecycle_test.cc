#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "core/base/bytes.h"
#include "core/crypto/hash.h"
#include "tests/support/files.h"
#include "tests/unit/vault/people.h"

using namespace lysoen;
using namespace lysoen::test;

namespace {

void refused(const Error& error, ErrorCode code, const std::string& words) {
  CHECK(error.code == code);
  CHECK_THAT(error.message, Catch::Contains(words));
  CHECK((!error.hint.empty() || !sentence_for(error.advice()).empty()));
}

void overwrite(const std::filesystem::path& file, size_t at, std::string_view bytes) {
  std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
  stream.seekp(static_cast<std::streamoff>(at));
  stream.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

}  // namespace

TEST_CASE("Vault: what was saved is there after reopening, and a draft's id stays a name for its report", "[vault]") {
  Team team;
  auto& vault = team.admin();
  auto draft = must(vault->begin("police-incident", "fr"));
  must(vault->save(draft, std::vector<Change>{{"title", text("A fire")}, {"persons[new1]/name", text("Somebody")}}));
  must(vault->save(draft, std::vector<Change>{{"title", text("A fire at the mill")}}));
  vault.reopen();
  auto seen = must(vault->read(draft));
  CHECK(seen.status == Status::draft);
  REQUIRE(seen.field("title"));
  CHECK(seen.field("title")->values.front().value->text() == "A fire at the mill");
  auto id = must(vault->submit(draft));
  CHECK(id != draft);
  vault.reopen();
  auto sent = must(vault->read(draft));
  CHECK(sent.id == id);
  CHECK(sent.edits == 2);  // what names a person travels apart
  CHECK(must(vault->find(draft.hex().substr(0, 8))) == std::vector<ReportId>{id});
  CHECK(must(vault->find(id.hex().substr(0, 7))) == std::vector<ReportId>{id});
  CHECK(must(vault->count({})) == 1);
  auto again = vault->submit(draft);
  REQUIRE_FALSE(again.ok());
  refused(again.error(), ErrorCode::input_refused, "nothing was changed since");
}

TEST_CASE("Vault: of a report its own entries are disclosed and no others, of a draft nothing", "[vault]") {
  Team team;
  auto& vault = *team.admin();
  auto write = [&](std::string title) {
    auto draft = must(vault.begin("police-incident", "en"));
    must(vault.save(draft, std::vector<Change>{{"title", text(title)}, {"persons[new1]/name", text("Somebody")}}));
    return draft;
  };
  must(vault.submit(write("Another")));
  auto id = must(vault.submit(write("A fire")));
  auto document = must(vault.disclose(id));
  auto count = [&](std::string_view word) {
    size_t found = 0;
    for (size_t at = document.find(word); at != document.npos; at = document.find(word, at + 1)) ++found;
    return found;
  };
  CHECK(count("\"entry_key\"") == 2);  // what names a person travels apart
  CHECK(count("\"audience\"") == 1);
  CHECK(count("\"epoch\": 1,") == 2);
  auto draft = vault.disclose(write("Not sent"));
  REQUIRE_FALSE(draft.ok());
  refused(draft.error(), ErrorCode::not_found, "no sealed entries here");
}

TEST_CASE("Vault: drafts change, lose answers and items, and can be discarded before they are sent", "[vault]") {
  Team team;
  auto& vault = *team.admin();
  auto draft = must(vault.begin("police-incident", "en"));
  must(vault.save(draft, std::vector<Change>{{"title", text("T")},
                                             {"killed", value(ValueType::integer, "2")},
                                             {"persons[a]/name", text("One")},
                                             {"persons[b]/name", text("Two")}}));
  auto report = must(vault.read(draft));
  std::vector<std::string> people;
  for (const auto& field : report.fields)
    if (field.path.find("]/name") != std::string::npos) people.push_back(field.path);
  REQUIRE(people.size() == 2);
  auto item = people[0].substr(0, people[0].find('/'));
  must(vault.save(draft, std::vector<Change>{{"killed", std::nullopt}, {item, std::nullopt}}));
  report = must(vault.read(draft));
  CHECK(report.field("killed") == nullptr);
  CHECK(report.field(people[0]) == nullptr);
  CHECK(report.field(people[1]) != nullptr);
  must(vault.discard(draft));
  CHECK(must(vault.count({})) == 0);
  auto gone = vault.read(draft);
  REQUIRE_FALSE(gone.ok());
  refused(gone.error(), ErrorCode::not_found, "no such report");
  auto id = submitted(vault, "Sent");
  auto sent = vault.discard(id);
  REQUIRE_FALSE(sent.ok());
  refused(sent.error(), ErrorCode::input_refused, "was sent");
}

TEST_CASE("Vault: changes to a sent report wait until they are sent, and going back to the old value drops them",
          "[vault]") {
  Team team;
  auto& vault = team.admin();
  auto id = submitted(*vault, "T", {{"killed", value(ValueType::integer, "1")}});
  must(vault->save(id, std::vector<Change>{{"killed", value(ValueType::integer, "2")}}));
  vault.reopen();
  auto seen = must(vault->read(id));
  CHECK(seen.has_unsent_changes);
  CHECK(seen.field("killed")->values.front().value->text() == "2");
  must(vault->save(id, std::vector<Change>{{"killed", value(ValueType::integer, "1")}}));
  CHECK_FALSE(must(vault->read(id)).has_unsent_changes);
  CHECK_FALSE(vault->submit(id).ok());
  must(vault->save(id, std::vector<Change>{{"killed", value(ValueType::integer, "3")}}));
  must(vault->submit(id));
  CHECK(must(vault->read(id)).field("killed")->values.size() == 1);
  CHECK(must(vault->read(id)).field("killed")->values.front().value->text() == "3");
}

TEST_CASE("Vault: a change made before a sync does not overwrite what the sync brought", "[vault]") {
  Team team;
  auto& ben = team.add(Role::reporter, "Ben");
  auto id = submitted(*ben, "T", {{"killed", value(ValueType::integer, "1")}});
  carry(*ben, *team.admin());
  must(team.admin()->save(id, std::vector<Change>{{"killed", value(ValueType::integer, "7")}}));
  must(ben->save(id, std::vector<Change>{{"killed", value(ValueType::integer, "2")}}));
  must(ben->submit(id));
  carry(*ben, *team.admin());  // arrives while the admin's change waits
  must(team.admin()->submit(id));
  CHECK(must(team.admin()->read(id)).field("killed")->values.size() == 2);
}

TEST_CASE("Vault: a draft begins with its first answers or not at all", "[vault]") {
  Team team;
  auto& vault = *team.admin();
  std::vector<Change> answers{{"title", text("Stall robbed")}, {"no_such", text("x")}};
  refused(vault.begin("police-incident", "en", answers).error(), ErrorCode::input_refused, "no_such");
  CHECK(must(vault.status()).drafts == 0);
  answers.pop_back();
  auto id = must(vault.begin("police-incident", "en", answers));
  CHECK(must(vault.read(id)).field("title")->values.front().value == answers.front().value);
}

TEST_CASE("Vault: answers are checked against the form, all or nothing", "[vault]") {
  Team team;
  auto& vault = *team.admin();
  auto draft = must(vault.begin("police-incident", "en"));
  auto unknown = vault.save(draft, std::vector<Change>{{"title", text("T")}, {"colour", text("red")}});
  REQUIRE_FALSE(unknown.ok());
  refused(unknown.error(), ErrorCode::input_refused, "colour");
  auto wrong = vault.save(draft, std::vector<Change>{{"killed", text("many")}});
  REQUIRE_FALSE(wrong.ok());
  refused(wrong.error(), ErrorCode::input_refused, "killed");
  CHECK(must(vault.read(draft)).fields.empty());
  must(vault.save(draft, std::vector<Change>{{"killed", value(ValueType::integer, "1")}}));
  auto missing = vault.submit(draft);
  REQUIRE_FALSE(missing.ok());
  refused(missing.error(), ErrorCode::input_refused, "required questions have no answer: title");
  auto no_form = vault.begin("horoscope", "en");
  REQUIRE_FALSE(no_form.ok());
  refused(no_form.error(), ErrorCode::input_refused, "no form 'horoscope'");
}

TEST_CASE("Vault: without a team drafts are kept and nothing is sent", "[vault]") {
  TempFolder folder;
  Device device(folder.path() / "v");
  auto draft = must(device->begin("police-incident", "en"));
  must(device->save(draft, std::vector<Change>{{"title", text("Before the team")}}));
  auto sent = device->submit(draft);
  REQUIRE_FALSE(sent.ok());
  refused(sent.error(), ErrorCode::trust_refused, "belongs to no team yet");
  auto view = device->team_view();
  REQUIRE_FALSE(view.ok());
  refused(view.error(), ErrorCode::not_found, "no team yet");
  CreateTeamOptions options;
  options.name = "T";
  options.member_name = "A";
  options.root_passphrase = "r";
  must(device->create_team(options));
  must(device->submit(draft));
  auto second = device->create_team(options);
  REQUIRE_FALSE(second.ok());
  refused(second.error(), ErrorCode::already_exists, "belongs to one already");
}

TEST_CASE("Vault: every reason why a vault does not open is said in a sentence of its own", "[vault]") {
  TempFolder folder;
  auto path = folder.path() / "v";
  auto open = [&](std::string_view passphrase = kPassphrase) {
    auto opened = Vault::open(path, passphrase, system_environment());
    REQUIRE_FALSE(opened.ok());
    return opened.error();
  };
  refused(open(), ErrorCode::not_found, "cannot open vault: there is no vault in this folder");
  must(must(Vault::create(path, kPassphrase, cheap(), system_environment()))->lock());
  refused(open("another one"), ErrorCode::wrong_passphrase, "cannot open vault: wrong passphrase");
  {
    auto first = must(Vault::open(path, kPassphrase, system_environment()));
    refused(open(), ErrorCode::vault_in_use, "cannot open vault: another process has it open");
    refused(open("another one"), ErrorCode::vault_in_use, "another process");
  }
  auto good = content_of(path / "slots");
  auto newer = to_bytes(ByteView(good).first(68));
  newer[11] = 7;
  overwrite(path / "slots", 0, as_text(newer));
  overwrite(path / "slots", 68, as_text(crypto::sha256(newer).view()));
  refused(open(), ErrorCode::newer_version, "made by a newer version (slot file 7, this one reads up to 0)");
  overwrite(path / "slots", 0, std::string(4096, 'x'));
  refused(open(), ErrorCode::damaged, "the slot file is not one of a vault");
  overwrite(path / "slots", 0, as_text(good));
  std::filesystem::resize_file(path / "slots", 5000);
  refused(open(), ErrorCode::damaged, "wrong size");
  std::filesystem::resize_file(path / "slots", 40);
  refused(open(), ErrorCode::damaged, "cut short");
  std::filesystem::remove(path / "slots");
  refused(open(), ErrorCode::damaged, "cannot open vault: its file 'slots' is missing");
  overwrite(path / "A.db", 4096 * 2, std::string(64, 'x'));
  {
    std::ofstream slots(path / "slots", std::ios::binary);
    slots.write(reinterpret_cast<const char*>(good.data()), static_cast<std::streamsize>(good.size()));
  }
  overwrite(path / "A.db", 0, std::string(64, 'x'));
  refused(open(), ErrorCode::damaged, "cannot open vault");
  std::filesystem::remove(path / "A.db");
  refused(open(), ErrorCode::damaged, "cannot open vault: its file 'A.db' is missing");
  path = folder.path() / "file";
  std::ofstream(path) << "x";
  refused(open(), ErrorCode::input_refused, "cannot open vault: a file is there, not a folder");
}

TEST_CASE("Vault: where one cannot be made is said before anything is written", "[vault]") {
  TempFolder folder;
  auto make = [&](const std::filesystem::path& path, std::string_view passphrase, CreateOptions options = cheap()) {
    auto made = Vault::create(path, passphrase, options, system_environment());
    REQUIRE_FALSE(made.ok());
    return made.error();
  };
  refused(make(folder.path() / "v", ""), ErrorCode::input_refused, "the passphrase is empty");
  refused(make(folder.path() / "v", "p", {{1 << 30, 3}}), ErrorCode::input_refused, "key cost");
  CHECK_FALSE(std::filesystem::exists(folder.path() / "v"));
  must(must(Vault::create(folder.path() / "v", "p", cheap(), system_environment()))->lock());
  refused(make(folder.path() / "v", "p"), ErrorCode::already_exists, "there is one in this folder already");
  std::filesystem::create_directory(folder.path() / "full");
  std::ofstream(folder.path() / "full" / "letter") << "dear";
  refused(make(folder.path() / "full", "p"), ErrorCode::already_exists, "not empty");
  std::ofstream(folder.path() / "file") << "x";
  CHECK_FALSE(Vault::create(folder.path() / "file" / "v", "p", cheap(), system_environment()).ok());
}

TEST_CASE("Vault: a folder that cannot be written is said to be so", "[vault]") {
  TempFolder folder;
  auto path = folder.path() / "v";
  must(must(Vault::create(path, kPassphrase, cheap(), system_environment()))->lock());
  using std::filesystem::perms;
  for (const auto& file : std::filesystem::directory_iterator(path))
    std::filesystem::permissions(file.path(), perms::owner_read | perms::others_read);
  std::filesystem::permissions(path, perms::owner_read | perms::owner_exec | perms::others_read | perms::others_exec);
  // Root may write anything: the question is asked as somebody else.
  pid_t child = fork();
  if (child == 0) {
    if (geteuid() == 0 && setuid(65534) != 0) _exit(3);
    auto opened = Vault::open(path, kPassphrase, system_environment());
    _exit(!opened.ok() && opened.error().code == ErrorCode::storage_read_only &&
                  opened.error().message.find("cannot be written") != std::string::npos
              ? 0
              : 1);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(WEXITSTATUS(status) == 0);
  std::filesystem::permissions(path, perms::owner_all);
}

TEST_CASE("Vault: once locked it answers nothing but that", "[vault]") {
  Team team;
  auto& vault = *team.admin();
  auto id = submitted(vault, "T");
  must(vault.lock());
  auto is_locked = [](const auto& result) {
    REQUIRE_FALSE(result.ok());
    refused(result.error(), ErrorCode::locked, "the vault is locked");
  };
  is_locked(vault.read(id));
  is_locked(vault.list({}));
  is_locked(vault.begin("police-incident", "en"));
  is_locked(vault.status());
  is_locked(vault.team_view());
  is_locked(vault.entries().head({}));
  is_locked(vault.sync_peer().relays());
  is_locked(vault.sync_peer().sign("label", {}));
  is_locked(vault.carrier_keys());
  is_locked(vault.lock());
}

TEST_CASE("Vault: left idle it locks itself, and what was saved is there", "[vault]") {
  using namespace std::chrono_literals;
  TempFolder folder;
  Device device(folder.path() / "v");
  device->lock_when_idle(5min);
  auto draft = must(device->begin("police-incident", "en"));
  device.clock.advance(5min - 1ms);
  CHECK_FALSE(device->lock_if_idle());
  must(device->read(draft));  // a call begins the time anew
  device.clock.set_wall(device.clock.wall() + 24h * 365);
  CHECK_FALSE(device->lock_if_idle());  // the wall clock is no judge
  device.clock.advance(5min);
  auto late = device->read(draft);
  REQUIRE_FALSE(late.ok());
  refused(late.error(), ErrorCode::locked, "the vault is locked");
  CHECK(device->lock_if_idle());
  device.vault = must(Vault::open(device.folder, kPassphrase, device.environment()));
  must(device->read(draft));
  device->lock_when_idle(5min);
  device.clock.advance(6min);
  CHECK(device->lock_if_idle());
  device.vault = must(Vault::open(device.folder, kPassphrase, device.environment()));  // the lock file is free
  device.clock.advance(24h);
  CHECK_FALSE(device->lock_if_idle());  // never, unless asked for
}

TEST_CASE("Vault: nothing that was written stands in clear in any of its files", "[vault]") {
  Team team;
  auto& ben = team.add(Role::reporter, "Canary-Benjamin-77");
  const std::vector<std::string> canaries = {"canary-title-4411",    "canary-narrative-8822", "canary-name-9933",
                                             "canary-draft-1155",    "canary-reason-6611",    "Canary-Benjamin-77",
                                             "Monitors of the river"};
  auto id =
      submitted(*ben, canaries[0], {{"what_happened", text(canaries[1])}, {"persons[n]/name", text(canaries[2])}});
  auto draft = must(ben->begin("police-incident", "en"));
  must(ben->save(draft, std::vector<Change>{{"title", text(canaries[3])}}));
  must(ben->retract(id, canaries[4]));
  carry(*ben, *team.admin());
  ReportQuery words;
  words.text = canaries[1];
  words.with_retracted = true;
  CHECK(must(team.admin()->count(words)) == 1);
  auto search = [&] {
    for (const auto& device : team.devices)
      for (const auto& file : std::filesystem::recursive_directory_iterator(device->folder)) {
        if (!file.is_regular_file()) continue;
        auto bytes = content_of(file.path());
        for (const auto& canary : canaries) {
          INFO(file.path().filename() << " holds " << canary);
          CHECK(std::search(bytes.begin(), bytes.end(), canary.begin(), canary.end()) == bytes.end());
        }
      }
  };
  search();  // as a seizure of the running device would find it
  for (const auto& device : team.devices) must((*device)->lock());
  search();
  CHECK(std::filesystem::file_size(ben.folder / "B.db") > 0);
  CHECK(std::filesystem::file_size(ben.folder / "A.ring") == std::filesystem::file_size(ben.folder / "B.ring"));
}

TEST_CASE("Vault: lists filter by form, status, time, place, words, category and conflict", "[vault]") {
  Team team;
  auto& vault = *team.admin();
  auto one = submitted(vault, "Robbery at the market",
                       {{"event_date", value(ValueType::date, "2020-03-05")},
                        {"place", value(ValueType::point, "60.1000 5.2000")},
                        {"what_happened", text("Deux hommes masqués, 100% sûr: \"rien\" n'est resté")}});
  auto two = submitted(
      vault, "Fight",
      {{"event_date", value(ValueType::date, "2021-01-01")}, {"place", value(ValueType::point, "-1.5 29.9")}});
  auto draft = must(vault.begin("mine-hazard", "en"));
  must(vault.set_status(two, Status::verified, "seen"));
  auto ids = [&](const ReportQuery& query) {
    std::vector<ReportId> found;
    for (const auto& line : must(vault.list(query))) found.push_back(line.id);
    CHECK(must(vault.count(query)) == found.size());
    std::vector<ReportId> visited;
    must(vault.each(query, [&](const Report& report) {
      visited.push_back(report.id);
      return true;
    }));
    CHECK(visited == found);
    return found;
  };
  using Ids = std::vector<ReportId>;
  CHECK(ids({}) == Ids{two, one, draft});
  ReportQuery query;
  query.form_id = "mine-hazard";
  CHECK(ids(query) == Ids{draft});
  query = {};
  query.status = Status::verified;
  CHECK(ids(query) == Ids{two});
  query = {};
  query.from = value(ValueType::date, "2020-03-05").instant();
  query.until = value(ValueType::date, "2021-01-01").instant();
  CHECK(ids(query) == Ids{one});
  query = {};
  query.until = value(ValueType::date, "2020-12-01").instant();
  CHECK(ids(query) == Ids{one});
  query = {};
  query.box = ReportQuery::Box{60.1, 5.2, 61, 6};
  CHECK(ids(query) == Ids{one});
  query.box = ReportQuery::Box{60.1001, 5.2, 61, 6};
  CHECK(ids(query).empty());
  for (const char* words : {"market robbery", "masques", "\"rien\" 100%", "n'est"}) {
    query = {};
    query.text = words;
    INFO(words);
    CHECK(ids(query) == Ids{one});
  }
  query.text = "market nowhere";
  CHECK(ids(query).empty());
  query.text = "OR * ( NEAR";
  CHECK(ids(query).empty());
  must(vault.retract(one, "twice"));
  CHECK(ids({}) == Ids{two, draft});
  query = {};
  query.with_retracted = true;
  CHECK(ids(query) == Ids{two, one, draft});
  query.limit = 1;
  query.after = must(vault.list(query)).front().place_in_list();
  CHECK(must(vault.list(query)).front().id == one);
  auto short_prefix = vault.find("abc");
  REQUIRE_FALSE(short_prefix.ok());
  refused(short_prefix.error(), ErrorCode::input_refused, "4 to 64 hexadecimal digits");
}
