// A copy of the store while it is served: the tables first, then the files of attachments, which hold at least what the
// copied tables say, since chunks are only ever added.
#include <algorithm>

#include "core/base/try.h"
#include "sync/relay/relay_impl.h"

namespace lysoen::relay {

namespace {

constexpr uint64_t kPage = 4096;
constexpr int kPagesAtOnce = 512;  // 2 MiB: some milliseconds between two commits

class StoreBackup final : public Backup {
 public:
  StoreBackup(storage::Files& files, BlobFolder& blobs, std::filesystem::path folder,
              std::unique_ptr<storage::Container::Copy> copy)
      : files_(files), blobs_(blobs), folder_(std::move(folder)), copy_(std::move(copy)) {}

  ~StoreBackup() override {
    if (whole_ || names_.empty()) return;
    for (const auto& name : names_) (void)files_.remove(folder_ / name);
  }

  Result<Progress> step() override {
    if (!tables_whole_) {
      LYSOEN_ASSIGN(auto done, copy_->step(kPagesAtOnce));
      if (!done.whole) return Progress{done.done * kPage, done.all * kPage, false};
      tables_whole_ = true;
      tables_ = done.all * kPage;
      LYSOEN_TRY(list_blobs());
    } else {
      LYSOEN_TRY(copy_piece());
    }
    whole_ = next_ == names_.size();
    if (whole_ && !names_.empty()) LYSOEN_TRY(files_.sync_folder(folder_));
    return Progress{tables_ + copied_, tables_ + all_, whole_};
  }

 private:
  Result<void> list_blobs() {
    LYSOEN_ASSIGN(names_, blobs_.names());
    if (!names_.empty()) LYSOEN_TRY(files_.make_folder(folder_));
    for (const auto& name : names_) {
      LYSOEN_ASSIGN(auto file, blobs_.open(name));
      LYSOEN_ASSIGN(uint64_t size, file->size());
      all_ += size;
    }
    return {};
  }

  Result<void> copy_piece() {
    LYSOEN_ASSIGN(auto from, blobs_.open(names_[next_]));
    LYSOEN_ASSIGN(auto to, files_.open(folder_ / names_[next_], storage::OpenMode::open_or_create));
    Bytes piece(kPage * kPagesAtOnce);
    LYSOEN_ASSIGN(size_t came, from->read_at(at_, piece));
    LYSOEN_TRY(to->write_at(at_, ByteView(piece).first(came)));
    at_ += came, copied_ += came, all_ = std::max(all_, copied_);
    if (came == piece.size()) return {};
    LYSOEN_TRY(to->sync());
    ++next_, at_ = 0;
    return {};
  }

  storage::Files& files_;
  BlobFolder& blobs_;
  const std::filesystem::path folder_;  // of the copied blobs
  std::unique_ptr<storage::Container::Copy> copy_;
  bool tables_whole_ = false, whole_ = false;
  uint64_t tables_ = 0, all_ = 0, copied_ = 0, at_ = 0;
  std::vector<std::string> names_;
  size_t next_ = 0;
};

}  // namespace

Result<std::unique_ptr<Backup>> RelayImpl::begin_backup(const std::filesystem::path& folder) {
  LYSOEN_ASSIGN(bool there, files().exists(folder));
  if (there)
    return make_error(ErrorCode::already_exists, "cannot make a backup: something of that name is there already",
                      "give the name of a new folder");
  LYSOEN_TRY(files().make_folder(folder));
  auto copy = container_->begin_copy(folder / "relay.db");
  if (!copy) return std::move(copy).error();
  return std::unique_ptr<Backup>(std::make_unique<StoreBackup>(files(), *blobs_, folder / "blobs", std::move(*copy)));
}

}  // namespace lysoen::relay
