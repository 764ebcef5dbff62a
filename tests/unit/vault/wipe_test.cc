// Wiping, where it can hurt: stopped at every call, ordered by a duress passphrase under the eyes of somebody, done by
// mistake, forbidden.
#include <lysoen/key_guard.h>

#include <algorithm>
#include <cmath>
#include <iostream>
#include <map>
#include <set>

#include "core/base/fault.h"
#include "core/vault/vault_impl.h"
#include "tests/support/decrypted.h"
#include "tests/support/memory_disk.h"
#include "tests/unit/vault/people.h"

using namespace lysoen;
using namespace lysoen::test;
using namespace lysoen::vault;

namespace {

constexpr std::string_view kCoverWord = "the cover's words", kDuressWord = "words said under force";
constexpr std::string_view kSlots = "slots";
constexpr size_t kCopies[] = {4096, 8192};

bool is_long() {
  return std::getenv("LYSOEN_LONG") != nullptr;
}

/// A device with a vault, and a cover if it is asked for; both locked.
struct Refuge {
  explicit Refuge(bool covered = true) : random(seed()) {
    {
      auto vault = must(VaultImpl::create(place, kPassphrase, cheap(), environment()));
      if (covered) must(vault->make_cover({kCoverWord, kDuressWord}));
      write_into(*vault, "the real one");
    }
    if (covered) write_into(*must(open(kCoverWord)), "a cover story");
  }
  static void write_into(Vault& vault, const std::string& title) {
    for (int i = 0; i < 3; ++i) must(vault.begin("police-incident", "en", std::vector<Change>{{"title", text(title)}}));
    must(vault.lock());
  }
  Environment environment() { return {clock, random}; }
  Result<std::unique_ptr<Vault>> open(std::string_view passphrase) {
    clock.advance(std::chrono::hours(1));
    return VaultImpl::open(place, passphrase, environment());
  }
  /// What the passphrase shows; empty if it opens nothing.
  std::string shows(std::string_view passphrase) {
    auto vault = open(passphrase);
    if (!vault) {
      CHECK(vault.error().code == ErrorCode::wrong_passphrase);
      return {};
    }
    auto listed = must((*vault)->list({}));
    REQUIRE(listed.size() == 3);
    return listed[0].title;
  }
  SlotCounts counts() { return must(SlotFile::open(disk, place.folder / kSlots))->counts(); }

  MemoryDisk disk;
  SeededRandom random;
  ManualClock clock;
  Place place{"v", disk};
};

/// Which pieces of what `before` held of a container are still anywhere on the disk: 16 bytes out of each 4,096 are
/// looked for, of the slots all.
struct Residue {
  size_t slots = 0, pieces = 0;
  bool none() const { return slots == 0 && pieces == 0; }
};

Residue residue(const MemoryDisk::Image& before, const MemoryDisk::Image& after, ContainerName container) {
  constexpr size_t kPiece = 16;
  const std::string letter = container == ContainerName::a ? "A." : "B.";
  std::set<std::string> known;
  for (const auto& [name, bytes] : before)
    if (name.starts_with(letter))
      for (size_t at = 0; at + kPiece <= bytes.size(); at += 4096)
        known.emplace(as_text(ByteView(bytes).subspan(at, kPiece)));
  Residue left;
  for (const auto& [name, bytes] : after)
    if (name != kSlots)
      for (size_t at = 0; at + kPiece <= bytes.size(); at += 4096)
        left.pieces += known.count(std::string(as_text(ByteView(bytes).subspan(at, kPiece))));
  const auto &old_slots = before.at(std::string(kSlots)), &new_slots = after.at(std::string(kSlots));
  for (size_t slot = first_slot_of(container); slot < first_slot_of(container) + kSlotsPerContainer; ++slot)
    for (size_t copy : kCopies) {
      auto at = static_cast<long>(copy + 256 + slot * kSlotSize);
      left.slots += std::equal(old_slots.begin() + at, old_slots.begin() + at + kSlotSize, new_slots.begin() + at);
    }
  return left;
}

/// Runs `work` on copies of the disk as it is now and stops it at its calls: by a kill (all that was written is there)
/// or by a power cut. Of a run of writes to one file the short form takes the first and the last.
template <class Work, class Look>
size_t stop_everywhere(Refuge& refuge, const Work& work, const Look& look) {
  auto& disk = refuge.disk;
  const auto before = disk.image();
  std::vector<std::pair<MemoryDisk::Call, std::string>> calls;
  MemoryDisk::Fault listener;
  listener.applies = [&](auto call, const auto& name) {
    if (call == MemoryDisk::Call::read) return false;
    calls.emplace_back(call, name);
    return true;
  };
  disk.set_fault(listener);
  work();
  disk.set_fault({});
  auto random = generator(21);
  size_t states = 0;
  for (size_t at = 0; at < calls.size(); ++at) {
    bool inside = at > 0 && at + 1 < calls.size() && calls[at - 1] == calls[at] && calls[at + 1] == calls[at];
    if (inside && !is_long()) continue;
    constexpr const char* kHindrances[] = {"killed at call ", "power cut at call ", "error at call "};
    for (size_t how = 0; how < 3; ++how) {
      if (!is_long() && calls[at].second != kSlots && at % 3 != how) continue;
      INFO(kHindrances[how] << at + 1 << " of " << calls.size() << ", of '" << calls[at].second << "'");
      disk.restore(before);
      MemoryDisk::Fault fault;
      fault.at = at + 1;
      fault.forever = how != 2;
      disk.set_fault(fault);
      work();
      if (how == 1)
        disk.lose_power(random);
      else
        disk.restore(disk.image());
      look(before);
      ++states;
    }
  }
  disk.restore(before);
  return states;
}

/// The calls of `work` in order, with the containers' letters taken away.
template <class Work>
std::vector<std::pair<MemoryDisk::Call, std::string>> calls_of(MemoryDisk& disk, const Work& work) {
  std::vector<std::pair<MemoryDisk::Call, std::string>> calls;
  MemoryDisk::Fault listener;
  listener.applies = [&](auto call, const auto& name) {
    calls.emplace_back(call, name.starts_with("A.") || name.starts_with("B.") ? name.substr(1) : name);
    return true;
  };
  disk.set_fault(listener);
  work();
  disk.set_fault({});
  return calls;
}

/// The system's files, with an ear at the slot file's syncs.
class WatchedFiles final : public storage::Files {
 public:
  std::vector<std::chrono::steady_clock::time_point> slots_synced;

  Result<std::unique_ptr<storage::File>> open(const std::filesystem::path& path, storage::OpenMode mode) override {
    auto file = real_.open(path, mode);
    if (!file || path.filename() != kSlots) return file;
    return std::unique_ptr<storage::File>(std::make_unique<Slots>(std::move(*file), slots_synced));
  }
  Result<bool> exists(const std::filesystem::path& path) override { return real_.exists(path); }
  Result<void> remove(const std::filesystem::path& path) override { return real_.remove(path); }
  Result<void> rename(const std::filesystem::path& from, const std::filesystem::path& to) override {
    return real_.rename(from, to);
  }
  Result<void> make_folder(const std::filesystem::path& folder) override { return real_.make_folder(folder); }
  Result<std::vector<std::string>> list(const std::filesystem::path& folder) override { return real_.list(folder); }
  Result<void> sync_folder(const std::filesystem::path& folder) override { return real_.sync_folder(folder); }

 private:
  class Slots final : public storage::File {
   public:
    Slots(std::unique_ptr<storage::File> real, std::vector<std::chrono::steady_clock::time_point>& synced)
        : real_(std::move(real)), synced_(synced) {}
    Result<size_t> read_at(uint64_t offset, std::span<uint8_t> out) override { return real_->read_at(offset, out); }
    Result<void> write_at(uint64_t offset, ByteView bytes) override { return real_->write_at(offset, bytes); }
    Result<uint64_t> size() override { return real_->size(); }
    Result<void> truncate(uint64_t size) override { return real_->truncate(size); }
    Result<void> sync() override {
      auto done = real_->sync();
      synced_.push_back(std::chrono::steady_clock::now());
      return done;
    }
    Result<void> lock_range(uint64_t offset, uint64_t size) override { return real_->lock_range(offset, size); }

   private:
    std::unique_ptr<storage::File> real_;
    std::vector<std::chrono::steady_clock::time_point>& synced_;
  };
  storage::Files& real_ = storage::system_files();
};

constexpr double kAlike = 4.5;  // Welch's t below which nobody can tell two passphrases apart

/// Welch's t of two series.
double welch(const std::vector<double>& first, const std::vector<double>& second) {
  auto moments = [](const std::vector<double>& series) {
    double mean = 0, square = 0;
    for (double value : series) mean += value / static_cast<double>(series.size());
    for (double value : series) square += (value - mean) * (value - mean);
    return std::pair(mean, square / static_cast<double>(series.size() - 1) / static_cast<double>(series.size()));
  };
  auto [mean_1, error_1] = moments(first);
  auto [mean_2, error_2] = moments(second);
  return std::abs(mean_1 - mean_2) / std::sqrt(error_1 + error_2);
}

}  // namespace

TEST_CASE("Wipe: stopped anywhere, the vault is whole or nothing of it is left, and the cover opens", "[vault][wipe]") {
  Refuge refuge;
  bool acknowledged = false;
  auto judge = [&](const MemoryDisk::Image& before) {
    must(VaultImpl::resume_wipe(refuge.place, refuge.environment()));
    CHECK(refuge.counts().wiping == 0);
    auto real = refuge.shows(kPassphrase);
    CHECK((real.empty() || (real == "the real one" && !acknowledged)));
    if (real.empty()) CHECK(residue(before, refuge.disk.image(), ContainerName::a).none());
    CHECK(refuge.shows(kCoverWord) == "a cover story");
    CHECK(refuge.counts().wiping == 0);
  };
  auto states = stop_everywhere(
      refuge,
      [&] {
        acknowledged = false;
        if (auto vault = refuge.open(kPassphrase)) acknowledged = (*vault)->wipe(WipeScope::this_vault).ok();
      },
      judge);
  CHECK(states > 40);
  states = stop_everywhere(
      refuge,
      [&] {
        acknowledged = false;
        if (auto vault = refuge.open(kDuressWord)) acknowledged = true;
      },
      judge);
  CHECK(states > 40);
}

TEST_CASE("Wipe: a resumption that is stopped is resumed", "[vault][wipe]") {
  Refuge refuge;
  const auto whole = refuge.disk.image();
  {
    auto slots = must(SlotFile::open(refuge.disk, kSlots));
    must(slots->begin_wipe(only(ContainerName::a), refuge.random));
  }
  stop_everywhere(
      refuge, [&] { (void)VaultImpl::resume_wipe(refuge.place, refuge.environment()); },
      [&](const MemoryDisk::Image&) {
        CHECK(refuge.shows(kDuressWord) == "a cover story");  // resumes it first
        CHECK(refuge.counts().wiping == 0);
        CHECK(refuge.shows(kPassphrase).empty());
        CHECK(residue(whole, refuge.disk.image(), ContainerName::a).none());
      });
}

TEST_CASE("Wipe: a cover that is being made or removed costs the vault nothing, whenever the power goes",
          "[vault][wipe]") {
  Refuge refuge(false);
  bool made = false;
  stop_everywhere(
      refuge,
      [&] {
        auto vault = refuge.open(kPassphrase);
        made = vault && (*vault)->make_cover({kCoverWord, kDuressWord}).ok();
      },
      [&](const MemoryDisk::Image&) {
        CHECK(refuge.shows(kPassphrase) == "the real one");
        auto cover = refuge.open(kCoverWord);
        if (made) REQUIRE(cover.ok());
        if (cover) CHECK(must((*cover)->count({})) == 0);
        if (!cover) CHECK(cover.error().code == ErrorCode::wrong_passphrase);
      });
  must(must(refuge.open(kPassphrase))->make_cover({kCoverWord, kDuressWord}));
  Refuge::write_into(*must(refuge.open(kCoverWord)), "a cover story");
  bool removed = false;
  stop_everywhere(
      refuge,
      [&] {
        auto vault = refuge.open(kPassphrase);
        removed = vault && (*vault)->remove_cover().ok();
      },
      [&](const MemoryDisk::Image& before) {
        CHECK(refuge.shows(kPassphrase) == "the real one");
        auto cover = refuge.shows(kCoverWord);
        CHECK((cover.empty() || (cover == "a cover story" && !removed)));
        if (cover.empty()) CHECK(residue(before, refuge.disk.image(), ContainerName::b).none());
      });
}

TEST_CASE("Wipe: a cover that could not be made is not spoken of", "[vault][wipe]") {
  Refuge refuge(false);
  const auto before = refuge.disk.image();
  auto make = [&](uint64_t failing, ErrorCode code) {
    refuge.disk.restore(before);
    auto vault = must(refuge.open(kPassphrase));
    MemoryDisk::Fault fault;
    fault.at = failing;
    fault.code = code;
    refuge.disk.set_fault(fault);
    auto made = vault->make_cover({kCoverWord, kDuressWord});
    const uint64_t calls = refuge.disk.counted();
    const auto cover = must(vault->wipe_settings()).cover;
    const bool goes_on = vault->begin("police-incident", "en").ok();  // else it is opened anew first
    if (!made && goes_on) CHECK(cover == WipeSettings::Cover::none);
    return calls;
  };
  const uint64_t calls = make(0, ErrorCode::io_failed);
  for (uint64_t last = 0; last < 16; ++last)  // where it is put on record
    for (auto code : {ErrorCode::io_failed, ErrorCode::storage_full}) make(calls - last, code);
}

TEST_CASE("Wipe: what is left of a wiped vault is what an unused one looks like", "[vault][wipe]") {
  Refuge refuge(false);
  Refuge fresh(false);
  must(must(refuge.open(kPassphrase))->wipe(WipeScope::this_vault));
  auto sizes = [](const MemoryDisk& disk, const std::string& letter) {
    std::map<std::string, size_t> found;
    for (const auto& name : disk.names())
      if (name.starts_with(letter)) found[name.substr(1)] = disk.content(name).size();
    return found;
  };
  CHECK(sizes(refuge.disk, "A") == sizes(fresh.disk, "B"));
  CHECK(sizes(refuge.disk, "B") == sizes(fresh.disk, "B"));
  CHECK(refuge.disk.names() == fresh.disk.names());
}

TEST_CASE("Wipe: one slot that is not overwritten is noticed", "[vault][wipe]") {
  for (bool planted : {false, true}) {
    Refuge refuge;
    const auto before = refuge.disk.image();
#ifdef LYSOEN_TEST_BUILD
    fault::skip_one_slot_overwrite = planted;
#endif
    must(must(refuge.open(kPassphrase))->wipe(WipeScope::everything));
    auto left = residue(before, refuge.disk.image(), ContainerName::a);
    left.slots += residue(before, refuge.disk.image(), ContainerName::b).slots;
#ifdef LYSOEN_TEST_BUILD
    fault::skip_one_slot_overwrite = false;
#endif
    CHECK(left.slots == (planted ? 4u : 0u));  // the first slot of each container, in both copies
    CHECK(left.pieces == 0);
  }
}

TEST_CASE("Duress: normal, duress and wrong passphrase make the same calls up to the first screen", "[vault][wipe]") {
  Refuge refuge;
  {  // as many slots and sessions in the one as in the other
    must(must(refuge.open(kPassphrase))->add_passphrase("of somebody else"));
    for (std::string_view passphrase : {kPassphrase, kCoverWord}) must(must(refuge.open(passphrase))->lock());
  }
  auto before = refuge.disk.image();
  auto attempt = [&](std::string_view passphrase) {
    refuge.disk.restore(before);
    return calls_of(refuge.disk, [&] {
      auto slots = must(SlotFile::open(refuge.disk, kSlots));
      (void)slots->attempt(passphrase, refuge.clock.wall(), refuge.random);
    });
  };
  auto right = attempt(kPassphrase);
  CHECK(right.size() >= 5);
  CHECK(attempt(kDuressWord) == right);
  CHECK(attempt(kCoverWord) == right);
  CHECK(attempt("wrong") == right);

  auto first_screen = [&](std::string_view passphrase) {
    refuge.disk.restore(before);
    std::unique_ptr<Vault> vault;
    auto calls = calls_of(refuge.disk, [&] {
      vault = must(refuge.open(passphrase));
      CHECK(must(vault->list({})).size() == 3);
    });
    return calls;
  };
  auto ordinary = first_screen(kPassphrase);
  auto under_force = first_screen(kDuressWord);
  CHECK(ordinary.size() == under_force.size());
  CHECK(ordinary == under_force);
  CHECK(first_screen(kCoverWord) == ordinary);
}

TEST_CASE("Duress: normal, duress and wrong passphrase take the same time up to the first screen", "[vault][wipe]") {
  Refuge refuge;
  must(must(refuge.open(kPassphrase))->add_passphrase("of somebody else"));
  for (std::string_view passphrase : {kPassphrase, kCoverWord}) must(must(refuge.open(passphrase))->lock());
  const auto before = refuge.disk.image();
  const size_t tries = is_long() ? 2000 : 200;
  auto random = generator(22);
  // In random order, so that what else goes on in the machine meets all of them alike.
  auto measure = [&](const std::vector<std::string_view>& passphrases, auto&& one) {
    std::map<std::string_view, std::vector<double>> series;
    std::vector<std::string_view> order;
    for (auto passphrase : passphrases) order.insert(order.end(), tries, passphrase);
    std::shuffle(order.begin(), order.end(), random);
    for (auto passphrase : order) {
      refuge.disk.set_content(std::string(kSlots), before.at(std::string(kSlots)));
      series[passphrase].push_back(one(passphrase));
    }
    return series;
  };
  auto timed = [](auto&& work) {
    auto began = std::chrono::steady_clock::now();
    work();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  };
  // What a passphrase costs more it costs in every round; a machine that is busy for a moment shows in one.
  auto judge = [&](const char* what, const std::vector<std::string_view>& passphrases, auto&& one) {
    double least = INFINITY;
    for (int round = 0; round < 3 && least >= kAlike; ++round) {
      auto series = measure(passphrases, one);
      double most = 0;
      for (size_t i = 0; i < passphrases.size(); ++i)
        for (size_t k = 0; k < i; ++k) most = std::max(most, welch(series[passphrases[k]], series[passphrases[i]]));
      std::cout << what << ": Welch t " << most << "\n";
      least = std::min(least, most);
    }
    CHECK(least < kAlike);
  };
  judge("attempt, right, duress and wrong", {kPassphrase, kDuressWord, "wrong"}, [&](std::string_view passphrase) {
    auto slots = must(SlotFile::open(refuge.disk, kSlots));
    return timed([&] { (void)slots->attempt(passphrase, refuge.clock.wall(), refuge.random); });
  });
  judge("first screen, right and duress", {kPassphrase, kDuressWord}, [&](std::string_view passphrase) {
    std::unique_ptr<Vault> vault;
    double took = timed([&] {
      vault = must(refuge.open(passphrase));
      CHECK(must(vault->list({})).size() == 3);
    });
    MemoryDisk::Fault off;  // what comes after it is not measured
    off.at = 1;
    off.forever = true;
    refuge.disk.set_fault(off);
    vault.reset();
    refuge.disk.restore(before);
    return took;
  });
}

TEST_CASE("Duress: a cover that stays open ends the wipe while it is idle, and cleans what was discarded",
          "[vault][wipe][residue]") {
  Refuge refuge;
  const auto before = refuge.disk.image();
  auto cover = must(refuge.open(kDuressWord));
  CHECK(must(cover->list({})).size() == 3);
  CHECK(refuge.counts().wiping == only(ContainerName::a));
  CHECK_FALSE(residue(before, refuge.disk.image(), ContainerName::a).none());
  must(cover->idle());
  CHECK(refuge.counts().wiping == 0);
  CHECK(residue(before, refuge.disk.image(), ContainerName::a).none());

  auto draft = must(cover->begin("police-incident", "en", std::vector<Change>{{"title", text("zqgone")}}));
  must(cover->list({.text = "zqgone"}));
  must(cover->discard(draft));
  must(cover->idle());
  auto decrypted = Decrypted::unlock(refuge.disk, "v", kCoverWord, refuge.clock.wall(), refuge.random);
  decrypted.look();
  CHECK(decrypted.hits("zqgone").all() == 0);
  CHECK(decrypted.hits("cover story").pages > 0);
  const auto calls = calls_of(refuge.disk, [&] { must(cover->idle()); });
  CHECK(
      std::none_of(calls.begin(), calls.end(), [](const auto& call) { return call.first != MemoryDisk::Call::read; }));

  cover->lock_when_idle(std::chrono::minutes(5));
  for (int minute = 0; minute < 5; ++minute) {
    refuge.clock.advance(std::chrono::minutes(1));
    CHECK(cover->idle().ok() == (minute < 4));  // it is no use of the vault
  }
  CHECK(cover->idle().error().code == ErrorCode::locked);
}

TEST_CASE("Duress: the passphrase does its work once and opens the cover from then on", "[vault][wipe]") {
  Refuge refuge;
  CHECK(refuge.shows(kDuressWord) == "a cover story");
  CHECK(refuge.shows(kPassphrase).empty());
  auto image = refuge.disk.image();
  CHECK(refuge.shows(kDuressWord) == "a cover story");
  auto after = refuge.disk.image();
  for (const char* file : {"A.db", "A.ring", "A.reserve", "A.db-wal"}) CHECK(image[file] == after[file]);
  CHECK(refuge.shows(kCoverWord) == "a cover story");
}

TEST_CASE("Duress: a cover is made for the first vault, with two passphrases that nothing else has", "[vault][wipe]") {
  Refuge refuge(false);
  auto vault = must(refuge.open(kPassphrase));
  auto refusal = [&](CoverPassphrases passphrases) {
    auto before = refuge.disk.image();
    auto made = vault->make_cover(passphrases);
    REQUIRE_FALSE(made.ok());
    CHECK(refuge.disk.image() == before);
    return made.error();
  };
  CHECK(refusal({kCoverWord, kCoverWord}).message == "cannot make a cover: its two passphrases are the same");
  CHECK(refusal({kCoverWord, kPassphrase}).code == ErrorCode::already_exists);
  CHECK(refusal({kPassphrase, kDuressWord}).code == ErrorCode::already_exists);
  CHECK(refusal({kCoverWord, ""}).code == ErrorCode::input_refused);
  CHECK(must(vault->wipe_settings()).cover == WipeSettings::Cover::none);
  CHECK(vault->remove_cover().error().code == ErrorCode::not_found);
  must(vault->make_cover({kCoverWord, kDuressWord}));
  CHECK(must(vault->wipe_settings()).cover == WipeSettings::Cover::ready);
  CHECK(must(vault->wipe_settings()).cover_made == refuge.clock.wall());
  CHECK(refusal({"third", "fourth"}).message == "cannot make a cover: there is one");
  must(vault->lock());
  auto cover = must(refuge.open(kCoverWord));
  CHECK(must(cover->passphrases()).size() == 2);
  CHECK(cover->make_cover({"third", "fourth"}).error().code == ErrorCode::input_refused);
  must(cover->remove_passphrase(2));  // which disarms it, and the vault says so
  must(cover->lock());
  vault = must(refuge.open(kPassphrase));
  CHECK(must(vault->wipe_settings()).cover == WipeSettings::Cover::lost);
  must(vault->remove_cover());
  CHECK(must(vault->wipe_settings()).cover == WipeSettings::Cover::none);
  must(vault->make_cover({kCoverWord, kDuressWord}));
}

TEST_CASE("Wipe: after so many wrong passphrases in a row both vaults are gone, and not one before", "[vault][wipe]") {
  Refuge refuge;
  {
    auto vault = must(refuge.open(kPassphrase));
    CHECK(vault->set_wipe_after(4).error().message ==
          "cannot set after how many wrong passphrases all is wiped: 4 is not from 5 to 100");
    CHECK(vault->set_wipe_after(101).error().code == ErrorCode::input_refused);
    must(vault->set_wipe_after(5));
    CHECK(must(vault->wipe_settings()).wipe_after == 5);
  }
  for (int i = 0; i < 4; ++i) CHECK(refuge.shows("wrong").empty());
  CHECK(refuge.shows(kPassphrase) == "the real one");
  const auto before = refuge.disk.image();
  for (int i = 0; i < 5; ++i) CHECK(refuge.shows("wrong").empty());
  auto after = refuge.disk.image();
  CHECK(residue(before, after, ContainerName::a).none());
  CHECK(residue(before, after, ContainerName::b).none());
  CHECK(refuge.counts().wiping == 0);
  CHECK(refuge.shows("wrong").empty());  // not once more
  CHECK(refuge.disk.content("A.db") == after["A.db"]);
  for (std::string_view passphrase : {kPassphrase, kCoverWord, kDuressWord}) CHECK(refuge.shows(passphrase).empty());
}

TEST_CASE("Wipe: a team that forbids it keeps the vault from a duress passphrase and from wrong ones",
          "[vault][wipe]") {
  Refuge refuge;
  auto slots = [&] { return must(SlotFile::open(refuge.disk, kSlots)); };
  auto attempt = [&](std::string_view passphrase) {
    refuge.clock.advance(std::chrono::hours(1));
    return slots()->attempt(passphrase, refuge.clock.wall(), refuge.random);
  };
  must(slots()->set_kept(ContainerName::a, true, refuge.random));
  must(slots()->set_wipe_after(5, refuge.random));
  CHECK(must(attempt(kDuressWord)).content.container == ContainerName::b);
  CHECK(slots()->counts().wiping == 0);
  CHECK(must(attempt(kPassphrase)).content.container == ContainerName::a);
  for (int i = 0; i < 5; ++i) CHECK_FALSE(attempt("wrong").ok());
  CHECK(slots()->counts().wiping == only(ContainerName::b));
  CHECK(attempt(kPassphrase).ok());
  CHECK_FALSE(attempt(kCoverWord).ok());
}

TEST_CASE("Wipe: the guard's secret goes with the vault", "[vault][wipe][guard]") {
  Refuge refuge(false);
  TempFolder keys, folder;
  auto guard = file_key_guard(keys.path(), refuge.random);
  Environment environment{refuge.clock, refuge.random, guard.get()};
  auto all_keys = [&] {
    std::map<std::string, Bytes> found;
    for (const auto& name : must(storage::system_files().list(keys.path())))
      found[name] = must(storage::read_file(storage::system_files(), keys.path() / name, 64));
    return found;
  };
  auto vault = must(Vault::create(folder.path() / "v", kPassphrase, cheap(), environment));
  must(vault->make_cover({kCoverWord, kDuressWord}));
  must(vault->lock());
  auto before = all_keys();
  CHECK(before.size() == 2);
  must(must(Vault::open(folder.path() / "v", kDuressWord, environment))->lock());
  auto after = all_keys();
  CHECK(after.size() == 2);
  size_t same = 0;
  for (const auto& [name, key] : before) same += after[name] == key;
  CHECK(same == 1);
  CHECK(Vault::open(folder.path() / "v", kCoverWord, environment).ok());
}

TEST_CASE("Wipe: the point of no return is reached within half a second, of an open vault with work in it",
          "[vault][wipe]") {
  std::vector<double> took, whole;
  for (int round = 0; round < 5; ++round) {
    TempFolder folder;
    WatchedFiles files;
    SeededRandom random(seed());
    ManualClock clock;
    auto vault = must(VaultImpl::create({folder.path() / "v", files}, kPassphrase, cheap(), {clock, random}));
    for (int i = 0; i < 50; ++i) must(vault->begin("police-incident", "en", std::vector<Change>{{"title", text("x")}}));
    files.slots_synced.clear();
    auto began = std::chrono::steady_clock::now();
    must(vault->wipe(WipeScope::everything));
    auto since = [&](auto then) { return std::chrono::duration<double, std::milli>(then - began).count(); };
    REQUIRE(files.slots_synced.size() >= 2);
    took.push_back(since(files.slots_synced[1]));  // both copies
    whole.push_back(since(std::chrono::steady_clock::now()));
  }
  std::sort(took.begin(), took.end());
  std::sort(whole.begin(), whole.end());
  std::cout << "point of no return: " << took[2] << " ms (" << took[0] << " to " << took[4] << "), all of both vaults "
            << whole[2] << " ms\n";
  CHECK(took[2] < 500);
}
