#include "core/vault/report_query.h"

#include <algorithm>
#include <cctype>

#include "core/base/try.h"
#include "core/vault/report_rows.h"
#include "core/vault/schema.h"

namespace lysoen::vault {

namespace {

constexpr std::string_view kOrder = " ORDER BY event_time DESC, created DESC, report DESC";
constexpr size_t kWordsMax = 32, kPrefixMin = 4;

int64_t milliseconds(WallTime at) {
  return at.time_since_epoch().count();
}
WallTime wall_time(int64_t milliseconds) {
  return WallTime(std::chrono::milliseconds(milliseconds));
}

/// Each word as a quoted string, so that nothing a person types is syntax.
std::string match_expression(std::string_view text) {
  std::string expression;
  size_t words = 0;
  for (size_t at = 0; at < text.size() && words < kWordsMax;) {
    while (at < text.size() && std::isspace(static_cast<unsigned char>(text[at]))) ++at;
    size_t from = at;
    while (at < text.size() && !std::isspace(static_cast<unsigned char>(text[at]))) ++at;
    if (from == at) break;
    if (!expression.empty()) expression += ' ';
    expression += '"';
    for (char c : text.substr(from, at - from)) expression.append(c == '"' ? "\"\"" : std::string(1, c));
    expression += '"';
    ++words;
  }
  return expression;
}

/// The conditions of a query as SQL from constants, and the values in the order of the parameters.
class Conditions {
 public:
  explicit Conditions(const ReportQuery& query) : query_(query), words_(match_expression(query.text)) {
    sql_ = " WHERE stage < 2";
    if (!query.form_id.empty()) sql_ += " AND form = ?";
    if (query.status) sql_ += " AND status = ?";
    if (query.from) sql_ += " AND event_time >= ?";
    if (query.until) sql_ += " AND event_time < ? AND event_time > -9223372036854775808";
    if (query.box) {
      sql_ +=
          " AND id IN (SELECT id FROM report_places WHERE north >= ? AND south <= ? AND east >= ? AND west <= ?)"
          " AND latitude >= ? AND latitude <= ? AND longitude >= ? AND longitude <= ?";
    }
    if (!words_.empty()) sql_ += " AND id IN (SELECT rowid FROM report_words WHERE report_words MATCH ?)";
    if (!query.category.empty()) sql_ += " AND category = ?";
    if (query.only_conflicts) sql_ += " AND conflicts > 0";
    if (!query.with_retracted) sql_ += " AND retracted = 0";
  }
  std::string& sql() { return sql_; }
  /// Binds the conditions' values; answers the next parameter's number.
  int bind(storage::Statement& statement) const {
    int at = 0;
    if (!query_.form_id.empty()) statement.bind_at(++at, query_.form_id);
    if (query_.status) statement.bind_at(++at, static_cast<int>(*query_.status));
    if (query_.from) statement.bind_at(++at, milliseconds(*query_.from));
    if (query_.until) statement.bind_at(++at, milliseconds(*query_.until));
    if (query_.box) {
      const auto& box = *query_.box;
      for (double edge : {box.south, box.north, box.west, box.east}) statement.bind_at(++at, edge);
      for (double edge : {box.south, box.north, box.west, box.east}) statement.bind_at(++at, edge);
    }
    if (!words_.empty()) statement.bind_at(++at, words_);
    if (!query_.category.empty()) statement.bind_at(++at, query_.category);
    return at + 1;
  }

 private:
  const ReportQuery& query_;
  std::string words_, sql_;
};

ReportSummary read_line(const storage::Statement& row) {
  ReportSummary line;
  line.id = row.id<ReportId>(1);
  line.form_id = row.text(2);
  line.title = row.text(3);
  line.category = row.text(4);
  if (row.integer(5) != kNoTime) line.event_time = wall_time(row.integer(5));
  line.event_day = row.text(6);
  if (!row.is_null(7)) line.place = Value::LatLon{row.real(7), row.real(8)};
  line.created = wall_time(row.integer(9));
  line.author = row.id<DeviceId>(10);
  line.status = static_cast<Status>(row.integer(11));
  line.retracted = row.integer(12) != 0;
  line.conflicts = static_cast<uint32_t>(row.integer(13));
  return line;
}

}  // namespace

Result<std::vector<ReportSummary>> ReportQueries::list(const ReportQuery& query) {
  Conditions conditions(query);
  LYSOEN_ASSIGN(auto statement,
                database_.prepare("SELECT id, report, form, title, category, event_time, event_day, latitude, "
                                  "longitude, created, author, status, retracted, conflicts FROM reports" +
                                  conditions.sql() + std::string(kOrder) + " LIMIT ? OFFSET ?"));
  int at = conditions.bind(statement);
  statement.bind_at(at, query.limit == 0 ? int64_t{-1} : static_cast<int64_t>(query.limit));
  statement.bind_at(at + 1, query.offset);
  std::vector<ReportSummary> lines;
  for (;;) {
    LYSOEN_ASSIGN(bool more, statement.step());
    if (!more) return lines;
    lines.push_back(read_line(statement));
    LYSOEN_ASSIGN(auto levels, this->levels(statement.integer(0)));
    lines.back().level = levels.level;
  }
}

Result<size_t> ReportQueries::count(const ReportQuery& query) {
  Conditions conditions(query);
  LYSOEN_ASSIGN(auto statement, database_.prepare("SELECT count(*) FROM reports" + conditions.sql()));
  conditions.bind(statement);
  LYSOEN_ASSIGN([[maybe_unused]] bool found, statement.step());
  return static_cast<size_t>(statement.integer(0));
}

Result<std::vector<ReportId>> ReportQueries::page(const ReportQuery& query, std::optional<ListPlace>& after,
                                                  size_t count) {
  Conditions conditions(query);
  if (after) conditions.sql() += " AND (event_time, created, report) < (?, ?, ?)";
  LYSOEN_ASSIGN(auto statement, database_.prepare("SELECT report, event_time, created FROM reports" + conditions.sql() +
                                                  std::string(kOrder) + " LIMIT ?"));
  int at = conditions.bind(statement);
  if (after) {
    statement.bind_at(at++, after->event_time);
    statement.bind_at(at++, after->created);
    statement.bind_at(at++, after->report);
  }
  statement.bind_at(at, count);
  std::vector<ReportId> ids;
  for (;;) {
    LYSOEN_ASSIGN(bool more, statement.step());
    if (!more) return ids;
    ids.push_back(statement.id<ReportId>(0));
    after = ListPlace{statement.integer(1), statement.integer(2), ids.back()};
  }
}

Result<std::vector<ReportId>> ReportQueries::find(std::string_view hex_prefix) {
  bool digits = std::all_of(hex_prefix.begin(), hex_prefix.end(), [](unsigned char c) { return std::isxdigit(c); });
  if (!digits || hex_prefix.size() < kPrefixMin || hex_prefix.size() > 2 * ReportId::kSize)
    return make_error(ErrorCode::input_refused, "cannot look for a report: its id is not 4 to 64 hexadecimal digits",
                      "give the first digits of the id as `report list` shows it");
  std::string low(hex_prefix), high(hex_prefix);
  low.resize(2 * ReportId::kSize, '0');
  high.resize(2 * ReportId::kSize, 'f');
  auto first = ReportId::from_hex(low), last = ReportId::from_hex(high);
  LYSOEN_ASSIGN(
      auto statement,
      database_.prepare("SELECT DISTINCT r.report FROM names n JOIN reports r ON r.id = n.report WHERE n.name "
                        "BETWEEN ? AND ? AND r.stage < 2 ORDER BY 1"));
  statement.bind(*first, *last);
  std::vector<ReportId> ids;
  for (;;) {
    LYSOEN_ASSIGN(bool more, statement.step());
    if (!more) return ids;
    ids.push_back(statement.id<ReportId>(0));
  }
}

Result<ReportLevels> ReportQueries::levels(int64_t row) {
  LYSOEN_ASSIGN(auto line, database_.prepare("SELECT stage, author, is_read FROM reports WHERE id = ?"));
  LYSOEN_ASSIGN(bool found, line.bind(row).step());
  ReportLevels levels;
  if (!found || static_cast<Stage>(line.integer(0)) != Stage::sent) return levels;
  auto author = line.id<DeviceId>(1);
  bool own = author == self_;
  levels.read = line.integer(2) != 0;
  LYSOEN_ASSIGN(
      auto query,
      database_.prepare(
          "SELECT e.place & ?3, f.held_seq, max(f.carried_seq, f.confirmed_seq), EXISTS (SELECT 1 FROM "
          "acknowledgements a WHERE a.feed = f.id AND a.seq >= (e.place & ?3) AND NOT EXISTS (SELECT 1 FROM "
          "not_opened n WHERE n.place = e.place AND n.device = a.device)) "
          "FROM edits e JOIN feeds f ON f.id = e.place >> 40 WHERE e.id BETWEEN ?1 AND ?4 AND e.author = ?2"));
  query.bind(first_edit_of(row), author, kSeqMax, last_edit_of(row));
  Level lowest = Level::opened;
  for (;;) {
    LYSOEN_ASSIGN(bool more, query.step());
    if (!more) break;
    int64_t seq = query.integer(0);
    bool opened = !own || query.integer(3) != 0;
    bool held = opened || seq <= query.integer(1), carried = held || seq <= query.integer(2);
    ++levels.entries;
    levels.opened += opened;
    levels.held += held;
    levels.carried += carried;
    lowest = std::min(lowest, opened ? Level::opened : held ? Level::held : carried ? Level::carried : Level::saved);
  }
  levels.level = lowest == Level::opened && levels.read ? Level::read : lowest;
  return levels;
}

}  // namespace lysoen::vault
