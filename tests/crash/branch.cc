#include "tests/crash/branch.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>

#include "tests/support/catch.h"

namespace lysoen::crash {

namespace {
int to_parent = -1;  // in a child
}

std::optional<Branch> branch() {
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  std::fflush(nullptr);
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    close(ends[0]);
    to_parent = ends[1];
    signal(SIGABRT, SIG_DFL);  // to die of it is an answer, not a failure of the test
    if (!std::freopen("/dev/null", "w", stderr)) _exit(3);
    return std::nullopt;
  }
  close(ends[1]);
  Branch result;
  char piece[4096];
  for (ssize_t got; (got = read(ends[0], piece, sizeof piece)) > 0;)
    result.said.append(piece, static_cast<size_t>(got));
  close(ends[0]);
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  result.died = !WIFEXITED(status) || WEXITSTATUS(status) != 0;
  return result;
}

void tell_parent(const std::string& text) {
  if (write(to_parent, text.data(), text.size()) != static_cast<ssize_t>(text.size())) _exit(3);
}

void finish() {
  _exit(0);
}

}  // namespace lysoen::crash
