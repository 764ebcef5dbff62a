// The backup file. The first byte chooses: the head; content as records, however it is cut into parts; the body of a
// row, the second byte naming its table; the origin.
#include "core/vault/backup_format.h"

#include "tests/fuzz/fuzz.h"
#include "tests/support/seed.h"

using namespace lysoen;
using namespace lysoen::vault::backup;
using fuzz::require;

namespace {

constexpr std::string_view kPassphrase = "of the backup";
constexpr crypto::Argon2Cost kCost{64, 1};
constexpr size_t kCostAt = 12;  // in the head, behind magic and version

void take_head(ByteView bytes) {
  Reader cost(bytes.size() < kHeadSize ? ByteView() : bytes.subspan(kCostAt));
  crypto::Argon2Cost asked{cost.u32(), cost.u32()};
  if (asked.allowed() && (asked.memory_kib > kCost.memory_kib || asked.passes > kCost.passes)) return;  // slow, no more
  auto key = open_head(bytes, kPassphrase);
  if (key) return;
  auto code = key.error().code;
  require(code == ErrorCode::damaged || code == ErrorCode::newer_version || code == ErrorCode::wrong_passphrase,
          "a refusal of a head says which kind");
}

struct Records {
  std::vector<std::pair<uint8_t, Bytes>> taken;
  bool ended = false, damaged = false;
  bool operator==(const Records&) const = default;
};

Records read_in_parts(ByteView content, size_t part) {
  Records records;
  RecordReader reader;
  Bytes held;
  while (!content.empty()) {
    auto next = content.first(std::min(part, content.size()));
    content = content.subspan(next.size());
    held.insert(held.end(), next.begin(), next.end());
    auto taken = reader.take(held, [&](uint8_t type, ByteView body) -> Result<void> {
      records.taken.emplace_back(type, to_bytes(body));
      return {};
    });
    if (taken) continue;
    require(taken.error().code == ErrorCode::damaged, "records that are refused are damaged ones");
    records.damaged = true;
    break;
  }
  records.ended = reader.ended();
  return records;
}

void take_row(const Table& table, ByteView body) {
  auto cells = decode_row(table, body);
  if (!cells) return require(cells.error().code == ErrorCode::damaged, "a row that is refused is a damaged one");
  require(encode_row(table, *cells) == to_bytes(body), "a row has one form");
}

void take_origin(ByteView body) {
  auto origin = Origin::decode(body);
  if (origin) require(origin->encode() == to_bytes(body), "an origin has one form");
}

/// A row with something in every column.
Bytes row_of(const Table& table) {
  std::vector<Cell> cells;
  for (const auto& column : table.columns) {
    Cell cell;
    cell.integer = static_cast<int64_t>(cells.size()) - 1;
    cell.real = 51.5;
    cell.bytes = Bytes(column.kind == Kind::id ? 32 : cells.size(), 'w');
    cell.null = column.nullable && cells.size() % 2 == 0;
    cells.push_back(std::move(cell));
  }
  return encode_row(table, cells);
}

Bytes record_of(uint8_t type, ByteView body) {
  return Writer().u8(type).u32(static_cast<uint32_t>(body.size())).raw(body).bytes();
}

}  // namespace

std::vector<Bytes> fuzz::seeds() {
  test::SeededRandom random(1);
  auto head = make_head(kPassphrase, kCost, random);
  require(head.ok(), "a head can be made");
  Origin origin;
  origin.team.bytes.fill(3);
  origin.device.bytes.fill(4);
  std::vector<Bytes> seeds{chosen(0, head->head), chosen(3, origin.encode()), chosen(3, Origin{}.encode())};
  Bytes content = record_of(kOrigin, origin.encode());
  for (size_t i = 0; i < tables().size(); ++i) {
    auto row = row_of(tables()[i]);
    seeds.push_back(chosen(2, chosen(i, row)));
    auto record = record_of(tables()[i].type, row);
    content.insert(content.end(), record.begin(), record.end());
  }
  content.resize(content.size() + 40);  // the end, and zeros behind it
  seeds.push_back(chosen(1, chosen(7, content)));
  return seeds;
}

void fuzz::run(ByteView input) {
  Choices choices(input);
  switch (choices.below(4)) {
    case 0:
      return take_head(choices.rest());
    case 1: {
      size_t part = 1 + choices.byte();
      require(read_in_parts(choices.rest(), part) == read_in_parts(choices.rest(), kInputMax),
              "records are the same however they are cut into parts");
      return;
    }
    case 2: {
      const auto& table = tables()[choices.below(tables().size())];
      return take_row(table, choices.rest());
    }
    default:
      return take_origin(choices.rest());
  }
}
