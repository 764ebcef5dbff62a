#include "tools/lysoen/people.h"

#include <fstream>

#include "core/base/bytes.h"
#include "core/base/try.h"
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

Result<Bytes> read_file(const std::filesystem::path& file, size_t size_max) {
  std::error_code ignored;
  std::ifstream in(file, std::ios::binary);
  if (!in || std::filesystem::is_directory(file, ignored))
    return make_error(ErrorCode::not_found, "cannot read the file: there is no such file", "check the path");
  Bytes bytes(size_max + 1);
  in.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  bytes.resize(static_cast<size_t>(in.gcount()));
  if (bytes.size() > size_max)
    return make_error(ErrorCode::limit_exceeded, "cannot read the file: larger than " + bytes_text(size_max),
                      "check that it is the right one");
  return bytes;
}

Result<void> write_file(const std::filesystem::path& file, ByteView bytes, bool replace) {
  std::error_code status;
  if (!replace && std::filesystem::exists(file, status))
    return make_error(ErrorCode::already_exists, "cannot write the file: there is one of that name",
                      "choose another name");
  auto temporary = file;
  temporary += ".part";
  std::ofstream out(temporary, std::ios::binary | std::ios::trunc);
  out.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  out.close();
  if (out) std::filesystem::rename(temporary, file, status);
  if (out && !status) return {};
  std::filesystem::remove(temporary, status);
  return make_error(ErrorCode::io_failed, "cannot write the file: the system refused", "choose another place");
}

void warn_about(const TeamView& team) {
  if (team.expired) say_warning("the roster has expired; writing goes on, ask your admin for a new one");
  if (team.single_reader)
    say_warning(
        "only one member can read the team's reports; if that device is lost, they are lost: add a second coordinator");
}

}  // namespace lysoen::cli
