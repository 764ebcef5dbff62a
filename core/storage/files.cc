#include "core/storage/files.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "core/base/fault.h"
#include "core/base/try.h"

namespace lysoen::storage {

namespace {

Error error_from(int number, const char* doing) {
  std::string message = std::string("cannot ") + doing + " a file of the store: " + std::strerror(number);
  switch (number) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
      return make_error(ErrorCode::storage_full, std::move(message));
    case EROFS:
    case EACCES:
    case EPERM:
      return make_error(ErrorCode::storage_read_only, std::move(message));
    case ENOENT:
    case ENOTDIR:
      return make_error(ErrorCode::not_found, std::move(message));
    case EEXIST:
      return make_error(ErrorCode::already_exists, std::move(message));
    default:
      return make_error(ErrorCode::io_failed, std::move(message));
  }
}

int open_flags(OpenMode mode) {
  switch (mode) {
    case OpenMode::read_only:
      return O_RDONLY;
    case OpenMode::read_write:
      return O_RDWR;
    case OpenMode::create:
      return O_RDWR | O_CREAT | O_EXCL;
    case OpenMode::open_or_create:
      return O_RDWR | O_CREAT;
  }
  return O_RDONLY;
}

int sync_descriptor(int descriptor) {
#ifdef __APPLE__
  return fcntl(descriptor, F_FULLFSYNC);
#else
  return fdatasync(descriptor);
#endif
}

class SystemFile final : public File {
 public:
  explicit SystemFile(int descriptor) : descriptor_(descriptor) {}
  ~SystemFile() override { ::close(descriptor_); }

  Result<size_t> read_at(uint64_t offset, std::span<uint8_t> out) override {
    size_t done = 0;
    while (done < out.size()) {
      auto got = ::pread(descriptor_, out.data() + done, out.size() - done, static_cast<off_t>(offset + done));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return error_from(errno, "read");
      if (got == 0) break;
      done += static_cast<size_t>(got);
    }
    return done;
  }

  Result<void> write_at(uint64_t offset, ByteView bytes) override {
    size_t done = 0;
    while (done < bytes.size()) {
      auto put = ::pwrite(descriptor_, bytes.data() + done, bytes.size() - done, static_cast<off_t>(offset + done));
      if (put < 0 && errno == EINTR) continue;
      if (put < 0) return error_from(errno, "write");
      if (put == 0) return error_from(EIO, "write");
      done += static_cast<size_t>(put);
    }
    return {};
  }

  Result<uint64_t> size() override {
    struct stat facts {};
    if (::fstat(descriptor_, &facts) != 0) return error_from(errno, "look at");
    return static_cast<uint64_t>(facts.st_size);
  }

  Result<void> truncate(uint64_t size) override {
    if (::ftruncate(descriptor_, static_cast<off_t>(size)) != 0) return error_from(errno, "cut");
    return {};
  }

  Result<void> sync() override {
    if (sync_descriptor(descriptor_) != 0) return error_from(errno, "sync");
    return {};
  }

  Result<void> lock_range(uint64_t offset, uint64_t size) override {
    struct flock range {};
    range.l_type = F_WRLCK;
    range.l_whence = SEEK_SET;
    range.l_start = static_cast<off_t>(offset);
    range.l_len = static_cast<off_t>(size);
    if (::fcntl(descriptor_, F_SETLK, &range) == 0) return {};
    if (errno == EAGAIN || errno == EACCES)
      return make_error(ErrorCode::vault_in_use, "cannot open the store: another program has it open");
    return error_from(errno, "lock");
  }

 private:
  int descriptor_;
};

class SystemFiles final : public Files {
 public:
  Result<std::unique_ptr<File>> open(const std::filesystem::path& path, OpenMode mode) override {
    int descriptor = ::open(path.c_str(), open_flags(mode) | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (descriptor < 0) return error_from(errno, mode == OpenMode::create ? "create" : "open");
    return std::unique_ptr<File>(std::make_unique<SystemFile>(descriptor));
  }

  Result<bool> exists(const std::filesystem::path& path) override {
    struct stat facts {};
    if (::lstat(path.c_str(), &facts) == 0) return true;
    if (errno == ENOENT || errno == ENOTDIR) return false;
    return error_from(errno, "look at");
  }

  Result<void> remove(const std::filesystem::path& path) override {
    if (::unlink(path.c_str()) == 0 || errno == ENOENT) return {};
    return error_from(errno, "remove");
  }

  Result<void> rename(const std::filesystem::path& from, const std::filesystem::path& to) override {
    if (::rename(from.c_str(), to.c_str()) == 0) return {};
    return error_from(errno, "replace");
  }

  Result<void> make_folder(const std::filesystem::path& folder) override {
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    if (!error) std::filesystem::permissions(folder, std::filesystem::perms::owner_all, error);
    if (error) return error_from(error.value(), "make the folder of");
    return {};
  }

  Result<std::vector<std::string>> list(const std::filesystem::path& folder) override {
    std::error_code error;
    std::vector<std::string> names;
    for (std::filesystem::directory_iterator at(folder, error), end; !error && at != end; at.increment(error))
      names.push_back(at->path().filename().string());
    if (error == std::errc::not_a_directory)
      return make_error(ErrorCode::input_refused, "cannot look into a folder: a file is there");
    if (error) return error_from(error.value(), "look into the folder of");
    return names;
  }

  Result<void> sync_folder(const std::filesystem::path& folder) override {
    int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0) return error_from(errno, "open the folder of");
    int failed = ::fsync(descriptor) != 0 ? errno : 0;
    ::close(descriptor);
    // Some file systems know no sync of a folder and order such changes themselves.
    const bool unknown = failed == EINVAL || failed == ENOSYS || failed == ENOTSUP;
    if (failed != 0 && !unknown) return error_from(failed, "sync the folder of");
    return {};
  }
};

}  // namespace

Files& system_files() {
  static SystemFiles files;
  return files;
}

Result<Bytes> read_file(Files& files, const std::filesystem::path& path, size_t size_max) {
  LYSOEN_ASSIGN(auto file, files.open(path, OpenMode::read_only));
  LYSOEN_ASSIGN(uint64_t size, file->size());
  if (size > size_max)
    return make_error(ErrorCode::limit_exceeded, "cannot read a file of the store: larger than expected");
  Bytes content(static_cast<size_t>(size));
  LYSOEN_ASSIGN(size_t got, file->read_at(0, content));
  content.resize(got);
  return content;
}

Result<void> replace_file(Files& files, const std::filesystem::path& path, ByteView content) {
  auto fresh = path;
  fresh += ".new";
  LYSOEN_TRY(files.remove(fresh));
  {
    LYSOEN_ASSIGN(auto file, files.open(fresh, OpenMode::create));
    auto written = file->write_at(0, content);
    if (written && !LYSOEN_FAULT(slots_sync_skipped)) written = file->sync();
    if (!written) {
      (void)files.remove(fresh);
      return written;
    }
  }
  LYSOEN_TRY(files.rename(fresh, path));
  if (LYSOEN_FAULT(folder_sync_skipped)) return {};
  return files.sync_folder(path.parent_path());
}

namespace {

struct flock whole_file() {
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  return lock;
}

}  // namespace

Result<std::unique_ptr<FolderLock>> FolderLock::take(const std::filesystem::path& folder) {
  int descriptor = ::open((folder / "lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (descriptor < 0) return error_from(errno, "create the lock of");
  if (::flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
    int failed = errno;
    ::close(descriptor);
    if (failed == EWOULDBLOCK)
      return make_error(ErrorCode::vault_in_use, "cannot open the folder: another process has it open",
                        "close the other program that uses it, then try again");
    return error_from(failed, "lock");
  }
  // Says nothing but whose it is (F_GETLK); where it is refused nobody can be asked to end.
  struct flock whose = whole_file();
  (void)::fcntl(descriptor, F_SETLK, &whose);
  return std::unique_ptr<FolderLock>(new FolderLock(descriptor));
}

Result<FolderLock::Seen> FolderLock::look(const std::filesystem::path& folder) {
  int descriptor = ::open((folder / "lock").c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (descriptor < 0) return error_from(errno, "look at the lock of");
  Seen seen;
  struct stat file {};
  struct flock whose = whole_file();
  if (::fstat(descriptor, &file) == 0) seen.session_open = file.st_size > 0;
  if (::fcntl(descriptor, F_GETLK, &whose) == 0 && whose.l_type != F_UNLCK) {
    seen.taken = true;
    if (whose.l_pid > 1 && file.st_uid == ::geteuid() && (file.st_mode & 077) == 0) seen.process = whose.l_pid;
  } else {
    seen.taken = ::flock(descriptor, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
  }
  ::close(descriptor);
  return seen;
}

void FolderLock::begin_session() {
  constexpr uint8_t kOpen = 1;
  if (::pwrite(descriptor_, &kOpen, 1, 0) == 1) (void)::fsync(descriptor_);
}

void FolderLock::end_session() {
  (void)!::ftruncate(descriptor_, 0);
}

// Closing the descriptor gives the lock back. The file stays: removing it would let two processes hold two locks.
FolderLock::~FolderLock() {
  ::close(descriptor_);
}

}  // namespace lysoen::storage
