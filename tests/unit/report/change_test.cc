#include "core/report/change.h"

#include "core/report/path.h"
#include "tests/support/catch.h"
#include "tests/support/seed.h"
#include "tests/unit/report/histories.h"

using namespace lysoen;
using namespace lysoen::report;
using namespace lysoen::report::test;

namespace {

Value text(std::string value) {
  return Value::text_of(std::move(value));
}
Value parsed(ValueType type, std::string_view value) {
  return *Value::parse(type, value);
}

std::string refusal(const Form& form, Change change) {
  auto checked = check_change(form, change);
  return checked.ok() ? "" : checked.error().message;
}

}  // namespace

TEST_CASE("Change: what a form does not have is refused by the name of the field, never with the value", "[report]") {
  auto form = built_in_form("police-incident");
  CHECK(refusal(*form, {"title", text("secret")}).empty());
  CHECK(refusal(*form, {"title", std::nullopt}).empty());
  CHECK(refusal(*form, {"sources[new1]/url", text("secret")}).empty());
  CHECK(refusal(*form, {"sources[i-1]", std::nullopt}).empty());
  CHECK(refusal(*form, {"weather", text("secret")}) == "no question 'weather' in form 'police-incident'");
  CHECK(refusal(*form, {"killed", text("secret")}) == "question 'killed' takes integer, not text");
  CHECK(refusal(*form, {"category", parsed(ValueType::choice, "secret")}) == "question 'category' has no such choice");
  CHECK(refusal(*form, {"weapons", parsed(ValueType::choices, "blade secret")}) ==
        "question 'weapons' has no such choice");
  CHECK(refusal(*form, {"title", text("secret\x01")}) == "question 'title': text holds control characters");
  CHECK(refusal(*form, {"sources/url", text("secret")}) ==
        "'sources' repeats in form 'police-incident': the path names no item");
  CHECK(refusal(*form, {"title[i-1]", text("secret")}) ==
        "nothing that repeats is called 'title' in form 'police-incident'");
  CHECK(refusal(*form, {"sources[x-y]/url", text("secret")}) == "'sources' has no such item");
  CHECK(refusal(*form, {"a//b", text("secret")}) == "'a//b' is no path of a question");
  CHECK(refusal(*form, {"a\x1b", text("secret")}) == "what is given is no path of a question");
  auto hint = check_change(*form, {"category", parsed(ValueType::choice, "x")}).error().hint;
  CHECK(hint.starts_with("choices: homicide, "));
}

TEST_CASE("Change: new items get ids, the same label the same id, and those of a draft small ones", "[report]") {
  std::vector<Change> changes = {
      {"victims[new1]/name", text("a")}, {"victims[new1]/age_text", text("b")}, {"victims[new2]/name", text("c")}};
  std::vector<Field> taken = {{"victims[i-3]/name", {}}};
  auto named = name_new_items(changes, taken, {true, nullptr});
  REQUIRE(named.ok());
  CHECK((*named)[0].path == "victims[i-4]/name");
  CHECK((*named)[1].path == "victims[i-4]/age_text");
  CHECK((*named)[2].path == "victims[i-5]/name");
  lysoen::test::SeededRandom random(1);
  named = name_new_items(changes, taken, {false, &random});
  CHECK(*item_id(split_path((*named)[0].path)->at(0).label) >= kFirstRandomItem);
  CHECK((*named)[0].path != (*named)[2].path);
}

TEST_CASE("Change: a draft's answers are laid over the report and become its creating edit", "[report]") {
  auto form = built_in_form("human-rights-violation");
  std::vector<Change> changes = {{"title", text("one")},           {"victims[i-2]/name", text("b")},
                                 {"victims[i-1]/name", text("a")}, {"title", text("two")},
                                 {"place_name", text("x")},        {"place_name", std::nullopt}};
  Report draft;
  overlay(draft, changes, DeviceId{}, WallTime{});
  REQUIRE(draft.fields.size() == 3);
  CHECK(draft.field("title")->values[0].value->text() == "two");
  CHECK(draft.fields[1].path == "victims[i-1]/name");
  CHECK(missing_required(*form, draft.fields).empty());
  CHECK(missing_required(*form, {}) == std::vector<std::string>{"title"});
  auto edit = make_creating_edit(*form, changes, "f:1", {});
  CHECK(edit.writes.size() == 3);
  CHECK(edit.items.size() == 2);
  changes.push_back({"victims[i-1]", std::nullopt});
  overlay(draft, std::span(changes).last(1), DeviceId{}, WallTime{});
  CHECK(draft.field("victims[i-1]/name") == nullptr);
  CHECK(make_creating_edit(*form, changes, "", {}).items.size() == 1);
}

TEST_CASE("Change: an edit holds only what it alters, and names what it replaces", "[report]") {
  auto engine = lysoen::test::generator(40);
  auto a = random_id<DeviceId>(engine);
  auto first = creating_entry(engine, a, "title", "old");
  auto known = fold(report_of(first), std::vector{first});
  std::vector<Change> changes = {{"title", text("old")}, {"place_name", std::nullopt}, {"sources[i-99]", std::nullopt}};
  CHECK(make_edit(known, changes, {}).changes_nothing());
  changes = {{"title", text("new")}, {"sources[i-500000000]/url", text("u")}, {"sources[i-500000001]/url", text("v")}};
  auto edit = make_edit(known, changes, {});
  REQUIRE(edit.writes.size() == 3);
  REQUIRE(edit.items.size() == 2);
  CHECK(edit.items[0].order < edit.items[1].order);
  for (const auto& write : edit.writes)
    CHECK(write.supersedes == (write.path == "title" ? std::vector{first.id} : std::vector<EditId>{}));
}

TEST_CASE("Summary: roles give title, category, day and place; without roles the first point and date serve",
          "[report]") {
  auto form = built_in_form("police-incident");
  std::vector<Change> changes = {{"title", text("a\n b " + std::string(100, 'x'))},
                                 {"category", parsed(ValueType::choice, "robbery")},
                                 {"event_date", parsed(ValueType::date, "2020-01-05")},
                                 {"event_end_date", parsed(ValueType::date, "2019-01-05")},
                                 {"place", parsed(ValueType::point, "1.5 2.5")}};
  Report report;
  overlay(report, changes, DeviceId{}, WallTime{});
  auto line = summary(report, form.get());
  CHECK(line.title == "a b " + std::string(76, 'x'));
  CHECK(line.category == "robbery");
  CHECK(line.event_day == "2020-01-05");
  CHECK(line.event_time == WallTime(std::chrono::days(18266)));
  CHECK(line.place->longitude == 2.5);
  auto unknown = summary(report, nullptr);
  CHECK(unknown.event_day == "2020-01-05");
  CHECK(unknown.place->latitude == 1.5);
  // A form that says which date counts is not served by another one.
  report.fields.erase(
      std::find_if(report.fields.begin(), report.fields.end(), [](auto& f) { return f.path == "event_date"; }));
  CHECK(summary(report, form.get()).event_day.empty());
}

TEST_CASE("Change: an item that is added has one value, whatever the caller gave", "[report]") {
  std::vector<Change> changes = {{"victims[new1]", Value()}, {"victims[i-7]", text(" ")}, {"victims[i-8]", {}}};
  auto named = name_new_items(changes, {}, {true, nullptr});
  REQUIRE(named.ok());
  CHECK((*named)[0].value == text("kept"));
  CHECK((*named)[1].value == text("kept"));
  CHECK_FALSE((*named)[2].value);
}

TEST_CASE("Order: between any two keys there is room, and the keys of new items follow each other", "[report]") {
  auto engine = lysoen::test::generator(41);
  std::vector<std::string> keys = {default_order(1), default_order(256), default_order(kFirstRandomItem + 5)};
  for (int i = 0; i < 2000; ++i) {
    size_t at = engine() % (keys.size() + 1);
    auto low = at == 0 ? "" : keys[at - 1], high = at == keys.size() ? "" : keys[at];
    auto key = order_between(low, high);
    REQUIRE(key);
    REQUIRE((low < *key && (high.empty() || *key < high) && key->back() != '\0'));
    keys.insert(keys.begin() + static_cast<ptrdiff_t>(at), *key);
  }
  CHECK_FALSE(order_between(std::string(64, '\xFF'), ""));
}

TEST_CASE("Path: only names with items of the right form are paths", "[report]") {
  CHECK(join_path(*split_path("a/b[i-f]/c")) == "a/b[i-f]/c");
  CHECK(form_path("a[i-1]/b[i-2]/c") == "a/b/c");
  CHECK(items_of("a[i-1]/b[i-2]/c") == std::vector<std::string>{"a[i-1]", "a[i-1]/b[i-2]"});
  CHECK(is_within("a[i-1]/b", "a[i-1]"));
  CHECK_FALSE(is_within("a[i-1]", "a[i-1]/b"));
  for (auto bad : {"", "/a", "a/", "a b", "a[", "a]", "a[]", "a[i-1]b", "a[b[c]]", "a:b"}) CHECK_FALSE(split_path(bad));
  for (auto bad : {"i-", "i-0", "i-F", "i-01", "i-100000000000000", "x-1", "1"}) CHECK_FALSE(item_id(bad));
  CHECK(item_id(item_label(kItemIdEnd - 1)) == kItemIdEnd - 1);
}
