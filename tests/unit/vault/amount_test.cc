// How much a save writes: pages are encrypted whole and phones' storage wears, so each page that a save touches counts.
#include "core/vault/vault_impl.h"
#include "tests/support/memory_disk.h"
#include "tests/unit/vault/people.h"

using namespace lysoen;
using namespace lysoen::test;

TEST_CASE("A save of one report writes at most 50 KB in two syncs", "[vault]") {
  MemoryDisk disk;
  ManualClock clock;
  SeededRandom random(seed());
  auto vault = must(vault::VaultImpl::create({"vault", disk}, kPassphrase, cheap(), {clock, random}));
  CreateTeamOptions options;
  options.name = "Monitors of the river";
  options.member_name = "Ada";
  options.root_passphrase = "root words";
  (void)must(vault->create_team(options));
  // The first save after a checkpoint begins the log anew, which SQLite syncs once more.
  (void)must(vault->begin("police-incident", "en"));
  // Few enough that no checkpoint falls between, many enough that pages fill and split.
  constexpr int kReports = 20;
  struct Sum {
    uint64_t bytes = 0, most_syncs = 0;
  };
  Sum begun, saved, sent;
  auto count = [&](Sum& sum, auto work) {
    const auto bytes = disk.bytes_written(), syncs = disk.syncs();
    work();
    sum.bytes += disk.bytes_written() - bytes;
    sum.most_syncs = std::max(sum.most_syncs, disk.syncs() - syncs);
  };
  for (int i = 0; i < kReports; ++i) {
    clock.advance(std::chrono::minutes(7));
    std::string words;
    for (int word = 0; word < 110; ++word)
      words += "word" + std::to_string(clock.wall().time_since_epoch().count() % 9973 * word % 997) + " ";
    ReportId id;
    count(begun, [&] {
      id = must(vault->begin(
          "police-incident", "en",
          std::vector<Change>{{"title", text("Report " + std::to_string(i))},
                              {"what_happened", text(words)},
                              {"event_date", value(ValueType::date, "2020-02-0" + std::to_string(1 + i % 9))},
                              {"place", value(ValueType::point, std::to_string(i) + ".25 30.5")}}));
    });
    count(saved, [&] { must(vault->save(id, std::vector<Change>{{"place_name", text("Market")}})); });
    count(sent, [&] { (void)must(vault->submit(id)); });
  }
  INFO(begun.bytes / kReports << " " << saved.bytes / kReports << " " << sent.bytes / kReports);
  for (const auto* sum : {&begun, &saved, &sent}) {
    CHECK(sum->bytes / kReports <= 50000);
    CHECK(sum->most_syncs == 2);
  }
}
