// Writing a bundle: rosters, then the runs, sealed part by part as they are read.
#include <algorithm>

#include "core/base/try.h"
#include "core/crypto/parts.h"
#include "sync/bundle/file.h"
#include "sync/bundle/format.h"
#include "sync/wire/codec.h"

namespace lysoen {

namespace {

using bundle::RecordType;

// Ciphertext of one batch record: small, so that a damaged file loses little; an entry may be larger by itself.
constexpr size_t kReadMax = 32 * 1024;

// Content of a bundle into its file, sealed.
class SealedWriter {
 public:
  SealedWriter(bundle::NewFile& file, crypto::Key32 key)
      : parts_(std::move(key), bundle::kHeadSize, [&file](ByteView sealed) { return file.write(sealed); }) {}

  uint64_t content() const { return parts_.content(); }
  Result<void> put(ByteView bytes) { return parts_.put(bytes); }

  Result<void> record(RecordType type, ByteView body) {
    LYSOEN_TRY(put(Writer().u8(static_cast<uint8_t>(type)).u32(static_cast<uint32_t>(body.size())).bytes()));
    return put(body);
  }

  Result<void> finish() {
    const uint8_t end = static_cast<uint8_t>(RecordType::end);
    LYSOEN_TRY(put({&end, 1}));
    return parts_.finish();
  }

 private:
  crypto::PartSealer parts_;
};

// Would the file still respect its limit with a record of this size?
bool fits(const SealedWriter& out, size_t record, uint64_t size_max) {
  return bundle::padded_file_size(out.content() + bundle::kRecordHead + record + 1) <= size_max;
}

Bytes encode_roster(const SealedRoster& roster) {
  return std::move(Writer().u64(roster.version).id(roster.hash).raw(roster.sealed)).bytes();
}

// Without the hashes that follow from ciphertexts.
Bytes encode_batch(Batch batch) {
  for (auto& entry : batch.entries)
    if (!entry.is_stub()) entry.ciphertext_hash = {};
  return wire::encode(batch);
}

Result<void> put_rosters(SealedWriter& out, const BundleContent& content) {
  for (const auto& roster : content.rosters) {
    auto body = encode_roster(roster);
    if (!fits(out, body.size(), content.size_max)) {
      return make_error(ErrorCode::limit_exceeded,
                        "cannot write the bundle: the team's roster alone is larger than the size allowed");
    }
    LYSOEN_TRY(out.record(RecordType::roster, body));
  }
  return {};
}

// Puts one run in as far as it fits. True: all of it.
Result<bool> put_run(SealedWriter& out, EntryStore& store, const BundleRun& run, const BundleContent& content,
                     BundleWritten& written) {
  FeedHead carried{run.up_to.feed, 0, {}};
  bool whole = true;
  for (uint64_t next = run.first_seq; next <= run.up_to.seq;) {
    auto read = store.read(run.up_to.feed, next, kReadMax);
    if (!read && read.error().code == ErrorCode::damaged) break;  // the others go out; the store says it
    LYSOEN_ASSIGN(auto batch, std::move(read));
    if (!batch) break;
    auto body = encode_batch(*batch);
    if (!fits(out, body.size(), content.size_max)) {
      // What is before it went: prev is that entry's hash.
      if (next > run.first_seq) carried.seq = next - 1, carried.hash = batch->prev;
      written.left.push_back({run.up_to, next});
      whole = false;
      break;
    }
    LYSOEN_TRY(out.record(RecordType::batch, body));
    written.entries += batch->entries.size();
    ++written.batches;
    next = batch->last_seq() + 1;
    carried = run.up_to;
  }
  if (carried.seq > 0) written.carried.push_back(carried);
  return whole;
}

Result<void> put_runs(SealedWriter& out, EntryStore& store, const BundleContent& content, BundleWritten& written) {
  for (size_t i = 0; i < content.runs.size(); ++i) {
    LYSOEN_ASSIGN(bool whole, put_run(out, store, content.runs[i], content, written));
    if (whole) continue;
    written.left.insert(written.left.end(), content.runs.begin() + static_cast<ptrdiff_t>(i) + 1, content.runs.end());
    break;
  }
  return {};
}

}  // namespace

std::vector<BundleRun> whole_feeds(std::span<const FeedHead> heads) {
  std::vector<BundleRun> runs;
  for (const auto& head : heads)
    if (head.seq > 0) runs.push_back({head, 1});
  return runs;
}

Result<std::vector<BundleRun>> unconfirmed_by(SyncPeer& peer, const RelayId& relay, std::span<const FeedHead> heads) {
  std::vector<BundleRun> runs;
  for (const auto& head : heads) {
    LYSOEN_ASSIGN(auto confirmed, peer.confirmed(relay, head.feed));
    if (confirmed < head.seq) runs.push_back({head, confirmed + 1});
  }
  return runs;
}

Result<BundleWritten> export_bundle(const std::filesystem::path& file, EntryStore& store, const CarrierKey& key,
                                    const BundleContent& content, Random& random) {
  if (content.runs.empty() && content.rosters.empty()) {
    return make_error(ErrorCode::input_refused, "nothing to put into a bundle: everything is where it should go");
  }
  if (content.size_max < bundle::kBundleSizeFloor) {
    return make_error(ErrorCode::input_refused, "cannot write so small a bundle: the limit must be at least 256 KiB");
  }
  LYSOEN_ASSIGN(auto target, bundle::NewFile::create(file));
  std::array<uint8_t, bundle::kSaltSize> salt{};
  random.fill(salt);
  auto keys = bundle::derive(key, salt);
  LYSOEN_TRY(target.write(salt));
  LYSOEN_TRY(target.write(keys.commitment));
  SealedWriter out(target, std::move(keys.parts));
  LYSOEN_TRY(out.put({&bundle::kVersion, 1}));
  BundleWritten written;
  LYSOEN_TRY(put_rosters(out, content));
  LYSOEN_TRY(put_runs(out, store, content, written));
  LYSOEN_TRY(out.finish());
  LYSOEN_TRY(target.commit());
  written.bytes = bundle::file_size(out.content());
  return written;
}

}  // namespace lysoen
