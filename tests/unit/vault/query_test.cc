// Queries against what a reader would pick by hand from all reports; pages; facets; search in several scripts.
#include <algorithm>
#include <cmath>
#include <set>

#include "core/vault/search_words.h"
#include "tests/unit/vault/people.h"

using namespace lysoen;
using namespace lysoen::test;

namespace {

constexpr double kRadian = 3.14159265358979323846 / 180;

/// By unit vectors, so that it shares no formula with the product's.
double metres(Value::LatLon a, Value::LatLon b) {
  auto vector = [](Value::LatLon at) {
    return std::array{std::cos(at.latitude * kRadian) * std::cos(at.longitude * kRadian),
                      std::cos(at.latitude * kRadian) * std::sin(at.longitude * kRadian),
                      std::sin(at.latitude * kRadian)};
  };
  auto u = vector(a), v = vector(b);
  double chord = std::sqrt(std::pow(u[0] - v[0], 2) + std::pow(u[1] - v[1], 2) + std::pow(u[2] - v[2], 2));
  return 6371008.8 * 2 * std::asin(std::min(1.0, chord / 2));
}

const std::vector<std::string> kWords{"river", "bridge", "market", "witness", "school", "crossing", "night"};

/// Two devices, and reports of every kind.
struct Village {
  Team team;
  Device& ben = team.add(Role::reporter, "Ben");
  std::mt19937_64 random = generator(77);

  int64_t number(int64_t from, int64_t to) { return std::uniform_int_distribution<int64_t>(from, to)(random); }
  template <class T>
  const T& one_of(const std::vector<T>& all) {
    return all[static_cast<size_t>(number(0, static_cast<int64_t>(all.size()) - 1))];
  }
  std::vector<Change> answers() {
    std::vector<Change> changes{{"title", text(one_of(kWords) + " " + one_of(kWords))}};
    if (number(0, 4) > 0) changes.push_back({"what_happened", text(one_of(kWords))});
    if (number(0, 5) > 0)
      changes.push_back({"event_date", value(ValueType::date, "2020-0" + std::to_string(number(1, 3)) + "-1" +
                                                                  std::to_string(number(0, 9)))});
    if (number(0, 4) > 0) {
      // Near each other, also around the 180th meridian and a pole.
      auto place = number(0, 2) == 0 ? std::to_string(number(-3, 3)) + ".25 " + std::to_string(number(177, 179)) + ".5"
                   : number(0, 3) == 0
                       ? "89.5 " + std::to_string(number(-179, 179)) + ".1"
                       : std::to_string(number(-3, 3)) + ".5 " + std::to_string(number(-179, -176)) + ".5";
      changes.push_back({"place", value(ValueType::point, place)});
    }
    if (number(0, 2) > 0)
      changes.push_back(
          {"category", value(ValueType::choice, one_of(std::vector<std::string>{"homicide", "assault"}))});
    return changes;
  }
  ReportId make(Vault& vault) {
    team.admin().clock.advance(std::chrono::milliseconds(number(0, 3) * 1000));
    ben.clock.advance(std::chrono::milliseconds(number(0, 3) * 1000));
    auto id = must(vault.begin("police-incident", "en", answers()));
    return number(0, 4) == 0 ? id : must(vault.submit(id));
  }
};

/// What the query must answer, by looking at every report whole.
std::vector<ReportSummary> by_hand(Vault& vault, const ReportQuery& query, const std::set<ReportId>& unsent) {
  ReportQuery everything;
  everything.with_retracted = true;
  std::vector<ReportSummary> found;
  for (auto& line : must(vault.list(everything))) {
    auto report = must(vault.read(line.id));
    std::string words;
    for (auto& field : report.fields)
      for (auto& visible : field.values)
        if (visible.value && visible.value->type() == ValueType::text) words += " " + visible.value->text();
    bool fits = query.with_retracted || !report.retracted;
    fits &= query.form_id.empty() || report.form_id == query.form_id;
    fits &= !query.status || report.status == *query.status;
    fits &= !query.author || report.author == *query.author;
    fits &= query.category.empty() || line.category == query.category;
    fits &= !query.only_conflicts || report.conflicts() > 0;
    fits &= !query.only_unsent || unsent.count(line.id) > 0;
    fits &= query.text.empty() || words.find(" " + query.text) != std::string::npos;
    fits &= !query.from || (line.event_time && *line.event_time >= *query.from);
    fits &= !query.until || (line.event_time && *line.event_time < *query.until);
    if (query.box) {
      auto& box = *query.box;
      fits &= line.place && line.place->latitude >= box.south && line.place->latitude <= box.north;
      if (fits)
        fits &= box.west <= box.east ? line.place->longitude >= box.west && line.place->longitude <= box.east
                                     : line.place->longitude >= box.west || line.place->longitude <= box.east;
    }
    if (query.circle)
      fits &=
          line.place && metres(*line.place, {query.circle->latitude, query.circle->longitude}) <= query.circle->metres;
    if (fits) found.push_back(line);
  }
  return found;
}

std::vector<ReportId> ids(const std::vector<ReportSummary>& lines) {
  std::vector<ReportId> all;
  for (auto& line : lines) all.push_back(line.id);
  return all;
}

using Counts = std::vector<ReportFacets::Count>;
Counts counted(const std::vector<ReportSummary>& lines, const std::function<std::string(const ReportSummary&)>& of) {
  std::map<std::string, size_t> counts;
  for (auto& line : lines)
    if (auto value = of(line); !value.empty()) ++counts[value];
  Counts all;
  for (auto& [value, count] : counts) all.push_back({value, count});
  return all;
}
Counts sorted(Counts counts) {
  std::sort(counts.begin(), counts.end(), [](auto& a, auto& b) { return a.value < b.value; });
  return counts;
}

}  // namespace

TEST_CASE("Queries answer what a reader would pick from all reports", "[vault][query]") {
  Village field;
  auto& ada = field.team.admin();
  auto& ben = field.ben;
  std::vector<ReportId> bens;
  for (int i = 0; i < 50; ++i) bens.push_back(field.make(*ben));
  carry(*ben, *ada);
  std::vector<ReportId> of_both;
  for (int i = 0; i < 30; ++i) of_both.push_back(field.make(*ada));
  // Conflicts: both change what Ben had sent.
  for (size_t i = 0; i < 6; ++i) {
    auto report = must(ben->read(bens[i]));
    if (report.level == Level::draft) continue;
    for (auto* device : {&ben, &ada}) {
      must((*device)->save(bens[i], std::vector<Change>{{i == 5 ? "place_description" : "title",
                                                         text("changed " + std::to_string(i) +
                                                              (device == &ben ? " river" : " bridge"))}}));
      if (i != 5) must((*device)->submit(bens[i]));
    }
  }
  carry(*ben, *ada);
  for (size_t i = 10; i < 14; ++i)
    if (must(ada->find(bens[i].hex())).size() == 1) must(ada->set_status(bens[i], Status::verified, "seen"));
  for (auto& line : must(ada->list({})))
    if (field.number(0, 12) == 0 && line.status != Status::draft) must(ada->retract(line.id, "twice"));

  // No relay: all that Ada wrote is unsent, and nothing that came from Ben alone.
  std::set<ReportId> unsent;
  for (auto& line : must(ada->list({.with_retracted = true}))) {
    auto report = must(ada->read(line.id));
    bool ada_wrote = report.author == ada->sync_peer().device() || report.has_unsent_changes || report.retracted ||
                     report.status == Status::verified;
    for (auto& f : report.fields)
      for (auto& visible : f.values) ada_wrote |= visible.author == ada->sync_peer().device();
    if (ada_wrote) unsent.insert(line.id);
  }
  CHECK(ids(must(ada->list({.only_unsent = true, .with_retracted = true}))).size() == unsent.size());

  auto day = [&] { return *value(ValueType::date, "2020-0" + std::to_string(field.number(1, 4)) + "-05").instant(); };
  size_t found_any = 0;
  const int rounds = std::getenv("LYSOEN_LONG") ? 2000 : 150;
  for (int round = 0; round < rounds; ++round) {
    ReportQuery query;
    auto maybe = [&](int one_in) { return field.number(1, one_in) == 1; };
    if (maybe(6)) query.form_id = "police-incident";
    if (maybe(5)) query.status = field.one_of(std::vector<Status>{Status::draft, Status::submitted, Status::verified});
    if (maybe(4)) query.from = day();
    if (maybe(4)) query.until = day();
    if (maybe(4)) query.category = "assault";
    if (maybe(4)) query.author = maybe(2) ? ben->sync_peer().device() : ada->sync_peer().device();
    if (maybe(6)) query.only_conflicts = true;
    if (maybe(5)) query.only_unsent = true;
    if (maybe(3)) query.with_retracted = true;
    if (maybe(3)) query.text = field.one_of(kWords).substr(0, static_cast<size_t>(field.number(2, 8)));
    auto degree = [&](int from, int to) { return static_cast<double>(field.number(from, to)); };
    if (maybe(4)) {
      double west = degree(-180, 180), east = degree(-180, 180);
      query.box = ReportQuery::Box{degree(-4, 0), west, degree(0, 90), east};
    }
    if (maybe(4))
      query.circle =
          ReportQuery::Circle{maybe(4) ? 89.0 : degree(-4, 4), maybe(2) ? degree(175, 180) : degree(-180, -175),
                              std::pow(10.0, degree(4, 6)) * degree(1, 5)};
    INFO("round " << round << " text '" << query.text << "'");
    auto expected = by_hand(*ada, query, unsent);
    auto listed = must(ada->list(query));
    REQUIRE(ids(listed) == ids(expected));
    REQUIRE(must(ada->count(query)) == expected.size());
    found_any += !expected.empty();

    auto facets = must(ada->facets(query));
    REQUIRE(facets.reports == expected.size());
    REQUIRE(sorted(facets.forms) == counted(expected, [](auto& line) { return line.form_id; }));
    REQUIRE(sorted(facets.statuses) == counted(expected, [](auto& line) { return std::string(name_of(line.status)); }));
    REQUIRE(sorted(facets.categories) == counted(expected, [](auto& line) { return line.category; }));
    REQUIRE(sorted(facets.authors) == counted(expected, [](auto& line) { return line.author.hex(); }));
    REQUIRE(facets.days == counted(expected, [](auto& line) { return line.event_day; }));
    REQUIRE(facets.months == counted(expected, [](auto& line) { return line.event_day.substr(0, 7); }));
    REQUIRE(facets.conflicts == static_cast<size_t>(std::count_if(expected.begin(), expected.end(),
                                                                  [](auto& line) { return line.conflicts > 0; })));
    REQUIRE(facets.unsent == static_cast<size_t>(std::count_if(expected.begin(), expected.end(),
                                                               [&](auto& line) { return unsent.count(line.id) > 0; })));

    // Page by page the same.
    query.limit = static_cast<size_t>(field.number(1, 7));
    std::vector<ReportId> paged;
    for (;;) {
      auto page = must(ada->list(query));
      for (auto& line : page) paged.push_back(line.id);
      if (page.size() < query.limit) break;
      query.after = must(ListPlace::parse(page.back().place_in_list().text()));
    }
    REQUIRE(paged == ids(expected));
    query.after.reset();
    query.limit = 0;
    std::vector<ReportId> visited;
    must(ada->each(query, [&](const Report& report) { return visited.push_back(report.id), true; }));
    REQUIRE(visited == ids(expected));
  }
  CHECK(found_any > static_cast<size_t>(rounds) / 5);
}

TEST_CASE("Pages give every line once, whatever is written between them", "[vault][query]") {
  Village field;
  auto& ada = field.team.admin();
  for (int i = 0; i < 40; ++i) field.make(*ada);
  std::set<ReportId> there, seen;
  for (auto& line : must(ada->list({}))) there.insert(line.id);
  ReportQuery query;
  query.limit = 3;
  for (;;) {
    auto page = must(ada->list(query));
    for (auto& line : page) CHECK(seen.insert(line.id).second);
    if (!page.empty()) query.after = page.back().place_in_list();
    if (page.size() < query.limit) break;
    // New ones before and behind the place; and a draft that was shown already goes.
    for (int i = 0; i < 3; ++i) field.make(*ada);
    for (auto& line : page)
      if (line.status == Status::draft) must(ada->discard(line.id));
    REQUIRE(seen.size() < 1000);
    if (seen.size() > 150) break;  // the new ones behind the place would keep it going
  }
  ReportQuery rest = query;
  rest.limit = 0;
  for (auto& line : must(ada->list(rest))) CHECK(seen.insert(line.id).second);
  for (auto& id : there) CHECK(seen.count(id) == 1);
  auto wrong = ListPlace::parse("12ab");
  REQUIRE_FALSE(wrong.ok());
  CHECK(wrong.error().code == ErrorCode::input_refused);
}

TEST_CASE("A search finds words in every script, whole or begun", "[vault][query]") {
  struct Case {
    const char *narrative, *found, *not_found;
  };
  const Case cases[] = {
      {"The witness stood at the crossing.", "WIT", "itness"},
      {"Des manifestants arrêtés à Évry, garde à vue prolongée", "arretes evry", "arretez"},
      {"Cảnh sát bắt giữ người biểu tình ở Huế", "canh sat bat giu nguoi", "canhsat"},
      {"اعتُقِلَ ثلاثةُ متظاهرينَ أمامَ المدرسةِ", "اعتقل ثلاثة متظاهرين امام المدرسة", "مظاهرين"},
      {"Задержаны трое, ещё один ранен; её увезли", "задержаны еще ее", "задержана"},
      {"Η αστυνομία συνέλαβε τρεις διαδηλωτές στην Αθήνα", "ΑΣΤΥΝΟΜΙΑ συνελαβε διαδηλωτες αθηνα", "αθηνων"},
      {"警察在市场逮捕了三名抗议者。", "市场逮捕 抗议者", "市逮场"},
      {"警官が市場で三人を逮捕した。カメラを没収", "逮捕した カメラ", "逮した"},
      {"ตำรวจจับกุมผู้ประท้วงสามคนที่ตลาด", "ผู้ประท้วง ตลาด", "ตลากด"},
      {"ប៉ូលិសបានចាប់ខ្លួនបាតុករបីនាក់នៅផ្សារ។", "បាតុករ ផ្សារ", "បាតករុ"},
      {"ရဲများသည်ဆန္ဒပြသူသုံးဦးကိုဈေးတွင်ဖမ်းဆီးခဲ့သည်။", "ဆန္ဒပြသူ ဖမ်းဆီး", "ဆန္ဒသူပြ"},
      {"पुलिस ने बाज़ार में तीन प्रदर्शनकारियों को गिरफ़्तार किया", "पुलिस गिरफ़्तार", "पलिस"},
      {"ፖሊስ ሦስት ሰልፈኞችን አሰረ", "ፖሊስ ሰልፈ", "ሊስ"},
      {"경찰이 시장에서 세 명을 체포했다", "경찰 시장", "찰이"},
      {"Report on ABC公司ABC of 2020", "公司abc", "司公"},
  };
  Team team;
  auto& ada = team.admin();
  std::vector<ReportId> reports;
  for (auto& one : cases) reports.push_back(submitted(*ada, "T", {{"what_happened", text(one.narrative)}}));
  for (bool indexed : {false, true}) {
    for (size_t i = 0; i < std::size(cases); ++i) {
      INFO(cases[i].narrative << (indexed ? ", indexed" : ", due"));
      CHECK(ids(must(ada->list({.text = cases[i].found}))) == std::vector<ReportId>{reports[i]});
      CHECK(must(ada->list({.text = cases[i].not_found})).empty());
    }
    ada.reopen();
  }
  CHECK(must(ada->list({.text = "者"})).size() == 1);        // the last letter of a run
  CHECK(must(ada->list({.text = "逮"})).size() == 2);        // one that begins pairs
  CHECK(must(ada->list({.text = "wit"})).size() == 1);       // begun
  CHECK(must(ada->list({.text = "wit "})).empty());          // ended by the space
  CHECK(must(ada->list({.text = "wit crossing"})).empty());  // only the last word may be begun
  CHECK(must(ada->list({.text = "\"wit* OR NEAR("})).empty());
  CHECK(must(ada->list({.text = " \t "})).size() == std::size(cases));  // no word: everything
}

TEST_CASE("Words for the index", "[vault][query]") {
  CHECK(vault::index_text("abc") == "abc");
  CHECK(vault::index_text("逮捕者") == " 逮捕 捕者 者 ");
  CHECK(vault::match_expression("逮捕者") == "\" 逮捕 捕者 \" *");
  CHECK(vault::match_expression("one \"two") == "\"one\" \"\"\"two\" *");
  CHECK(vault::match_expression("one two ") == "\"one\" \"two\"");
  CHECK(vault::match_expression("逮 x ") == "\" 逮 \" * \"x\"");
  CHECK(vault::match_expression("").empty());
  auto random = generator(3);
  for (int i = 0; i < 2000; ++i) {  // no bytes are too odd
    std::string bytes;
    for (int n = 0; n < 40; ++n) bytes += static_cast<char>(random() % 4 ? 0x80 + random() % 128 : random() % 256);
    (void)vault::index_text(bytes);
    (void)vault::match_expression(bytes);
  }
}
