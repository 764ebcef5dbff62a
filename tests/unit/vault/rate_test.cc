// Rates, printed when asked for: unit_vault "[rate]". Not part of a run; figures are for people, not for passing.
#include <ctime>
#include <functional>
#include <iostream>

#include "tests/unit/vault/people.h"

using namespace lysoen;
using namespace lysoen::test;

namespace {

/// Of processor time: what a busy machine does meanwhile is not counted.
double seconds(const std::function<void()>& work) {
  auto from = std::clock();
  work();
  return static_cast<double>(std::clock() - from) / CLOCKS_PER_SEC;
}

ImportRow row(int number) {
  auto text_value = [&](std::string_view what) {
    return text(std::string(what) + " " + std::to_string(number) + " at the crossing near the old market");
  };
  return {
      "police-incident",
      "file:" + std::to_string(number),
      {{"title", text_value("Incident")},
       {"external_id", text(std::to_string(number))},
       {"what_happened", text_value("Several persons stopped a vehicle and took what was in it; nobody was hurt;")},
       {"event_date", value(ValueType::date, "2020-02-0" + std::to_string(1 + number % 9))},
       {"place", value(ValueType::point, std::to_string(number % 60) + ".25 " + std::to_string(number % 90) + ".5")},
       {"place_name", text_value("Place")},
       {"address", text_value("Street")},
       {"settlement", text("Town")},
       {"admin_1", text("Province")},
       {"admin_2", text("District")},
       {"country", text("Country")},
       {"killed", value(ValueType::integer, "0")},
       {"injured", value(ValueType::integer, "2")},
       {"agency", text("Agency")}}};
}

}  // namespace

TEST_CASE("Rates of import, intake, lists and search", "[.rate]") {
  constexpr int kRows = 10240;
  Team team;
  auto& ben = team.add(Role::reporter, "Ben");
  std::vector<std::vector<ImportRow>> portions;
  for (int first = 0; first < kRows; first += 256) {
    portions.emplace_back();
    for (int i = first; i < first + 256; ++i) portions.back().push_back(row(i));
  }
  auto print = [](std::string_view what, int count, double took) {
    std::cout << what << ": " << static_cast<int>(count / took) << " per s (" << took << " s)\n";
  };
  print("import", kRows, seconds([&] {
          for (const auto& portion : portions) must(ben->import_rows(portion));
        }));
  print("lock and reopen after import", 1, seconds([&] { ben.reopen(); }));
  print("intake", kRows, seconds([&] { carry(*ben, *team.admin()); }));
  ReportQuery words;
  words.text = "crossing 4711";
  print("first search", 1, seconds([&] { CHECK(must(team.admin()->count(words)) == 1); }));
  print("search", 1, seconds([&] { CHECK(must(team.admin()->list(words)).size() == 1); }));
  ReportQuery latest;
  latest.limit = 50;
  print("latest 50", 1, seconds([&] { CHECK(must(team.admin()->list(latest)).size() == 50); }));
  print("each", kRows, seconds([&] { must(team.admin()->each({}, [](const Report&) { return true; })); }));
  print("single saves (begin, save, submit)", 100, seconds([&] {
          for (int i = 0; i < 100; ++i) submitted(*ben, "Single " + std::to_string(i));
        }));
  print("by id", 100, seconds([&] {
          auto id = must(team.admin()->list(latest)).front().id;
          for (int i = 0; i < 100; ++i) must(team.admin()->read(id));
        }));
}
