#include "core/vault/report_query.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <unordered_map>

#include "core/base/bytes.h"
#include "core/base/try.h"
#include "core/vault/report_rows.h"
#include "core/vault/schema.h"
#include "core/vault/search_words.h"

namespace lysoen {

std::string ListPlace::text() const {
  Writer writer;
  writer.u64(static_cast<uint64_t>(event_time ? event_time->time_since_epoch().count() : vault::kNoTime));
  writer.u64(static_cast<uint64_t>(created.time_since_epoch().count())).id(report);
  return to_hex(writer.bytes());
}

Result<ListPlace> ListPlace::parse(std::string_view text) {
  auto bytes = from_hex(text);
  Reader reader(bytes ? ByteView(*bytes) : ByteView());
  auto time = [&] { return WallTime(std::chrono::milliseconds(static_cast<int64_t>(reader.u64()))); };
  ListPlace place;
  place.event_time = time();
  place.created = time();
  place.report = reader.id<ReportId>();
  if (!reader.done())
    return make_error(ErrorCode::input_refused, "this is no place in a list", "take it from the page before, as it is");
  if (place.event_time->time_since_epoch().count() == vault::kNoTime) place.event_time.reset();
  return place;
}

}  // namespace lysoen

namespace lysoen::vault {

namespace {

constexpr std::string_view kOrder = " ORDER BY event_time DESC, created DESC, report DESC";
constexpr std::string_view kFromWords = "SELECT rowid FROM report_words WHERE report_words MATCH ?";
constexpr std::string_view kFromMap =
    "SELECT id FROM report_places WHERE north >= ? AND south <= ? AND east >= ? AND west <= ?";
constexpr size_t kPrefixMin = 4;
constexpr size_t kFew = 500;  // rows that are looked up and sorted in about a millisecond

int64_t milliseconds(WallTime at) {
  return at.time_since_epoch().count();
}
WallTime wall_time(int64_t milliseconds) {
  return WallTime(std::chrono::milliseconds(milliseconds));
}

/// What holds a circle: two boxes if it lies across the 180th meridian, all longitudes if it lies on a pole.
std::vector<ReportQuery::Box> boxes_around(const ReportQuery::Circle& circle) {
  constexpr double kMetresPerDegree = 111194.9, kRadian = 3.14159265358979323846 / 180;
  const double high = circle.metres / kMetresPerDegree * 1.0001 + 1e-6;
  const double south = std::max(-90.0, circle.latitude - high), north = std::min(90.0, circle.latitude + high);
  if (circle.latitude - high <= -90 || circle.latitude + high >= 90) return {{south, -180, north, 180}};
  const double wide =
      std::asin(std::min(1.0, std::sin(high * kRadian) / std::cos(circle.latitude * kRadian))) / kRadian;
  const double west = circle.longitude - wide - 1e-6, east = circle.longitude + wide + 1e-6;
  if (west < -180) return {{south, west + 360, north, 180}, {south, -180, north, east}};
  if (east > 180) return {{south, west, north, 180}, {south, -180, north, east - 360}};
  return {{south, west, north, east}};
}

std::vector<ReportQuery::Box> parts_of(const ReportQuery::Box& box) {
  if (box.west <= box.east) return {box};
  return {{box.south, box.west, box.north, 180}, {box.south, -180, box.north, box.east}};
}

std::string json_of(const std::vector<int64_t>& rows) {
  std::string text = "[";
  for (int64_t row : rows) text += (text.size() > 1 ? "," : "") + std::to_string(row);
  return text + "]";
}

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
  if (!row.is_null(14)) line.purged = wall_time(row.integer(14));
  return line;
}

/// Counts of values by what they are shown as.
class Tally {
 public:
  void add(std::string_view value) {
    if (auto known = counts_.find(value); known != counts_.end())
      ++known->second;
    else
      counts_.emplace(value, 1);
  }
  std::vector<ReportFacets::Count> most_first() const {
    auto counts = by_value();
    std::stable_sort(counts.begin(), counts.end(), [](const auto& a, const auto& b) { return a.reports > b.reports; });
    return counts;
  }
  std::vector<ReportFacets::Count> by_value() const {
    std::vector<ReportFacets::Count> counts;
    for (const auto& [value, reports] : counts_) counts.push_back({value, reports});
    std::sort(counts.begin(), counts.end(), [](const auto& a, const auto& b) { return a.value < b.value; });
    return counts;
  }

 private:
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };
  std::unordered_map<std::string, size_t, Hash, std::equal_to<>> counts_;
};

}  // namespace

/// The conditions of a query as SQL from constants, and the values in the order of the parameters.
class ReportQueries::Conditions {
 public:
  Conditions(const ReportQuery& query, bool own_author, std::string unsent)
      : query_(query), words_(match_expression(query.text)), unsent_(std::move(unsent)) {
    if (query.box)
      for (const auto& part : parts_of(*query.box)) boxes_.push_back(part);
    if (query.circle) circles_ = boxes_around(*query.circle);
    sql_ = " WHERE stage < 2";
    if (!words_.empty()) add_narrowing(std::string(kFromWords));
    if (!boxes_.empty()) add_narrowing(from_map(boxes_.size()));
    if (!circles_.empty()) add_narrowing(from_map(circles_.size()));
    if (query.box)
      sql_ += std::string(" AND latitude >= ? AND latitude <= ? AND (longitude >= ?") +
              (boxes_.size() > 1 ? " OR" : " AND") + " longitude <= ?)";
    if (query.circle) sql_ += " AND metres_between(latitude, longitude, ?, ?) <= ?";
    if (!query.form_id.empty()) sql_ += " AND form = ?";
    if (query.status) sql_ += " AND status = ?";
    if (query.from) sql_ += " AND event_time >= ?";
    if (query.until) sql_ += " AND event_time < ? AND event_time > -9223372036854775808";
    if (!query.category.empty()) sql_ += " AND category = ?";
    if (query.author) sql_ += own_author ? " AND (author = ? OR stage = 0)" : " AND author = ?";
    if (query.only_conflicts) sql_ += " AND conflicts > 0";
    if (query.only_unsent) sql_ += " AND id IN (SELECT value FROM json_each(?))";
    if (!query.with_retracted) sql_ += " AND retracted = 0";
  }
  const std::string& sql() const { return sql_; }
  const ReportQuery& query() const { return query_; }
  /// Subqueries of ids, of which a report must be in each.
  const std::vector<std::string>& narrowings() const { return narrowings_; }

  /// Binds the values of narrowing `i`; answers the next parameter's number.
  int bind_narrowing(storage::Statement& statement, size_t i, int at = 0) const {
    if (!words_.empty() && i == 0) return statement.bind_at(++at, words_), at + 1;
    const bool box = !boxes_.empty() && i == (words_.empty() ? 0u : 1u);
    for (const auto& part : box ? boxes_ : circles_)
      for (double edge : {part.south, part.north, part.west, part.east}) statement.bind_at(++at, edge);
    return at + 1;
  }
  /// Binds all; answers the next parameter's number.
  int bind(storage::Statement& statement) const {
    int at = 0;
    for (size_t i = 0; i < narrowings_.size(); ++i) at = bind_narrowing(statement, i, at) - 1;
    if (const auto& box = query_.box)
      for (double edge : {box->south, box->north, box->west, box->east}) statement.bind_at(++at, edge);
    if (const auto& circle = query_.circle)
      for (double value : {circle->latitude, circle->longitude, circle->metres}) statement.bind_at(++at, value);
    if (!query_.form_id.empty()) statement.bind_at(++at, query_.form_id);
    if (query_.status) statement.bind_at(++at, static_cast<int>(*query_.status));
    if (query_.from) statement.bind_at(++at, milliseconds(*query_.from));
    if (query_.until) statement.bind_at(++at, milliseconds(*query_.until));
    if (!query_.category.empty()) statement.bind_at(++at, query_.category);
    if (query_.author) statement.bind_at(++at, *query_.author);
    if (query_.only_unsent) statement.bind_at(++at, unsent_);
    return at + 1;
  }

 private:
  static std::string from_map(size_t parts) {
    std::string sql(kFromMap);
    for (size_t i = 1; i < parts; ++i) sql += " UNION ALL " + std::string(kFromMap);
    return sql;
  }
  void add_narrowing(std::string ids) {
    sql_ += " AND id IN (" + ids + ")";
    narrowings_.push_back(std::move(ids));
  }

  const ReportQuery& query_;
  std::string words_, unsent_, sql_;
  std::vector<ReportQuery::Box> boxes_, circles_;
  std::vector<std::string> narrowings_;
};

Result<ReportQueries::Conditions> ReportQueries::conditions(const ReportQuery& query) {
  if (query.circle && !(std::abs(query.circle->latitude) <= 90 && std::abs(query.circle->longitude) <= 180 &&
                        query.circle->metres >= 0))
    return make_error(ErrorCode::input_refused, "a circle has a place on Earth and a radius in metres");
  std::string unsent;
  if (query.only_unsent) {
    LYSOEN_ASSIGN(auto rows, unsent_rows());
    unsent = json_of(rows);
  }
  return Conditions(query, query.author == self_, std::move(unsent));
}

Result<bool> ReportQueries::selective(const Conditions& conditions) {
  for (size_t i = 0; i < conditions.narrowings().size(); ++i) {
    LYSOEN_ASSIGN(auto counting, database_.prepare("SELECT count(*) FROM (SELECT 1 FROM (" +
                                                   conditions.narrowings()[i] + ") LIMIT ?)"));
    counting.bind_at(conditions.bind_narrowing(counting, i), kFew + 1);
    LYSOEN_TRY(counting.step());
    if (counting.integer(0) <= static_cast<int64_t>(kFew)) return true;
  }
  return false;
}

Result<storage::Statement> ReportQueries::in_order(const Conditions& conditions, std::string_view columns,
                                                   size_t count) {
  LYSOEN_ASSIGN(bool few, selective(conditions));
  const auto& query = conditions.query();
  std::string sql = "SELECT " + std::string(columns) + " FROM reports" + (few ? " NOT INDEXED" : "");
  // Among many candidates a list is full soon; the planner, who does not know that, would sort them all.
  if (!few && !conditions.narrowings().empty()) sql += " INDEXED BY reports_in_order";
  sql += conditions.sql();
  if (query.after) sql += " AND (event_time, created, report) < (?, ?, ?)";
  LYSOEN_ASSIGN(auto statement, database_.prepare(sql + std::string(kOrder) + " LIMIT ?"));
  int at = conditions.bind(statement);
  if (query.after) {
    statement.bind_at(at++, query.after->event_time ? milliseconds(*query.after->event_time) : kNoTime);
    statement.bind_at(at++, milliseconds(query.after->created));
    statement.bind_at(at++, query.after->report);
  }
  statement.bind_at(at, count == 0 ? int64_t{-1} : static_cast<int64_t>(count));
  return statement;
}

Result<std::vector<ReportSummary>> ReportQueries::list(const ReportQuery& query) {
  LYSOEN_ASSIGN(auto conditions, this->conditions(query));
  LYSOEN_ASSIGN(auto statement,
                in_order(conditions,
                         "id, report, form, title, category, event_time, event_day, latitude, longitude, created, "
                         "author, status, retracted, conflicts, purged",
                         query.limit));
  std::vector<ReportSummary> lines;
  for (;;) {
    LYSOEN_ASSIGN(bool more, statement.step());
    if (!more) return lines;
    lines.push_back(read_line(statement));
    if (lines.back().author.is_none()) lines.back().author = self_;  // of a draft
    LYSOEN_ASSIGN(auto levels, this->levels(statement.integer(0)));
    lines.back().level = levels.level;
  }
}

Result<size_t> ReportQueries::count(const ReportQuery& query) {
  LYSOEN_ASSIGN(auto conditions, this->conditions(query));
  LYSOEN_ASSIGN(auto statement, database_.prepare("SELECT count(*) FROM reports" + conditions.sql()));
  conditions.bind(statement);
  LYSOEN_TRY(statement.step());
  return static_cast<size_t>(statement.integer(0));
}

Result<ReportFacets> ReportQueries::facets(const ReportQuery& query) {
  LYSOEN_ASSIGN(auto unsent, unsent_rows());
  LYSOEN_ASSIGN(auto conditions, this->conditions(query));
  LYSOEN_ASSIGN(auto statement,
                database_.prepare("SELECT id, form, status, category, author, event_day, conflicts FROM reports" +
                                  conditions.sql()));
  conditions.bind(statement);
  ReportFacets facets;
  Tally forms, categories, authors, days, months;
  size_t statuses[256] = {};
  for (;;) {
    LYSOEN_ASSIGN(bool more, statement.step());
    if (!more) break;
    ++facets.reports;
    forms.add(statement.text(1));
    ++statuses[static_cast<uint8_t>(statement.integer(2))];
    if (auto category = statement.text(3); !category.empty()) categories.add(category);
    auto author = statement.id<DeviceId>(4);
    authors.add(as_text((author.is_none() ? self_ : author).view()));
    if (auto day = statement.text(5); !day.empty()) days.add(day), months.add(day.substr(0, 7));
    facets.conflicts += statement.integer(6) > 0;
    facets.unsent += std::binary_search(unsent.begin(), unsent.end(), statement.integer(0));
  }
  for (size_t i = 0; i < std::size(statuses); ++i)
    if (statuses[i] > 0) facets.statuses.push_back({std::string(name_of(static_cast<Status>(i))), statuses[i]});
  std::stable_sort(facets.statuses.begin(), facets.statuses.end(),
                   [](const auto& a, const auto& b) { return a.reports > b.reports; });
  facets.forms = forms.most_first();
  facets.categories = categories.most_first();
  facets.authors = authors.most_first();
  for (auto& author : facets.authors) author.value = to_hex(as_bytes(author.value));
  facets.days = days.by_value();
  facets.months = months.by_value();
  return facets;
}

Result<std::vector<ListPlace>> ReportQueries::page(const ReportQuery& query, size_t count) {
  LYSOEN_ASSIGN(auto conditions, this->conditions(query));
  LYSOEN_ASSIGN(auto statement, in_order(conditions, "event_time, created, report", count));
  std::vector<ListPlace> places;
  for (;;) {
    LYSOEN_ASSIGN(bool more, statement.step());
    if (!more) return places;
    ListPlace place{{}, wall_time(statement.integer(1)), statement.id<ReportId>(2)};
    if (statement.integer(0) != kNoTime) place.event_time = wall_time(statement.integer(0));
    places.push_back(std::move(place));
  }
}

Result<std::vector<int64_t>> ReportQueries::unsent_rows() {
  std::vector<int64_t> rows;
  auto take = [&](storage::Statement& query) -> Result<void> {
    for (;;) {
      LYSOEN_ASSIGN(bool more, query.step());
      if (!more) return {};
      rows.push_back(query.integer(0));
    }
  };
  LYSOEN_ASSIGN(auto drafts, database_.prepare("SELECT id FROM drafts"));
  LYSOEN_TRY(take(drafts));
  // Of a feed that was given up after a fork nothing leaves any more: what it held went out again in the next one.
  struct Tail {
    int64_t feed, sent;
  };
  std::vector<Tail> tails;
  LYSOEN_ASSIGN(auto feeds, database_.prepare(
                                "SELECT id, max(confirmed_seq, coalesce((SELECT max(seq) FROM acknowledgements a WHERE "
                                "a.feed = f.id), 0)) FROM feeds f WHERE own = 1 AND NOT (incarnation < (SELECT "
                                "max(incarnation) FROM feeds WHERE own = 1 AND device = f.device) AND EXISTS (SELECT 1 "
                                "FROM forks k WHERE k.place BETWEEN f.id << 40 AND (f.id << 40 | 1099511627775)))"));
  for (;;) {
    LYSOEN_ASSIGN(bool more, feeds.step());
    if (!more) break;
    tails.push_back({feeds.integer(0), feeds.integer(1)});
  }
  LYSOEN_ASSIGN(auto edits,
                database_.prepare("SELECT e.id >> 24 FROM placed_edits p CROSS JOIN edits e ON e.id = p.edit "
                                  "AND e.place = p.place WHERE p.place BETWEEN ? AND ?"));
  for (const auto& tail : tails) {
    edits.bind(place_of(tail.feed, static_cast<uint64_t>(tail.sent) + 1), place_of(tail.feed, kSeqMax));
    LYSOEN_TRY(take(edits));
  }
  std::sort(rows.begin(), rows.end());
  rows.erase(std::unique(rows.begin(), rows.end()), rows.end());
  return rows;
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
  levels.read = line.integer(2) != 0;
  LYSOEN_ASSIGN(
      auto query,
      database_.prepare(
          "SELECT e.place & ?3, f.held_seq, max(f.carried_seq, f.confirmed_seq), EXISTS (SELECT 1 FROM "
          "acknowledgements a WHERE a.feed = f.id AND a.seq >= (e.place & ?3) AND NOT EXISTS (SELECT 1 FROM "
          "not_opened n WHERE n.place = e.place AND n.device = a.device)), f.own FROM edits e JOIN feeds f ON f.id = "
          "e.place >> 40 WHERE e.id BETWEEN ?1 AND ?4 AND (e.author = ?2 OR (f.own = 1 AND EXISTS (SELECT 1 FROM "
          "feeds w WHERE w.own = 1 AND w.device = ?2)))"));
  query.bind(first_edit_of(row), author, kSeqMax, last_edit_of(row));
  Level lowest = Level::opened;
  for (;;) {
    LYSOEN_ASSIGN(bool more, query.step());
    if (!more) break;
    int64_t seq = query.integer(0);
    bool opened = query.integer(4) == 0 || query.integer(3) != 0;
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
