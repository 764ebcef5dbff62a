#include "sync/relay/state_file.h"

#include "core/base/bytes.h"
#include "core/base/try.h"
#include "core/crypto/hash.h"

namespace lysoen::relay {

namespace {
constexpr std::string_view kMagic = "LYSS";
constexpr size_t kSize = 32, kBody = 24;

Bytes encode(const CommitMark& mark, const Hash& store_id) {
  Writer out;
  out.raw(as_bytes(kMagic)).u32(0).u32(mark.epoch).u32(0).u64(mark.commits);
  Bytes body = out.bytes();
  out.raw(crypto::sha256(Writer().id(store_id).raw(body).bytes()).view().first(kSize - kBody));
  return std::move(out).bytes();
}
}  // namespace

Result<StateFile> StateFile::open(storage::Files& files, const std::filesystem::path& path, const Hash& store_id) {
  LYSOEN_ASSIGN(auto file, files.open(path, storage::OpenMode::open_or_create));
  StateFile state(std::move(file), store_id);
  Bytes bytes(kSize);
  LYSOEN_ASSIGN(size_t size, state.file_->read_at(0, bytes));
  Reader reader(bytes);
  reader.raw(kMagic.size() + 4);
  CommitMark mark;
  mark.epoch = reader.u32();
  reader.u32();
  mark.commits = reader.u64();
  if (size == kSize && encode(mark, store_id) == bytes) state.found_ = mark;
  return state;
}

Result<void> StateFile::write(const CommitMark& mark) {
  return file_->write_at(0, encode(mark, store_id_));
}

}  // namespace lysoen::relay
