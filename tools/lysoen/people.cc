#include "tools/lysoen/people.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "core/base/bytes.h"
#include "core/base/try.h"
#include "core/base/utc.h"
#include "tools/lysoen/terminal.h"

namespace lysoen::cli {

Names::Names(Vault& vault) {
  auto team = vault.team_view();
  if (!team.ok()) return;
  for (auto& member : team->members) {
    std::string name = member.name.empty() ? describe(member.role) + " " + short_id(member.device) : safe(member.name);
    names_[member.device] = member.self ? name + " (this device)" : name;
  }
}

std::string Names::of(const DeviceId& device) const {
  auto found = names_.find(device);
  return found != names_.end() ? found->second : "device " + short_id(device);
}

Result<DeviceId> Names::member(std::string_view name) const {
  std::optional<DeviceId> found;
  for (const auto& [device, known] : names_) {
    bool meant = known == name || known == std::string(name) + " (this device)" ||
                 (name.size() >= 4 && device.hex().starts_with(name));
    if (!meant) continue;
    if (found)
      return make_error(ErrorCode::input_refused, "several members are called '" + safe(name) + "'",
                        "give the first digits of the device");
    found = device;
  }
  if (!found)
    return make_error(ErrorCode::input_refused, "no member is called '" + safe(name) + "'",
                      "`lysoen members` lists them");
  return *found;
}

std::string short_id(const std::string& hex) {
  return hex.substr(0, 8);
}

Result<ReportId> report_named(Vault& vault, const std::string& prefix) {
  LYSOEN_ASSIGN(auto found, vault.find(prefix));
  if (found.empty())
    return make_error(ErrorCode::not_found, "there is no report '" + safe(prefix) + "'",
                      "`lysoen report list` shows them");
  if (found.size() > 1)
    return make_error(ErrorCode::input_refused,
                      "'" + safe(prefix) + "' begins the ids of " + std::to_string(found.size()) + " reports",
                      "give more digits");
  return found.front();
}

Result<Bytes> invite_named(const std::string& link_or_file) {
  constexpr size_t kInviteMax = 16 * 1024;
  if (link_or_file.starts_with("lysoen:")) return to_bytes(as_bytes(link_or_file));
  return read_file(link_or_file, kInviteMax);
}

Result<Bytes> read_file(const std::filesystem::path& file, size_t size_max) {
  auto refuse = [&](ErrorCode code, const std::string& why, std::string hint) {
    return make_error(code, "cannot read '" + file.filename().string() + "': " + why, std::move(hint));
  };
  std::error_code ignored;
  if (!std::filesystem::exists(file, ignored))
    return refuse(ErrorCode::not_found, "there is no such file", "check the path");
  if (std::filesystem::is_directory(file, ignored))
    return refuse(ErrorCode::input_refused, "it is a folder", "give a file in it");
  // Not blocking: it may be a pipe that nobody writes into yet, and the command may be asked to end.
  int descriptor = ::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0)
    return refuse(ErrorCode::input_refused, "the system does not allow it", "check the file's permissions");
  Bytes bytes(size_max + 1);
  size_t size = 0;
  ssize_t got = 1;
  while (got > 0 && size < bytes.size() && wait_to_read(descriptor, {})) {
    got = ::read(descriptor, bytes.data() + size, bytes.size() - size);
    if (got < 0 && (errno == EINTR || errno == EAGAIN))
      got = 1;
    else if (got > 0)
      size += static_cast<size_t>(got);
  }
  ::close(descriptor);
  bytes.resize(size);
  if (got < 0)
    return refuse(ErrorCode::input_refused, "the system does not allow it", "check the medium that it is on");
  if (size > size_max)
    return refuse(ErrorCode::limit_exceeded, "larger than " + bytes_text(size_max), "check that it is the right one");
  if (got > 0) return refuse(ErrorCode::cancelled, "asked to end", "run the command again");
  return bytes;
}

std::string refused_text(uint64_t first_seq, uint64_t last_seq, std::string_view reason) {
  auto which = first_seq == last_seq ? "entry " + count_text(first_seq)
                                     : "entries " + count_text(first_seq) + " to " + count_text(last_seq);
  return which + ": " + safe_line(reason);
}

std::string policy_text(const RolePolicy& policy) {
  std::string text = "keeps what it has sent";
  if (policy.keep != Keep::always) {
    text =
        "removes what it has sent " + (policy.days == 0 ? "as soon as" : std::to_string(policy.days) + " days after");
    text += policy.keep == Keep::until_held ? " it is held" : " it is opened";
  }
  return text + (policy.may_wipe ? "; may wipe" : "; may not wipe") + (policy.plain_http ? "" : "; no plain HTTP");
}

std::string_view name_of(WipeSettings::Cover cover) {
  switch (cover) {
    case WipeSettings::Cover::none:
      return "none";
    case WipeSettings::Cover::ready:
      return "ready";
    case WipeSettings::Cover::lost:
      return "lost";
  }
  return "none";
}

std::vector<std::string> wipe_lines(const WipeSettings& settings) {
  std::vector<std::string> lines;
  switch (settings.cover) {
    case WipeSettings::Cover::ready:
      lines.push_back("duress passphrase: there is one, since " + utc_text_short(settings.cover_made));
      break;
    case WipeSettings::Cover::lost:
      lines.push_back(
          "duress passphrase: it was removed in the cover, or the cover was wiped; remove it here and add a new one");
      break;
    case WipeSettings::Cover::none:
      lines.push_back("duress passphrase: none");
  }
  lines.push_back(settings.wipe_after
                      ? std::to_string(settings.wipe_after) + " wrong passphrases in a row wipe everything"
                      : "wrong passphrases wipe nothing");
  if (!settings.allowed)
    lines.push_back(alarm("disabled: the team's policy forbids wiping; a duress passphrase only opens the cover"));
  return lines;
}

void warn_about(const TeamView& team) {
  if (team.expired) say_warning("the roster has expired; writing goes on, ask an admin to renew it");
  if (team.single_reader)
    say_warning(
        "only one member can read the team's reports; if that device is lost, they are lost: add a second coordinator");
}

}  // namespace lysoen::cli
