#include "core/report/fold.h"

#include <algorithm>
#include <set>

#include "core/report/change.h"
#include "core/report/path.h"
#include "tests/support/catch.h"
#include "tests/support/seed.h"
#include "tests/unit/report/histories.h"

using namespace lysoen;
using namespace lysoen::report;
using namespace lysoen::report::test;

namespace {

std::set<std::string> texts(const Report& report, std::string_view path) {
  std::set<std::string> out;
  if (const auto* field = report.field(path))
    for (const auto& visible : field->values) out.insert(visible.value ? visible.value->text() : "(none)");
  return out;
}

// Everything that the fold, the history and the first submission say, in one string of bytes.
Bytes all_bytes(const ReportId& id, const std::vector<FoldEntry>& entries) {
  auto folded = fold(id, entries);
  Writer out;
  out.field(canonical_bytes(folded.report)).field(canonical_bytes(as_first_submitted(id, entries)));
  for (const auto& [path, ids] : folded.visible) {
    out.field(path);
    for (const auto& edit : ids) out.id(edit);
  }
  for (const auto& [item, order] : folded.orders) out.field(item).field(order);
  for (const auto& field : history(id, entries))
    for (const auto& past : field.values) out.field(field.path).id(past.edit).varint(past.superseded_by.size());
  return std::move(out).bytes();
}

FoldEntry entry_of(Engine& engine, const DeviceId& author, Edit edit) {
  return {random_id<EditId>(engine), author, std::move(edit), ""};
}

EditContext at(int64_t seconds) {
  return {WallTime(std::chrono::seconds(seconds)), 0, 1};
}

}  // namespace

TEST_CASE("Merge: any order of arrival, with repetitions, gives the same bytes", "[report]") {
  auto engine = lysoen::test::generator(10);
  for (int round = 0; round < 60; ++round) {
    auto story = random_history(engine, 5 + engine() % 40, round % 2);
    auto expected = all_bytes(story.report, story.entries);
    for (int shuffle = 0; shuffle < 4; ++shuffle) {
      auto arrived = story.entries;
      for (size_t i = 0, copies = engine() % 5; i < copies; ++i)
        arrived.push_back(story.entries[engine() % story.entries.size()]);
      std::shuffle(arrived.begin(), arrived.end(), engine);
      REQUIRE(all_bytes(story.report, arrived) == expected);
    }
  }
}

TEST_CASE("Merge: no write is lost; each is visible or superseded by one that counts and has arrived", "[report]") {
  auto engine = lysoen::test::generator(11);
  for (int round = 0; round < 60; ++round) {
    auto story = random_history(engine, 5 + engine() % 40, round % 2);
    std::shuffle(story.entries.begin(), story.entries.end(), engine);
    story.entries.resize(1 + engine() % story.entries.size());  // some have not arrived
    auto folded = fold(story.report, story.entries);
    for (const auto& entry : story.entries) {
      if (!entry.set_aside.empty()) {
        for (const auto& [path, ids] : folded.visible) REQUIRE(std::count(ids.begin(), ids.end(), entry.id) == 0);
        continue;
      }
      for (const auto& write : entry.edit.writes) {
        bool superseded = std::any_of(story.entries.begin(), story.entries.end(), [&](const FoldEntry& other) {
          return other.set_aside.empty() &&
                 std::any_of(other.edit.writes.begin(), other.edit.writes.end(), [&](const Write& w) {
                   return w.path == write.path && std::count(w.supersedes.begin(), w.supersedes.end(), entry.id);
                 });
        });
        const auto& ids = folded.visible[write.path];
        REQUIRE(std::count(ids.begin(), ids.end(), entry.id) == !superseded);
        if (superseded || write.path == "weapons") continue;
        auto text = write.value ? write.value->text() : "(none)";
        bool shown = texts(folded.report, write.path).contains(text);
        auto items = items_of(write.path);
        bool in_removed_item =
            !std::all_of(items.begin(), items.end(), [&](auto& i) { return folded.orders.contains(i); });
        REQUIRE(shown != in_removed_item);
        if (!in_removed_item) continue;
        // Hidden only by a removal whose author saw this very write.
        REQUIRE(std::any_of(story.entries.begin(), story.entries.end(), [&](const FoldEntry& other) {
          return other.set_aside.empty() &&
                 std::any_of(other.edit.items.begin(), other.edit.items.end(), [&](const ItemWrite& i) {
                   return is_within(write.path, i.path) && !i.present &&
                          std::count(i.supersedes.begin(), i.supersedes.end(), entry.id);
                 });
        }));
      }
    }
  }
}

TEST_CASE("Merge: when someone who has everything settles every conflict, none is left anywhere", "[report]") {
  auto engine = lysoen::test::generator(12);
  for (int round = 0; round < 30; ++round) {
    auto story = random_history(engine, 30, false);
    for (int step = 0; step < 200; ++step) {
      auto folded = fold(story.report, story.entries);
      auto field = std::find_if(folded.report.fields.begin(), folded.report.fields.end(),
                                [](const Field& f) { return f.conflict(); });
      Edit edit;
      if (field != folded.report.fields.end())
        edit = make_settlement(folded, field->path, field->values[engine() % field->values.size()].value, at(step));
      else if (folded.report.status_values.size() > 1)
        edit = make_status_edit(folded, Status::verified, "", at(step));
      else
        break;
      REQUIRE_FALSE(edit.changes_nothing());
      REQUIRE(encode_edit(edit).ok());
      story.entries.push_back(entry_of(engine, story.authors[0], edit));
    }
    CHECK(fold(story.report, story.entries).report.conflicts() == 0);
  }
}

TEST_CASE("Merge: edits of one field by two who did not know of each other are a conflict, of two fields are not",
          "[report]") {
  auto engine = lysoen::test::generator(13);
  auto a = random_id<DeviceId>(engine), b = random_id<DeviceId>(engine);
  auto first = creating_entry(engine, a, "title", "old");
  auto id = report_of(first);
  auto mine = write_entry(engine, id, a, "title", "mine", {first.id}),
       yours = write_entry(engine, id, b, "title", "yours", {first.id});
  auto elsewhere = write_entry(engine, id, b, "place_name", "bridge", {});
  auto same = write_entry(engine, id, b, "title", "mine", {first.id});

  auto plan = plan_merge(id, std::vector{first, mine}, yours);
  CHECK_FALSE(plan.known);
  CHECK(plan.difference.changed == std::vector<std::string>{"title"});
  CHECK(plan.difference.conflicts_begun == std::vector<std::string>{"title"});
  CHECK(texts(plan.after.report, "title") == std::set<std::string>{"mine", "yours"});
  CHECK(plan.after.report.conflicts() == 1);
  CHECK(plan.after.report.field("title")->values.size() == 2);

  plan = plan_merge(id, std::vector{first, mine}, elsewhere);
  CHECK(plan.difference.changed == std::vector<std::string>{"place_name"});
  CHECK(plan.difference.conflicts_begun.empty());
  // The same value twice needs no decision, but a later write has to name both.
  plan = plan_merge(id, std::vector{first, mine}, same);
  CHECK(plan.difference.nothing());
  CHECK(plan.after.frontier("title").size() == 2);
  CHECK(plan_merge(id, std::vector{first, mine}, mine).known);

  auto settled = fold(id, std::vector{first, mine, yours});
  auto decision = make_settlement(settled, "title", Value::text_of("ours"), at(1));
  CHECK(decision.writes[0].supersedes == settled.frontier("title"));
  plan = plan_merge(id, std::vector{first, mine, yours}, entry_of(engine, a, decision));
  CHECK(plan.difference.conflicts_ended == std::vector<std::string>{"title"});
  CHECK(texts(plan.after.report, "title") == std::set<std::string>{"ours"});
}

TEST_CASE("Merge: a write supersedes what it names when that arrives, and nothing it could not know", "[report]") {
  auto engine = lysoen::test::generator(14);
  auto a = random_id<DeviceId>(engine), b = random_id<DeviceId>(engine);
  auto first = creating_entry(engine, a, "title", "old");
  auto id = report_of(first);
  auto second = write_entry(engine, id, b, "title", "second", {first.id});
  auto third = write_entry(engine, id, a, "title", "third", {second.id});

  auto folded = fold(id, std::vector{first, third});  // second has not arrived
  CHECK(folded.pending == std::vector<EditId>{second.id});
  CHECK(folded.report.pending == 1);
  CHECK(texts(folded.report, "title") == std::set<std::string>{"old", "third"});
  folded = fold(id, std::vector{first, third, second});
  CHECK(folded.report.pending == 0);
  CHECK(texts(folded.report, "title") == std::set<std::string>{"third"});
  // A later edit by the same author, with the latest clock of all, replaces only what it names.
  auto late = write_entry(engine, id, a, "title", "late", {third.id});
  late.edit.claimed = WallTime(std::chrono::hours(24 * 365 * 900));
  auto unseen = write_entry(engine, id, b, "title", "unseen", {third.id});
  CHECK(texts(fold(id, std::vector{first, second, third, late, unseen}).report, "title") ==
        std::set<std::string>{"late", "unseen"});
  // Entries of another report, or the report's creating edit missing.
  CHECK(fold(random_id<ReportId>(engine), std::vector{first, second}).report.edits == 0);
  auto headless = fold(id, std::vector{second});
  CHECK(headless.report.form_id.empty());
  CHECK(headless.report.pending == 1);
  CHECK(plan_merge(id, std::vector{second}, first).appears);
}

TEST_CASE("Merge: an edit that is set aside supersedes nothing, and is listed with its reason", "[report]") {
  auto engine = lysoen::test::generator(15);
  auto a = random_id<DeviceId>(engine), b = random_id<DeviceId>(engine);
  auto first = creating_entry(engine, a, "title", "good");
  auto id = report_of(first);
  auto bad = write_entry(engine, id, b, "title", "bad", {first.id, random_id<EditId>(engine)});
  auto before = fold(id, std::vector{first, bad});
  CHECK(texts(before.report, "title") == std::set<std::string>{"bad"});
  bad.set_aside = "its author has no such role";
  auto after = fold(id, std::vector{first, bad});
  CHECK(texts(after.report, "title") == std::set<std::string>{"good"});
  CHECK(after.report.pending == 0);  // what it names is nobody's concern
  REQUIRE(after.report.set_aside.size() == 1);
  CHECK(after.report.set_aside[0].reason == "its author has no such role");
  auto changed = difference(before.report, after.report);
  CHECK(changed.changed == std::vector<std::string>{"title"});
  CHECK(changed.set_aside);
  auto past = history(id, std::vector{first, bad});
  REQUIRE(past.size() == 1);
  CHECK(past[0].values.size() == 2);
}

TEST_CASE("Merge: a set of choices takes in what each added and leaves out what one removed", "[report]") {
  auto engine = lysoen::test::generator(16);
  auto a = random_id<DeviceId>(engine), b = random_id<DeviceId>(engine);
  auto first = creating_entry(engine, a, "title", "t");
  auto id = report_of(first);
  auto set = [&](const DeviceId& author, const Folded& known, std::vector<std::string> codes) {
    Change change{"weapons", codes.empty() ? std::nullopt : std::optional(Value::choices_of(codes))};
    return entry_of(engine, author, make_edit(known, {&change, 1}, at(1)));
  };
  std::vector<FoldEntry> entries = {first};
  entries.push_back(set(a, fold(id, entries), {"x", "y"}));
  auto known = fold(id, entries);
  auto removed = set(a, known, {"y"});          // takes x out ...
  auto added = set(b, known, {"x", "y", "z"});  // ... while the other adds z
  entries.push_back(removed), entries.push_back(added);
  auto merged = fold(id, entries);
  CHECK(texts(merged.report, "weapons") == std::set<std::string>{"y z"});
  CHECK(merged.report.conflicts() == 0);
  CHECK(merged.frontier("weapons").size() == 2);
  // Removed and, concurrently, taken out and put back: adding wins.
  auto without = set(b, fold(id, std::vector{entries[0], entries[1], added}), {"y", "z"});
  auto again = set(b, fold(id, std::vector{entries[0], entries[1], added, without}), {"x", "y", "z"});
  entries.push_back(without), entries.push_back(again);
  CHECK(texts(fold(id, entries).report, "weapons") == std::set<std::string>{"x y z"});
  // All cleared by one who saw it all.
  entries.push_back(set(a, fold(id, entries), {}));
  CHECK(texts(fold(id, entries).report, "weapons") == std::set<std::string>{"(none)"});
}

TEST_CASE("Merge: an item of a repeat that was changed while someone removed it stays, as a conflict that shows both",
          "[report]") {
  auto engine = lysoen::test::generator(17);
  auto a = random_id<DeviceId>(engine), b = random_id<DeviceId>(engine);
  std::vector<Change> changes = {{"title", Value::text_of("t")},
                                 {"persons[i-1]/name", Value::text_of("one")},
                                 {"persons[i-2]/name", Value::text_of("two")}};
  auto first = entry_of(engine, a, make_creating_edit(*built_in_form("police-incident"), changes, "", at(0)));
  auto id = report_of(first);
  auto known = fold(id, std::vector{first});
  auto change = [&](const Folded& from, std::string path, std::optional<Value> value) {
    Change one{std::move(path), std::move(value)};
    auto edit = make_edit(from, {&one, 1}, at(5));
    REQUIRE(encode_edit(edit).ok());
    return edit;
  };
  auto removal = entry_of(engine, a, change(known, "persons[i-1]", std::nullopt));
  auto changed = entry_of(engine, b, change(known, "persons[i-1]/name", Value::text_of("uno")));
  auto added = entry_of(engine, b, change(known, "persons[i-10000000f]/name", Value::text_of("three")));

  auto removed = fold(id, std::vector{first, removal}).report;
  CHECK(removed.field("persons[i-1]/name") == nullptr);
  CHECK(texts(removed, "persons[i-2]/name") == std::set<std::string>{"two"});

  auto contested = fold(id, std::vector{first, removal, changed, added});
  CHECK(texts(contested.report, "persons[i-1]") == std::set<std::string>{"(none)", "kept"});
  CHECK(texts(contested.report, "persons[i-1]/name") == std::set<std::string>{"uno"});
  CHECK(texts(contested.report, "persons[i-10000000f]/name") == std::set<std::string>{"three"});
  CHECK(contested.report.conflicts() == 1);
  // Either decision settles it.
  auto gone = entry_of(engine, a, make_settlement(contested, "persons[i-1]", std::nullopt, at(6)));
  CHECK(fold(id, std::vector{first, removal, changed, added, gone}).report.field("persons[i-1]/name") == nullptr);
  auto kept = entry_of(engine, a, make_settlement(contested, "persons[i-1]", Value::text_of("kept"), at(6)));
  auto report = fold(id, std::vector{first, removal, changed, added, kept}).report;
  CHECK(report.conflicts() == 0);
  CHECK(texts(report, "persons[i-1]/name") == std::set<std::string>{"uno"});
  // Items stand in their order, new ones last.
  std::vector<std::string> order;
  for (const auto& field : report.fields)
    if (field.path.starts_with("persons")) order.push_back(field.path);
  CHECK(order == std::vector<std::string>{"persons[i-1]/name", "persons[i-2]/name", "persons[i-10000000f]/name"});
}

TEST_CASE("Merge: status is a field; contested, the least advanced counts until someone decides", "[report]") {
  auto engine = lysoen::test::generator(18);
  auto a = random_id<DeviceId>(engine), b = random_id<DeviceId>(engine);
  auto first = creating_entry(engine, a, "title", "t");
  auto id = report_of(first);
  auto known = fold(id, std::vector{first});
  CHECK(known.report.status == Status::submitted);
  auto verified = entry_of(engine, a, make_status_edit(known, Status::verified, "seen", at(1)));
  auto rejected = entry_of(engine, b, make_status_edit(known, Status::rejected, "not here", at(2)));
  auto contested = fold(id, std::vector{first, rejected, verified});
  CHECK(contested.report.status == Status::verified);
  CHECK(contested.report.status_values.size() == 2);
  CHECK(contested.report.conflicts() == 1);
  auto closed = entry_of(engine, a, make_status_edit(contested, Status::closed, "", at(3)));
  CHECK(fold(id, std::vector{first, rejected, verified, closed}).report.status == Status::closed);
}

TEST_CASE("Merge: a retraction hides with its reason and keeps; one that is contested does not hide", "[report]") {
  auto engine = lysoen::test::generator(19);
  auto a = random_id<DeviceId>(engine), b = random_id<DeviceId>(engine);
  auto first = creating_entry(engine, a, "title", "t");
  auto id = report_of(first);
  auto known = fold(id, std::vector{first});
  auto retraction = entry_of(engine, a, make_retraction(known, "another village", at(1)));
  auto report = fold(id, std::vector{first, retraction}).report;
  CHECK(report.retracted);
  CHECK(report.retraction_reason == "another village");
  CHECK(texts(report, "title") == std::set<std::string>{"t"});
  auto standing = make_retraction(known, "", at(2));
  standing.retraction->retracted = false;
  CHECK_FALSE(fold(id, std::vector{first, retraction, entry_of(engine, b, standing)}).report.retracted);
}

TEST_CASE("Merge: the first submission is the creating edit and what its author sent with it", "[report]") {
  auto engine = lysoen::test::generator(20);
  auto a = random_id<DeviceId>(engine), b = random_id<DeviceId>(engine);
  auto first = creating_entry(engine, a, "title", "t");
  auto id = report_of(first);
  auto apart = write_entry(engine, id, a, "reported_by", "witness", {});
  apart.edit.first_submission = true;
  auto forged = write_entry(engine, id, b, "reported_by", "nobody", {});
  forged.edit.first_submission = true;
  auto later = write_entry(engine, id, a, "title", "changed", {first.id});
  auto report = as_first_submitted(id, std::vector{first, apart, forged, later});
  CHECK(texts(report, "title") == std::set<std::string>{"t"});
  CHECK(texts(report, "reported_by") == std::set<std::string>{"witness"});
  CHECK(report.edits == 2);
}
