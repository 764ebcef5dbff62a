// Writing a bundle: for a relay who wrote it; rosters, then runs of entries, then chunks of attachments, sealed part by
// part as they are read.
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

// Records into pieces, and these into the file, sealed.
class SealedWriter {
 public:
  SealedWriter(bundle::NewFile& file, crypto::Key32 key)
      : parts_(std::move(key), bundle::kHeadSize, [&file](ByteView sealed) { return file.write(sealed); }) {}

  uint64_t content() const { return parts_.content(); }

  Result<void> record(RecordType type, ByteView body) {
    uint64_t left = bundle::kRecordHead + body.size();
    Bytes head = Writer().u8(static_cast<uint8_t>(type)).u32(static_cast<uint32_t>(body.size())).bytes();
    LYSOEN_TRY(put(head, left, true));
    return put(body, left, false);
  }

  /// Would the file still respect its limit with so many more bytes of records?
  bool fits(uint64_t records, uint64_t size_max) const {
    return bundle::padded_file_size(bundle::content_of(records_ + records + 1)) <= size_max;
  }

  Result<void> finish() {
    const uint8_t end = static_cast<uint8_t>(RecordType::end);
    uint64_t left = 1;
    LYSOEN_TRY(put({&end, 1}, left, true));
    return parts_.finish();
  }

 private:
  /// `left`: bytes of this record that are still to come, these among them; `fresh`: it begins with them.
  Result<void> put(ByteView bytes, uint64_t& left, bool fresh) {
    while (!bytes.empty()) {
      size_t room = bundle::kPieceRoom - records_ % bundle::kPieceRoom;
      if (room == bundle::kPieceRoom) {
        uint64_t first = bundle::kPieceHead + (fresh ? 0 : left);
        if (first >= crypto::kPartSize) first = 0;
        LYSOEN_TRY(parts_.put({Writer().u8(bundle::kVersion).u16(static_cast<uint16_t>(first)).bytes()}));
      }
      auto now = bytes.first(std::min(room, bytes.size()));
      LYSOEN_TRY(parts_.put(now));
      bytes = bytes.subspan(now.size());
      records_ += now.size(), left -= now.size(), fresh = false;
    }
    return {};
  }

  crypto::PartSealer parts_;
  uint64_t records_ = 0;  // bytes of them so far
};

bool fits(const SealedWriter& out, size_t record, uint64_t size_max) {
  return out.fits(bundle::kRecordHead + record, size_max);
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

// Room for the rosters and for whatever record comes next, so that every file carries something.
uint64_t smallest_size(const BundleContent& content) {
  constexpr uint64_t kAnyRecord = 128 * 1024;  // an entry, or a chunk, with what proves it
  uint64_t records = kAnyRecord;
  for (const auto& roster : content.rosters) records += bundle::kRecordHead + encode_roster(roster).size();
  return std::max(bundle::kBundleSizeFloor, bundle::padded_file_size(bundle::content_of(records)));
}

Result<void> put_rosters(SealedWriter& out, const BundleContent& content) {
  for (const auto& roster : content.rosters) LYSOEN_TRY(out.record(RecordType::roster, encode_roster(roster)));
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
    if (content.progress) content.progress(out.content(), 0);
  }
  if (carried.seq > 0) written.carried.push_back(carried);
  return whole;
}

// Chunks of one attachment as far as they fit. True: all of them.
Result<bool> put_blob(SealedWriter& out, BlobPeer& source, BundleBlob& blob, const BundleContent& content,
                      BundleWritten& written) {
  const auto chunks = blob.name.chunks();
  for (uint32_t count = bundle::kRunChunksWritten; blob.first < chunks;) {
    LYSOEN_ASSIGN(auto run, source.read_run(blob.name, blob.first, std::min(count, chunks - blob.first)));
    auto body = wire::encode(run);
    uint64_t size = bundle::kRecordHead + body.size();
    for (size_t i = 0; i < run.leaves.size(); ++i)
      size += bundle::kRecordHead + blob.name.chunk_size(blob.first + static_cast<uint32_t>(i));
    if (!out.fits(size, content.size_max)) {
      if (run.leaves.size() == 1) return false;
      count = static_cast<uint32_t>(run.leaves.size() / 2);
      continue;
    }
    // All of the run is read before any of it is written: a run that was begun has its chunks.
    std::vector<Bytes> read;
    for (size_t i = 0; i < run.leaves.size(); ++i) {
      LYSOEN_ASSIGN(read.emplace_back(), source.read_chunk(blob.name, blob.first + static_cast<uint32_t>(i)));
    }
    LYSOEN_TRY(out.record(RecordType::chunk_run, body));
    for (const auto& chunk : read) LYSOEN_TRY(out.record(RecordType::chunk, chunk));
    written.chunks += run.leaves.size();
    blob.first += static_cast<uint32_t>(run.leaves.size());
    if (content.progress) content.progress(out.content(), 0);
  }
  ++written.blobs;
  return true;
}

Result<void> put_blobs(SealedWriter& out, BlobPeer* source, const BundleContent& content, BundleWritten& written) {
  if (!source) return {};
  for (auto blob = content.blobs.begin(); blob != content.blobs.end(); ++blob) {
    BundleBlob from = *blob;
    bool whole = written.left.empty();  // entries that wait for another file go before
    if (whole) {
      auto put = put_blob(out, *source, from, content, written);
      if (!put && put.error().code == ErrorCode::damaged) {
        ++written.blobs_damaged;
        continue;
      }
      LYSOEN_ASSIGN(whole, std::move(put));
    }
    if (whole) continue;
    written.blobs_left.push_back(from);
    written.blobs_left.insert(written.blobs_left.end(), blob + 1, content.blobs.end());
    break;
  }
  return {};
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

std::vector<BundleBlob> whole_blobs(std::span<const BlobName> names) {
  std::vector<BundleBlob> blobs;
  for (const auto& name : names) blobs.push_back({name, 0});
  return blobs;
}

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

namespace {

Result<void> check_content(const BundleSource& source, const BundleContent& content) {
  if (content.runs.empty() && content.rosters.empty() && (content.blobs.empty() || !source.blobs)) {
    return make_error(ErrorCode::input_refused, "nothing to put into a bundle: everything is where it should go");
  }
  if (auto least = smallest_size(content); content.size_max < least) {
    return make_error(
        ErrorCode::input_refused,
        "cannot write so small a bundle: the limit must be at least " + std::to_string((least + 1023) / 1024) + " KiB",
        least > bundle::kBundleSizeFloor ? "the team's roster goes into every file" : "");
  }
  return {};
}

struct Beginning {
  std::array<uint8_t, bundle::kSaltSize> first{};  // of the file
  bundle::Keys keys;
  Bytes writer;  // body of the first record, for a relay
};

Result<Beginning> begin(const BundleFor& to, Random& random) {
  if (!to.relay) {
    std::array<uint8_t, bundle::kSaltSize> salt{};
    random.fill(salt);
    return Beginning{salt, bundle::derive(to.carrier_key, salt), {}};
  }
  const bundle::Addressee addressee{to.relay->id, to.relay->fallback_key};
  LYSOEN_ASSIGN(auto head, bundle::seal_for(addressee, random));
  bundle::WriterRecord writer{to.writer->team(), to.writer->device(), {}};
  auto message = bundle::writer_message(addressee, head.encapsulation, writer.team, writer.device);
  LYSOEN_ASSIGN(writer.signature, to.writer->sign(bundle::kWriterLabel, message));
  return Beginning{head.first, std::move(head.keys), bundle::encode_writer(writer)};
}

Result<BundleWritten> write_file(bundle::NewFile& target, BundleSource source, const BundleFor& to,
                                 const BundleContent& content, Random& random) {
  LYSOEN_ASSIGN(auto beginning, begin(to, random));
  LYSOEN_TRY(target.write(beginning.first));
  LYSOEN_TRY(target.write(beginning.keys.commitment));
  SealedWriter out(target, std::move(beginning.keys.parts));
  BundleWritten written;
  if (!beginning.writer.empty()) LYSOEN_TRY(out.record(RecordType::writer, beginning.writer));
  LYSOEN_TRY(put_rosters(out, content));
  LYSOEN_TRY(put_runs(out, source.store, content, written));
  LYSOEN_TRY(put_blobs(out, source.blobs, content, written));
  LYSOEN_TRY(out.finish());
  written.bytes = bundle::file_size(out.content());
  return written;
}

void add(BundleSet& set, BundleWritten part) {
  set.bytes += part.bytes, set.entries += part.entries, set.chunks += part.chunks;
  set.blobs += part.blobs, set.blobs_damaged += part.blobs_damaged;
  set.carried.insert(set.carried.end(), part.carried.begin(), part.carried.end());
}

std::filesystem::path with(std::filesystem::path file, const std::string& end) {
  return file += end;
}

// What was written and synced under names that nobody takes for a bundle gets its names, if all of them are free.
Result<void> name_files(const std::filesystem::path& file, std::vector<bundle::NewFile>& written, BundleSet& set) {
  for (size_t i = 1; i <= written.size(); ++i) {
    std::string end = "." + std::to_string(i) + "-of-" + std::to_string(written.size());
    set.files.push_back(written.size() == 1 ? file : with(file, end));
    LYSOEN_TRY(bundle::must_be_free(set.files.back()));
  }
  for (size_t i = 0; i < written.size(); ++i) LYSOEN_TRY(written[i].commit(set.files[i]));
  return {};
}

}  // namespace

Result<BundleWritten> export_bundle(const std::filesystem::path& file, BundleSource source, const BundleFor& to,
                                    const BundleContent& content, Random& random) {
  LYSOEN_TRY(check_content(source, content));
  LYSOEN_ASSIGN(auto target, bundle::NewFile::create(file));
  LYSOEN_ASSIGN(auto written, write_file(target, source, to, content, random));
  LYSOEN_TRY(target.commit());
  return written;
}

Result<BundleSet> export_bundles(const std::filesystem::path& file, BundleSource source, const BundleFor& to,
                                 BundleContent content, Random& random) {
  LYSOEN_TRY(check_content(source, content));
  LYSOEN_TRY(bundle::must_be_free(file));
  BundleSet set;
  std::vector<bundle::NewFile> files;
  uint64_t before = 0;
  auto progress = std::exchange(content.progress, {});
  if (progress) content.progress = [&](uint64_t done, uint64_t total) { progress(before + done, total); };
  for (bool more = true; more;) {
    LYSOEN_ASSIGN(auto target, bundle::NewFile::create(with(file, "." + std::to_string(files.size() + 1))));
    LYSOEN_ASSIGN(auto written, write_file(target, source, to, content, random));
    LYSOEN_TRY(target.close());
    files.push_back(std::move(target));
    more = !written.all();
    if (more && written.entries + written.chunks == 0)
      return make_error(ErrorCode::internal, "a bundle has no room for an entry or a piece of an attachment");
    content.runs = std::move(written.left), content.blobs = std::move(written.blobs_left);
    before += written.bytes;
    add(set, std::move(written));
  }
  LYSOEN_TRY(name_files(file, files, set));
  return set;
}

}  // namespace lysoen
