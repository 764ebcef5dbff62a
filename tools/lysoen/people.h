// How members, reports and files are named on the command line.
#pragma once
#include <lysoen/vault.h>

#include <filesystem>
#include <map>
#include <string>

#include "tools/lysoen/app.h"
#include "tools/lysoen/new_file.h"

namespace lysoen::cli {

/// Names of members as far as this device may read them; "coordinator 1a2b3c4d" where it may not.
class Names {
 public:
  explicit Names(Vault& vault);
  std::string of(const DeviceId& device) const;
  /// The one member of that name, or whose device begins so. Errors: input_refused (none, several).
  Result<DeviceId> member(std::string_view name) const;

 private:
  std::map<DeviceId, std::string> names_;
};

/// The first 8 digits: what people type.
std::string short_id(const std::string& hex);
template <class Tag>
std::string short_id(const Id<Tag>& id) {
  return short_id(id.hex());
}

/// The one report or draft whose id begins so. Errors: input_refused (too short, not hexadecimal, several), not_found.
Result<ReportId> report_named(Vault& vault, const std::string& prefix);

/// An invite as it is given on a command line: a link, or the name of a file. Errors: those of read_file.
Result<Bytes> invite_named(const std::string& link_or_file);

/// A whole small file. Errors: not_found, input_refused (a folder, not readable), limit_exceeded above `size_max`.
Result<Bytes> read_file(const std::filesystem::path& file, size_t size_max);

/// "removes what it has sent 7 days after it was opened; may not wipe"
std::string policy_text(const RolePolicy& policy);
/// "entries 5 to 6: the quota at the relay is used up"
std::string refused_text(uint64_t first_seq, uint64_t last_seq, std::string_view reason);

/// How this device is set for the worst, in a line each: the cover, wrong passphrases, what the policy forbids.
std::vector<std::string> wipe_lines(const WipeSettings& settings);
std::string_view name_of(WipeSettings::Cover cover);

/// Ends of warnings that belong to every command that shows the team: expired roster, a single reader.
void warn_about(const TeamView& team);

}  // namespace lysoen::cli
