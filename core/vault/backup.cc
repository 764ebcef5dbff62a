// A vault into a file, and a file into a new vault. What both mean: docs/formats/backup.md, docs/decisions/0011.
#include <algorithm>

#include "core/base/bytes.h"
#include "core/base/try.h"
#include "core/crypto/parts.h"
#include "core/vault/backup_format.h"
#include "core/vault/vault_impl.h"

namespace lysoen {

Result<std::unique_ptr<Vault>> Vault::restore(const std::filesystem::path& backup, const std::filesystem::path& folder,
                                              const RestoreOptions& options, Environment environment) {
  return vault::VaultImpl::restore(backup, {folder, storage::system_files()}, options, environment);
}

}  // namespace lysoen

namespace lysoen::vault {

namespace {

using backup::Cell;
using backup::Kind;

constexpr std::string_view kTeamFact = "restored.team", kDeviceFact = "restored.device";
constexpr size_t kTransactionMax = 4 * 1024 * 1024;  // bytes of rows

std::filesystem::path with_ending(std::filesystem::path path, std::string_view ending) {
  path += ending;
  return path;
}

Error in_words(Error error, std::string_view doing) {
  if (!error.message.starts_with("cannot ")) error.message = "cannot " + std::string(doing) + ": " + error.message;
  return error;
}

std::string select_of(const backup::Table& table) {
  std::string sql = "SELECT ";
  for (const auto& column : table.columns) sql.append(&column == table.columns.data() ? "" : ", ").append(column.name);
  return sql + " FROM " + std::string(table.name);
}

std::string insert_of(const backup::Table& table) {
  std::string names, marks;
  for (const auto& column : table.columns) {
    bool first = &column == table.columns.data();
    names.append(first ? "" : ", ").append(column.name);
    marks.append(first ? "?" : ", ?");
  }
  return "INSERT INTO " + std::string(table.name) + " (" + names + ") VALUES (" + marks + ")";
}

Cell cell_of(const storage::Statement& row, int at, Kind kind) {
  Cell cell;
  cell.null = row.is_null(at);
  switch (kind) {
    case Kind::integer:
      cell.integer = row.integer(at);
      break;
    case Kind::real:
      cell.real = row.real(at);
      break;
    case Kind::text:
      cell.bytes = to_bytes(as_bytes(row.text(at)));
      break;
    case Kind::id:
      cell.bytes = to_bytes(row.blob(at));
      cell.bytes.resize(32);
      break;
    case Kind::blob:
      cell.bytes = to_bytes(row.blob(at));
      break;
  }
  return cell;
}

void bind_cell(storage::Statement& statement, int at, const Cell& cell, Kind kind) {
  if (cell.null) return statement.bind_at(at, std::nullopt), void();
  switch (kind) {
    case Kind::integer:
      statement.bind_at(at, cell.integer);
      break;
    case Kind::real:
      statement.bind_at(at, cell.real);
      break;
    case Kind::text:
      statement.bind_at(at, as_text(cell.bytes));
      break;
    case Kind::id:
    case Kind::blob:
      statement.bind_at(at, ByteView(cell.bytes));
      break;
  }
}

// -- Writing --------------------------------------------------------------------------------------------------------

/// The file under a temporary name, which vanishes unless it is finished.
class NewBackup {
 public:
  static Result<NewBackup> begin(storage::Files& files, const std::filesystem::path& path) {
    LYSOEN_ASSIGN(bool there, files.exists(path));
    if (there)
      return make_error(ErrorCode::already_exists, "cannot write the backup: a file of this name is there already",
                        "choose another name or move that file away");
    NewBackup made(files, path);
    LYSOEN_TRY(files.remove(made.part_));  // what a backup that was cut left behind
    LYSOEN_ASSIGN(made.file_, files.open(made.part_, storage::OpenMode::create));
    return made;
  }
  NewBackup(NewBackup&&) = default;
  ~NewBackup() {
    if (!file_) return;
    file_.reset();
    (void)files_->remove(part_);
  }
  Result<void> write(ByteView bytes) {
    LYSOEN_TRY(file_->write_at(size_, bytes));
    size_ += bytes.size();
    return {};
  }
  uint64_t size() const { return size_; }
  Result<void> finish() {
    LYSOEN_TRY(file_->sync());
    LYSOEN_TRY(files_->rename(part_, path_));
    file_.reset();
    auto folder = path_.parent_path();
    auto lasting = files_->sync_folder(folder.empty() ? "." : folder);
    if (!lasting) (void)files_->remove(path_);  // rather none than one that a power cut takes away
    return lasting;
  }

 private:
  NewBackup(storage::Files& files, std::filesystem::path path)
      : files_(&files), path_(std::move(path)), part_(with_ending(path_, ".part")) {}
  storage::Files* files_;
  std::filesystem::path path_, part_;
  std::unique_ptr<storage::File> file_;
  uint64_t size_ = 0;
};

Result<void> put_record(crypto::PartSealer& parts, uint8_t type, ByteView body) {
  LYSOEN_TRY(parts.put(Writer().u8(type).u32(static_cast<uint32_t>(body.size())).bytes()));
  return parts.put(body);
}

/// Every row of the tables that a backup holds; `done` is told after each.
Result<void> put_rows(storage::Database& database, crypto::PartSealer& parts, const std::function<void()>& done) {
  for (const auto& table : backup::tables()) {
    LYSOEN_ASSIGN(auto query, database.prepare(select_of(table)));
    std::vector<Cell> cells(table.columns.size());
    for (;;) {
      LYSOEN_ASSIGN(bool more, query.step());
      if (!more) break;
      for (size_t i = 0; i < cells.size(); ++i) cells[i] = cell_of(query, static_cast<int>(i), table.columns[i].kind);
      LYSOEN_TRY(put_record(parts, table.type, backup::encode_row(table, cells)));
      done();
    }
  }
  return {};
}

}  // namespace

Result<backup::Origin> VaultImpl::origin() {
  backup::Origin origin;
  origin.history = membership_.history();
  if (membership_.in_team()) {
    origin.team = membership_.team();
    origin.device = membership_.device();
    return origin;
  }
  LYSOEN_ASSIGN(auto team, fact(database(), kTeamFact));
  LYSOEN_ASSIGN(auto device, fact(database(), kDeviceFact));
  origin.team = TeamId::from(team).value_or(TeamId{});
  origin.device = DeviceId::from(device).value_or(DeviceId{});
  return origin;
}

/// Bytes of a file that is damaged or gone go as they are: what restores them says so, and has the rest.
Result<void> VaultImpl::put_blobs(std::span<const SavedBlob> blobs, crypto::PartSealer& parts,
                                  const std::function<void()>& done) {
  for (const auto& blob : blobs) {
    LYSOEN_ASSIGN(auto row, rows().find(blob.report));
    LYSOEN_TRY(put_record(parts, backup::kBlob, backup::Blob{row.value_or(0), blob.info, blob.thumbnail_of}.encode()));
    auto file = blob_files().open(blob.file);
    if (!file && file.error().code == ErrorCode::damaged) continue;
    if (!file) return std::move(file).error();
    Bytes chunk(kChunkSize);
    const uint64_t end = media::blob_size(blob.info.size);
    for (uint64_t at = 0; at < end; at += chunk.size()) {
      auto into = std::span(chunk).first(static_cast<size_t>(std::min<uint64_t>(chunk.size(), end - at)));
      LYSOEN_ASSIGN(size_t came, (*file)->read_at(at, into));
      if (came == 0) break;
      LYSOEN_TRY(put_record(parts, backup::kChunk, ByteView(chunk).first(came)));
      done();
    }
  }
  return {};
}

Result<uint64_t> VaultImpl::backup(const std::filesystem::path& file, std::string_view passphrase,
                                   const BackupOptions& options) {
  LYSOEN_TRY(usable());
  LYSOEN_TRY(settle());
  LYSOEN_TRY(may_send());
  auto write = [&]() -> Result<uint64_t> {
    LYSOEN_ASSIGN(auto target, NewBackup::begin(place_.files, file));
    auto cost = options.cost ? crypto::Argon2Cost{options.cost->memory_kib, options.cost->passes} : cost_;
    LYSOEN_ASSIGN(auto head, backup::make_head(passphrase, cost, environment_.random));
    LYSOEN_TRY(target.write(head.head));
    crypto::PartSealer parts(std::move(head.parts), backup::kHeadSize,
                             [&](ByteView sealed) { return target.write(sealed); });
    LYSOEN_ASSIGN(auto whose, origin());
    LYSOEN_TRY(put_record(parts, backup::kOrigin, whose.encode()));
    LYSOEN_ASSIGN(auto blobs, all_blobs());
    uint64_t steps = 0, all = 0;  // rows and chunks
    for (const auto& blob : blobs) all += (media::blob_size(blob.info.size) + kChunkSize - 1) / kChunkSize;
    for (const auto& table : backup::tables()) {
      LYSOEN_ASSIGN(auto count, database().integer("SELECT count(*) FROM " + std::string(table.name)));
      all += static_cast<uint64_t>(count.value_or(0));
    }
    auto done = [&] {
      if (options.progress && (++steps % 64 == 0 || steps == all)) options.progress(steps, all);
    };
    LYSOEN_TRY(put_rows(database(), parts, done));
    LYSOEN_TRY(put_blobs(blobs, parts, done));
    LYSOEN_TRY(parts.put({&backup::kEnd, 1}));
    LYSOEN_TRY(parts.finish());
    LYSOEN_TRY(target.finish());
    return target.size();
  };
  auto written = write();
  if (!written) return in_words(std::move(written).error(), "write the backup");
  return written;
}

// -- Restoring ------------------------------------------------------------------------------------------------------

namespace {

/// The folder in which a vault is restored, until it is whole; emptied and removed unless it is.
class Building {
 public:
  static Result<Building> begin(const Place& place) {
    auto empty = [&](const std::filesystem::path& folder) {
      auto names = place.files.list(folder);
      return names ? names->empty() : names.error().code == ErrorCode::not_found;
    };
    if (!empty(place.folder))
      return make_error(ErrorCode::already_exists, "cannot restore: the folder is not empty",
                        "choose a folder that does not exist yet");
    Building building{place.files, place.folder, with_ending(place.folder, ".restoring")};
    if (!empty(building.folder_))
      return make_error(ErrorCode::already_exists, "cannot restore: an earlier restore into this folder was cut short",
                        "remove the folder of that name that ends in '.restoring', then restore again");
    building.begun_ = true;
    return building;
  }
  Building(Building&& other) noexcept
      : files_(other.files_),
        target_(std::move(other.target_)),
        folder_(std::move(other.folder_)),
        begun_(std::exchange(other.begun_, false)) {}
  ~Building() {
    if (!begun_) return;
    if (auto names = files_.list(folder_))
      for (const auto& name : *names) (void)files_.remove(folder_ / name);
    std::error_code ignored;
    std::filesystem::remove(folder_, ignored);
  }
  const std::filesystem::path& folder() const { return folder_; }
  Result<void> finish() {
    LYSOEN_TRY(files_.rename(folder_, target_));
    auto above = target_.parent_path();
    auto lasting = files_.sync_folder(above.empty() ? "." : above);
    // Rather none than one that a power cut takes away with what was written in it since.
    begun_ = !lasting && files_.rename(target_, folder_).ok();
    return lasting;
  }

 private:
  Building(storage::Files& files, std::filesystem::path target, std::filesystem::path folder)
      : files_(files), target_(std::move(target)), folder_(std::move(folder)) {}
  storage::Files& files_;
  std::filesystem::path target_, folder_;
  bool begun_ = false;
};

/// A sound backup fits the tables; what does not is damage, whatever the database says.
Error misfit(Error error) {
  switch (error.code) {
    case ErrorCode::storage_full:
    case ErrorCode::storage_read_only:
    case ErrorCode::io_failed:
    case ErrorCode::newer_version:
      return error;
    default:
      return make_error(ErrorCode::damaged, "cannot read the backup: what it holds does not fit together",
                        "use another copy of it; nothing was changed here");
  }
}

}  // namespace

/// Attachments as they come in a backup, one after another. One that does not come whole is left out, and it is said.
class VaultImpl::RestoredBlobs {
 public:
  explicit RestoredBlobs(VaultImpl& vault) : vault_(vault), files_(vault.blob_files()) {}

  Result<void> begin(ByteView record) {
    LYSOEN_TRY(finish());
    LYSOEN_ASSIGN(auto blob, backup::Blob::decode(record));
    LYSOEN_ASSIGN(auto file, files_.begin(vault_.environment_.random));
    current_.emplace(Current{blob, std::move(file)});
    return {};
  }
  Result<void> append(ByteView chunk) {
    if (!current_) return make_error(ErrorCode::damaged, "cannot read the backup: bytes of no attachment stand in it");
    return current_->file.append(chunk);
  }
  Result<void> finish() {
    if (!current_) return {};
    auto [blob, file] = *std::exchange(current_, std::nullopt);
    LYSOEN_ASSIGN(bool sound, files_.sound({{}, file.name(), blob.info}));
    if (!sound)
      return add_notice(vault_.database(), vault_.now(),
                        "an attachment in the backup was damaged and is not here; another copy may have it");
    LYSOEN_TRY(file.finish());
    auto put = vault_.database().run(
        "INSERT INTO blobs (blob, report, file, key, size, content, thumbnail_of) VALUES (?, ?, ?, ?, ?, ?, ?)",
        blob.info.blob, blob.report, file.name(), blob.info.key, static_cast<int64_t>(blob.info.size),
        blob.info.content, blob.thumbnail_of);
    return put ? put : Result<void>(misfit(std::move(put).error()));
  }

 private:
  VaultImpl& vault_;
  BlobFiles files_;
  struct Current {
    backup::Blob blob;
    NewBlob file;
  };
  std::optional<Current> current_;
};

Result<void> VaultImpl::take_rows(crypto::PartOpener& parts, const std::function<void(uint64_t)>& done) {
  std::optional<backup::Origin> origin;
  RestoredBlobs blobs(*this);
  auto take = [&](uint8_t type, ByteView body) -> Result<void> {
    if (!origin || type == backup::kOrigin) {
      if (origin || type != backup::kOrigin)
        return make_error(ErrorCode::damaged, "cannot read the backup: it does not say first whose it is");
      LYSOEN_ASSIGN(origin, backup::Origin::decode(body));
      return {};
    }
    if (type == backup::kBlob) {
      LYSOEN_TRY(blobs.begin(body));
      return {};
    }
    if (type == backup::kChunk) return blobs.append(body);
    const auto* table = backup::table_of(type);
    if (!table) return make_error(ErrorCode::damaged, "cannot read the backup: it holds a record of no known type");
    LYSOEN_ASSIGN(auto cells, backup::decode_row(*table, body));
    LYSOEN_ASSIGN(auto insert, database().prepare(insert_of(*table)));
    for (size_t i = 0; i < cells.size(); ++i)
      bind_cell(insert, static_cast<int>(i) + 1, cells[i], table->columns[i].kind);
    auto inserted = insert.run();
    return inserted ? inserted : Result<void>(misfit(std::move(inserted).error()));
  };
  backup::RecordReader reader;
  Bytes content;
  uint64_t read = 0;
  for (bool more = true; more;) {
    LYSOEN_TRY(container_->plain([&](storage::Database&) -> Result<void> {
      for (size_t size = 0; more && size < kTransactionMax; size += crypto::kPartSize) {
        LYSOEN_ASSIGN(auto state, parts.next(content));
        if (state == crypto::PartOpener::State::damaged)
          return make_error(ErrorCode::damaged, "cannot read the backup: it is damaged or cut short",
                            "use another copy of it; nothing was changed here");
        LYSOEN_TRY(reader.take(content, take));
        read += crypto::kSealedPartSize;
        more = state == crypto::PartOpener::State::more;
      }
      return {};
    }));
    if (done) done(read);
  }
  if (!reader.ended() || !origin) return make_error(ErrorCode::damaged, "cannot read the backup: it lacks its end");
  LYSOEN_TRY(plain([&](storage::Database&) { return blobs.finish(); }));
  return durable([&](storage::Database& database) -> Result<void> {
    LYSOEN_TRY(database.run("INSERT INTO words_due SELECT id FROM reports WHERE stage < 2 AND purged IS NULL"));
    LYSOEN_TRY(database.run(
        "INSERT INTO report_places SELECT id, latitude, latitude, longitude, longitude FROM reports WHERE latitude IS "
        "NOT NULL"));
    LYSOEN_TRY(set_fact(database, "team.history", origin->history.encode()));
    if (origin->team.is_none()) return {};
    LYSOEN_TRY(set_fact(database, kTeamFact, origin->team.view()));
    return set_fact(database, kDeviceFact, origin->device.view());
  });
}

Result<std::unique_ptr<Vault>> VaultImpl::restore(const std::filesystem::path& file, const Place& place,
                                                  const RestoreOptions& options, Environment environment) {
  auto fill = [&]() -> Result<void> {
    LYSOEN_ASSIGN(auto backup, place.files.open(file, storage::OpenMode::read_only));
    LYSOEN_ASSIGN(uint64_t size, backup->size());
    backup::Head head{};
    LYSOEN_ASSIGN(size_t came, backup->read_at(0, head));
    LYSOEN_ASSIGN(auto key, backup::open_head(ByteView(head).first(came), options.backup_passphrase));
    LYSOEN_ASSIGN(auto building, Building::begin(place));
    auto inside = place;
    inside.folder = building.folder();
    LYSOEN_ASSIGN(auto made, create(inside, options.passphrase, options.create, environment));
    uint64_t at = backup::kHeadSize;
    crypto::PartOpener parts(std::move(key), [&](std::span<uint8_t> into) -> Result<size_t> {
      LYSOEN_ASSIGN(size_t read, backup->read_at(at, into));
      at += read;
      return read;
    });
    auto& vault = static_cast<VaultImpl&>(*made);
    LYSOEN_TRY(vault.take_rows(parts, [&](uint64_t read) {
      if (options.progress) options.progress(std::min(read, size), size);
    }));
    LYSOEN_TRY(vault.lock());
    made.reset();
    return building.finish();
  };
  auto filled = fill();
  if (!filled) return in_words(std::move(filled).error(), "restore");
  return open(place, options.passphrase, environment);
}

}  // namespace lysoen::vault
