#include "ledger.h"

#include <algorithm>

namespace lysoen::sim {

bool Account::has_unsent(const Device& device) const {
  return std::any_of(unsent.begin(), unsent.end(), [&](const auto& saved) { return saved.first.first == &device; });
}

void Account::send(const Device& device, const ReportId& lasting) {
  sent = true;
  id = lasting;
  for (auto& file : files) file.sent |= file.writer == &device;
  for (auto saved = unsent.begin(); saved != unsent.end();) {
    auto next = std::next(saved);
    if (saved->first.first == &device) writes[saved->first.second].push_back(unsent.extract(saved).mapped());
    saved = next;
  }
}

bool Account::is_superseded(const std::string& field, const std::string& text) const {
  auto found = writes.find(field);
  return found != writes.end() && std::any_of(found->second.begin(), found->second.end(),
                                              [&](const Write& write) { return write.supersedes.contains(text); });
}

std::set<std::string> Account::standing(const std::string& field) const {
  std::set<std::string> texts;
  for (const auto& write : writes.at(field))
    if (!is_superseded(field, write.text)) texts.insert(write.text);
  return texts;
}

std::optional<Status> Account::status() const {
  if (statuses.empty()) return std::nullopt;
  bool one = std::all_of(statuses.begin(), statuses.end(),
                         [&](const auto& change) { return change.first == statuses.front().first; });
  return one ? std::optional(statuses.back().second) : std::nullopt;
}

Account* Ledger::find(const ReportId& id) {
  auto found = std::find_if(accounts.begin(), accounts.end(), [&](const Account& account) { return account.id == id; });
  return found == accounts.end() ? nullptr : &*found;
}

}  // namespace lysoen::sim
