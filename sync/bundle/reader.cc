#include "sync/bundle/reader.h"

#include <algorithm>

#include "core/base/try.h"
#include "sync/bundle/file.h"
#include "sync/wire/codec.h"

namespace lysoen::bundle {

namespace {

constexpr size_t kRosterHead = 40;
constexpr uint64_t kChunksAtOnce = 1 << 20;  // bytes handed on in one call

Error not_opening(const std::filesystem::path& file, std::string_view whose) {
  return make_error(
      ErrorCode::damaged,
      "cannot open the bundle '" + file.filename().string() + "': it is damaged or not for this " + std::string(whose),
      "ask for it to be written again; nothing was changed here");
}

// Runs and their chunks into what a sink takes at once.
class Chunks {
 public:
  explicit Chunks(Sink& sink) : sink_(sink) {}

  Result<void> begin(ChunkRun run) {
    LYSOEN_TRY(gather());
    expecting_ = false;
    if (run.leaves.size() > kRunChunksTaken || !runs_.begin(std::move(run)))
      return sink_.refuse("pieces of an attachment do not prove their place"), Result<void>();
    expecting_ = true;
    return {};
  }

  /// One that no run announces is dropped: its run was damaged or refused.
  void add(Bytes chunk) {
    if (!expecting_ || runs_.add(std::move(chunk))) return;
    expecting_ = false;
    sink_.refuse("a piece of an attachment is not what was announced");
  }

  /// What comes next is not the next chunk.
  void broken() { expecting_ = false; }

  Result<void> flush() {
    LYSOEN_TRY(gather());
    if (gathered_.chunks.empty()) return {};
    auto chunks = std::exchange(gathered_, {});
    return sink_.take_chunks(chunks);
  }

 private:
  Result<void> gather() {
    for (auto& piece : runs_.take()) {
      bool next = gathered_.name == piece.name && gathered_.first + gathered_.chunks.size() == piece.first;
      if (!gathered_.chunks.empty() && (!next || gathered_.bytes() + piece.bytes() > kChunksAtOnce)) {
        auto chunks = std::exchange(gathered_, {});
        LYSOEN_TRY(sink_.take_chunks(chunks));
      }
      if (gathered_.chunks.empty()) {
        gathered_ = std::move(piece);
        continue;
      }
      gathered_.leaves.insert(gathered_.leaves.end(), piece.leaves.begin(), piece.leaves.end());
      std::move(piece.chunks.begin(), piece.chunks.end(), std::back_inserter(gathered_.chunks));
    }
    return {};
  }

  Sink& sink_;
  blob::RunReader runs_;
  bool expecting_ = false;
  ProvenChunks gathered_;
};

// Records out of verified pieces.
class Records {
 public:
  explicit Records(Sink& sink) : sink_(sink), chunks_(sink) {}

  /// False: it is not as a writer makes it.
  Result<bool> piece(ByteView piece) {
    if (piece.empty()) return true;
    if (piece[0] != kVersion) {
      return make_error(ErrorCode::newer_version, "cannot take the bundle: it was made by a newer version of Lysoen",
                        "update Lysoen and take it then; keep the file");
    }
    if (ended_) return only_zeros(piece);
    if (piece.size() <= kPieceHead) return lost(), false;
    size_t from = kPieceHead;
    if (!placed_) {
      size_t first = static_cast<size_t>(piece[1] << 8 | piece[2]);
      if (first == 0) return true;  // the rest of what was lost
      if (first < kPieceHead || first >= piece.size()) return false;
      from = first, placed_ = true;
    }
    pending_.insert(pending_.end(), piece.begin() + static_cast<ptrdiff_t>(from), piece.end());
    return take();
  }

  /// The next piece is not here: go on where a record begins.
  void lost() {
    placed_ = false;
    pending_.clear();
    skip_ = 0;
    chunks_.broken();
  }

  Result<void> flush() { return chunks_.flush(); }
  bool ended() const { return ended_; }
  uint64_t unknown() const { return unknown_; }

 private:
  static bool only_zeros(ByteView bytes) {
    return std::all_of(bytes.begin(), bytes.end(), [](uint8_t byte) { return byte == 0; });
  }

  Result<bool> take() {
    size_t at = 0;
    for (;;) {
      auto rest = ByteView(pending_).subspan(at);
      if (skip_ > 0) {
        auto skipped = static_cast<size_t>(std::min<uint64_t>(skip_, rest.size()));
        skip_ -= skipped, at += skipped;
        if (skip_ > 0) break;
        continue;
      }
      if (rest.empty()) break;
      const auto type = static_cast<RecordType>(rest[0]);
      if (type == RecordType::end) {
        ended_ = true;
        bool clean = only_zeros(rest);
        pending_.clear();
        return clean;
      }
      if (rest.size() < kRecordHead) break;
      size_t size = Reader(rest.subspan(1)).u32();
      if (type > RecordType::writer) {
        ++unknown_;
        skip_ = size, at += kRecordHead;
        continue;
      }
      if (size > (type == RecordType::roster ? wire::kRosterMax + kRosterHead : wire::kFrameMax)) return lost(), false;
      if (rest.size() < kRecordHead + size) break;
      LYSOEN_TRY(record(type, rest.subspan(kRecordHead, size)));
      at += kRecordHead + size;
    }
    pending_.erase(pending_.begin(), pending_.begin() + static_cast<ptrdiff_t>(at));
    return true;
  }

  Result<void> record(RecordType type, ByteView body) {
    if (type == RecordType::chunk) return chunks_.add(to_bytes(body)), Result<void>();
    chunks_.broken();
    if (type == RecordType::chunk_run) {
      auto run = wire::decode<ChunkRun>(body);
      if (run) return chunks_.begin(std::move(*run));
      return sink_.refuse(run.error().message), Result<void>();
    }
    LYSOEN_TRY(chunks_.flush());
    if (type == RecordType::writer) {
      auto writer = decode_writer(body);
      if (writer) return sink_.take_writer(*writer);
      return sink_.refuse("the record of its writer has the wrong size"), Result<void>();
    }
    if (type == RecordType::batch) {
      auto batch = wire::decode<Batch>(body);
      if (!batch.ok()) return sink_.refuse(batch.error().message), Result<void>();
      for (auto& entry : batch->entries)
        if (entry.ciphertext_hash.is_none()) entry.ciphertext_hash = crypto::sha256(entry.ciphertext);
      return sink_.take_batch(std::move(*batch), body.size());
    }
    Reader reader(body);
    SealedRoster roster;
    roster.version = reader.u64();
    roster.hash = reader.id<Hash>();
    roster.sealed = to_bytes(reader.raw(reader.left()));
    if (!reader.ok()) return sink_.refuse("a roster is cut short"), Result<void>();
    return sink_.take_roster(roster);
  }

  Sink& sink_;
  Chunks chunks_;
  Bytes pending_;
  bool placed_ = false, ended_ = false;
  uint64_t skip_ = 0, unknown_ = 0;
};

}  // namespace

struct BundleReader::State {
  InFile in;
  Records records;
  uint64_t came = kHeadSize;
  Read read;
  std::optional<crypto::PartOpener> parts;

  State(InFile file, Sink& sink) : in(std::move(file)), records(sink) {}
};

BundleReader::BundleReader(std::unique_ptr<State> state) : state_(std::move(state)) {}
BundleReader::~BundleReader() = default;

Result<std::unique_ptr<BundleReader>> BundleReader::open(const std::filesystem::path& file, const Opens& opens,
                                                         std::string_view whose, Sink& sink) {
  LYSOEN_ASSIGN(auto in, InFile::open(file));
  auto state = std::make_unique<State>(std::move(in), sink);
  std::array<uint8_t, kHeadSize> head{};
  LYSOEN_ASSIGN(size_t came, state->in.read(head));
  auto key = came == head.size() ? opens(head) : std::nullopt;
  if (!key) return not_opening(file, whose);
  state->parts.emplace(std::move(*key), [state = state.get()](std::span<uint8_t> into) -> Result<size_t> {
    LYSOEN_ASSIGN(size_t size, state->in.read(into));
    state->came += size;
    return size;
  });
  return std::unique_ptr<BundleReader>(new BundleReader(std::move(state)));
}

Result<bool> BundleReader::next() {
  using Part = crypto::PartOpener::State;
  auto& s = *state_;
  Bytes piece;
  LYSOEN_ASSIGN(auto part, s.parts->next(piece));
  LYSOEN_ASSIGN(bool well_formed, s.records.piece(piece));
  if (part == Part::damaged && piece.empty()) s.records.lost();
  s.read.whole = s.read.whole && well_formed && part != Part::damaged;
  s.read.records_unknown = s.records.unknown();
  if (part != Part::end && s.parts->left()) return true;
  s.read.whole = s.read.whole && s.records.ended();
  return false;
}

Result<void> BundleReader::flush() {
  return state_->records.flush();
}
Read BundleReader::read() const {
  return state_->read;
}
uint64_t BundleReader::bytes_done() const {
  return state_->came;
}
uint64_t BundleReader::bytes_all() const {
  return state_->in.size();
}

Result<Read> read_bundle(const std::filesystem::path& file, std::span<const CarrierKey> keys, Sink& sink,
                         const BundleProgress& progress) {
  auto opens = [&](ByteView head) -> std::optional<crypto::Key32> {
    for (const auto& key : keys) {
      auto tried = derive(key, head.first(kSaltSize));
      if (crypto::equal(tried.commitment, head.subspan(kSaltSize))) return std::move(tried.parts);
    }
    return std::nullopt;
  };
  LYSOEN_ASSIGN(auto reader, BundleReader::open(file, opens, "team", sink));
  Result<bool> more = true;
  while (more.ok() && *more) {
    more = reader->next();
    if (more.ok() && progress) progress(reader->bytes_done(), reader->bytes_all());
  }
  // What came whole before an error is sound and stays.
  auto flushed = more.ok() ? reader->flush() : Result<void>();
  if (!more.ok()) return std::move(more).error();
  if (!flushed) return std::move(flushed).error();
  return reader->read();
}

}  // namespace lysoen::bundle
