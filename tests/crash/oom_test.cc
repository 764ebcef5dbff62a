// Memory that runs out at the n-th allocation while a vault is opened and saves. Where SQLite lacks it, a clear error
// comes back; where our containers lack it, the process may end, as by a kill at that moment. Either way another
// process opens the vault and finds what was acknowledged, and nothing half done.
#include <cstdlib>
#include <sstream>

#include "tests/crash/branch.h"
#include "tests/crash/memory.h"
#include "tests/crash/oracle.h"
#include "tests/support/temp_folder.h"

using namespace lysoen;
using namespace lysoen::crash;

namespace {

namespace fs = std::filesystem;

constexpr size_t kComplaintsMax = 3;

/// What is done while memory may run out.
struct Task {
  const char* name;
  std::function<Result<void>(Device& device, ReportId& report)> run;
};

const Task kTasks[] = {
    {"open", [](Device& device, ReportId&) { return device.open(); }},
    {"draft",
     [](Device& device, ReportId& report) -> Result<void> {
       auto made = write_draft(device, "New");
       if (made) report = *made;
       return made ? Result<void>() : Result<void>(std::move(made).error());
     }},
    {"save",
     [](Device& device, ReportId& report) {
       return device->save(report, std::vector<Change>{{"what_happened", Value::text_of(std::string(3000, 'm'))}});
     }},
    {"submit",
     [](Device& device, ReportId& report) {
       auto sent = device->submit(report);
       return sent ? Result<void>() : Result<void>(std::move(sent).error());
     }},
    {"lock", [](Device& device, ReportId&) { return device.lock(); }},
};

void copy_folder(const fs::path& from, const fs::path& to) {
  fs::remove_all(to);
  fs::copy(from, to);
}

struct Subject {
  explicit Subject(const fs::path& folder) : origin(folder / "origin"), work(folder / "work") {
    Device device(storage::system_files(), folder / "made", 1);
    must(device.create());
    must(device->create_team({"Monitors", "Ada", "root words", {}}));
    for (auto* title : {"One", "Two"}) must(device->submit(must(write_draft(device, title))));
    copy_folder(device.place.folder, origin);  // not closed: opening has something to do
    shown.push_back(must(device.view()));
    must(device.lock());
    device.place.folder = work;
    copy_folder(origin, work);
    ReportId report;
    for (const auto& task : kTasks) {
      must(task.run(device, report));
      if (device.vault) shown.push_back(must(device.view()));
    }
    shown.push_back(shown.back());  // locked
  }
  fs::path origin, work;
  std::vector<View> shown;  // before the first task and after each
};

/// In a child: the tasks in order until one fails, each told as "ok" or with its error; then a draft "Later", if it
/// can.
[[noreturn]] void run_out(const Subject& subject, Allocator allocator, uint64_t at, bool forever) {
  Device device(storage::system_files(), subject.work, 1000 + at);
  ReportId report;
  uint64_t left = at;
  for (const auto& task : kTasks) {
    // What is thrown ends the process: no program of ours catches it.
    auto attempt = [&]() noexcept {
      fail_allocation(allocator, left, forever);
      auto done = task.run(device, report);
      const uint64_t used = stop_failing();
      left = left > used ? left - used : forever ? 1 : 0;
      return done;
    };
    auto done = attempt();
    tell_parent(done ? "ok\n" : "error " + reads_badly(done.error()) + "\n");
    if (!done) break;
  }
  if (device.vault || device.open()) tell_parent(write_draft(device, "Later") ? "later\n" : "");
  finish();
}

std::string judge(const Subject& subject, const Branch& child) {
  size_t done = 0;
  bool later = false;
  std::istringstream lines(child.said);
  for (std::string line; std::getline(lines, line);) {
    if (line == "ok") ++done;
    if (line == "later") later = true;
    if (line.starts_with("error ") && line.size() > 6) return "the message is " + line.substr(6);
  }
  Device device(storage::system_files(), subject.work, 7);
  if (auto opened = device.open(); !opened) return "it does not open: " + opened.error().message;
  auto view = device.view();
  if (!view) return "it cannot be read: " + view.error().message;
  if (later && !view->count("report Later")) return "the draft that was saved afterwards is not there";
  view->erase("report Later");
  view->erase("~level of Later");
  const size_t next = std::min(done + 1, subject.shown.size() - 1);
  if (*view != subject.shown[done] && *view != subject.shown[next])
    return "after " + std::to_string(done) + " tasks that were acknowledged it shows something else";
  if (auto check = device.check(); !check || !check->empty()) return "not all is as it was written";
  return "";
}

}  // namespace

TEST_CASE("Memory: what was acknowledged stands when any allocation fails", "[crash][oom]") {
  if (!memory_can_fail()) return;
  test::TempFolder folder(fs::exists("/dev/shm") ? "/dev/shm" : fs::temp_directory_path());
  const Subject subject(folder.path());
  auto random = test::generator(6);
  std::vector<std::string> complaints;
  size_t turns = 0, died = 0, errors = 0;
  for (auto allocator : {Allocator::ours, Allocator::theirs}) {
    copy_folder(subject.origin, subject.work);
    uint64_t count = 0;
    {
      Device device(storage::system_files(), subject.work, 1);
      ReportId report;
      for (const auto& task : kTasks) {
        fail_allocation(allocator, 0, false);
        auto done = task.run(device, report);
        count += stop_failing();
        must(std::move(done));
      }
    }
    const uint64_t stride = std::getenv("LYSOEN_LONG") ? 1 : std::max<uint64_t>(1, count / 160);
    for (uint64_t at = 1 + random() % stride; at <= count && complaints.size() < kComplaintsMax; at += stride) {
      for (bool forever : {false, true}) {
        copy_folder(subject.origin, subject.work);
        auto child = branch();
        if (!child) run_out(subject, allocator, at, forever);
        ++turns;
        died += child->died;
        errors += child->said.find("error") != std::string::npos;
        auto what = judge(subject, *child);
        if (allocator == Allocator::theirs && child->died) what += " the process ends";
        if (!what.empty())
          complaints.push_back(std::string(allocator == Allocator::ours ? "new" : "malloc") + " number " +
                               std::to_string(at) + (forever ? " and all later ones: " : ": ") + what + " after " +
                               child->said);
      }
    }
  }
  std::printf("oom: failures %zu, ended the process %zu, came back as an error %zu, wrong %zu\n", turns, died, errors,
              complaints.size());
  for (const auto& complaint : complaints) FAIL_CHECK(complaint);
}
