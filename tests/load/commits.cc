// How fast a relay takes entries in, durably, on one core: requests of many devices, each a batch, opened, verified,
// stored in group commits and answered with receipts, all on this one thread; and beside it what plain SQLite takes for
// the same bytes in the same groups (WAL, FULL), without a signature looked at. For tools/bench relay.
//
//   load_commits FOLDER DEVICES BATCH ROUNDS
#include <sqlite3.h>

#include <cstdlib>
#include <filesystem>

#include "sync/relay/keys.h"
#include "sync/relay/relay.h"
#include "tests/bench/measure.h"
#include "tests/load/world.h"

namespace lysoen::load {

namespace {

constexpr size_t kEntry = 384;  // ciphertext of a report of the workload, padded

int fail(const Error& error) {
  std::fprintf(stderr, "error: %s\n", error.message.c_str());
  return 1;
}

void tell_rate(const char* column, const bench::Cost& cost, uint64_t entries) {
  bench::tell("wall", column, double(entries) / cost.wall);
  bench::tell("processor", column, double(entries) / cost.processor);
}

bool plain(const std::filesystem::path& file, uint64_t groups, uint64_t entries, bench::Cost& spent) {
  sqlite3* db = nullptr;
  if (sqlite3_open(file.c_str(), &db) != SQLITE_OK) return false;
  auto run = [&](const char* sql) { return sqlite3_exec(db, sql, nullptr, nullptr, nullptr) == SQLITE_OK; };
  bool good =
      run("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE entry(feed INTEGER, seq INTEGER, "
          "hash BLOB, ciphertext_hash BLOB, ciphertext BLOB, PRIMARY KEY(feed, seq)) WITHOUT ROWID");
  sqlite3_stmt* insert = nullptr;
  good = good && sqlite3_prepare_v2(db, "INSERT INTO entry VALUES(?, ?, ?, ?, ?)", -1, &insert, nullptr) == SQLITE_OK;
  Bytes bytes(kEntry);
  spent = bench::cost_of([&] {
    for (uint64_t group = 0; good && group < groups; ++group) {
      good = run("BEGIN");
      for (uint64_t i = 0; good && i < entries; ++i) {
        sqlite3_bind_int64(insert, 1, static_cast<int64_t>(i / 64));
        sqlite3_bind_int64(insert, 2, static_cast<int64_t>(group * 64 + i % 64));
        sqlite3_bind_blob(insert, 3, bytes.data(), 32, SQLITE_STATIC);
        sqlite3_bind_blob(insert, 4, bytes.data(), 32, SQLITE_STATIC);
        sqlite3_bind_blob(insert, 5, bytes.data(), static_cast<int>(bytes.size()), SQLITE_STATIC);
        good = sqlite3_step(insert) == SQLITE_DONE;
        sqlite3_reset(insert);
      }
      good = good && run("COMMIT");
    }
  });
  sqlite3_finalize(insert);
  sqlite3_close(db);
  return good;
}

int run(const std::filesystem::path& folder, uint64_t devices, uint64_t batch, uint64_t rounds) {
  World world(1, system_environment());
  auto made = relay::make_key_file(folder / "relay.key", world.world);
  if (!made) return fail(made.error());
  relay::RelayOptions options;
  options.folder = folder / "store", options.key_file = folder / "relay.key";
  auto opened = relay::Relay::open(options, world.world);
  if (!opened) return fail(opened.error());
  auto& relay = **opened;
  auto admitted = relay.admit_team(team::team_key_text(world.root.public_key()));
  if (!admitted) return fail(admitted.error());

  auto admin = world.member(0, true);
  admin->meet(relay.info(), world.world);
  auto list = world.admission_list(*admin, devices, 0);
  if (!list) return fail(list.error());
  admin->device.todo.admission_lists.push_back(std::move(*list));
  auto request = admin->exchange->request({});
  (void)admin->exchange->response(relay.handle({*request}).front());

  std::vector<std::unique_ptr<Member>> members;
  for (uint64_t i = 1; i <= devices; ++i) {
    members.push_back(world.member(i, false));
    members.back()->meet(relay.info(), world.world);
  }
  bench::Cost spent;
  uint64_t confirmed = 0;
  for (uint64_t round = 0; round <= rounds; ++round) {
    std::vector<Bytes> requests;
    for (auto& member : members) {
      if (round > 0)
        for (uint64_t i = 0; i < batch; ++i) member->device.write(world.team_audience, kEntry);
      auto bytes = member->exchange->request({.window = 1 << 20});
      if (!bytes) return fail(bytes.error());
      requests.push_back(std::move(*bytes));
    }
    std::vector<Bytes> answers;
    auto cost = bench::cost_of([&] { answers = relay.handle(requests); });
    if (round > 0) spent.wall += cost.wall, spent.processor += cost.processor;  // the first brings keys, no entries
    for (size_t i = 0; i < members.size(); ++i) {
      auto outcome = members[i]->exchange->response(answers[i]);
      if (!outcome) return fail(outcome.error());
      confirmed += outcome->entries_sent;
    }
  }
  if (confirmed != devices * batch * rounds)
    return fail(make_error(ErrorCode::internal, "not all entries have receipts"));
  tell_rate("lysoen", spent, confirmed);
  if (!plain(folder / "plain.db", rounds, devices * batch, spent)) return 1;
  tell_rate("plain", spent, confirmed);
  return 0;
}

}  // namespace

}  // namespace lysoen::load

int main(int argc, char** argv) {
  if (argc != 5) return 2;
  auto number = [&](int at) { return std::strtoull(argv[at], nullptr, 10); };
  return lysoen::load::run(argv[1], number(2), number(3), number(4));
}
