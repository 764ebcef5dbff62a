// The backup file: head, records, rows of tables (docs/formats/backup.md). No files, no database here.
//
//   file    = head 68 ‖ parts (core/crypto/parts.h)
//   head    = magic 8 "lysoen-b" ‖ version u32 ‖ memory_kib u32 ‖ passes u32 ‖ salt 16 ‖ commitment 32
//   content = record ‖ ... ‖ 0x00 ‖ zeros
//   record  = type u8 ‖ length u32 ‖ body
#pragma once
#include <lysoen/ids.h>
#include <lysoen/result.h>

#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "core/crypto/passphrase.h"
#include "core/media/attachment.h"
#include "core/team/author.h"

namespace lysoen::vault::backup {

inline constexpr uint32_t kVersion = 0;
inline constexpr size_t kHeadSize = 68, kRecordHead = 5;
inline constexpr size_t kRecordMax = 16 * 1024 * 1024;  // far above any row of a vault

// -- Head -----------------------------------------------------------------------------------------------------------

using Head = std::array<uint8_t, kHeadSize>;
struct NewHead {
  Head head;
  crypto::Key32 parts;
};
/// Errors: input_refused (empty passphrase, cost outside its bounds), storage_full (no memory).
Result<NewHead> make_head(std::string_view passphrase, const crypto::Argon2Cost& cost, Random& random);
/// The key of the parts. Errors: damaged (no backup; a cost outside its bounds, before memory is taken), newer_version,
/// wrong_passphrase.
Result<crypto::Key32> open_head(ByteView head, std::string_view passphrase);

// -- Records --------------------------------------------------------------------------------------------------------

inline constexpr uint8_t kEnd = 0, kOrigin = 1, kBlob = 2, kChunk = 3;  // types in the file, tables from 16 on; never
                                                                        // renumber

/// Whose backup it is. First of all records, once.
struct Origin {
  TeamId team;      // none: written before it belonged to one
  DeviceId device;  // none with it
  team::RoleHistory history;

  Bytes encode() const;
  static Result<Origin> decode(ByteView body);
};

/// An attachment; records of its chunks follow, in order. `report`: its row.
struct Blob {
  int64_t report = 0;
  media::BlobInfo info;
  std::optional<BlobId> thumbnail_of = {};

  Bytes encode() const;
  static Result<Blob> decode(ByteView body);
};

/// What stands in a column. Nullable ones begin with u8: 1, or 0 and nothing more.
enum class Kind : uint8_t {
  integer,  // i64 as u64
  real,     // the bits of a double as u64
  text,     // field, UTF-8 as it is
  id,       // 32 bytes
  blob,     // field
};
struct Column {
  std::string_view name;
  Kind kind;
  bool nullable = false;
};
struct Table {
  uint8_t type;
  std::string_view name;
  std::span<const Column> columns;
};
/// In the order in which they stand in the file.
std::span<const Table> tables();
const Table* table_of(uint8_t type);

/// One value; which member counts is the column's to say.
struct Cell {
  bool null = false;
  int64_t integer = 0;
  double real = 0;
  Bytes bytes;  // text, id, blob
};
Bytes encode_row(const Table& table, std::span<const Cell> cells);
/// Errors: damaged.
Result<std::vector<Cell>> decode_row(const Table& table, ByteView body);

/// Takes records off verified content, however it is cut into parts.
class RecordReader {
 public:
  using Visit = std::function<Result<void>(uint8_t type, ByteView body)>;
  /// Uses up the whole records in `content`. Errors: damaged (a record above kRecordMax, something other than zeros
  /// behind the end), those of `visit`.
  Result<void> take(Bytes& content, const Visit& visit);
  bool ended() const { return ended_; }

 private:
  bool ended_ = false;
};

}  // namespace lysoen::vault::backup
