// Deep verification of a container: more than opening does, for `lysoen vault check`.
#include "core/base/try.h"
#include "core/storage/container.h"
#include "core/storage/vfs.h"

namespace lysoen::storage {

namespace {

constexpr size_t kNamedMax = 8;  // of many, so many are named

std::string named(const char* what, const std::vector<uint64_t>& numbers) {
  std::string sentence = std::to_string(numbers.size()) + " " + what + ": number ";
  for (size_t i = 0; i < numbers.size() && i < kNamedMax; ++i)
    sentence += (i > 0 ? ", " : "") + std::to_string(numbers[i]);
  return numbers.size() > kNamedMax ? sentence + " and others" : sentence;
}

/// What SQLite finds in its own structures; in nothing but kinds and numbers of pages.
Result<void> check_structure(Database& database, std::vector<std::string>& findings) {
  LYSOEN_ASSIGN(auto check, database.prepare("PRAGMA integrity_check(20)"));
  size_t wrong = 0;
  for (;;) {
    auto row = check.step();
    if (!row && row.error().code != ErrorCode::damaged) return std::move(row).error();
    if (!row) ++wrong;
    if (!row || !*row) break;
    wrong += check.text(0) != "ok";
  }
  if (wrong > 0)
    findings.push_back("the database's structure is damaged (" + std::to_string(wrong) + " places or more)");
  return {};
}

}  // namespace

Result<Container::Verified> Container::verify(const std::function<void(uint64_t, uint64_t)>& each) {
  LYSOEN_TRY(checkpoint());
  Verified verified;
  LYSOEN_ASSIGN(auto pages, database_->vfs().unreadable_pages([&](uint64_t done, uint64_t all) {
    verified.pages = all;
    each(done, all);
  }));
  if (!pages.empty())
    verified.findings.push_back(named("pages of the database do not open", {pages.begin(), pages.end()}));
  LYSOEN_ASSIGN(auto ring, ring_->unreadable());
  verified.records = ring_->records();
  if (!ring.records.empty()) verified.findings.push_back(named("records of the ring do not open", ring.records));
  if (ring.state) verified.findings.push_back("one of the two states of the ring does not open");
  LYSOEN_TRY(check_structure(*database_, verified.findings));
  return verified;
}

}  // namespace lysoen::storage
