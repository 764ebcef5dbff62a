#include <lysoen/key_guard.h>

#include "core/base/try.h"
#include "core/crypto/secret.h"
#include "core/storage/files.h"

namespace lysoen {

namespace {

Error refused(std::string_view doing, const Error& why, std::string hint = {}) {
  return make_error(why.code, "cannot " + std::string(doing) + " the vault's guard key: " + why.message,
                    std::move(hint));
}

class FileKeyGuard final : public KeyGuard {
 public:
  FileKeyGuard(std::filesystem::path folder, Random& random) : folder_(std::move(folder)), random_(random) {}

  // A name that is there after a power cut has all of its bytes: content is synced before the folder.
  Result<void> make(const GuardId& id) override {
    auto key = crypto::Key32::random(random_);
    auto made = [&]() -> Result<void> {
      LYSOEN_ASSIGN(auto file, files_.open(path_of(id), storage::OpenMode::create));
      LYSOEN_TRY(file->write_at(0, key.view()));
      LYSOEN_TRY(file->sync());
      return files_.sync_folder(folder_);
    }();
    if (!made) return refused("make", made.error(), "check the folder of the guard keys");
    return made;
  }

  Result<void> use(const GuardId& id, std::span<uint8_t, 32> secret) override {
    auto file = files_.open(path_of(id), storage::OpenMode::read_only);
    if (!file) return refused("read", file.error(), "connect the medium that holds the guard keys");
    auto size = (*file)->size();
    if (size && *size != secret.size())
      return make_error(ErrorCode::damaged, "cannot read the vault's guard key: it does not have its size");
    auto have = (*file)->read_at(0, secret);
    if (!have) return refused("read", have.error());
    return {};
  }

  Result<void> destroy(const GuardId& id) override {
    auto file = files_.open(path_of(id), storage::OpenMode::read_write);
    if (!file && file.error().code == ErrorCode::not_found) return {};
    if (!file) return refused("destroy", file.error());
    auto done = [&]() -> Result<void> {
      std::array<uint8_t, 32> noise;
      random_.fill(noise);
      LYSOEN_TRY((*file)->write_at(0, noise));
      LYSOEN_TRY((*file)->sync());
      LYSOEN_TRY(files_.remove(path_of(id)));
      return files_.sync_folder(folder_);
    }();
    if (!done) return refused("destroy", done.error(), "destroy the medium that holds it");
    return done;
  }

 private:
  std::filesystem::path path_of(const GuardId& id) const { return folder_ / id.hex(); }

  std::filesystem::path folder_;
  Random& random_;
  storage::Files& files_ = storage::system_files();
};

class CallbackKeyGuard final : public KeyGuard {
 public:
  explicit CallbackKeyGuard(KeyGuardCalls calls) : calls_(std::move(calls)) {}
  Result<void> make(const GuardId& id) override { return calls_.make(id); }
  Result<void> use(const GuardId& id, std::span<uint8_t, 32> secret) override { return calls_.use(id, secret); }
  Result<void> destroy(const GuardId& id) override { return calls_.destroy(id); }

 private:
  KeyGuardCalls calls_;
};

}  // namespace

std::unique_ptr<KeyGuard> file_key_guard(const std::filesystem::path& folder, Random& random) {
  return std::make_unique<FileKeyGuard>(folder, random);
}

std::unique_ptr<KeyGuard> callback_key_guard(KeyGuardCalls calls) {
  return std::make_unique<CallbackKeyGuard>(std::move(calls));
}

}  // namespace lysoen
