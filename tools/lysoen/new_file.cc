#include "tools/lysoen/new_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "core/base/try.h"

namespace lysoen::cli {

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

Result<NewFile> NewFile::begin(const std::filesystem::path& file, bool replace) {
  std::error_code status;
  if (!replace && std::filesystem::exists(std::filesystem::symlink_status(file, status)))
    return cannot_write(file, EEXIST);
  NewFile made;
  made.file_ = made.part_ = file;
  made.part_ += ".part";
  ::unlink(made.part_.c_str());  // what a command that was killed left behind
  made.descriptor_ = ::open(made.part_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
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

NewFile::NewFile(NewFile&& other) noexcept
    : file_(std::move(other.file_)), part_(std::move(other.part_)), descriptor_(std::exchange(other.descriptor_, -1)) {}

NewFile::~NewFile() {
  if (descriptor_ < 0) return;
  ::close(descriptor_);
  ::unlink(part_.c_str());
}

Result<void> NewFile::finish() {
  if (::fsync(descriptor_) != 0 || ::rename(part_.c_str(), file_.c_str()) != 0) return cannot_write(file_, errno);
  ::close(std::exchange(descriptor_, -1));
  auto folder = file_.parent_path();
  int place = ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (place >= 0) {
    ::fsync(place);  // some sticks' file systems cannot
    ::close(place);
  }
  return {};
}

Result<void> NewFile::finish(ByteView bytes) {
  if (::ftruncate(descriptor_, static_cast<off_t>(bytes.size())) != 0) return cannot_write(file_, errno);
  while (!bytes.empty()) {
    auto done = ::write(descriptor_, bytes.data(), bytes.size());
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) return cannot_write(file_, errno);
    bytes = bytes.subspan(static_cast<size_t>(done));
  }
  return finish();
}

Result<void> write_file(const std::filesystem::path& file, ByteView bytes, bool replace) {
  LYSOEN_ASSIGN(auto out, NewFile::begin(file, replace));
  return out.finish(bytes);
}

}  // namespace lysoen::cli
