// What a vault does, beside plain SQLite with the decoded rows.
//   bench_vault save FOLDER COUNT             single durable saves, with what they write
//   bench_vault intake FOLDER COUNT           import in portions, and a coordinator's intake of the same
//   bench_vault build FOLDER COUNT            a coordinator's vault of COUNT reports, kept, and the peer's database
//   bench_vault query FOLDER COUNT            open and queries of what `build` made
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <fstream>

#include "core/crypto/passphrase.h"
#include "core/vault/vault_impl.h"
#include "tests/bench/counting_files.h"
#include "tests/bench/measure.h"
#include "tests/bench/peer.h"

using namespace lysoen;
using namespace lysoen::bench;
namespace fs = std::filesystem;

namespace {

constexpr std::string_view kPassphrase = "a passphrase for measuring";
constexpr size_t kPortion = 256;  // rows of an import, entries of an answer, rows of the peer's transaction

template <class T>
T must(Result<T> result) {
  if (!result) std::fprintf(stderr, "error: %s\n", result.error().message.c_str()), std::exit(1);
  return std::move(*result);
}
void must(Result<void> result) {
  if (!result) std::fprintf(stderr, "error: %s\n", result.error().message.c_str()), std::exit(1);
}

/// Of the peer, whose files are not ours: what this process hands to the system's write calls.
uint64_t bytes_handed_to_system() {
  std::ifstream file("/proc/self/io");
  std::string name;
  uint64_t value = 0;
  while (file >> name >> value)
    if (name == "wchar:") return value;
  return 0;
}

fs::path fresh(const fs::path& folder) {
  fs::remove_all(folder);
  return folder;
}

std::unique_ptr<Vault> make_vault(const fs::path& folder, storage::Files& files) {
  return must(vault::VaultImpl::create({folder, files}, kPassphrase, {}, system_environment()));
}

std::unique_ptr<Vault> make_admin(const fs::path& folder, storage::Files& files) {
  auto admin = make_vault(folder, files);
  CreateTeamOptions options;
  options.name = "Measured";
  options.member_name = "Ada";
  options.root_passphrase = "root words";
  (void)must(admin->create_team(options));
  return admin;
}

std::unique_ptr<Vault> make_reporter(const fs::path& folder, Vault& admin) {
  auto reporter = make_vault(folder, storage::system_files());
  auto invite = must(admin.invite({Role::reporter, "Ben"}));
  auto joining = must(reporter->join(invite.file));
  auto request = must(admin.offer_join_request(joining.request));
  (void)must(reporter->finish_join(must(admin.admit(request.id))));
  return reporter;
}

// -- Single saves -------------------------------------------------------------------------------------------------

double mean(const std::vector<double>& values) {
  double sum = 0;
  for (double value : values) sum += value;
  return values.empty() ? 0 : sum / static_cast<double>(values.size());
}

/// One kind of save: what each of many cost.
struct Saves {
  std::vector<double> wall{}, processor{}, bytes{}, syncs{}, checkpoints{};

  void add(Cost cost, double written, double synced) {
    wall.push_back(cost.wall);
    processor.push_back(cost.processor);
    bytes.push_back(written);
    syncs.push_back(synced);
  }
  void tell_all(const std::string& kind, const char* column) const {
    tell((kind + " wall").c_str(), column, median(wall));
    tell((kind + " processor").c_str(), column, mean(processor));
    tell((kind + " bytes").c_str(), column, mean(bytes));
    tell((kind + " syncs").c_str(), column, median(syncs));
  }
};

/// Ours and the peer's by turns, so that both meet the same machine. Checkpoints are apart in both.
void measure_saves(const fs::path& folder, size_t count) {
  Workload workload(42);
  auto all = samples(workload, count);
  CountingFiles files;
  auto vault = make_admin(fresh(folder / "save"), files);
  const auto path = (folder / "plain.db").string();
  for (auto name : {"plain.db", "plain.db-wal"}) fs::remove(folder / name);
  Peer peer({.path = path.c_str()});
  peer.run("PRAGMA wal_autocheckpoint=0");

  auto measured = [&](Saves& saves, auto work) {
    const auto before = files.all(), pages = files.of("A.db");
    const auto cost = cost_of(work);
    const auto written = files.all() - before, moved = files.of("A.db") - pages;
    saves.add(cost, static_cast<double>(written.bytes - moved.bytes), static_cast<double>(written.syncs));
    saves.checkpoints.push_back(static_cast<double>(moved.bytes));
  };
  Saves begin, save, submit, plain;
  double size = 0;
  for (const auto& sample : all) {
    ReportId id;
    measured(begin, [&] { id = must(vault->begin("police-incident", "en", sample.answers)); });
    const Change change{"injured", must(Value::parse(ValueType::integer, "3"))};
    measured(save, [&] { must(vault->save(id, {&change, 1})); });
    measured(submit, [&] { (void)must(vault->submit(id)); });
    const auto before = bytes_handed_to_system();
    const auto cost = cost_of([&] { peer.insert_all(&sample, 1); });
    plain.add(cost, static_cast<double>(bytes_handed_to_system() - before), 1);
    size += static_cast<double>(sample.json_size());
  }
  begin.tell_all("begin", "lysoen");
  save.tell_all("save", "lysoen");
  submit.tell_all("submit", "lysoen");
  plain.tell_all("submit", "plain");
  const auto each = static_cast<double>(count);
  const auto log = files.of("A.db-wal"), pages = files.of("A.db");
  const auto deferred = cost_of([&] { must(vault->lock()); });
  const auto log_after = files.of("A.db-wal") - log, pages_after = files.of("A.db") - pages;
  const double moved = mean(begin.checkpoints) + mean(save.checkpoints) + mean(submit.checkpoints);
  tell("at lock index bytes", "lysoen", static_cast<double>(log_after.bytes) / each);
  tell("checkpoint bytes", "lysoen", moved + static_cast<double>(pages_after.bytes) / each);
  tell("at lock processor", "lysoen", deferred.processor / each);
  tell("report bytes", "plain", size / each);
}

// -- Import and intake ----------------------------------------------------------------------------------------------

std::vector<ImportRow> rows_from(const std::vector<Sample>& all, size_t first) {
  std::vector<ImportRow> rows;
  for (size_t i = first; i < std::min(first + kPortion, all.size()); ++i)
    rows.push_back(
        {"police-incident", "file:" + std::to_string(all[i].created) + ":" + std::to_string(i), all[i].answers});
  return rows;
}

/// One answer of a relay: at most a portion of entries. False once there is nothing more.
bool carry_portion(Vault& from, Vault& to) {
  bool more = false;
  must(to.sync_peer().begin_intake());
  for (const auto& head : must(from.all_heads())) {
    for (size_t taken = 0; taken < kPortion;) {
      auto held = must(to.entries().head(head.feed));
      if (held.seq >= head.seq) break;
      auto batch = must(from.entries().read(head.feed, held.seq + 1, 64 * 1024));
      taken += batch->entries.size();
      (void)must(to.entries().append(*batch));
      more = true;
    }
  }
  must(to.sync_peer().end_intake());
  return more;
}

void carry_rosters(Vault& from, Vault& to) {
  for (const auto& roster : must(from.sealed_rosters())) must(to.sync_peer().take_roster(roster));
}

void insert_portions(Peer& peer, const std::vector<Sample>& all) {
  for (size_t first = 0; first < all.size(); first += kPortion)
    peer.insert_all(&all[first], std::min(kPortion, all.size() - first));
}

void measure_intake(const fs::path& folder, size_t count) {
  Workload workload(43);
  auto all = samples(workload, count);
  auto admin = make_admin(fresh(folder / "coordinator"), storage::system_files());
  auto reporter = make_reporter(fresh(folder / "reporter"), *admin);
  carry_rosters(*admin, *reporter);
  auto told = [&](const char* row, const char* column, Cost cost) {
    tell((std::string(row) + " processor").c_str(), column, static_cast<double>(count) / cost.processor);
    tell((std::string(row) + " wall").c_str(), column, static_cast<double>(count) / cost.wall);
  };
  std::vector<std::vector<ImportRow>> portions;
  for (size_t first = 0; first < all.size(); first += kPortion) portions.push_back(rows_from(all, first));
  told("import", "lysoen", cost_of([&] {
         for (const auto& portion : portions) (void)must(reporter->import_rows(portion));
       }));
  // A reporter reads of others nothing: the coordinator alone pays for the merge.
  told("intake", "lysoen", cost_of([&] {
         while (carry_portion(*reporter, *admin)) {
         }
         ReportQuery words;
         words.text = "nothingofthekind";
         (void)must(admin->count(words));  // takes the text up
         must(admin->lock());
       }));
  const auto path = (folder / "plain.db").string();
  for (auto name : {"plain.db", "plain.db-wal"}) fs::remove(folder / name);
  auto cost = cost_of([&] {
    Peer peer({.path = path.c_str()});
    insert_portions(peer, all);
  });
  told("import", "plain", cost);
  told("intake", "plain", cost);
}

// -- Open and queries -----------------------------------------------------------------------------------------------

void progress(size_t done, size_t of) {
  if (isatty(2)) std::fprintf(stderr, "\r  building the vault of %zu reports: %zu \033[K", of, done);
}

void build(const fs::path& folder, size_t count) {
  auto admin = make_admin(fresh(folder / "coordinator"), storage::system_files());
  auto reporter = make_reporter(fresh(folder / "reporter"), *admin);
  carry_rosters(*admin, *reporter);
  Workload workload(42);
  const auto path = (folder / "plain.db").string();
  for (auto name : {"plain.db", "plain.db-wal"}) fs::remove(folder / name);
  Peer peer({.path = path.c_str()});
  for (size_t done = 0; done < count; done += kPortion) {
    auto part = samples(workload, std::min(kPortion, count - done));
    (void)must(reporter->import_rows(rows_from(part, 0)));
    while (carry_portion(*reporter, *admin)) {
    }
    peer.insert_all(part.data(), part.size());
    progress(done, count);
  }
  if (isatty(2)) std::fprintf(stderr, "\r\033[K");
  ReportQuery words;
  words.text = "nothingofthekind";
  (void)must(admin->count(words));
  must(admin->lock());
  must(reporter->lock());
  fs::remove_all(folder / "reporter");
}

void measure_queries(const fs::path& folder, size_t count) {
  constexpr int kRuns = 30;
  const std::string suffix = " " + std::to_string(count);
  auto told = [&](const char* row, const char* column, double seconds) {
    tell((std::string(row) + suffix).c_str(), column, seconds);
  };
  Workload workload(42);
  auto some = samples(workload, 64);
  const std::string common = workload.word(0, 300), rare = workload.word(0, 9000);
  const auto path = (folder / "plain.db").string();

  std::array<uint8_t, crypto::kSaltSize> salt{};
  double derivation = shortest(3, [&] { (void)must(crypto::derive_key(kPassphrase, salt, {})); });
  std::unique_ptr<Vault> vault;
  double opening = shortest(3, [&] {
    vault.reset();
    vault = must(
        vault::VaultImpl::open({folder / "coordinator", storage::system_files()}, kPassphrase, system_environment()));
  });
  told("open", "lysoen", std::max(0.0, opening - derivation));
  told("key derivation", "lysoen", derivation);
  {
    std::unique_ptr<Peer> peer;
    told("open", "plain", shortest(3, [&] {
           peer.reset();
           peer = std::make_unique<Peer>(Peer::Setup{.path = path.c_str(), .new_file = false});
           (void)peer->by_id(some[0].id);
         }));
  }
  Peer peer({.path = path.c_str(), .new_file = false});

  ReportQuery query;
  query.limit = 50;
  auto list = [&](const ReportQuery& what) { return shortest(kRuns, [&] { (void)must(vault->list(what)); }); };
  told("latest 50", "lysoen", list(query));
  told("latest 50", "plain", shortest(kRuns, [&] { (void)peer.latest(50); }));
  for (auto [name, word] : {std::pair("text, common word", common), {"text, rare word", rare}}) {
    auto words = query;
    words.text = word;
    told(name, "lysoen", list(words));
    told(name, "plain", shortest(kRuns, [&] { (void)peer.with_words(word, 50); }));
  }
  auto box = query;
  box.box = ReportQuery::Box{some[0].latitude - 0.5, some[0].longitude - 0.5, some[0].latitude + 0.5,
                             some[0].longitude + 0.5};
  told("map box", "lysoen", list(box));
  told("map box", "plain",
       shortest(kRuns, [&] { (void)peer.in_box(box.box->south, box.box->west, box.box->north, box.box->east, 50); }));
  auto circle = query;
  circle.circle = ReportQuery::Circle{some[0].latitude, some[0].longitude, 50000};
  told("circle", "lysoen", list(circle));
  auto id = must(vault->list(query))[7].id;
  told("by id", "lysoen", shortest(kRuns * 10, [&] { (void)must(vault->read(id)); }));
  told("by id", "plain", shortest(kRuns * 10, [&] { (void)peer.by_id(some[7].id); }));
  told("count all", "lysoen", shortest(kRuns, [&] { (void)must(vault->count({})); }));
  told("facets", "lysoen", shortest(3, [&] { (void)must(vault->facets({})); }));
  auto words = query;
  words.text = common;
  told("facets of a search", "lysoen", shortest(kRuns, [&] { (void)must(vault->facets(words)); }));
  must(vault->lock());
}

}  // namespace

int main(int count, char** words) {
  if (count != 4) return 2;
  const std::string what = words[1];
  const fs::path folder = words[2];
  const size_t number = std::strtoul(words[3], nullptr, 10);
  fs::create_directories(folder);
  if (what == "save") return measure_saves(folder, number), 0;
  if (what == "intake") return measure_intake(folder, number), 0;
  if (what == "build") return build(folder, number), 0;
  if (what == "query") return measure_queries(folder, number), 0;
  return 2;
}
