// Opening the relay, its keys, and noticing a store that was restored from an older state.
#include "sync/relay/relay.h"

#include "core/base/fault.h"
#include "core/base/try.h"
#include "sync/relay/relay_impl.h"
#include "sync/relay/schema.h"

namespace lysoen::relay {

namespace {

std::shared_ptr<const session::RelayKeys> snapshot_of(const session::RelayKeys& keys) {
  session::RelayKeys copy{keys.identity.copy(), keys.fallback.copy(), keys.gate_keys, {}};
  for (const auto& key : keys.exchange) copy.exchange.push_back({key.pair.copy(), key.validity, key.certified});
  return std::make_shared<const session::RelayKeys>(std::move(copy));
}

}  // namespace

Result<std::unique_ptr<Relay>> Relay::open(const RelayOptions& options, Environment environment) {
  auto relay = std::make_unique<RelayImpl>(options, environment);
  LYSOEN_TRY(relay->open());
  return std::unique_ptr<Relay>(std::move(relay));
}

std::vector<Bytes> Relay::handle(const std::vector<Bytes>& requests) {
  std::vector<std::unique_ptr<RelayRequest>> made;
  std::vector<RelayRequest*> pointers;
  for (const auto& request : requests) {
    made.push_back(begin());
    (void)made.back()->take(request);
    (void)made.back()->end();
    pointers.push_back(made.back().get());
  }
  std::vector<Bytes> answers;
  auto handled = handle(std::span<RelayRequest* const>(pointers));
  for (size_t i = 0; i < handled.size(); ++i)
    answers.push_back(handled[i].hold.count() > 0 ? answer_held(*pointers[i]) : std::move(handled[i].answer));
  return answers;
}

storage::Files& RelayImpl::files() const {
  return options_.files ? *options_.files : storage::system_files();
}

Result<void> RelayImpl::open() {
  LYSOEN_ASSIGN(auto keys, read_key_file(options_.key_file));
  key_file_ = std::make_unique<KeyFile>(std::move(keys));
  std::error_code failed;
  std::filesystem::create_directories(options_.folder, failed);
  if (failed)
    return make_error(failed == std::errc::no_space_on_device ? ErrorCode::storage_full : ErrorCode::storage_read_only,
                      "cannot open the relay: its store's folder cannot be made");
  auto lock = storage::FolderLock::take(options_.folder);
  if (!lock && lock.error().code == ErrorCode::storage_read_only)
    return make_error(ErrorCode::storage_read_only, "cannot open the relay: its store cannot be written",
                      "run it as the store's user, on a disk that can be written");
  if (!lock) return std::move(lock).error();
  lock_ = std::move(*lock);
  if (!options_.look_only) {
    auto mark_path = options_.key_file;
    mark_path += ".state";
    LYSOEN_ASSIGN(auto mark, StateFile::open(files(), mark_path, key_file_->store_id));
    state_file_ = std::make_unique<StateFile>(std::move(mark));
  }
  LYSOEN_TRY(open_store());
  {
    std::lock_guard guard(mutex_);
    keys_ = snapshot_of(key_file_->keys);
  }
  refresh_admitted();
  opened_ = environment_.clock.monotonic();
  return options_.look_only ? Result<void>() : tend();
}

Result<void> RelayImpl::open_store() {
  blobs_ = std::make_unique<BlobFolder>(files(), options_.folder / "blobs");
  storage::Container::Options options;
  options.folder = options_.folder;
  options.name = "relay";
  options.sealed = false;
  options.migrations = migrations();
  options.files = options_.files;
  options.cache_kib = 16 * 1024;
  options.replay = [this](storage::Database& db, uint64_t, ByteView payload) -> Result<void> {
    Store store(db, *blobs_, key_file_->keys.identity, options_.quotas, environment_.clock);
    LYSOEN_TRY(store.replay(payload));
    return store.count_commit();
  };
  storage::VaultId id{key_file_->store_id.bytes};
  LYSOEN_ASSIGN(bool there, files().exists(options_.folder / "relay.db"));
  bool lost = false;
  if (there) {
    LYSOEN_ASSIGN(auto opened, storage::Container::open(options, key_file_->store_key, id, environment_.random));
    container_ = std::move(opened.container);
    lost = opened.report.needs_new_incarnation();
  } else {
    LYSOEN_ASSIGN(container_, storage::Container::create(options, key_file_->store_key, id, environment_.random));
  }
  store_ = std::make_unique<Store>(container_->database(), *blobs_, key_file_->keys.identity, options_.quotas,
                                   environment_.clock);
  return options_.look_only ? Result<void>() : notice_restore(lost);
}

/// Files of blobs that no row names: of a commit that failed, of a team that was purged.
Result<void> RelayImpl::sweep_blobs() {
  LYSOEN_ASSIGN(auto kept, store_->blob_files());
  return blobs_->sweep(kept);
}

/// Fewer commits than were answered for: the store is of an older day. What is listed from now on is a new epoch.
Result<void> RelayImpl::notice_restore(bool lost) {
  LYSOEN_ASSIGN(uint64_t commits, store_->commits());
  LYSOEN_ASSIGN(uint32_t epoch, store_->epoch());
  const auto& mark = state_file_->found();
  bool older = mark ? commits < mark->commits || epoch < mark->epoch : commits > 0;
  if ((older || lost) && !LYSOEN_FAULT(epoch_kept)) {
    uint32_t next = std::max(epoch, mark ? mark->epoch : 0) + 1;
    uint64_t floor = mark ? mark->commits : 0;
    auto begun = container_->durable([&](storage::Database& db) -> Result<void> {
      LYSOEN_TRY(store_->begin_epoch(next));
      LYSOEN_TRY(db.run("UPDATE meta SET value = max(value, ?) WHERE name = 'commits'", floor));
      return store_->count_commit();
    });
    if (!begun) return begun;
    LYSOEN_ASSIGN(commits, store_->commits());
    epoch = next;
  } else {
    LYSOEN_TRY(sweep_blobs());  // an older store has fewer rows than files, which may be of use yet
  }
  return state_file_->write({epoch, commits});
}

void RelayImpl::refresh_admitted() {
  if (!store_->admission_changed()) return;
  auto admitted = store_->admitted();
  if (!admitted) return;
  std::lock_guard guard(mutex_);
  admitted_ = std::move(*admitted);
}

Result<void> RelayImpl::tend() {
  LYSOEN_ASSIGN(bool renewed, renew_exchange_keys(options_.key_file, *key_file_, environment_));
  if (renewed) {
    auto keys = snapshot_of(key_file_->keys);
    std::lock_guard guard(mutex_);
    keys_ = std::move(keys);
  }
  LYSOEN_TRY(retain());
  return container_->checkpoint();
}

RelayInfo RelayImpl::info() const {
  return public_half(key_file_->keys);
}

Metrics RelayImpl::metrics() const {
  std::lock_guard guard(mutex_);
  Metrics metrics = metrics_;
  metrics.held_now = static_cast<uint64_t>(std::max<int64_t>(held_now_, 0));
  return metrics;
}

std::string RelayImpl::unhealthy() const {
  std::lock_guard guard(mutex_);
  return unhealthy_;
}

}  // namespace lysoen::relay
