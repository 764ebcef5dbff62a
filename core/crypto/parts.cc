#include "core/crypto/parts.h"

#include <algorithm>

#include "core/base/try.h"

namespace lysoen::crypto {

namespace {

// The content that makes a file of exactly this size, or nothing if none does: a part is never only a tag.
std::optional<uint64_t> content_of(uint64_t head, uint64_t size, size_t part) {
  auto sealed = size - head;
  auto sealed_part = part + kTagSize;
  auto parts = (sealed + sealed_part - 1) / sealed_part;
  auto last = sealed - (parts - 1) * sealed_part;
  if (last <= kTagSize) return std::nullopt;
  return sealed - parts * kTagSize;
}

}  // namespace

std::array<uint8_t, kNonceSize> part_nonce(uint64_t index, bool last) {
  std::array<uint8_t, kNonceSize> nonce{};
  for (size_t i = 0; i < 8; ++i) nonce[i] = static_cast<uint8_t>(index >> (56 - 8 * i));
  nonce[8] = last ? 1 : 0;
  return nonce;
}

uint64_t parts_file_size(uint64_t head, uint64_t content, size_t part) {
  auto parts = content == 0 ? 1 : (content + part - 1) / part;
  return head + content + kTagSize * parts;
}

uint64_t padded_parts_file_size(uint64_t head, uint64_t content, size_t part) {
  uint64_t size = transport_size(static_cast<size_t>(parts_file_size(head, content, part)));
  while (!content_of(head, size, part)) size = transport_size(static_cast<size_t>(size + 1));
  return size;
}

uint64_t parts_padding(uint64_t head, uint64_t content, size_t part) {
  return *content_of(head, padded_parts_file_size(head, content, part), part) - content;
}

Result<void> PartSealer::put(ByteView bytes) {
  content_ += bytes.size();
  pending_.insert(pending_.end(), bytes.begin(), bytes.end());
  // A part is only written when there is more: the last one is sealed as such.
  while (pending_.size() > part_) {
    LYSOEN_TRY(seal(ByteView(pending_).first(part_), false));
    pending_.erase(pending_.begin(), pending_.begin() + static_cast<ptrdiff_t>(part_));
  }
  return {};
}

Result<void> PartSealer::finish() {
  const Bytes zeros(16 * 1024);
  for (auto left = parts_padding(head_, content_, part_); left > 0;) {
    auto size = static_cast<size_t>(std::min<uint64_t>(left, zeros.size()));
    LYSOEN_TRY(put(ByteView(zeros).first(size)));
    left -= size;
  }
  return seal(pending_, true);
}

Result<void> PartSealer::seal(ByteView plain, bool last) {
  Bytes sealed(plain.size() + kTagSize);
  std::span<uint8_t, kTagSize> tag(sealed.data() + plain.size(), kTagSize);
  aead_seal(key_, part_nonce(index_++, last), {}, plain, std::span(sealed).first(plain.size()), tag);
  return sink_(sealed);
}

Result<PartOpener::State> PartOpener::next(Bytes& out) {
  if (!begun_) LYSOEN_TRY(fill());
  begun_ = true;
  auto part = std::move(held_);
  LYSOEN_TRY(fill());
  bool last = held_.empty();
  const bool whole = try_open(part, last, out);
  // Cut between two parts, or lengthened: the part itself may be whole.
  if (!whole) try_open(part, !last, out);
  ++index_;
  if (!whole) return State::damaged;
  return last ? State::end : State::more;
}

Result<void> PartOpener::fill() {
  held_.resize(part_ + kTagSize);
  LYSOEN_ASSIGN(size_t came, source_(held_));
  held_.resize(came);
  return {};
}

bool PartOpener::try_open(ByteView part, bool last, Bytes& out) {
  if (part.size() <= kTagSize) return false;
  auto text = part.first(part.size() - kTagSize);
  std::span<const uint8_t, kTagSize> tag(part.data() + text.size(), kTagSize);
  Bytes plain(text.size());
  bool opened = aead_open(key_, part_nonce(index_, last), {}, text, tag, plain);
  if (opened) out.insert(out.end(), plain.begin(), plain.end());
  wipe(plain);
  return opened;
}

}  // namespace lysoen::crypto
