// A copy of the store while it is served.
#include "core/base/try.h"
#include "sync/relay/relay_impl.h"

namespace lysoen::relay {

namespace {

constexpr uint64_t kPage = 4096;
constexpr int kPagesAtOnce = 512;  // 2 MiB: some milliseconds between two commits

class StoreBackup final : public Backup {
 public:
  explicit StoreBackup(std::unique_ptr<storage::Container::Copy> copy) : copy_(std::move(copy)) {}
  Result<Progress> step() override {
    LYSOEN_ASSIGN(auto done, copy_->step(kPagesAtOnce));
    return Progress{done.done * kPage, done.all * kPage, done.whole};
  }

 private:
  std::unique_ptr<storage::Container::Copy> copy_;
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
  return std::unique_ptr<Backup>(std::make_unique<StoreBackup>(std::move(*copy)));
}

}  // namespace lysoen::relay
