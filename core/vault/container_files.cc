#include "core/vault/container_files.h"

#include "core/base/try.h"
#include "core/vault/blobs.h"
#include "core/vault/container_key.h"

namespace lysoen::vault {

storage::Container::Options container_options(const Place& place, ContainerName name) {
  storage::Container::Options options;
  options.folder = place.folder;
  options.files = &place.files;
  options.name = name == ContainerName::a ? "A" : "B";
  options.migrations = place.schema;
  options.ring_size = place.ring_size;
  options.reserve_size = place.reserve_size;
  return options;
}

Result<void> make_unused(const Place& place, ContainerName name, const storage::VaultId& vault, Random& random) {
  auto forgotten = crypto::Key32::random(random);
  LYSOEN_ASSIGN(auto unused, storage::Container::create(container_options(place, name), forgotten, vault, random));
  return unused->lock();
}

namespace {

Result<void> finish_wipe(const Place& place, ContainerName name, const storage::VaultId& vault,
                         Environment environment) {
  Result<void> destroyed;
  if (environment.guard) destroyed = environment.guard->destroy(guard_id(vault, name));
  auto overwritten = storage::Container::destroy(container_options(place, name), environment.random);
  if (auto swept = BlobFiles(place, name).sweep({}, environment.random); !swept) overwritten = swept;
  LYSOEN_TRY(make_unused(place, name, vault, environment.random));
  LYSOEN_TRY(overwritten);
  LYSOEN_TRY(destroyed);
  return environment.guard ? environment.guard->make(guard_id(vault, name)) : Result<void>();
}

}  // namespace

Result<void> finish_wipes(const Place& place, SlotFile& slots, Environment environment) {
  if (!slots.known())
    return make_error(ErrorCode::io_failed, "cannot finish a wipe: an earlier write of the slot file failed",
                      "it is finished at the next start, if it was begun");
  Result<void> done;
  for (auto name : {ContainerName::a, ContainerName::b}) {
    if (!(slots.counts().wiping & only(name))) continue;
    auto finished = finish_wipe(place, name, slots.vault(), environment);
    if (finished) finished = slots.end_wipe(only(name), environment.random);
    if (done) done = std::move(finished);
  }
  return done;
}

}  // namespace lysoen::vault
