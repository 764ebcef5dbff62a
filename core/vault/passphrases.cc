// Which passphrases open this vault: the calls that change its half of the slot file, and the record of which slots are
// used. The file cannot tell a used slot from an unused one, so the container keeps that itself.
#include <algorithm>

#include "core/base/try.h"
#include "core/vault/vault_impl.h"

namespace lysoen::vault {

namespace {

constexpr std::string_view kSlotsFact = "slots";
constexpr uint8_t kInUse = 1, kLeaving = 2;  // On disk. Never renumber.

uint32_t number_of(size_t slot) {
  return static_cast<uint32_t>(slot % kSlotsPerContainer + 1);
}

}  // namespace

Result<std::vector<VaultImpl::SlotEntry>> VaultImpl::slot_entries() {
  LYSOEN_ASSIGN(auto stored, fact(database(), kSlotsFact));
  std::vector<SlotEntry> entries;
  for (Reader reader(stored); reader.left() > 0;) {
    SlotEntry entry;
    entry.slot = reader.u8();
    entry.leaving = reader.u8() == kLeaving;
    entry.added = WallTime(std::chrono::milliseconds(static_cast<int64_t>(reader.u64())));
    if (!reader.ok() || entry.slot >= kSlotCount || container_of(entry.slot) != key_.container)
      return make_error(ErrorCode::damaged, "cannot read which passphrases there are");
    entries.push_back(entry);
  }
  return entries;
}

Result<void> VaultImpl::put_slot_entries(storage::Database& database, const std::vector<SlotEntry>& entries) {
  Writer writer;
  for (const auto& entry : entries)
    writer.u8(static_cast<uint8_t>(entry.slot))
        .u8(entry.leaving ? kLeaving : kInUse)
        .u64(static_cast<uint64_t>(entry.added.time_since_epoch().count()));
  return set_fact(database, kSlotsFact, writer.bytes());
}

// A crash may have left a slot that opens and is not on record (its passphrase was not confirmed: it counts once it was
// used), or one on record as leaving that still opens.
Result<void> VaultImpl::settle_slots() {
  LYSOEN_ASSIGN(auto entries, slot_entries());
  auto is_own = [&](const SlotEntry& entry) { return entry.slot == slot_; };
  if (std::none_of(entries.begin(), entries.end(), is_own)) {
    entries.push_back({slot_, false, now()});
    LYSOEN_TRY(durable([&](storage::Database& database) { return put_slot_entries(database, entries); }));
  }
  return clear_leaving(std::move(entries));
}

Result<void> VaultImpl::clear_leaving(std::vector<SlotEntry> entries) {
  auto staying =
      std::stable_partition(entries.begin(), entries.end(), [](const auto& entry) { return !entry.leaving; });
  if (staying == entries.end()) return {};
  for (auto entry = staying; entry != entries.end(); ++entry)
    LYSOEN_TRY(slots_->clear(entry->slot, environment_.random));
  entries.erase(staying, entries.end());
  return plain([&](storage::Database& database) { return put_slot_entries(database, entries); });
}

/// Seals the container's secret into a free slot of its own half and puts it on record; `leaving` goes in the same
/// step.
Result<size_t> VaultImpl::enrol(std::string_view passphrase, std::optional<size_t> leaving) {
  LYSOEN_ASSIGN(auto entries, slot_entries());
  size_t first = static_cast<size_t>(key_.container) * kSlotsPerContainer, free = first;
  auto taken = [&](size_t slot) {
    return std::any_of(entries.begin(), entries.end(), [&](const auto& entry) { return entry.slot == slot; });
  };
  while (free < first + kSlotsPerContainer && taken(free)) ++free;
  if (free == first + kSlotsPerContainer)
    return make_error(ErrorCode::limit_exceeded, "cannot set the passphrase: there are 8, and there is room for 8",
                      "remove one of them first");
  SlotContent content{key_.container, Purpose::open, key_.guarded, key_.secret.copy()};
  LYSOEN_TRY(slots_->enrol(free, passphrase, content, environment_.random));
  for (auto& entry : entries) entry.leaving = entry.leaving || entry.slot == leaving;
  entries.push_back({free, false, now()});
  // If this fails the record may stand all the same after a crash, and then the old slot goes at the next opening: so
  // the new one stays, whatever is answered.
  LYSOEN_TRY(durable([&](storage::Database& database) { return put_slot_entries(database, entries); }));
  return free;
}

Result<std::vector<PassphraseInfo>> VaultImpl::passphrases() {
  LYSOEN_TRY(usable());
  LYSOEN_ASSIGN(auto entries, slot_entries());
  std::vector<PassphraseInfo> infos;
  for (const auto& entry : entries)
    if (!entry.leaving) infos.push_back({number_of(entry.slot), entry.added, entry.slot == slot_});
  std::sort(infos.begin(), infos.end(), [](const auto& a, const auto& b) { return a.number < b.number; });
  return infos;
}

Result<uint32_t> VaultImpl::add_passphrase(std::string_view passphrase) {
  LYSOEN_TRY(usable());
  LYSOEN_ASSIGN(size_t slot, enrol(passphrase, std::nullopt));
  return number_of(slot);
}

Result<uint32_t> VaultImpl::change_passphrase(std::string_view passphrase) {
  LYSOEN_TRY(usable());
  LYSOEN_ASSIGN(slot_, enrol(passphrase, slot_));
  LYSOEN_ASSIGN(auto entries, slot_entries());
  LYSOEN_TRY(clear_leaving(std::move(entries)));
  return number_of(slot_);
}

Result<void> VaultImpl::remove_passphrase(uint32_t number) {
  LYSOEN_TRY(usable());
  LYSOEN_ASSIGN(auto entries, slot_entries());
  auto found = std::find_if(entries.begin(), entries.end(),
                            [&](const auto& entry) { return !entry.leaving && number_of(entry.slot) == number; });
  if (found == entries.end())
    return make_error(ErrorCode::not_found,
                      "cannot remove the passphrase: there is no number " + std::to_string(number),
                      "the list of passphrases shows their numbers");
  if (std::count_if(entries.begin(), entries.end(), [](const auto& entry) { return !entry.leaving; }) == 1)
    return make_error(ErrorCode::input_refused, "cannot remove the passphrase: it is the last one",
                      "add another one first, or change it");
  found->leaving = true;
  LYSOEN_TRY(durable([&](storage::Database& database) { return put_slot_entries(database, entries); }));
  if (found->slot == slot_) slot_ = kSlotCount;  // none of those that are left
  return clear_leaving(std::move(entries));
}

}  // namespace lysoen::vault
