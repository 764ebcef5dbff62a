// What happens next, tried in a child process: the parent's state stays as it was.
#pragma once
#include <optional>
#include <string>

namespace lysoen::crash {

struct Branch {
  bool died = false;  // by a signal, or an exit that was not asked for
  std::string said;   // all that the child told
};

/// Forks here. In the parent: what became of the child, once it is gone. In the child: nothing; it goes on from here
/// and ends with finish().
std::optional<Branch> branch();
/// In the child: to the parent, at once, so that it is known even if the process dies.
void tell_parent(const std::string& text);
[[noreturn]] void finish();

}  // namespace lysoen::crash
