// What a person takes back is gone from every decrypted byte of the container once the vault is locked, and nothing
// else is.
#include <cstdlib>
#include <map>

#include "core/base/fault.h"
#include "core/vault/vault_impl.h"
#include "tests/support/decrypted.h"
#include "tests/support/memory_disk.h"
#include "tests/unit/vault/people.h"

using namespace lysoen;
using namespace lysoen::test;

namespace {

constexpr std::string_view kWords[] = {"zqtitle", "zqnarrative", "zqsource"};
constexpr double kLatitude = 7.3456789;

std::vector<Change> with_canaries() {
  return {{"title", text("zqtitle one")},
          {"what_happened", text("it was zqnarrative there")},
          {"reported_by", text("zqsource who saw it")},
          {"place", value(ValueType::point, "7.3456789 9.25")}};
}

/// A vault on a disk that can be broken.
struct Locker {
  Locker() { vault = must(vault::VaultImpl::create(place, kPassphrase, cheap(), environment())); }
  Environment environment() { return {clock, random}; }
  void open() {
    vault.reset();
    vault = must(vault::VaultImpl::open(place, kPassphrase, environment()));
  }
  ReportId begin(std::vector<Change> answers) { return must(vault->begin("police-incident", "en", answers)); }
  Decrypted decrypted() { return Decrypted::unlock(disk, "v", kPassphrase, clock.wall(), random); }

  MemoryDisk disk;
  SeededRandom random{seed()};
  ManualClock clock;
  vault::Place place{"v", disk};
  std::unique_ptr<Vault> vault;
};

size_t canaries(const Decrypted& decrypted) {
  auto found = decrypted.hits(kLatitude);
  for (auto word : kWords) found = found + decrypted.hits(word);
  return found.all();
}

}  // namespace

TEST_CASE("Residue: a discarded draft is gone from pages, indexes, log and ring after the lock", "[vault][residue]") {
  for (bool planted : {false, true}) {
    Locker locker;
    auto gone = locker.begin(with_canaries());
    auto kept = locker.begin({{"title", text("zqkept")}, {"place", value(ValueType::point, "7.5 9.25")}});
    CHECK(must(locker.vault->list({.text = "zqnarrative"})).size() == 1);  // in the text index
    must(locker.vault->lock());
    locker.open();
    auto decrypted = locker.decrypted();
    decrypted.look();
    for (auto word : kWords) CHECK((decrypted.hits(word).pages > 0 && decrypted.hits(word).ring > 0));
    CHECK(decrypted.hits(kLatitude).pages > 1);

    must(locker.vault->discard(gone));
    decrypted.look();
    CHECK(canaries(decrypted) > 0);
#ifdef LYSOEN_TEST_BUILD
    fault::residue_left = planted;
#endif
    must(locker.vault->lock());
#ifdef LYSOEN_TEST_BUILD
    fault::residue_left = false;
#endif
    decrypted.look();
    if (planted) {
      CHECK(canaries(decrypted) > 0);
      continue;
    }
    CHECK(canaries(decrypted) == 0);
    CHECK(decrypted.records() == 1);
    CHECK(decrypted.hits("zqkept").pages > 0);
    locker.open();
    CHECK(must(locker.vault->list({.text = "zqkept"})).size() == 1);
    CHECK(must(locker.vault->count({.box = ReportQuery::Box{7, 9, 8, 10}})) == 1);
    CHECK(must(locker.vault->read(kept)).field("title")->values.front().value->text() == "zqkept");
    CHECK(must(locker.vault->check()).sound());
  }
}

TEST_CASE("Residue: an answer that was replaced, cleared or taken back before it was sent goes too",
          "[vault][residue]") {
  Team team;
  auto& ben = team.add(Role::reporter, "Ben");
  auto draft = must(ben->begin("police-incident", "en", with_canaries()));
  auto sent = submitted(*ben, "zqsent");
  must(ben->save(sent, std::vector<Change>{{"what_happened", text("zqtakenback")}}));
  CHECK(must(ben->list({.text = "zqnarrative"})).size() == 1);
  CHECK(must(ben->list({.text = "zqtakenback"})).size() == 1);
  must(ben->save(draft, std::vector<Change>{{"title", text("zqnewtitle")},
                                            {"what_happened", std::nullopt},
                                            {"reported_by", text("nobody")},
                                            {"place", value(ValueType::point, "8.5 9.25")}}));
  must(ben->save(sent, std::vector<Change>{{"what_happened", std::nullopt}}));
  auto decrypted = Decrypted::unlock(storage::system_files(), ben.folder, kPassphrase, ben.clock.wall(), *ben.random);
  decrypted.look();
  CHECK(canaries(decrypted) > 0);
  CHECK(decrypted.hits("zqtakenback").all() > 0);
  must(ben->lock());
  decrypted.look();
  CHECK(canaries(decrypted) == 0);
  CHECK(decrypted.hits("zqtakenback").all() == 0);
  CHECK(decrypted.hits("zqnewtitle").pages > 0);
  CHECK(decrypted.hits("zqsent").pages > 0);
}

TEST_CASE("Residue: a lock cleans once, and only if something was taken back", "[vault][residue]") {
  Locker locker;
  auto draft = locker.begin({{"title", text("first")}});
  must(locker.vault->save(draft, std::vector<Change>{{"what_happened", text("more")}}));
  must(locker.vault->lock());
  auto decrypted = locker.decrypted();
  decrypted.look();
  CHECK(decrypted.records() == 2);  // nobody scrubbed
  locker.open();
  must(locker.vault->discard(draft));
  must(locker.vault->lock());
  decrypted.look();
  CHECK(decrypted.records() == 1);
  locker.open();
  const auto cleaned = locker.disk.content("A.ring");
  must(locker.vault->lock());
  CHECK(locker.disk.content("A.ring") == cleaned);
}

TEST_CASE("Residue: a discard that only the ring still knows of is cleaned like any other", "[vault][residue]") {
  Locker locker;
  auto gone = locker.begin(with_canaries());
  must(locker.vault->list({.text = "zqnarrative"}));
  must(locker.vault->lock());
  locker.open();
  locker.begin({{"title", text("zqkept")}});
  const auto log = locker.disk.content("A.db-wal");
  auto decrypted = locker.decrypted();
  decrypted.look();
  must(locker.vault->discard(gone));
  MemoryDisk::Fault dead;
  dead.at = 1;
  dead.forever = true;
  locker.disk.set_fault(dead);
  locker.vault.reset();
  locker.disk.restore(locker.disk.image());
  locker.disk.set_content("A.db-wal", log);
  locker.open();
  CHECK(must(locker.vault->list({})).size() == 1);
  decrypted.look();
  CHECK(canaries(decrypted) == 0);
}

TEST_CASE("Residue: a power cut at any call of the lock leaves it to the next opening", "[vault][residue]") {
  Locker locker;
  auto gone = locker.begin(with_canaries());
  auto kept = locker.begin({{"title", text("zqkept")}});
  must(locker.vault->list({.text = "zqnarrative"}));
  must(locker.vault->lock());
  locker.open();
  must(locker.vault->discard(gone));
  const auto before = locker.disk.image();
  locker.disk.set_fault({});
  must(locker.vault->lock());
  const uint64_t calls = locker.disk.counted();
  REQUIRE(calls > 20);
  const uint64_t step = std::getenv("LYSOEN_LONG") ? 1 : std::max<uint64_t>(1, calls / 60);
  auto random = generator(31);
  size_t begun = 0;
  for (uint64_t at = 1 + random() % step; at <= calls; at += step) {
    INFO("power cut at call " << at << " of " << calls);
    locker.disk.restore(before);
    locker.open();
    auto decrypted = locker.decrypted();
    decrypted.look();
    begun += canaries(decrypted) > 0;
    MemoryDisk::Fault fault;
    fault.at = at;
    fault.forever = true;
    locker.disk.set_fault(fault);
    (void)locker.vault->lock();
    locker.disk.lose_power(random);
    locker.open();
    decrypted.look();
    CHECK(canaries(decrypted) == 0);
    CHECK(must(locker.vault->read(kept)).field("title")->values.front().value->text() == "zqkept");
    CHECK(must(locker.vault->list({})).size() == 1);
  }
}

TEST_CASE("Residue: whatever was written, edited and discarded, only what stands is left", "[vault][residue]") {
  Locker locker;
  auto random = generator(32);
  std::map<ReportId, std::string> standing;
  size_t gone = 0;
  uint32_t words = 0;
  auto canary = [&] { return "zq" + std::to_string(100000 + words++) + "x"; };
  auto answers = [&](const std::string& word) {
    // From a few bytes to several pages, so that cells move, pages split and overflow.
    std::string filler(random() % 4 == 0 ? random() % 15000 : random() % 300, 'f');
    return std::vector<Change>{{"title", text(word)}, {"what_happened", text(word + " " + filler + " " + word)}};
  };
  auto decrypted = locker.decrypted();
  const int sessions = std::getenv("LYSOEN_LONG") ? 60 : 6;
  for (int session = 0; session < sessions; ++session) {
    for (int i = 0; i < 60; ++i) {
      auto word = canary();
      auto chosen = standing.begin();
      if (!standing.empty()) std::advance(chosen, static_cast<long>(random() % standing.size()));
      const auto what = random() % 8;
      if (standing.empty() || what < 4) {
        standing[locker.begin(answers(word))] = word;
      } else if (what < 6) {
        must(locker.vault->save(chosen->first, answers(word)));
        chosen->second = word;
        ++gone;
      } else {
        must(locker.vault->discard(chosen->first));
        standing.erase(chosen);
        ++gone;
      }
      if (random() % 16 == 0) must(locker.vault->list({.text = word}));
    }
    decrypted.look();
    must(locker.vault->lock());
    decrypted.look();
    std::set<std::string> wanted;
    for (const auto& [id, word] : standing) wanted.insert(word);
    auto left = decrypted.texts("zq1", 9);
    std::erase_if(left, [](const auto& word) { return word.back() != 'x'; });  // beginnings that part the index's pages
    CHECK(left == wanted);
    locker.open();
  }
  CHECK(gone > 40);
}
