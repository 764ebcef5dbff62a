#include "core/media/attachment.h"

#include <algorithm>

#include "core/base/try.h"

namespace lysoen::media {

namespace {

constexpr size_t kPiece = 64 * 1024;

Error damaged(std::string_view why) {
  return make_error(ErrorCode::damaged, "cannot open the attachment: " + std::string(why),
                    "it may be whole on another device, or at the relay");
}

/// Every piece of a source, in order, until it ends.
Result<void> each_piece(const Source& source, size_t size, const Sink& take) {
  Bytes piece(size);
  Result<void> done;
  for (size_t came = size; done && came == size;) {
    auto read = source(piece);
    if (!read) {
      done = std::move(read).error();
      break;
    }
    came = *read;
    if (came > 0) done = take(ByteView(piece).first(came));
  }
  crypto::wipe(piece);
  return done;
}

}  // namespace

uint64_t blob_size(uint64_t size) {
  return crypto::padded_parts_file_size(0, size, kChunkContent);
}

Result<BlobInfo> seal_blob(const Source& file, const Sink& chunks, Random& random) {
  BlobInfo info;
  auto key = crypto::Key32::random(random);
  std::copy(key.view().begin(), key.view().end(), info.key.begin());
  crypto::MerkleLog tree;
  crypto::PartSealer parts(
      std::move(key), 0,
      [&](ByteView chunk) {
        tree.append(crypto::merkle_leaf(chunk));
        return chunks(chunk);
      },
      kChunkContent);
  crypto::Sha256 hash;
  LYSOEN_TRY(each_piece(file, kPiece, [&](ByteView piece) -> Result<void> {
    info.size += piece.size();
    if (info.size > kAttachmentSizeMax)
      return make_error(ErrorCode::limit_exceeded, "cannot attach the file: it is larger than 4 GiB",
                        "split it, or attach a smaller copy of it");
    hash.update(piece);
    return parts.put(piece);
  }));
  LYSOEN_TRY(parts.finish());
  info.content = hash.finish();
  info.blob.bytes = tree.root().bytes;
  return info;
}

Result<void> open_blob(const BlobInfo& info, const Source& blob, const Sink& file) {
  auto key = crypto::Key32::from(info.key);
  if (!key || info.size > kAttachmentSizeMax) return damaged("its description is not one");
  crypto::MerkleLog tree;
  crypto::PartOpener parts(
      std::move(*key),
      [&](std::span<uint8_t> into) -> Result<size_t> {
        LYSOEN_ASSIGN(size_t came, blob(into));
        if (came > 0) tree.append(crypto::merkle_leaf(into.first(came)));
        return came;
      },
      kChunkContent);
  crypto::Sha256 hash;
  uint64_t left = info.size;
  Bytes content;
  Result<void> done;
  using State = crypto::PartOpener::State;
  for (auto state = State::more; done && state == State::more;) {
    content.clear();
    LYSOEN_ASSIGN(state, parts.next(content));
    if (state == State::damaged) {
      done = damaged("its bytes are not those that were sealed");
      break;
    }
    auto part = ByteView(content).first(static_cast<size_t>(std::min<uint64_t>(left, content.size())));
    left -= part.size();
    hash.update(part);
    if (!part.empty()) done = file(part);
    auto padding = ByteView(content).subspan(part.size());
    if (std::any_of(padding.begin(), padding.end(), [](uint8_t byte) { return byte != 0; }))
      done = damaged("something follows its end");
  }
  crypto::wipe(content);
  if (!done) return done;
  if (left > 0 || tree.root().bytes != info.blob.bytes || hash.finish() != info.content)
    return damaged("it is not the file that was attached");
  return {};
}

Result<BlobId> blob_id(const Source& blob) {
  crypto::MerkleLog tree;
  LYSOEN_TRY(each_piece(blob, kChunkSize, [&](ByteView chunk) -> Result<void> {
    tree.append(crypto::merkle_leaf(chunk));
    return {};
  }));
  return BlobId{tree.root().bytes};
}

}  // namespace lysoen::media
