// Attaching files to reports, and giving them back.
#include <algorithm>

#include "core/base/bytes.h"
#include "core/base/try.h"
#include "core/blob/ranges.h"
#include "core/crypto/secret.h"
#include "core/media/thumbnail.h"
#include "core/report/path.h"
#include "core/vault/blobs.h"
#include "core/vault/vault_impl.h"

namespace lysoen::vault {

namespace {

constexpr std::string_view kColumns = "b.file, b.blob, b.key, b.size, b.content, b.thumbnail_of";

SavedBlob blob_in(storage::Statement& row) {
  SavedBlob blob;
  blob.file = row.array<16>(0);
  blob.info.blob = row.id<BlobId>(1);
  blob.info.key = row.array<32>(2);
  blob.info.size = static_cast<uint64_t>(row.integer(3));
  blob.info.content = row.id<Hash>(4);
  if (!row.is_null(5)) blob.thumbnail_of = row.id<BlobId>(5);
  return blob;
}

std::string answer_text(const media::BlobInfo& info, std::string_view type, std::string_view name) {
  return to_hex(info.blob.view()) + " " + std::to_string(info.size) + " " + std::string(type) + " " + std::string(name);
}

/// A source whose first bytes were read already.
media::Source behind(Bytes first, const media::Source& rest) {
  return [first = std::move(first), at = size_t{0}, &rest](std::span<uint8_t> into) mutable -> Result<size_t> {
    const size_t held = std::min(into.size(), first.size() - at);
    std::copy_n(first.begin() + static_cast<ptrdiff_t>(at), held, into.begin());
    at += held;
    if (held == into.size()) return held;
    LYSOEN_ASSIGN(size_t came, rest(into.subspan(held)));
    return held + came;
  };
}

/// The same file; the maker sees what passes.
media::Source seen_by(media::ThumbnailMaker& maker, const media::Source& file) {
  return [&maker, &file](std::span<uint8_t> into) -> Result<size_t> {
    LYSOEN_ASSIGN(size_t came, file(into));
    maker.put(into.first(came));
    return came;
  };
}

media::Source bytes_of(ByteView bytes) {
  return [bytes](std::span<uint8_t> into) mutable -> Result<size_t> {
    const size_t count = std::min(into.size(), bytes.size());
    std::copy_n(bytes.begin(), count, into.begin());
    bytes = bytes.subspan(count);
    return count;
  };
}

}  // namespace

Result<std::optional<SavedBlob>> VaultImpl::find_blob(int64_t row, const BlobId& id) {
  LYSOEN_ASSIGN(auto query, database().prepare("SELECT " + std::string(kColumns) +
                                               " FROM blobs b WHERE b.report = ? AND b.blob = ? AND b.held IS NULL"));
  LYSOEN_ASSIGN(bool found, query.bind(row, id).step());
  return found ? std::optional(blob_in(query)) : std::nullopt;
}

Result<std::vector<SavedBlob>> VaultImpl::all_blobs() {
  std::vector<SavedBlob> blobs;
  LYSOEN_ASSIGN(auto query,
                database().prepare("SELECT " + std::string(kColumns) +
                                   ", r.report FROM blobs b JOIN reports r ON r.id = b.report WHERE b.held IS NULL"));
  for (;;) {
    LYSOEN_ASSIGN(bool more, query.step());
    if (!more) return blobs;
    blobs.push_back(blob_in(query));
    blobs.back().report = query.id<ReportId>(6);
  }
}

Result<void> VaultImpl::require_attached(int64_t row, std::span<const Change> changes,
                                         std::span<const SavedBlob> fresh) {
  for (const auto& change : changes) {
    auto file = change.value ? change.value->file() : std::nullopt;
    if (!file || (!fresh.empty() && fresh.front().info.blob == file->blob)) continue;
    LYSOEN_ASSIGN(auto known, find_blob(row, file->blob));
    if (!known || known->thumbnail_of)
      return make_error(ErrorCode::input_refused,
                        "question '" + report::form_path(change.path) + "': no such file is attached to this report",
                        "`lysoen report attach` takes a file in");
  }
  return {};
}

/// The file, and behind it the thumbnail of one that is a picture and does not go in one chunk itself.
Result<std::vector<SavedBlob>> VaultImpl::put_file(const media::Source& file) {
  media::ThumbnailMaker maker;
  LYSOEN_ASSIGN(auto original, blob_files().put(seen_by(maker, file), environment_.random));
  std::vector<SavedBlob> blobs{original};
  auto thumbnail = maker.finish();
  if (!thumbnail || original.info.size <= media::kChunkContent) return blobs;
  LYSOEN_ASSIGN(auto small, blob_files().put(bytes_of(*thumbnail), environment_.random));
  small.thumbnail_of = original.info.blob;
  blobs.push_back(std::move(small));
  crypto::wipe(*thumbnail);
  return blobs;
}

Result<Change> VaultImpl::attach(const ReportId& report, std::string_view path, const AttachmentSource& source) {
  LYSOEN_ASSIGN(int64_t row, require_row(report, "attach"));
  LYSOEN_TRY(settle());
  LYSOEN_TRY(require_content(row, "attach"));
  LYSOEN_ASSIGN(auto shown, read_row(row));
  LYSOEN_ASSIGN(const Form* form, require_form(shown.form_id));

  Bytes first(media::kMediaTypeBytes);
  LYSOEN_ASSIGN(size_t came, source.read(first));
  first.resize(came);
  const auto type = source.media_type.empty() ? std::string(media::media_type(first).value_or(media::kUnknownMediaType))
                                              : source.media_type;
  // Before gigabytes are read: whether the answer could be saved at all.
  Change change{std::string(path), {}};
  LYSOEN_ASSIGN(change.value, Value::parse(ValueType::attachment, answer_text({}, type, source.name)));
  LYSOEN_TRY(report::check_change(*form, change));

  LYSOEN_ASSIGN(auto blobs, put_file(behind(std::move(first), source.read)));
  for (auto& blob : blobs) blob.report = shown.id;
  LYSOEN_ASSIGN(change.value, Value::parse(ValueType::attachment, answer_text(blobs.front().info, type, source.name)));
  auto saved = save_with(report, {&change, 1}, blobs);
  if (!saved) {
    blob_in_doubt_ = true;  // what failed may stand all the same: the next opening knows
    return std::move(saved).error();
  }
  // A new item has got its label.
  LYSOEN_ASSIGN(auto now, read_row(row));
  for (const auto& field : now.fields)
    for (const auto& visible : field.values)
      if (visible.value == change.value) change.path = field.path;
  return change;
}

Result<void> VaultImpl::read_attachment(const ReportId& report, const BlobId& id, const AttachmentSink& sink) {
  LYSOEN_ASSIGN(int64_t row, require_row(report, "read the attachment"));
  LYSOEN_ASSIGN(auto blob, find_blob(row, id));
  if (!blob) return not_here(row, id);
  return blob_files().read(*blob, sink);
}

Result<std::vector<AttachmentState>> VaultImpl::attachments(const ReportId& report) {
  LYSOEN_ASSIGN(int64_t row, require_row(report, "list the attachments"));
  std::vector<AttachmentState> states;
  LYSOEN_ASSIGN(auto query, database().prepare(
                                "SELECT b.blob, b.size, b.held, b.place, EXISTS (SELECT 1 FROM blob_receipts c WHERE "
                                "c.blob = b.blob AND c.durable = 1), t.blob FROM blobs b LEFT JOIN blobs t ON "
                                "t.report = b.report AND t.thumbnail_of = b.blob AND t.held IS NULL "
                                "WHERE b.report = ? AND b.thumbnail_of IS NULL"));
  query.bind(row);
  for (;;) {
    LYSOEN_ASSIGN(bool more, query.step());
    if (!more) return states;
    AttachmentState state{
        query.id<BlobId>(0), static_cast<uint64_t>(query.integer(1)), 0, !query.is_null(3), query.integer(4) != 0, {}};
    if (!query.is_null(5)) state.thumbnail = query.id<BlobId>(5);
    state.here = state.size;
    if (!query.is_null(2)) {
      const BlobName name{state.blob, media::blob_size(state.size)};
      const auto held = blob::decode(query.blob(2), name.chunks()).value_or(ChunkRanges());
      state.here = std::min(state.size, blob::count(held) * media::kChunkContent);
      if (!blob::whole(name, held)) state.here = std::min(state.here, state.size > 0 ? state.size - 1 : 0);
    }
    states.push_back(state);
  }
}

Error VaultImpl::not_here(int64_t row, const BlobId& id) {
  auto query = database().prepare("SELECT size, held FROM blobs WHERE report = ? AND blob = ?");
  auto wanted = query ? query->bind(row, id).step() : Result<bool>(false);
  if (!wanted || !*wanted)
    return make_error(ErrorCode::not_found, "cannot read the attachment: its bytes are not on this device",
                      "who attached it has them");
  const BlobName name{id, media::blob_size(static_cast<uint64_t>(query->integer(0)))};
  const auto held = blob::decode(query->blob(1), name.chunks()).value_or(ChunkRanges());
  const auto percent = blob::bytes_of(name, held) * 100 / name.size;
  return make_error(ErrorCode::not_found,
                    "cannot read the attachment: it is still on the way, " + std::to_string(percent) + " % is here",
                    "sync again; it goes on from there");
}

BlobFiles VaultImpl::blob_files() {
  return {place_, key_.container};
}

Result<void> VaultImpl::sweep_blobs() {
  if (blob_in_doubt_ || !container_->confirmed()) return {};  // the next opening knows which rows stand
  std::vector<BlobFile> kept;
  LYSOEN_ASSIGN(auto blobs, all_blobs());
  for (const auto& blob : blobs) kept.push_back(blob.file);
  LYSOEN_ASSIGN(auto begun, database().prepare("SELECT file FROM blobs WHERE held IS NOT NULL AND length(file) > 0"));
  for (;;) {
    LYSOEN_ASSIGN(bool more, begun.step());
    if (!more) break;
    kept.push_back(begun.array<16>(0));
  }
  return blob_files().sweep(std::move(kept), environment_.random);
}

Result<void> VaultImpl::put_secrets(report::Edit& edit) {
  for (auto& write : edit.writes) {
    auto file = write.value ? write.value->file() : std::nullopt;
    if (!file) continue;
    // The one that was attached here before any that somebody else says has this id.
    LYSOEN_ASSIGN(auto query,
                  database().prepare("SELECT key, content, report FROM blobs WHERE blob = ? AND held IS NULL "
                                     "ORDER BY place IS NOT NULL LIMIT 1"));
    LYSOEN_ASSIGN(bool found, query.bind(file->blob).step());
    if (!found) continue;
    write.secret = report::BlobSecret{query.array<32>(0), query.id<Hash>(1)};
    LYSOEN_ASSIGN(auto small,
                  database().prepare("SELECT blob, size, key, content FROM blobs WHERE thumbnail_of = ? AND "
                                     "report = ? AND held IS NULL"));
    LYSOEN_ASSIGN(found, small.bind(file->blob, query.integer(2)).step());
    if (found)
      write.secret->thumbnail = report::ThumbnailSecret{small.id<BlobId>(0), static_cast<uint64_t>(small.integer(1)),
                                                        small.array<32>(2), small.id<Hash>(3)};
  }
  return {};
}

}  // namespace lysoen::vault
