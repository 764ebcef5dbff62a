// Figures, not promises: run with `unit_relay "[measure]"`. The store is on the real disk.
#include <chrono>
#include <cstdio>

#include "tests/unit/relay/field.h"

using namespace lysoen;
using namespace lysoen::test;

TEST_CASE("Measure: a sync of 11,000 entries up and down, and of nothing", "[.][measure]") {
  Field field(500);
  field.relay.reset();
  auto options = field.options();
  options.files = nullptr;
  options.folder = field.folder.path() / "real";
  field.relay = *relay::Relay::open(options, field.environment());
  REQUIRE(field.relay->admit_team(team::team_key_text(field.root.public_key())).ok());
  field.list.reset();
  field.admin.todo.admission_lists.push_back(field.next_list({}));
  REQUIRE(field.sync(field.admin).ok());
  for (int i = 0; i < 11000; ++i) field.reporter.write(field.team_audience, 352);
  auto run = [&](const char* name, FieldDevice& device, session::RequestOptions how) {
    auto began = std::chrono::steady_clock::now();
    uint64_t up = 0, down = 0, exchanges = 0;
    auto session = field.exchange(device);
    for (bool more = true; more && exchanges < 5000; ++exchanges) {
      auto request = session.request(how);
      auto answer = field.answer(*request);
      up += request->size(), down += answer.size();
      auto outcome = session.response(answer);
      REQUIRE(outcome.ok());
      more = outcome->more();
    }
    std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
    std::printf("%s: %.2f s, %llu exchanges, %llu bytes up, %llu down\n", name, took.count(),
                static_cast<unsigned long long>(exchanges), static_cast<unsigned long long>(up),
                static_cast<unsigned long long>(down));
  };
  run("push, 1 MiB windows", field.reporter, {.window = 1 << 20});
  run("pull, 4 MiB answers", field.reader, {.answer_max = 4 << 20});
  run("nothing new, author", field.reporter, {});
  run("nothing new, reader", field.reader, {});
  auto began = std::chrono::steady_clock::now();
  for (int i = 0; i < 500; ++i) REQUIRE(field.once(field.reader).ok());
  std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  std::printf("500 exchanges with nothing new: %.0f a second, both sides\n", 500 / took.count());
}
