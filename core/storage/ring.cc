#include "core/storage/ring.h"

#include <algorithm>
#include <cstring>

#include "core/base/bytes.h"
#include "core/base/check.h"
#include "core/base/fault.h"
#include "core/base/try.h"
#include "core/storage/noise.h"

namespace lysoen::storage {

namespace {

constexpr size_t kBoxExtra = crypto::kNonceSize + crypto::kTagSize;
constexpr size_t kPrefixPlain = 32, kPrefixSealed = kPrefixPlain + kBoxExtra;  // 72
constexpr size_t kStatePlain = 24, kStateSealed = kStatePlain + kBoxExtra;     // 64
constexpr size_t kStatePlaces[] = {0, kRingBlock / 2};                         // never in one sector
constexpr size_t kRecordExtra = kPrefixSealed + kBoxExtra;                     // 112
constexpr uint8_t kFlagCovered = 1, kFlagTwice = 2;
constexpr size_t kBlocksFloor = 16;

uint32_t blocks_for(size_t payload, bool twice = true) {
  const size_t size = kRecordExtra + payload + (twice ? kPrefixSealed : 0);
  return static_cast<uint32_t>((size + kRingBlock - 1) / kRingBlock);
}

}  // namespace

Ring::Ring(std::unique_ptr<File> file, const Setup& setup, uint32_t blocks, Random& random)
    : file_(std::move(file)), key_(setup.key), vault_(setup.vault), random_(random), nonces_(random), blocks_(blocks) {}

Result<std::unique_ptr<Ring>> Ring::create(Files& files, const Setup& setup, size_t size, Random& random) {
  LYSOEN_CHECK(size % kRingBlock == 0 && size / kRingBlock >= kBlocksFloor && size / kRingBlock <= UINT32_MAX);
  LYSOEN_ASSIGN(auto file, files.open(setup.path, OpenMode::create));
  LYSOEN_TRY(write_noise(*file, 0, size, random));
  LYSOEN_TRY(file->sync());
  return std::unique_ptr<Ring>(new Ring(std::move(file), setup, static_cast<uint32_t>(size / kRingBlock), random));
}

Result<std::unique_ptr<Ring>> Ring::open(Files& files, const Setup& setup, Random& random) {
  LYSOEN_ASSIGN(auto file, files.open(setup.path, OpenMode::read_write));
  LYSOEN_ASSIGN(uint64_t size, file->size());
  const uint64_t blocks = size / kRingBlock;
  if (size % kRingBlock != 0 || blocks < kBlocksFloor || blocks > UINT32_MAX)
    return make_error(ErrorCode::damaged, "cannot read the ring: it has the wrong size");
  auto ring = std::unique_ptr<Ring>(new Ring(std::move(file), setup, static_cast<uint32_t>(blocks), random));
  LYSOEN_TRY(ring->scan());
  return ring;
}

size_t Ring::payload_max() const {
  return length_max() - kPrefixSealed;
}

size_t Ring::length_max() const {
  return std::min(kRecordSizeMax, blocks_ / 4 * kRingBlock) - kRecordExtra;
}

Bytes Ring::prefix_aad() const {
  return Writer().id(vault_).raw(as_bytes("ring-prefix")).bytes();
}
Bytes Ring::state_aad() const {
  return Writer().id(vault_).raw(as_bytes("ring-state")).bytes();
}
Bytes Ring::body_aad(uint64_t counter, uint32_t length, const Tag& before) const {
  return Writer().id(vault_).raw(as_bytes("ring")).u64(counter).u32(length).raw(before).bytes();
}

Result<void> Ring::scan_state() {
  for (size_t at : kStatePlaces) {
    std::array<uint8_t, kStateSealed> raw{};
    LYSOEN_ASSIGN(size_t got, file_->read_at(at, raw));
    auto plain = crypto::aead_open_box(key_, state_aad(), ByteView(raw).first(got));
    if (!plain) continue;
    Reader reader(*plain);
    CheckpointState state;
    const uint64_t turn = reader.u64();
    state.phase = static_cast<CheckpointState::Phase>(reader.u8());
    (void)reader.raw(3);
    state.salts = reader.array<8>();
    state.frames = reader.u32();
    if (turn < state_turn_) continue;
    state_turn_ = turn;
    state_ = state;
  }
  return {};
}

Result<void> Ring::scan() {
  LYSOEN_TRY(scan_state());
  Bytes raw(kRingBlock);
  const Bytes aad = prefix_aad();
  std::vector<bool> begins(blocks_, false);  // a record, as its prefix says
  std::vector<std::pair<uint32_t, Bytes>> ends;
  for (uint32_t block = 1; block < blocks_; ++block) {
    LYSOEN_ASSIGN(size_t got, file_->read_at(uint64_t{block} * kRingBlock, raw));
    if (got < raw.size()) continue;
    if (auto end = crypto::aead_open_box(key_, aad, ByteView(raw).last(kPrefixSealed))) ends.emplace_back(block, *end);
    auto prefix = crypto::aead_open_box(key_, aad, ByteView(raw).first(kPrefixSealed));
    if (!prefix) continue;
    auto [counter, place] = parse_prefix(*prefix);
    place.block = block;
    begins[block] = true;
    LYSOEN_TRY(take(counter, place));
  }
  // The copy counts where the prefix itself does not open; one that a newer record did not reach ends nothing any more.
  for (const auto& [last, end] : ends) {
    auto [counter, place] = parse_prefix(end);
    if (place.blocks > last || begins[last + 1 - place.blocks]) continue;
    place.block = last + 1 - place.blocks;
    LYSOEN_TRY(take(counter, place));
  }

  for (auto at = records_.rbegin(); at != records_.rend() && newest_good_ == 0; ++at) {
    LYSOEN_ASSIGN(auto record, read(at->first));
    if (!record) continue;
    newest_good_ = at->first;
    next_block_ = at->second.block + at->second.blocks;
  }
  return {};
}

std::pair<uint64_t, Ring::Place> Ring::parse_prefix(ByteView prefix) {
  Reader reader(prefix);
  const uint64_t counter = reader.u64();
  Place place;
  place.length = reader.u32();
  const uint8_t flags = reader.u8();
  (void)reader.raw(3);
  place.covered = (flags & kFlagCovered) != 0;
  place.before = reader.array<crypto::kTagSize>();
  place.blocks = blocks_for(place.length, (flags & kFlagTwice) != 0);
  return {counter, place};
}

Result<void> Ring::take(uint64_t counter, Place place) {
  if (counter == 0 || place.length > length_max() || place.blocks > blocks_ - place.block) return {};
  const uint64_t tag_at = uint64_t{place.block} * kRingBlock + kPrefixSealed + crypto::kNonceSize + place.length;
  LYSOEN_ASSIGN(size_t tag_got, file_->read_at(tag_at, place.tag));
  if (tag_got != place.tag.size()) return {};
  // The same counter twice: a record that was torn and then written anew elsewhere. The one that opens is meant.
  if (records_.count(counter)) {
    LYSOEN_ASSIGN(auto readable, read(counter));
    if (readable) return {};
  }
  records_[counter] = place;
  return {};
}

uint64_t Ring::newest() const {
  return records_.empty() ? 0 : records_.rbegin()->first;
}

std::vector<uint64_t> Ring::counters_from(uint64_t first) const {
  std::vector<uint64_t> counters;
  for (auto at = records_.lower_bound(first); at != records_.end(); ++at) counters.push_back(at->first);
  return counters;
}

Result<std::optional<Bytes>> Ring::open_body(uint64_t counter, const Place& place) {
  Bytes box(place.length + kBoxExtra);
  LYSOEN_ASSIGN(size_t got, file_->read_at(uint64_t{place.block} * kRingBlock + kPrefixSealed, box));
  if (got != box.size()) return std::optional<Bytes>();
  return crypto::aead_open_box(key_, body_aad(counter, place.length, place.before), box);
}

Result<std::optional<Ring::Record>> Ring::read(uint64_t counter) {
  auto found = records_.find(counter);
  if (found == records_.end()) return std::optional<Record>();
  LYSOEN_ASSIGN(auto payload, open_body(counter, found->second));
  if (!payload) return std::optional<Record>();
  if (auto before = records_.find(counter - 1);
      before != records_.end() && before->second.tag != found->second.before) {
    // Its tag may differ because the record before was damaged, and only then.
    LYSOEN_ASSIGN(auto intact, open_body(counter - 1, before->second));
    if (intact) return std::optional<Record>();
  }
  return std::optional<Record>(Record{std::move(*payload), found->second.covered});
}

std::optional<uint32_t> Ring::place_for(uint32_t count) const {
  const uint32_t first = next_block_ + count <= blocks_ ? next_block_ : 1;
  for (const auto& [counter, place] : records_) {
    const bool overlaps = place.block < first + count && first < place.block + place.blocks;
    if (overlaps && needed(counter)) return std::nullopt;
  }
  return first;
}

bool Ring::has_room() const {
  return place_for(blocks_for(payload_max())).has_value();
}

bool Ring::half_full() const {
  uint64_t held = 0;
  for (const auto& [counter, place] : records_)
    if (needed(counter)) held += place.blocks;
  return held * 2 > blocks_ - 1;
}

Result<void> Ring::append(uint64_t counter, ByteView payload, bool covered) {
  LYSOEN_CHECK(counter > newest_good_ && payload.size() <= payload_max());
  const uint32_t blocks = blocks_for(payload.size());
  auto first = place_for(blocks);
  LYSOEN_CHECK(first.has_value());
  if (auto last = records_.find(newest_good_); LYSOEN_FAULT(records_share_a_block) && last != records_.end())
    first = std::min(last->second.block + last->second.blocks - 1, blocks_ - blocks);

  Place place;
  place.block = *first;
  place.blocks = blocks;
  place.length = static_cast<uint32_t>(payload.size());
  place.covered = covered;
  if (auto before = records_.find(newest_good_); before != records_.end()) place.before = before->second.tag;

  // Whole blocks, the rest of the last one random: what lay there before is gone and the length does not show.
  Bytes out(size_t{blocks} * kRingBlock);
  std::span<uint8_t> all(out);
  auto seal = [&](size_t at, ByteView aad, ByteView plain) {
    auto nonce = all.subspan(at).first<crypto::kNonceSize>();
    nonces_.next(nonce);
    auto tag = all.subspan(at + crypto::kNonceSize + plain.size()).first<crypto::kTagSize>();
    crypto::aead_seal(key_, nonce, aad, plain, all.subspan(at + crypto::kNonceSize, plain.size()), tag);
    return tag;
  };
  Writer prefix;
  prefix.u64(counter).u32(place.length).u8(kFlagTwice | (covered ? kFlagCovered : 0)).u8(0).u16(0).raw(place.before);
  auto tag = seal(kPrefixSealed, body_aad(counter, place.length, place.before), payload);
  std::memcpy(place.tag.data(), tag.data(), tag.size());
  random_.fill(all.subspan(kRecordExtra + payload.size()));
  for (size_t at : {size_t{0}, out.size() - kPrefixSealed}) seal(at, prefix_aad(), prefix.bytes());

  if (!LYSOEN_FAULT(record_not_written)) LYSOEN_TRY(file_->write_at(uint64_t{place.block} * kRingBlock, out));
  if (!LYSOEN_FAULT(ring_sync_skipped)) LYSOEN_TRY(file_->sync());

  std::erase_if(records_, [&](const auto& entry) {
    const auto& old = entry.second;
    return old.block < place.block + blocks && place.block < old.block + old.blocks;
  });
  records_[counter] = place;
  newest_good_ = counter;
  next_block_ = place.block + blocks;
  return {};
}

Result<Ring::Unreadable> Ring::unreadable() {
  Unreadable found;
  auto overlap = [](const Place& place, uint32_t block, uint32_t blocks) {
    return block < place.block + place.blocks && place.block < block + blocks;
  };
  const uint32_t most = blocks_for(payload_max());
  auto overwritten = [&](uint64_t counter, const Place& place) {
    if (overlap(place, next_block_, most) || (next_block_ + most > blocks_ && overlap(place, 1, most))) return true;
    return std::any_of(records_.upper_bound(counter), records_.end(),
                       [&](const auto& later) { return overlap(place, later.second.block, later.second.blocks); });
  };
  for (const auto& [counter, place] : records_) {
    LYSOEN_ASSIGN(auto record, read(counter));
    if (!record && !overwritten(counter, place)) found.records.push_back(counter);
  }
  LYSOEN_ASSIGN(found.state, lacks_state());
  return found;
}

Result<bool> Ring::lacks_state() {
  const size_t written = std::min<size_t>(state_turn_, std::size(kStatePlaces));  // turns begin at 1
  size_t readable = 0;
  for (size_t at : kStatePlaces) {
    std::array<uint8_t, kStateSealed> raw{};
    LYSOEN_ASSIGN(size_t got, file_->read_at(at, raw));
    readable += crypto::aead_open_box(key_, state_aad(), ByteView(raw).first(got)).has_value();
  }
  return readable < written;
}

Result<void> Ring::mend_state() {
  LYSOEN_ASSIGN(bool lacks, lacks_state());
  return lacks ? set_state(state_) : Result<void>();
}

Result<void> Ring::scrub() {
  std::vector<bool> keep(blocks_, false);
  keep[0] = true;
  for (const auto& [counter, place] : records_)
    if (needed(counter)) std::fill_n(keep.begin() + place.block, place.blocks, true);
  for (uint32_t block = 1; block < blocks_;) {
    uint32_t end = block;
    while (end < blocks_ && !keep[end]) ++end;
    if (end > block)
      LYSOEN_TRY(write_noise(*file_, uint64_t{block} * kRingBlock, uint64_t{end - block} * kRingBlock, random_));
    block = end + 1;
  }
  std::erase_if(records_, [&](const auto& entry) { return !needed(entry.first); });
  return file_->sync();
}

Result<void> Ring::set_state(const CheckpointState& state) {
  const uint64_t turn = state_turn_ + 1;
  Writer plain;
  plain.u64(turn).u8(static_cast<uint8_t>(state.phase)).u8(0).u16(0).raw(state.salts).u32(state.frames);
  auto box = crypto::aead_seal_box(key_, state_aad(), plain.bytes(), random_);
  LYSOEN_TRY(file_->write_at(kStatePlaces[turn & 1], box));
  LYSOEN_TRY(file_->sync());
  state_ = state;
  state_turn_ = turn;
  return {};
}

}  // namespace lysoen::storage
