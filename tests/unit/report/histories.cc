#include "tests/unit/report/histories.h"

#include <algorithm>
#include <set>

#include "core/report/path.h"
#include "tests/support/catch.h"

namespace lysoen::report::test {

namespace {

class EngineRandom final : public Random {
 public:
  explicit EngineRandom(Engine& engine) : engine_(engine) {}
  void fill(std::span<uint8_t> out) override {
    for (auto& byte : out) byte = static_cast<uint8_t>(engine_());
  }

 private:
  Engine& engine_;
};

std::string digits(Engine& engine, size_t count) {
  std::string text;
  for (size_t i = 0; i < count; ++i) text += static_cast<char>('0' + engine() % 10);
  return text;
}

std::string random_number(Engine& engine) {
  std::string text = engine() % 3 ? "" : "-";
  text += digits(engine, 1 + engine() % 8);
  if (engine() % 2) text += "." + digits(engine, engine() % 14);
  return text;
}

Edit through_bytes(const Edit& edit) {
  auto bytes = encode_edit(edit);
  if (!bytes.ok()) FAIL(bytes.error().message);
  auto decoded = decode_edit(*bytes);
  if (!decoded.ok()) FAIL(decoded.error().message);
  return *decoded;
}

// Few paths and few values, so that authors meet.
std::vector<Change> random_changes(Engine& engine, const Folded& known) {
  const std::vector<std::string> simple = {"title", "what_happened", "place_name"};
  std::vector<Change> changes;
  std::vector<std::string> items;
  for (const auto& [item, order] : known.orders)
    if (items_of(item).size() < kItemDepthMax) items.push_back(item);
  for (size_t i = 0, count = 1 + engine() % 3; i < count; ++i) {
    auto text = Value::text_of("v" + std::to_string(engine() % 5));
    switch (engine() % 6) {
      case 0:
      case 1:
        changes.push_back({simple[engine() % simple.size()], engine() % 6 ? std::optional(text) : std::nullopt});
        break;
      case 2: {
        std::vector<std::string> codes;
        for (auto code : {"a", "b", "c", "d"})
          if (engine() % 2) codes.push_back(code);
        changes.push_back({"weapons", codes.empty() ? std::nullopt : std::optional(Value::choices_of(codes))});
        break;
      }
      case 3:
        changes.push_back({"persons[new" + std::to_string(engine() % 2) + "]/name", text});
        break;
      case 4:
        if (!items.empty() && engine() % 3 == 0)
          changes.push_back({items[engine() % items.size()] + "/things[new]/name", text});
        else if (!items.empty())
          changes.push_back({items[engine() % items.size()] + "/name", text});
        break;
      default:
        if (!items.empty())
          changes.push_back({items[engine() % items.size()], engine() % 3 ? std::nullopt : std::optional(text)});
    }
  }
  EngineRandom random(engine);
  auto named = name_new_items(changes, known.report.fields, {false, &random});
  REQUIRE(named.ok());
  return *named;
}

}  // namespace

Value random_value(Engine& engine, ValueType type) {
  auto parse = [&](const std::string& text) {
    auto value = Value::parse(type, text);
    if (!value.ok()) FAIL(name_of(type) << ": " << text << ": " << value.error().message);
    return *value;
  };
  auto two = [&](unsigned below) {
    auto text = std::to_string(100 + engine() % below);
    return text.substr(1);
  };
  auto day = [&] {
    return "20" + two(100) + "-0" + std::to_string(1 + engine() % 9) + "-1" + std::to_string(engine() % 10);
  };
  auto clock = [&] {
    return two(24) + ":" + two(60) + ":" + two(60) + (engine() % 2 ? "." + digits(engine, 1 + engine() % 9) : "");
  };
  switch (type) {
    case ValueType::text:
      return parse("line one\nline two é " + digits(engine, 1 + engine() % 300));
    case ValueType::integer:
      return parse((engine() % 2 ? "-" : "") + digits(engine, 1 + engine() % 18));
    case ValueType::decimal:
      return parse(random_number(engine));
    case ValueType::boolean:
      return parse(engine() % 2 ? "true" : "false");
    case ValueType::date:
      return parse(day());
    case ValueType::time:
      return parse(clock() + (engine() % 2 ? "+02:00" : ""));
    case ValueType::date_time:
      return parse(day() + "T" + clock() + (engine() % 2 ? "Z" : engine() % 2 ? "-11:45" : "+00:00"));
    case ValueType::point: {
      std::string text = std::to_string(engine() % 90) + "." + digits(engine, engine() % 16) + " -" + two(80) + "." +
                         digits(engine, 12);
      if (engine() % 2) text += " -3.50 4.0";
      return parse(text);
    }
    case ValueType::choice:
      return parse("code_" + digits(engine, 2));
    case ValueType::choices:
      return parse("b a" + digits(engine, 2) + " c");
    case ValueType::attachment:
      return parse(random_id<BlobId>(engine).hex() + " " + std::to_string(engine() % 100000) +
                   " image/jpeg my photo.jpg");
  }
  return {};
}

ReportId report_of(const FoldEntry& creating) {
  ReportId id;
  id.bytes = creating.id.bytes;
  return id;
}

FoldEntry creating_entry(Engine& engine, const DeviceId& author, std::string path, std::string text) {
  Change change{std::move(path), Value::text_of(std::move(text))};
  EditContext context{WallTime(std::chrono::milliseconds(1'000'000 + engine() % 1000)), 5, 1};
  auto edit = make_creating_edit(*built_in_form("police-incident"), {&change, 1}, "", context);
  return {random_id<EditId>(engine), author, through_bytes(edit), ""};
}

FoldEntry write_entry(Engine& engine, const ReportId& report, const DeviceId& author, std::string path,
                      std::string text, std::vector<EditId> supersedes) {
  Edit edit;
  edit.report = report;
  edit.claimed = WallTime(std::chrono::milliseconds(1'000'000 + engine() % 1000));
  edit.writes.push_back({std::move(path), Value::text_of(std::move(text)), std::move(supersedes)});
  return {random_id<EditId>(engine), author, through_bytes(edit), ""};
}

History random_history(Engine& engine, size_t edits, bool set_aside) {
  History history;
  for (size_t i = 0, count = 3 + engine() % 3; i < count; ++i) history.authors.push_back(random_id<DeviceId>(engine));
  history.entries.push_back(creating_entry(engine, history.authors[0], "title", "v0"));
  history.report = report_of(history.entries[0]);
  std::vector<std::set<size_t>> knows(history.authors.size(), {0});
  while (history.entries.size() < edits) {
    size_t author = engine() % history.authors.size();
    for (size_t i = 0; i < history.entries.size(); ++i)
      if (engine() % 4 == 0) knows[author].insert(i);
    std::vector<FoldEntry> known;
    for (size_t i : knows[author]) known.push_back(history.entries[i]);
    auto folded = fold(history.report, known);
    // Clocks lie: times are random, and often equal.
    EditContext context{WallTime(std::chrono::milliseconds(engine() % 50 * 1000)), engine() % 1000, engine() % 4};
    Edit edit;
    auto kind = engine() % 12;
    if (kind == 0)
      edit = make_status_edit(folded, static_cast<Status>(1 + engine() % 6), "because", context);
    else if (kind == 1)
      edit = make_retraction(folded, "mistake", context), edit.retraction->retracted = engine() % 2;
    else
      edit = make_edit(folded, random_changes(engine, folded), context);
    if (edit.changes_nothing()) continue;
    bool aside = set_aside && engine() % 5 == 0;
    history.entries.push_back(
        {random_id<EditId>(engine), history.authors[author], through_bytes(edit), aside ? "beyond a cut" : ""});
    knows[author].insert(history.entries.size() - 1);
  }
  return history;
}

}  // namespace lysoen::report::test
