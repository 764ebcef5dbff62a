// The merge: edits drawn from the input give the same report in any order, twice, and one by one.
#include "core/report/fold.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/seed.h"

using namespace lysoen;
using namespace lysoen::report;
using fuzz::require;

namespace {

constexpr size_t kEditsMax = 24;

class History {
 public:
  explicit History(ByteView input) : from_(input) { report.bytes.fill(1); }

  std::vector<FoldEntry> entries() {
    entries_.push_back(entry(creating()));
    entries_.back().id.bytes = report.bytes;
    while (!from_.ended() && entries_.size() < kEditsMax) {
      auto bytes = encode_edit(later());
      if (!bytes) continue;  // breaks a rule: nobody could have made it
      auto edit = decode_edit(*bytes);
      require(edit.ok(), "an edit that was made is read");
      entries_.push_back(entry(std::move(*edit)));
    }
    return std::move(entries_);
  }

  ReportId report;

 private:
  FoldEntry entry(Edit edit) {
    FoldEntry made;
    made.id.bytes.fill(static_cast<uint8_t>(entries_.size() + 2));
    made.id.bytes[0] = from_.byte();  // ids are in no order
    made.author.bytes.fill(static_cast<uint8_t>(1 + from_.below(3)));
    if (from_.below(8) == 1) made.set_aside = from_.flag() ? "not the author" : "backdated";
    made.edit = std::move(edit);
    return made;
  }

  Edit creating() {
    Edit edit;
    edit.creation = {"form", "1", {}};
    for (size_t count = from_.below(4); count > 0; --count) edit.writes.push_back({path(), value(), {}});
    if (from_.flag()) edit.co_authors = {DeviceId{{9}}};
    return sorted(std::move(edit));
  }

  Edit later() {
    Edit edit;
    edit.report = report;
    edit.claimed = WallTime(std::chrono::milliseconds(from_.byte()));
    edit.first_submission = from_.below(16) == 1;
    for (size_t count = from_.below(3); count > 0; --count)
      edit.writes.push_back({path(), from_.below(4) ? std::optional(value()) : std::nullopt, seen()});
    for (size_t count = from_.below(3); count > 0; --count) {
      constexpr const char* kOrders[] = {"A", "M", "MV"};
      bool present = from_.flag();
      edit.items.push_back(
          {item(), present, present && from_.flag() ? std::string(kOrders[from_.below(3)]) : "", seen()});
    }
    if (from_.below(4) == 1) edit.status = {static_cast<Status>(1 + from_.below(6)), "because", seen()};
    if (from_.below(8) == 1) edit.retraction = {from_.flag(), "a mistake", seen()};
    return sorted(std::move(edit));
  }

  std::string item() {
    std::string outer = "victims[i-" + std::to_string(1 + from_.below(3)) + "]";
    return from_.below(4) == 1 ? outer + "/injuries[i-1]" : outer;
  }
  std::string path() {
    constexpr const char* kPaths[] = {"title", "place", "kinds"};
    size_t which = from_.below(5);
    return which < 3 ? kPaths[which] : item() + "/name";
  }
  Value value() {
    constexpr const char* kCodes[] = {"a", "b", "c"};
    if (from_.flag()) return Value::text_of(kCodes[from_.below(3)]);
    std::vector<std::string> codes;
    for (const char* code : kCodes)
      if (from_.flag()) codes.push_back(code);
    if (codes.empty()) codes.push_back("d");
    return Value::choices_of(codes);
  }
  /// Any earlier edits, and now and then one that never comes.
  std::vector<EditId> seen() {
    std::vector<EditId> ids;
    for (size_t count = from_.below(4); count > 0; --count) {
      EditId id;
      id.bytes.fill(0xee);
      if (size_t which = from_.byte(); which < 240) id = entries_[which % entries_.size()].id;
      ids.push_back(id);
    }
    std::sort(ids.begin(), ids.end());
    ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
    return ids;
  }
  static Edit sorted(Edit edit) {
    auto tidy = [](auto& list) {
      std::sort(list.begin(), list.end(), [](const auto& a, const auto& b) { return a.path < b.path; });
      list.erase(std::unique(list.begin(), list.end(), [](const auto& a, const auto& b) { return a.path == b.path; }),
                 list.end());
    };
    tidy(edit.writes), tidy(edit.items);
    return edit;
  }

  fuzz::Choices from_;
  std::vector<FoldEntry> entries_;
};

}  // namespace

std::vector<Bytes> fuzz::seeds() {
  std::vector<Bytes> seeds;
  for (uint64_t number = 0; number < 5; ++number) {
    Bytes seed(600);
    test::SeededRandom(number).fill(seed);
    seeds.push_back(std::move(seed));
  }
  return seeds;
}

void fuzz::run(ByteView input) {
  History history(input);
  auto entries = history.entries();
  auto folded = fold(history.report, entries);
  auto expected = canonical_bytes(folded.report);

  auto other = entries;
  std::reverse(other.begin(), other.end());
  require(canonical_bytes(fold(history.report, other).report) == expected, "the order of edits does not matter");
  other.insert(other.end(), entries.begin(), entries.end());
  require(canonical_bytes(fold(history.report, other).report) == expected, "an edit that comes twice counts once");

  std::vector<FoldEntry> held;
  MergePlan plan;
  for (auto arriving = entries.rbegin(); arriving != entries.rend(); ++arriving) {
    plan = plan_merge(history.report, held, *arriving);
    held.push_back(*arriving);
  }
  require(canonical_bytes(plan.known ? fold(history.report, held).report : plan.after.report) == expected,
          "edits that come one by one give the same report");
  require(folded.report.set_aside.size() <= entries.size(), "what is set aside is listed once");
  as_first_submitted(history.report, entries);
  for (const auto& field : report::history(history.report, entries))
    require(!field.values.empty(), "a field with a history has values");
  for (const auto& field : folded.report.fields) require(!field.values.empty(), "a field that shows has a value");
}
