// kill -9 at a random moment, again and again. The oracle sits in another process and knows only what was acknowledged.
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <thread>

#include "tests/support/temp_folder.h"
#include "tests/unit/storage/notebook.h"

using namespace lysoen;
using namespace lysoen::storage;
using namespace lysoen::test;

namespace {

std::string body_of(uint64_t counter) {
  return "save " + std::to_string(counter) + std::string(counter * 37 % 900, '.');
}

// Saves for ever, and tells the parent each counter once it was acknowledged.
[[noreturn]] void child(const std::filesystem::path& folder, uint64_t key_seed, int out) {
  Notebook book(nullptr, true, key_seed, folder);
  book.random = SeededRandom(static_cast<uint64_t>(getpid()) ^ key_seed);  // no nonce twice
  if (!book.open()) _exit(1);
  int64_t seen = book.seen();
  for (uint64_t i = 0;; ++i) {
    auto saved = book.container->save(
        [&](Database& db, uint64_t counter) { return book.writing(body_of(counter))(db, counter); });
    if (!saved) _exit(2);
    uint64_t counter = *saved;
    if (write(out, &counter, sizeof counter) != sizeof counter) _exit(3);
    if (i % 3 == 0 && !book.see(++seen)) _exit(4);
    if (i % 17 == 0 && !book.container->checkpoint()) _exit(5);
  }
}

}  // namespace

TEST_CASE("Container: a save that was acknowledged before a kill is there after reopening", "[storage]") {
  const int kills = std::getenv("LYSOEN_LONG") ? 1000 : 20;
  auto random = generator(5);
  TempFolder folder;
  const uint64_t key_seed = random();
  Notebook book(nullptr, true, key_seed, folder.path());
  must(book.create());
  must(book.container->lock());
  uint64_t acknowledged = 0;
  for (int kill_number = 0; kill_number < kills; ++kill_number) {
    int ends[2];
    REQUIRE(pipe(ends) == 0);
    int pid = fork();
    REQUIRE(pid >= 0);
    if (pid == 0) {
      close(ends[0]);
      child(folder.path(), key_seed, ends[1]);
    }
    close(ends[1]);
    std::this_thread::sleep_for(std::chrono::microseconds(3000 + random() % 40000));
    kill(pid, SIGKILL);
    uint64_t counter = 0;
    while (read(ends[0], &counter, sizeof counter) == sizeof counter) acknowledged = std::max(acknowledged, counter);
    close(ends[0]);
    int status = 0;
    REQUIRE(waitpid(pid, &status, 0) == pid);
    REQUIRE(WIFSIGNALED(status));

    book.container.reset();
    auto report = must(book.open());
    REQUIRE(report.missing.empty());
    REQUIRE(report.counter >= acknowledged);
    REQUIRE(report.counter <= acknowledged + 1);
    auto notes = book.notes();
    REQUIRE(notes.size() == report.counter);
    for (const auto& [number, body] : notes) REQUIRE(body == body_of(number));
    book.seen();
    REQUIRE(book.check() == "ok");
    must(book.container->lock());
    acknowledged = report.counter;
  }
  CHECK(acknowledged > 0);
}
