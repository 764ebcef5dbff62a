#include "tools/lysoen/people.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
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
  auto refuse = [&](ErrorCode code, const std::string& why, std::string hint) {
    return make_error(code, "cannot read '" + file.filename().string() + "': " + why, std::move(hint));
  };
  std::error_code ignored;
  if (!std::filesystem::exists(file, ignored))
    return refuse(ErrorCode::not_found, "there is no such file", "check the path");
  if (std::filesystem::is_directory(file, ignored))
    return refuse(ErrorCode::input_refused, "it is a folder", "give a file in it");
  std::ifstream in(file, std::ios::binary);
  if (!in) return refuse(ErrorCode::input_refused, "the system does not allow it", "check the file's permissions");
  Bytes bytes(size_max + 1);
  in.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  bytes.resize(static_cast<size_t>(in.gcount()));
  if (bytes.size() > size_max)
    return refuse(ErrorCode::limit_exceeded, "larger than " + bytes_text(size_max), "check that it is the right one");
  return bytes;
}

Error cannot_write(const std::filesystem::path& file, int number) {
  std::string what = "cannot write '" + file.filename().string() + "': ";
  switch (number) {
    case ENOSPC:
    case EDQUOT:
      return make_error(ErrorCode::storage_full, what + "the disk is full", "free some space, or choose another place");
    case EROFS:
    case EACCES:
    case EPERM:
      return make_error(ErrorCode::storage_read_only, what + "its folder cannot be written", "choose another place");
    case ENOENT:
    case ENOTDIR:
      return make_error(ErrorCode::not_found, what + "there is no such folder",
                        "make the folder, or choose another place");
    case EEXIST:
      return make_error(ErrorCode::already_exists, what + "there is one of that name", "choose another name");
    default:
      return make_error(ErrorCode::io_failed, what + std::strerror(number), "choose another place");
  }
}

// -- New files -------------------------------------------------------------------------------------------------------

Result<NewFile> NewFile::begin(const std::filesystem::path& file, bool replace) {
  std::error_code ignored;
  if (!replace && std::filesystem::exists(file, ignored)) return cannot_write(file, EEXIST);
  NewFile made;
  made.file_ = file;
  made.part_ = file.string() + ".part";
  made.descriptor_ = ::open(made.part_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (made.descriptor_ < 0) return cannot_write(file, errno);
  return made;
}

Result<std::optional<NewFile>> NewFile::with_room(const std::filesystem::path& file, size_t size) {
  if (file.empty()) return std::optional<NewFile>();
  LYSOEN_ASSIGN(auto made, begin(file));
  if (int refused = ::posix_fallocate(made.descriptor_, 0, static_cast<off_t>(size)))
    return cannot_write(file, refused);
  return std::optional<NewFile>(std::move(made));
}

Result<void> NewFile::finish(ByteView bytes) {
  while (!bytes.empty()) {
    auto done = ::write(descriptor_, bytes.data(), bytes.size());
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) return cannot_write(file_, errno);
    bytes = bytes.subspan(static_cast<size_t>(done));
  }
  auto end = ::lseek(descriptor_, 0, SEEK_CUR);
  if (::ftruncate(descriptor_, end) != 0 || ::fsync(descriptor_) != 0) return cannot_write(file_, errno);
  if (::rename(part_.c_str(), file_.c_str()) != 0) return cannot_write(file_, errno);
  ::close(std::exchange(descriptor_, -1));
  return {};
}

NewFile::NewFile(NewFile&& other) noexcept
    : file_(std::move(other.file_)), part_(std::move(other.part_)), descriptor_(std::exchange(other.descriptor_, -1)) {}

NewFile::~NewFile() {
  if (descriptor_ < 0) return;
  ::close(descriptor_);
  ::unlink(part_.c_str());
}

Result<void> write_file(const std::filesystem::path& file, ByteView bytes, bool replace) {
  LYSOEN_ASSIGN(auto out, NewFile::begin(file, replace));
  return out.finish(bytes);
}

void warn_about(const TeamView& team) {
  if (team.expired) say_warning("the roster has expired; writing goes on, ask your admin for a new one");
  if (team.single_reader)
    say_warning(
        "only one member can read the team's reports; if that device is lost, they are lost: add a second coordinator");
}

}  // namespace lysoen::cli
