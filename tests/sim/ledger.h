// What somebody was told, kept outside of everything that dies, with a model of the merge that is as simple as the
// promise: every text is written once; a write supersedes what stood on its writer's screen; what nobody superseded
// stands.
#pragma once
#include <lysoen/entry_store.h>
#include <lysoen/report.h>

#include <deque>
#include <map>
#include <set>

namespace lysoen::sim {

class Device;

struct Write {
  std::string text;
  std::set<std::string> supersedes;
  const Device* writer = nullptr;
};

/// A file that was attached.
struct Attached {
  BlobId blob;
  Hash content;  // SHA-256
  const Device* writer = nullptr;
  bool sent = false;
};

/// One report as those who wrote it were told.
struct Account {
  const Device* author = nullptr;
  ReportId id;  // of the draft, until it is sent
  bool sent = false;
  FeedHead last;                                                  // where the author's newest entry about it stands
  std::map<std::string, std::vector<Write>> writes;               // sent, by field
  std::map<std::pair<const Device*, std::string>, Write> unsent;  // saved; at most one a field and device
  std::vector<Attached> files;
  std::set<const Device*> retracted_by;
  std::vector<std::pair<const Device*, Status>> statuses;  // in the order in which they were told

  bool has_unsent(const Device& device) const;
  /// What was saved there is sent.
  void send(const Device& device, const ReportId& lasting);
  /// What stands once everybody heard of everything.
  std::set<std::string> standing(const std::string& field) const;
  bool is_superseded(const std::string& field, const std::string& text) const;
  /// The status that must stand, if only one device ever changed it.
  std::optional<Status> status() const;
};

struct Ledger {
  std::deque<Account> accounts;  // references stay
  Account* find(const ReportId& id);
};

}  // namespace lysoen::sim
