// Reading: lists, reports with every visible value, levels. All are copies that do not need the vault any more.
#include "platforms/c/handle.h"

using namespace lysoen;
using namespace lysoen::c;

struct lysoen_list {
  std::vector<ReportSummary> reports;  // what the lines point into
  std::vector<lysoen_point> places;
  std::vector<std::string> places_in_list;
  std::vector<lysoen_summary> lines;
  size_t next = 0;
};

struct lysoen_report {
  Report report;  // what the rest points into
  lysoen_report_facts facts;
  std::vector<std::vector<lysoen_visible>> values;  // of each field
};

namespace {

Result<ReportQuery> query_of(const lysoen_query* given) {
  LYSOEN_ASSIGN(lysoen_query query, read_struct(given, lysoen_query(LYSOEN_QUERY_INIT)));
  ReportQuery out;
  if (query.form) out.form_id = query.form;
  if (query.text) out.text = query.text;
  if (query.category) out.category = query.category;
  if (query.status > LYSOEN_CLOSED) return make_error(ErrorCode::usage, "there is no status of that number");
  if (query.status >= 0) out.status = static_cast<Status>(query.status);
  if (query.from_ms != INT64_MIN) out.from = WallTime(std::chrono::milliseconds(query.from_ms));
  if (query.until_ms != INT64_MAX) out.until = WallTime(std::chrono::milliseconds(query.until_ms));
  if (query.with_box) out.box = ReportQuery::Box{query.south, query.west, query.north, query.east};
  out.only_conflicts = query.only_conflicts != 0;
  out.with_retracted = query.with_retracted != 0;
  out.limit = static_cast<size_t>(query.limit);
  if (query.after) {
    LYSOEN_ASSIGN(out.after, ListPlace::parse(query.after));
  }
  return out;
}

lysoen_summary line_of(const ReportSummary& report, const lysoen_point* place, const std::string& place_in_list) {
  return {id_of(report.id),
          id_of(report.author),
          report.form_id.c_str(),
          report.title.c_str(),
          report.category.c_str(),
          report.event_day.c_str(),
          place,
          place_in_list.c_str(),
          ms_of(report.created),
          static_cast<int32_t>(report.status),
          static_cast<int32_t>(report.level),
          report.retracted,
          report.conflicts};
}

lysoen_report_facts facts_of(const Report& report) {
  return {id_of(report.id),
          id_of(report.author),
          report.form_id.c_str(),
          report.form_version.c_str(),
          ms_of(report.created),
          static_cast<int32_t>(report.status),
          static_cast<int32_t>(report.level),
          report.retracted,
          report.has_unsent_changes,
          report.retraction_reason.c_str(),
          report.conflicts(),
          report.edits,
          report.pending,
          report.set_aside.size()};
}

lysoen_visible visible_of(const Visible& visible) {
  return {visible.value ? visible.value->text().c_str() : nullptr,
          visible.value ? static_cast<int32_t>(visible.value->type()) : 0, id_of(visible.author), id_of(visible.edit),
          ms_of(visible.claimed)};
}

}  // namespace

extern "C" {

lysoen_code lysoen_list_open(lysoen_vault* vault, const lysoen_query* query, lysoen_list** out) {
  return guarded([&]() -> Result<void> {
    LYSOEN_C_REQUIRE(vault);
    LYSOEN_C_REQUIRE(out);
    LYSOEN_ASSIGN(auto what, query_of(query));
    auto list = std::make_unique<lysoen_list>();
    LYSOEN_ASSIGN(list->reports, vault->vault->list(what));
    list->places.reserve(list->reports.size());  // these never move: lines point into them
    list->places_in_list.reserve(list->reports.size());
    for (auto& report : list->reports) {
      const lysoen_point* place = nullptr;
      if (report.place)
        place = &list->places.emplace_back(lysoen_point{report.place->latitude, report.place->longitude});
      list->lines.push_back(line_of(report, place, list->places_in_list.emplace_back(report.place_in_list().text())));
    }
    *out = list.release();
    return {};
  });
}

size_t lysoen_list_count(const lysoen_list* list) {
  return list ? list->lines.size() : 0;
}
const lysoen_summary* lysoen_list_next(lysoen_list* list) {
  return list && list->next < list->lines.size() ? &list->lines[list->next++] : nullptr;
}
void lysoen_list_free(lysoen_list* list) {
  delete list;
}

lysoen_code lysoen_read(lysoen_vault* vault, const lysoen_id* report, lysoen_report** out) {
  return guarded([&]() -> Result<void> {
    LYSOEN_C_REQUIRE(vault);
    LYSOEN_C_REQUIRE(report);
    LYSOEN_C_REQUIRE(out);
    auto read = std::make_unique<lysoen_report>();
    LYSOEN_ASSIGN(read->report, vault->vault->read(id_from<ReportId>(*report)));
    read->facts = facts_of(read->report);
    for (auto& field : read->report.fields) {
      auto& values = read->values.emplace_back();
      for (auto& visible : field.values) values.push_back(visible_of(visible));
    }
    *out = read.release();
    return {};
  });
}

const lysoen_report_facts* lysoen_report_get_facts(const lysoen_report* report) {
  return report ? &report->facts : nullptr;
}
size_t lysoen_report_field_count(const lysoen_report* report) {
  return report ? report->values.size() : 0;
}
const char* lysoen_report_field_path(const lysoen_report* report, size_t field) {
  return field < lysoen_report_field_count(report) ? report->report.fields[field].path.c_str() : nullptr;
}
size_t lysoen_report_value_count(const lysoen_report* report, size_t field) {
  return field < lysoen_report_field_count(report) ? report->values[field].size() : 0;
}
const lysoen_visible* lysoen_report_value(const lysoen_report* report, size_t field, size_t value) {
  return value < lysoen_report_value_count(report, field) ? &report->values[field][value] : nullptr;
}
void lysoen_report_free(lysoen_report* report) {
  delete report;
}

lysoen_code lysoen_levels(lysoen_vault* vault, const lysoen_id* report, lysoen_level_facts* out) {
  return guarded([&]() -> Result<void> {
    LYSOEN_C_REQUIRE(vault);
    LYSOEN_C_REQUIRE(report);
    LYSOEN_C_REQUIRE(out);
    LYSOEN_ASSIGN(ReportLevels levels, vault->vault->levels(id_from<ReportId>(*report)));
    return write_struct(out, {0, static_cast<int32_t>(levels.level), levels.read, levels.entries, levels.carried,
                              levels.held, levels.opened});
  });
}

}  // extern "C"
