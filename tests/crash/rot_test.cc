// Bit rot: one flipped bit anywhere in the files of a vault that was not closed. It opens and everything is right; or
// it says what is damaged; or it refuses as damaged. Never a wrong answer in silence.
#include <cstdlib>

#include "core/crypto/hash.h"
#include "tests/crash/oracle.h"

// Of SQLite, whose header only core/storage includes: its generator is set back, so that a repair writes the same bytes
// every time.
extern "C" int sqlite3_test_control(int operation, ...);

using namespace lysoen;
using namespace lysoen::crash;
using test::DiskImage;
using test::MemoryDisk;

namespace {

constexpr size_t kComplaintsMax = 3;
constexpr int kKeepGenerator = 5, kSetGeneratorBack = 6;  // SQLITE_TESTCTRL_PRNG_SAVE, _RESTORE

bool long_run() {
  return std::getenv("LYSOEN_LONG") != nullptr;
}

/// A vault with this many reports, under a checkpoint and in the log; what its files hold and what it shows.
struct Subject {
  DiskImage image, earlier;  // as it is, and before the last save
  View view;
  size_t found = 0;  // by a search for a word that all reports have
};

ReportQuery search() {
  ReportQuery query;
  query.text = "River";
  return query;
}

Subject make_subject(size_t reports, uint64_t seed) {
  MemoryDisk disk;
  Device device(disk, "x", seed);
  must(device.create());
  must(device->create_team({"Monitors of the river", "Ada", "root words", {}}));
  Subject subject;
  for (size_t i = 0; i < reports; ++i) {
    if (i + 8 == reports) {  // the last ones stand in log and ring alone
      must(device.lock());
      must(device.open());
    }
    auto id = must(write_draft(device, "River " + std::to_string(i)));
    std::vector<Change> more{{"what_happened", Value::text_of("At the river, " + std::string(i * 13 % 700, 'w'))}};
    must(device->save(id, more));
    subject.earlier = disk.image();
    if (i % 4 != 0) must(device->submit(id));
  }
  subject.view = must(device.view());
  subject.found = must(device->count(search()));
  subject.image = disk.image();
  return subject;
}

void flip(Bytes& content, size_t at, std::mt19937_64& random) {
  content[at] ^= static_cast<uint8_t>(1u << (random() % 8));
}

enum class Outcome : uint8_t { right, repaired, reported, refused, silent };

struct Tally {
  std::map<Outcome, size_t> outcomes;
  std::vector<std::string> complaints;
  size_t samples() const {
    size_t sum = 0;
    for (const auto& [outcome, count] : outcomes) sum += count;
    return sum;
  }
  std::string words() const {
    std::string text;
    for (auto [outcome, name] : {std::pair{Outcome::right, "right"},
                                 {Outcome::repaired, "repaired"},
                                 {Outcome::reported, "reported"},
                                 {Outcome::refused, "refused"},
                                 {Outcome::silent, "silent"}}) {
      auto at = outcomes.find(outcome);
      text += std::string(", ") + name + " " + std::to_string(at == outcomes.end() ? 0 : at->second);
    }
    return text;
  }
};

class Examiner {
 public:
  explicit Examiner(const Subject& subject) : subject_(subject) { sqlite3_test_control(kKeepGenerator); }

  /// Opens `damaged` and reads everything that there is to read.
  Outcome judge(const DiskImage& damaged, std::string& why) {
    MemoryDisk disk;
    disk.restore(damaged);
    Device device(disk, "x", 1);
    sqlite3_test_control(kSetGeneratorBack);
    auto opened = device.open();
    if (!opened) {
      why = opened.error().message;
      return opened.error().code == ErrorCode::damaged ? Outcome::refused : Outcome::silent;
    }
    auto reported = [&](const Error& error) {
      why = error.message;
      return error.code == ErrorCode::damaged ? Outcome::reported : Outcome::silent;
    };
    auto status = device->status();
    if (!status) return reported(status.error());
    bool speaks = false, repaired = false;
    for (const auto& notice : status->notices) {
      speaks |= notice.find("damaged bytes") != std::string::npos || notice.find("may be lost") != std::string::npos;
      repaired |= notice.find("was repaired") != std::string::npos;
    }
    // What reading answers is decided by database and log alone: the same bytes need not be read twice.
    Bytes files = disk.content("A.db"), log = disk.content("A.db-wal");
    files.insert(files.end(), log.begin(), log.end());
    const Hash seen = crypto::sha256(files);
    if (known_right_.count(seen)) return repaired ? Outcome::repaired : speaks ? Outcome::reported : Outcome::right;
    auto view = device.view();
    auto found = view ? device->count(search()) : Result<size_t>(view.error());
    if (!found) return reported(found.error());
    if (*view != subject_.view || *found != subject_.found) {
      why = "it shows something else";
      return speaks ? Outcome::reported : Outcome::silent;
    }
    auto check = device.check();
    if (!check) return reported(check.error());
    if (!check->empty()) return Outcome::reported;
    known_right_.insert(seen);
    return repaired ? Outcome::repaired : speaks ? Outcome::reported : Outcome::right;
  }

 private:
  const Subject& subject_;
  std::set<Hash> known_right_;
};

/// Answers how many of them were neither right nor made good.
size_t examine_all(const Subject& subject, const std::string& name, const std::vector<size_t>& places,
                   std::mt19937_64& random, Tally& tally) {
  Examiner examiner(subject);
  auto image = subject.image;
  auto& content = image.at(name);
  Tally here;
  for (size_t at : places) {
    if (tally.complaints.size() >= kComplaintsMax) break;
    const auto bit = static_cast<uint8_t>(1u << (random() % 8));
    content[at] ^= bit;
    std::string why;
    auto outcome = examiner.judge(image, why);
    content[at] ^= bit;
    ++here.outcomes[outcome];
    ++tally.outcomes[outcome];
    if (outcome == Outcome::silent)
      tally.complaints.push_back(name + ", byte " + std::to_string(at) + ", bit " + std::to_string(bit) + ": " + why);
  }
  std::printf("rot: %s: samples %zu%s\n", name.c_str(), here.samples(), here.words().c_str());
  return here.samples() - here.outcomes[Outcome::right] - here.outcomes[Outcome::repaired];
}

/// Every byte, or `count` of them.
std::vector<size_t> spread(size_t size, size_t count, std::mt19937_64& random) {
  std::vector<size_t> places;
  if (long_run())
    for (size_t at = 0; at < size; ++at) places.push_back(at);
  else
    for (size_t i = 0; i < count; ++i)
      places.push_back(i * size / count + random() % std::max<size_t>(1, size / count));
  return places;
}

/// 64 bytes of every page in the long form, `count` bytes in the short one; the file's header wholly in the long form.
std::vector<size_t> in_pages(size_t size, size_t header, size_t count, std::mt19937_64& random) {
  if (!long_run()) return spread(size, count, random);
  std::vector<size_t> places;
  for (size_t at = 0; at < std::min(header, size); ++at) places.push_back(at);
  for (size_t page = 0; page < size; page += storage::kPageSize)
    for (int i = 0; i < 64; ++i)
      if (size_t at = page + random() % storage::kPageSize; at < size) places.push_back(at);
  return places;
}

}  // namespace

TEST_CASE("Rot: one flipped bit is made good, or said, or refused; never passed over", "[crash][rot]") {
  auto random = test::generator(4);
  auto subject = make_subject(long_run() ? 200 : 40, random());
  Tally tally;
  for (const auto& [name, content] : subject.image) {
    // Slots and header stand twice, each under a checksum: no bit of them may cost anything, nor one of the ring while
    // the log is whole, but that it is said.
    if (name == "slots") CHECK(examine_all(subject, name, spread(content.size(), 120, random), random, tally) == 0);
    if (name == "A.ring") examine_all(subject, name, spread(content.size(), 120, random), random, tally);
    if (name == "A.db") examine_all(subject, name, in_pages(content.size(), 4096, 160, random), random, tally);
    if (name == "A.db-wal") examine_all(subject, name, in_pages(content.size(), 8192, 100, random), random, tally);
  }
  std::printf("rot: samples %zu%s\n", tally.samples(), tally.words().c_str());
  CHECK(tally.outcomes[Outcome::repaired] > 0);
  CHECK(tally.outcomes[Outcome::refused] + tally.outcomes[Outcome::reported] > 0);
  for (const auto& complaint : tally.complaints) FAIL_CHECK(complaint);
}

TEST_CASE("Rot: a save of which log and ring are both damaged is there, or said to be lost", "[crash][rot]") {
  auto random = test::generator(8);
  auto subject = make_subject(40, random());
  Examiner examiner(subject);
  // What the last save wrote: a record in the ring, frames at the end of the log.
  auto written = [&](const std::string& name) {
    const auto &now = subject.image.at(name), &before = subject.earlier.at(name);
    size_t first = 0, end = now.size();
    while (first < before.size() && now[first] == before[first]) ++first;
    while (now.size() == before.size() && end > first && now[end - 1] == before[end - 1]) --end;
    return std::pair(first, end);
  };
  const auto [record, record_end] = written("A.ring");
  const auto [log, log_end] = written("A.db-wal");
  REQUIRE((record_end > record + 4000 && log_end > log + 4000));
  std::map<Outcome, size_t> outcomes;
  for (size_t at = record; at < record_end; at += long_run() || at < record + 120 ? 1 : 1 + random() % 60) {
    auto image = subject.image;
    flip(image.at("A.ring"), at, random);
    const size_t in_log = log + random() % (log_end - log);
    flip(image.at("A.db-wal"), in_log, random);
    std::string why;
    auto outcome = examiner.judge(image, why);
    ++outcomes[outcome];
    INFO("byte " << at - record << " of the record, " << in_log - log << " of its log: " << why);
    CHECK(outcome != Outcome::silent);
  }
  CHECK(outcomes[Outcome::repaired] > 0);
  CHECK(outcomes[Outcome::reported] > 0);
}

TEST_CASE("Rot: two pages in each other's place are reported", "[crash][rot]") {
  auto random = test::generator(5);
  auto subject = make_subject(40, random());
  Examiner examiner(subject);
  const auto pages = subject.image.at("A.db").size() / storage::kPageSize;
  std::map<Outcome, size_t> outcomes;
  for (int i = 0; i < (long_run() ? 2000 : 60); ++i) {
    const size_t a = random() % pages, b = random() % pages;
    if (a == b) continue;
    auto image = subject.image;
    auto at = [&](size_t page) { return image.at("A.db").begin() + static_cast<long>(page * storage::kPageSize); };
    std::swap_ranges(at(a), at(a) + storage::kPageSize, at(b));
    std::string why;
    auto outcome = examiner.judge(image, why);
    INFO("pages " << a << " and " << b << ": " << why);
    // A page that nothing reads any more, or that the log holds anew, is not missed.
    CHECK(outcome != Outcome::silent);
    ++outcomes[outcome];
  }
  CHECK(outcomes[Outcome::reported] + outcomes[Outcome::refused] > 20);
}
