// What a person under threat can set and do: wipe, a cover with a duress passphrase, a limit of wrong passphrases. What
// happens to the files is in container_files.cc; a duress passphrase itself acts in SlotFile::attempt.
#include "core/base/try.h"
#include "core/vault/container_key.h"
#include "core/vault/vault_impl.h"

namespace lysoen::vault {

namespace {

constexpr std::string_view kCoverFact = "cover";  // when it was made u64 ‖ mark of its duress slot 32
constexpr auto kCover = ContainerName::b;
constexpr size_t kOrdinarySlot = first_slot_of(kCover), kDuressSlot = kOrdinarySlot + 1;

}  // namespace

bool VaultImpl::may_wipe() const {
  return membership_.policy().may_wipe;
}

Result<void> VaultImpl::require_wipe(ContainerSet containers, std::string_view doing) const {
  auto kept = slots_->counts().kept;
  kept = static_cast<ContainerSet>(kept & ~only(key_.container));
  if (!may_wipe()) kept |= only(key_.container);
  if (!(kept & containers)) return {};
  return make_error(ErrorCode::trust_refused,
                    "cannot " + std::string(doing) + ": the team's policy forbids wiping this device",
                    "what is here counts as evidence; ask an admin of the team");
}

Result<void> VaultImpl::settle_policy() {
  return slots_->set_kept(key_.container, !may_wipe(), environment_.random);
}

Result<void> VaultImpl::wipe(WipeScope scope) {
  LYSOEN_TRY(usable());
  const auto doomed = scope == WipeScope::everything ? kBothContainers : only(key_.container);
  LYSOEN_TRY(require_wipe(doomed, "wipe"));
  forget();
  container_->abandon();
  container_.reset();
  auto begun = slots_->begin_wipe(doomed, environment_.random);
  auto finished = begun ? finish_wipes(place_, *slots_, environment_) : Result<void>();
  slots_.reset();
  if (lock_ && finished) lock_->end_session();
  lock_.reset();
  if (!begun)
    return make_error(ErrorCode::io_failed, "cannot wipe: " + begun.error().message,
                      "try again; if its passphrase still opens the vault, nothing was wiped");
  if (!finished)
    return make_error(ErrorCode::partly_done, "wiped, but not all files are overwritten: " + finished.error().message,
                      "no passphrase opens it any more; the rest is done at the next start, or destroy the medium");
  return {};
}

// The order keeps a cover that was not finished from ever being opened: until the last step the slot file says that a
// wipe of it has begun.
Result<void> VaultImpl::make_cover(const CoverPassphrases& passphrases) {
  constexpr std::string_view kDoing = "make a cover";
  LYSOEN_TRY(usable());
  LYSOEN_TRY(require_wipe(kBothContainers, kDoing));
  if (key_.container == kCover)
    return make_error(ErrorCode::input_refused, "cannot make a cover: this vault is the second one of this device",
                      "only the first one can have a cover");
  LYSOEN_ASSIGN(auto known, fact(database(), kCoverFact));
  if (!known.empty())
    return make_error(ErrorCode::already_exists, "cannot make a cover: there is one",
                      "remove it first, with all in it");
  if (passphrases.ordinary == passphrases.duress)
    return make_error(ErrorCode::input_refused, "cannot make a cover: its two passphrases are the same",
                      "one opens the cover, the other opens it and wipes this vault: choose two");
  for (auto passphrase : {passphrases.ordinary, passphrases.duress}) LYSOEN_TRY(slots_->unused(passphrase));

  auto& random = environment_.random;
  SlotContent content{kCover, Purpose::open, key_.guarded, crypto::Key32::random(random)};
  auto options = container_options(place_, kCover);
  auto make = [&]() -> Result<void> {
    LYSOEN_ASSIGN(auto key, container_key(content, slots_->vault(), environment_.guard));
    LYSOEN_TRY(slots_->begin_wipe(only(kCover), random));
    LYSOEN_TRY(storage::Container::destroy(options, random));
    LYSOEN_ASSIGN(auto cover, storage::Container::create(options, key, slots_->vault(), random));
    LYSOEN_TRY(cover->durable([&](storage::Database& its) -> Result<void> {
      LYSOEN_TRY(put_slot_entries(its, {{kOrdinarySlot, false, now()}, {kDuressSlot, false, now()}}));
      return set_fact(its, kCleanFact, Bytes{1});
    }));
    LYSOEN_TRY(cover->lock());
    LYSOEN_TRY(slots_->enrol(kOrdinarySlot, passphrases.ordinary, content, random));
    content.purpose = Purpose::duress;
    LYSOEN_TRY(slots_->enrol(kDuressSlot, passphrases.duress, content, random));
    Writer record;
    record.u64(static_cast<uint64_t>(now().time_since_epoch().count())).id(slots_->mark_of(kDuressSlot));
    LYSOEN_TRY(slots_->end_wipe(only(kCover), random));
    return durable([&](storage::Database& own) { return set_fact(own, kCoverFact, record.bytes()); });
  };
  auto made = make();
  if (made) return {};
  if (slots_->begin_wipe(only(kCover), random)) (void)finish_wipes(place_, *slots_, environment_);
  // The fact may stand though its checkpoint failed: it would speak of a cover that is gone.
  if (auto stands = fact(database(), kCoverFact); stands && !stands->empty())
    (void)durable([](storage::Database& own) { return drop_fact(own, kCoverFact); });
  return made;
}

Result<void> VaultImpl::remove_cover() {
  LYSOEN_TRY(usable());
  LYSOEN_ASSIGN(auto known, fact(database(), kCoverFact));
  if (known.empty()) return make_error(ErrorCode::not_found, "cannot remove the cover: there is none");
  LYSOEN_TRY(require_wipe(only(kCover), "remove the cover"));
  LYSOEN_TRY(slots_->begin_wipe(only(kCover), environment_.random));
  LYSOEN_TRY(finish_wipes(place_, *slots_, environment_));
  return durable([](storage::Database& own) { return drop_fact(own, kCoverFact); });
}

Result<void> VaultImpl::set_wipe_after(uint32_t failures) {
  LYSOEN_TRY(usable());
  constexpr std::string_view kDoing = "set after how many wrong passphrases all is wiped";
  if (failures > 0) LYSOEN_TRY(require_wipe(kBothContainers, kDoing));
  if (failures > 0 && (failures < kWipeAfterMin || failures > kWipeAfterMax))
    return make_error(ErrorCode::input_refused,
                      "cannot " + std::string(kDoing) + ": " + std::to_string(failures) + " is not from " +
                          std::to_string(kWipeAfterMin) + " to " + std::to_string(kWipeAfterMax),
                      "fewer would be reached by mistake");
  return slots_->set_wipe_after(failures, environment_.random);
}

Result<WipeSettings> VaultImpl::wipe_settings() {
  LYSOEN_TRY(usable());
  WipeSettings settings;
  settings.allowed = may_wipe();
  settings.wipe_after = slots_->counts().wipe_after;
  LYSOEN_ASSIGN(auto known, fact(database(), kCoverFact));
  if (known.empty()) return settings;
  Reader reader(known);
  settings.cover_made = WallTime(std::chrono::milliseconds(static_cast<int64_t>(reader.u64())));
  bool there = reader.id<Hash>() == slots_->mark_of(kDuressSlot);
  settings.cover = there ? WipeSettings::Cover::ready : WipeSettings::Cover::lost;
  return settings;
}

}  // namespace lysoen::vault
