// The slot file where it can hurt: power cuts in every write, bits that flip, passphrases that are equal, clocks that
// jump.
#include "core/vault/slots.h"

#include <algorithm>

#include "core/base/bytes.h"
#include "core/crypto/hash.h"
#include "core/vault/vault_impl.h"
#include "tests/support/memory_disk.h"
#include "tests/unit/vault/people.h"

using namespace lysoen;
using namespace lysoen::test;
using namespace lysoen::vault;

namespace {

constexpr std::string_view kFile = "slots", kOther = "another passphrase of several words";
constexpr size_t kCopies[] = {4096, 8192};

/// A slot file on a disk in memory; its first passphrase is kPassphrase.
struct Slots {
  Slots() : random(seed()) {
    SlotContent first{ContainerName::a, Purpose::open, false, crypto::Key32::random(random)};
    secret = first.secret.copy();
    must(SlotFile::create(disk, {kFile, {8, 1}, {}}, kPassphrase, first, random));
  }
  std::unique_ptr<SlotFile> open() { return must(SlotFile::open(disk, kFile)); }
  Result<SlotFile::Opened> attempt(std::string_view passphrase) {
    clock.advance(std::chrono::hours(1));
    return open()->attempt(passphrase, clock.wall(), random);
  }
  bool opens(std::string_view passphrase) {
    auto opened = attempt(passphrase);
    return opened.ok() && opened->content.secret.equals(secret);
  }
  SlotContent content(ContainerName container = ContainerName::a) {
    return {container, Purpose::open, false, secret.copy()};
  }
  void flip(size_t at, int bit = 3) {
    auto bytes = disk.content(std::string(kFile));
    bytes[at] ^= static_cast<uint8_t>(1 << bit);
    disk.set_content(std::string(kFile), bytes);
  }

  MemoryDisk disk;
  SeededRandom random;
  ManualClock clock;
  crypto::Key32 secret;
};

/// Runs `work` on copies of `before`, once for each write and sync that it makes, which then is the last that reaches
/// the disk; then the power goes in `rounds` ways and `look` judges what is left.
template <class Work, class Look>
size_t crash_everywhere(MemoryDisk& disk, int rounds, const Work& work, const Look& look) {
  const auto before = disk.image();
  disk.set_fault({});
  work();
  const uint64_t calls = disk.counted();
  auto random = generator(11);
  size_t states = 0;
  for (uint64_t at = 1; at <= calls; ++at)
    for (int round = 0; round < rounds; ++round, ++states) {
      INFO("crash at call " << at << " of " << calls << ", round " << round);
      disk.restore(before);
      MemoryDisk::Fault fault;
      fault.at = at;
      fault.forever = true;
      disk.set_fault(fault);
      work();
      disk.lose_power(random);
      look();
    }
  disk.restore(before);
  return states;
}

}  // namespace

TEST_CASE(
    "Slots: a power cut in any write of an attempt, an addition or a removal leaves the passphrases that there were",
    "[vault][slots]") {
  Slots slots;
  must(slots.open()->enrol(1, kOther, slots.content(), slots.random));
  auto both_open = [&] {
    CHECK(slots.opens(kPassphrase));
    CHECK(slots.opens(kOther));
    CHECK(slots.open()->counts().wiping == 0);
  };
  for (std::string_view tried : {kPassphrase, std::string_view("wrong")})
    CHECK(crash_everywhere(
              slots.disk, 60, [&] { (void)slots.attempt(tried); }, both_open) == 240);
  crash_everywhere(
      slots.disk, 60, [&] { (void)slots.open()->enrol(7, "third", slots.content(), slots.random); }, both_open);
  crash_everywhere(
      slots.disk, 60, [&] { (void)slots.open()->clear(1, slots.random); }, [&] { CHECK(slots.opens(kPassphrase)); });
}

TEST_CASE("Vault: while its passphrase is changed, the old one or the new one opens it, whenever the power goes",
          "[vault][slots]") {
  MemoryDisk disk;
  SeededRandom random(seed());
  ManualClock clock;
  Environment environment{clock, random};
  Place place{"v", disk};
  must(must(VaultImpl::create(place, kPassphrase, cheap(), environment))->lock());
  must([&] {
    auto vault = must(VaultImpl::open(place, kPassphrase, environment));
    must(vault->add_passphrase("of somebody else"));
    return vault->lock();
  }());
  auto open = [&](std::string_view passphrase) {
    clock.advance(std::chrono::hours(1));
    return VaultImpl::open(place, passphrase, environment);
  };
  const int rounds = std::getenv("LYSOEN_LONG") ? 40 : 2;
  bool acknowledged = false;
  auto work = [&](auto&& change) {
    return [&, change] {
      acknowledged = false;
      auto vault = open(kPassphrase);
      if (vault) acknowledged = change(**vault).ok();
    };
  };
  // Twice, since what a crash left is put in order at the first opening.
  auto judge = [&](bool old_stays) {
    return [&, old_stays] {
      CHECK(open("of somebody else").ok());
      bool first = open(kPassphrase).ok(), second = open(kOther).ok();
      CHECK((first || second));
      if (old_stays) CHECK(first);
      if (acknowledged) CHECK((second && first == old_stays));
      CHECK(open("of somebody else").ok());
    };
  };
  crash_everywhere(disk, rounds, work([](Vault& vault) { return vault.change_passphrase(kOther); }), judge(false));
  crash_everywhere(disk, rounds, work([](Vault& vault) { return vault.add_passphrase(kOther); }), judge(true));
  crash_everywhere(disk, rounds, work([](Vault& vault) { return vault.remove_passphrase(2); }),
                   [&] { CHECK(open(kPassphrase).ok()); });
}

TEST_CASE("Slots: a removal that was begun is done at the next opening", "[vault][slots]") {
  MemoryDisk disk;
  SeededRandom random(seed());
  ManualClock clock;
  Place place{"v", disk};
  auto vault = must(VaultImpl::create(place, kPassphrase, cheap(), {clock, random}));
  must(vault->add_passphrase(kOther));
  MemoryDisk::Fault fault{1, true};
  fault.applies = [](auto call, const auto& name) { return call == MemoryDisk::Call::write && name == kFile; };
  disk.set_fault(fault);
  CHECK_FALSE(vault->remove_passphrase(2).ok());
  vault.reset();
  disk.set_fault({});
  must(must(VaultImpl::open(place, kPassphrase, {clock, random}))->lock());
  CHECK_FALSE(VaultImpl::open(place, kOther, {clock, random}).ok());
}

TEST_CASE("Slots: no flipped bit keeps the vault shut, wipes it or forgets what it counted", "[vault][slots]") {
  Slots slots;
  CHECK_FALSE(slots.attempt("wrong").ok());
  const auto good = slots.disk.image();
  auto random = generator(12);
  for (size_t at = 0; at < kSlotFileSize; ++at) {
    if (at % kSlotBlock % 2048 > 110 && at < kSlotBlock && at % 16) continue;  // zeros that nothing reads
    INFO("byte " << at);
    slots.flip(at, static_cast<int>(random() % 8));
    auto counts = slots.open()->counts();
    CHECK(counts.failures == 1);
    CHECK(counts.wiping == 0);
    CHECK(counts.wipe_after == 0);
    CHECK(slots.opens(kPassphrase));
    slots.disk.restore(good);
  }
}

TEST_CASE("Slots: damage to both copies is no order to wipe, and only that of a passphrase's own slot shuts it out",
          "[vault][slots]") {
  Slots slots;
  CHECK_FALSE(slots.attempt("wrong").ok());
  const auto good = slots.disk.image();
  for (size_t at = 0; at < kSlotBlock; at += at < 512 ? 1 : 7) {
    INFO("byte " << at << " of both copies");
    for (size_t copy : kCopies) slots.flip(copy + at);
    auto counts = slots.open()->counts();
    CHECK(counts.wiping == 0);
    CHECK(counts.wipe_after == 0);
    CHECK(counts.failures == 0);
    CHECK_FALSE(slots.attempt("wrong").ok());
    bool own = at >= 256 && at < 256 + kSlotSize;
    CHECK(slots.opens(kPassphrase) == !own);
    slots.disk.restore(good);
  }
  // The passphrase's own slot damaged in one copy, another place in the other: a wrong try in between ruins nothing.
  slots.flip(kCopies[0] + 300);
  slots.flip(kCopies[1] + 4000);
  CHECK_FALSE(slots.attempt("wrong").ok());
  CHECK(slots.opens(kPassphrase));
}

TEST_CASE("Slots: a damaged header is said to be damaged", "[vault][slots]") {
  Slots slots;
  const auto good = slots.disk.image();
  auto refusal = [&] {
    auto opened = SlotFile::open(slots.disk, kFile);
    REQUIRE_FALSE(opened.ok());
    CHECK(opened.error().code == ErrorCode::damaged);
    slots.disk.restore(good);
    return opened.error().message;
  };
  for (size_t at = 0; at < 100; ++at) {
    slots.flip(at);
    slots.flip(2048 + at);
    CHECK(refusal() == (at < 8 ? "cannot open vault: the slot file is not one of a vault"
                               : "cannot open vault: the slot file has a header that is not what was written"));
  }
}

TEST_CASE("Slots: a header that somebody else wrote opens nothing, and asks for no more memory than is allowed",
          "[vault][slots]") {
  Slots slots;
  const auto good = slots.disk.image();
  auto alter = [&](size_t at, uint8_t bits) {
    slots.disk.restore(good);
    auto bytes = slots.disk.content(std::string(kFile));
    for (long copy : {0, 2048}) {
      bytes[static_cast<size_t>(copy) + at] ^= bits;
      auto sum = crypto::sha256(ByteView(bytes).subspan(static_cast<size_t>(copy), 68));
      std::copy(sum.bytes.begin(), sum.bytes.end(), bytes.begin() + copy + 68);
    }
    slots.disk.set_content(std::string(kFile), bytes);
  };
  for (size_t at = 20; at < 68; ++at) {
    alter(at, 77);
    CHECK(slots.attempt(kPassphrase).error().code == ErrorCode::wrong_passphrase);
  }
  alter(15, 1);  // one KiB more
  CHECK(slots.attempt(kPassphrase).error().code == ErrorCode::wrong_passphrase);
  alter(13, 0x40);  // 4 GiB
  auto opened = SlotFile::open(slots.disk, kFile);
  REQUIRE_FALSE(opened.ok());
  CHECK(opened.error().message == "cannot open vault: the slot file asks for a key cost outside the limits");
}

TEST_CASE("Slots: a right and a wrong passphrase make the same calls, and the slots' bytes stay", "[vault][slots]") {
  Slots slots;
  auto calls_of = [&](std::string_view passphrase) {
    std::vector<std::pair<MemoryDisk::Call, std::string>> calls;
    MemoryDisk::Fault listener;
    listener.applies = [&](auto call, const auto& name) { return calls.emplace_back(call, name), true; };
    slots.disk.set_fault(listener);
    auto before = slots.disk.content(std::string(kFile));
    auto written = slots.disk.bytes_written();
    (void)slots.attempt(passphrase);
    CHECK(slots.disk.bytes_written() - written == 8192);
    auto after = slots.disk.content(std::string(kFile));
    for (size_t copy : kCopies) {
      CHECK(std::equal(before.begin() + copy + 256, before.begin() + copy + 4096, after.begin() + copy + 256));
      CHECK_FALSE(std::equal(before.begin() + copy + 32, before.begin() + copy + 224, after.begin() + copy + 32));
    }
    CHECK(std::equal(after.begin() + 4096, after.begin() + 8192, after.begin() + 8192));
    CHECK(std::equal(before.begin(), before.begin() + 4096, after.begin()));
    slots.disk.set_fault({});
    return calls;
  };
  CHECK(calls_of(kPassphrase) == calls_of("wrong"));
}

TEST_CASE("Slots: after three wrong passphrases each further one is waited for, up to 15 minutes", "[vault][slots]") {
  using namespace std::chrono_literals;
  CHECK(delay_after(0) == 0s);
  CHECK(delay_after(3) == 0s);
  CHECK(delay_after(4) == 1s);
  CHECK(delay_after(7) == 8s);
  CHECK(delay_after(13) == 512s);
  CHECK(delay_after(14) == 15min);
  CHECK(delay_after(UINT32_MAX) == 15min);

  Slots slots;
  auto now = slots.clock.wall();
  auto attempt = [&](std::string_view passphrase) { return slots.open()->attempt(passphrase, now, slots.random); };
  for (int i = 0; i < 4; ++i) CHECK(attempt("wrong").error().code == ErrorCode::wrong_passphrase);
  for (std::string_view passphrase : {kPassphrase, std::string_view("wrong")}) {
    auto early = attempt(passphrase);  // of a new process: the file remembers
    REQUIRE_FALSE(early.ok());
    CHECK(early.error().code == ErrorCode::too_soon);
    CHECK(early.error().message ==
          "cannot open vault: 4 wrong passphrases in a row, the next one is not looked at yet");
    CHECK(early.error().hint == "try again in 1 s");
  }
  CHECK(slots.open()->counts().failures == 4);
  now += 1s;
  CHECK(attempt("wrong").error().hint.ends_with("the next try is possible in 2 s"));
  now += 1999ms;
  CHECK(attempt(kPassphrase).error().code == ErrorCode::too_soon);
  now += 1ms;
  CHECK(attempt(kPassphrase).ok());
  CHECK(slots.open()->counts().failures == 0);
}

TEST_CASE("Slots: a clock that was set back makes nobody wait longer than the delay", "[vault][slots]") {
  using namespace std::chrono_literals;
  Slots slots;
  auto now = slots.clock.wall();
  auto attempt = [&](std::string_view passphrase) { return slots.open()->attempt(passphrase, now, slots.random); };
  for (int i = 0; i < 20; ++i) {
    CHECK(attempt("wrong").error().code == ErrorCode::wrong_passphrase);
    now += 1h;
  }
  now -= 20 * 365 * 24h;
  auto back = attempt(kPassphrase);
  CHECK(back.error().code == ErrorCode::too_soon);
  CHECK(back.error().hint == "try again in 15 minutes");
  now += 15min - 1ms;
  CHECK(attempt(kPassphrase).error().code == ErrorCode::too_soon);
  now += 1ms;
  CHECK(attempt(kPassphrase).ok());
}

TEST_CASE("Slots: a passphrase that is in use is refused, with the same words for every use", "[vault][slots]") {
  Slots slots;
  must(slots.open()->enrol(8, kOther, slots.content(ContainerName::b), slots.random));
  auto file = slots.open();
  const auto before = slots.disk.image();
  auto own = file->enrol(1, kPassphrase, slots.content(), slots.random);
  auto of_the_other = file->enrol(1, kOther, slots.content(), slots.random);
  REQUIRE_FALSE(own.ok());
  REQUIRE_FALSE(of_the_other.ok());
  CHECK(own.error().code == ErrorCode::already_exists);
  CHECK(own.error().message == of_the_other.error().message);
  CHECK(own.error().hint == of_the_other.error().hint);
  CHECK(slots.disk.image() == before);
  auto opened = must(slots.attempt(kOther));
  CHECK(opened.slot == 8);
  CHECK(opened.content.container == ContainerName::b);
}

TEST_CASE("Vault: passphrases are added, listed, changed and removed, and the last one stays", "[vault][slots]") {
  TempFolder folder;
  Device device(folder.path() / "v");
  CHECK(must(device->add_passphrase(kOther)) == 2);
  auto listed = must(device->passphrases());
  REQUIRE(listed.size() == 2);
  CHECK((listed[0].number == 1 && listed[0].current && !listed[1].current));
  CHECK(listed[1].added == device.clock.wall());
  CHECK(must(device->change_passphrase("a third of several words")) == 3);
  must(device->lock());
  auto open = [&](std::string_view passphrase) { return Vault::open(device.folder, passphrase, device.environment()); };
  CHECK(open(kPassphrase).error().code == ErrorCode::wrong_passphrase);
  device.vault = must(open(kOther));
  must(device->remove_passphrase(3));
  auto gone = device->remove_passphrase(3);
  CHECK(gone.error().code == ErrorCode::not_found);
  auto last = device->remove_passphrase(2);
  CHECK(last.error().message == "cannot remove the passphrase: it is the last one");
  for (int i = 0; i < 7; ++i) must(device->add_passphrase("number " + std::to_string(i)));
  CHECK(device->add_passphrase("one more").error().code == ErrorCode::limit_exceeded);
  CHECK(device->change_passphrase("one more").error().code == ErrorCode::limit_exceeded);
  CHECK(device->add_passphrase("").error().message ==
        "cannot set the passphrase: there are 8, and there is room for 8");
  must(device->lock());
  device.vault = must(open("number 6"));
  must(device->remove_passphrase(2));
  must(device->lock());
  CHECK_FALSE(open(kOther).ok());
}
