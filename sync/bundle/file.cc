#include "sync/bundle/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace lysoen::bundle {

namespace {

Error failed(const char* what, const std::filesystem::path& file, int number) {
  auto say = [&](ErrorCode code, const std::string& why, std::string hint) {
    return make_error(code, "cannot " + std::string(what) + " the bundle '" + file.filename().string() + "': " + why,
                      std::move(hint));
  };
  switch (number) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
      return say(ErrorCode::storage_full, "the disk is full", "free some space, or choose another place");
    case EROFS:
    case EACCES:
    case EPERM:
      return say(ErrorCode::storage_read_only, "the system does not allow it",
                 "check the permissions, or choose another place");
    case ENOENT:
    case ENOTDIR:
      return say(ErrorCode::not_found, "there is no such file or folder", "check the path");
    default:
      return say(ErrorCode::io_failed, std::strerror(number), "try again, or use another disk");
  }
}

void sync_folder(const std::filesystem::path& file) {
  auto folder = file.parent_path().empty() ? std::filesystem::path(".") : file.parent_path();
  int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return;
  ::fsync(descriptor);  // some sticks' file systems cannot; the file itself is synced
  ::close(descriptor);
}

}  // namespace

Result<void> must_be_free(const std::filesystem::path& file) {
  std::error_code ignored;
  if (!std::filesystem::exists(file, ignored)) return {};
  return make_error(ErrorCode::already_exists,
                    "cannot write the bundle '" + file.filename().string() + "': a file of this name is there already",
                    "choose another name or move that file away");
}

Result<NewFile> NewFile::create(const std::filesystem::path& file) {
  if (auto free = must_be_free(file); !free) return std::move(free).error();
  auto temporary = file;
  temporary += ".part";
  // What an export that was killed left behind is of no use to anybody.
  int descriptor = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (descriptor < 0) return failed("write", file, errno);
  return NewFile(file, temporary, descriptor);
}

NewFile::NewFile(NewFile&& other) noexcept
    : file_(std::move(other.file_)),
      temporary_(std::exchange(other.temporary_, {})),
      descriptor_(std::exchange(other.descriptor_, -1)) {}

NewFile::~NewFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

Result<void> NewFile::write(std::span<const uint8_t> bytes) {
  while (!bytes.empty()) {
    auto done = ::write(descriptor_, bytes.data(), bytes.size());
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) return failed("write", file_, errno);
    bytes = bytes.subspan(static_cast<size_t>(done));
  }
  return {};
}

Result<void> NewFile::close() {
  if (descriptor_ < 0) return {};
  if (::fsync(descriptor_) != 0) return failed("write", file_, errno);
  if (::close(std::exchange(descriptor_, -1)) != 0) return failed("write", file_, errno);
  return {};
}

Result<void> NewFile::commit() {
  return commit(file_);
}

Result<void> NewFile::commit(const std::filesystem::path& as) {
  if (auto closed = close(); !closed) return closed;
  if (::rename(temporary_.c_str(), as.c_str()) != 0) return failed("write", as, errno);
  temporary_.clear();
  sync_folder(as);
  return {};
}

Result<InFile> InFile::open(const std::filesystem::path& file) {
  int descriptor = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return failed("open", file, errno);
  InFile in(descriptor);
  struct stat facts {};
  if (::fstat(descriptor, &facts) != 0) return failed("open", file, errno);
  if (!S_ISREG(facts.st_mode))
    return make_error(ErrorCode::input_refused,
                      "cannot open the bundle '" + file.filename().string() + "': it is no file", "check the path");
  in.size_ = static_cast<uint64_t>(facts.st_size);
  return in;
}

InFile::InFile(InFile&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)), size_(other.size_) {}

InFile::~InFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Result<size_t> InFile::read(std::span<uint8_t> into) {
  size_t done = 0;
  while (done < into.size()) {
    auto came = ::read(descriptor_, into.data() + done, into.size() - done);
    if (came < 0 && errno == EINTR) continue;
    if (came < 0)
      return make_error(ErrorCode::io_failed, std::string("cannot read the bundle: ") + std::strerror(errno),
                        "copy the file to another disk and take it from there");
    if (came == 0) break;
    done += static_cast<size_t>(came);
  }
  return done;
}

}  // namespace lysoen::bundle
