// A copy of an unsealed container's database while it is in use, by SQLite's own backup: pages that the same connection
// changes after they were copied are written to the copy again, so it never has to begin anew.
#include <sqlite3.h>

#include "core/base/check.h"
#include "core/base/try.h"
#include "core/storage/container.h"
#include "core/storage/vfs.h"

namespace lysoen::storage {

struct Container::Copy::State {
  State(Files& in, std::filesystem::path at) : files(in), to(std::move(at)), part(to) { part += ".part"; }
  Files& files;
  std::filesystem::path to, part;
  std::unique_ptr<Vfs> vfs;
  sqlite3* target = nullptr;
  sqlite3_backup* backup = nullptr;

  Error failed(int code) {
    if (auto error = vfs->take_error()) return *error;
    if ((code & 0xff) == SQLITE_FULL)
      return make_error(ErrorCode::storage_full, "cannot copy the store: the disk is full");
    if ((code & 0xff) == SQLITE_CORRUPT) return make_error(ErrorCode::damaged, "cannot copy the store: it is damaged");
    return make_error(ErrorCode::io_failed, "cannot copy the store: reading or writing failed");
  }
  int close() {
    int code = backup ? sqlite3_backup_finish(std::exchange(backup, nullptr)) : SQLITE_OK;
    int closed = target ? sqlite3_close(std::exchange(target, nullptr)) : SQLITE_OK;
    return code == SQLITE_OK ? closed : code;
  }
};

Container::Copy::Copy(std::unique_ptr<State> state) : state_(std::move(state)) {}

Container::Copy::~Copy() {
  (void)state_->close();
  (void)state_->files.remove(state_->part);
}

Result<std::unique_ptr<Container::Copy>> Container::begin_copy(const std::filesystem::path& to) {
  LYSOEN_TRY(ready());
  LYSOEN_CHECK(!sealed_);
  auto state = std::make_unique<Copy::State>(files_, to);
  LYSOEN_ASSIGN(bool there, files_.exists(to));
  if (there)
    return make_error(ErrorCode::already_exists, "cannot copy the store: a file of that name is there already");
  LYSOEN_TRY(files_.remove(state->part));
  auto copy = std::unique_ptr<Copy>(new Copy(std::move(state)));
  auto& s = *copy->state_;
  s.vfs = Vfs::make(files_, s.part, std::nullopt, random_);
  int code = sqlite3_open_v2(s.vfs->database_name(), &s.target,
                             SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX |
                                 SQLITE_OPEN_PRIVATECACHE | SQLITE_OPEN_EXRESCODE,
                             s.vfs->name());
  // No log beside it: what is not whole is not kept, and what is whole was synced by the commit that made it so.
  for (const char* setting : {"PRAGMA locking_mode=EXCLUSIVE", "PRAGMA journal_mode=MEMORY", "PRAGMA synchronous=FULL",
                              "PRAGMA cache_size=-4096"}) {
    if (code == SQLITE_OK) code = sqlite3_exec(s.target, setting, nullptr, nullptr, nullptr);
  }
  if (code != SQLITE_OK) return s.failed(code);
  s.backup = sqlite3_backup_init(s.target, "main", database_->handle_, "main");
  if (!s.backup) return s.failed(sqlite3_errcode(s.target));
  return copy;
}

Result<Container::Copy::Progress> Container::Copy::step(int pages) {
  auto& s = *state_;
  LYSOEN_CHECK(s.backup);
  int code = sqlite3_backup_step(s.backup, std::max(pages, 1));
  Progress progress;
  progress.all = static_cast<uint64_t>(sqlite3_backup_pagecount(s.backup));
  progress.done = progress.all - static_cast<uint64_t>(sqlite3_backup_remaining(s.backup));
  if (code == SQLITE_OK) return progress;
  if (code != SQLITE_DONE) return s.failed(code);
  if (code = s.close(); code != SQLITE_OK) return s.failed(code);
  LYSOEN_TRY(s.files.rename(s.part, s.to));
  LYSOEN_TRY(s.files.sync_folder(s.to.parent_path()));
  progress.whole = true;
  return progress;
}

}  // namespace lysoen::storage
