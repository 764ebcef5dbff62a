// lysoen report list, show, conflicts: reading.
#include <iostream>

#include "core/base/try.h"
#include "core/base/utc.h"
#include "core/exchange/answers.h"
#include "core/exchange/tally.h"
#include "tools/lysoen/report_json.h"
#include "tools/lysoen/terminal.h"

namespace lysoen::cli {

namespace {

struct ListArguments {
  std::string form, status, from, until, box, text, category, by;
  bool conflicts = false, retracted = false;
  std::string circle, author, after;
  bool unsent = false;
  size_t limit = 50;
};

Result<std::optional<WallTime>> day_from(const std::string& text) {
  if (text.empty()) return std::optional<WallTime>();
  auto value = Value::parse(ValueType::date, text);
  if (!value.ok()) return make_error(ErrorCode::input_refused, "a day is written 2026-01-31");
  return value->instant();
}

Result<std::optional<ReportQuery::Box>> box_from(const std::string& text) {
  if (text.empty()) return std::optional<ReportQuery::Box>();
  ReportQuery::Box box{};
  char end;
  if (std::sscanf(text.c_str(), "%lf,%lf,%lf,%lf%c", &box.south, &box.west, &box.north, &box.east, &end) != 4)
    return make_error(ErrorCode::input_refused, "a box is written SOUTH,WEST,NORTH,EAST in degrees",
                      "--box 44.2,33.1,52.4,40.2");
  return std::optional(box);
}

Result<std::optional<ReportQuery::Circle>> circle_from(const std::string& text) {
  if (text.empty()) return std::optional<ReportQuery::Circle>();
  ReportQuery::Circle circle{};
  char end;
  if (std::sscanf(text.c_str(), "%lf,%lf,%lf%c", &circle.latitude, &circle.longitude, &circle.metres, &end) != 3)
    return make_error(ErrorCode::input_refused, "a circle is written LATITUDE,LONGITUDE,METRES",
                      "--near 50.45,30.52,5000");
  return std::optional(circle);
}

Result<ReportQuery> query_from(const ListArguments& arguments) {
  ReportQuery query{.form_id = arguments.form,
                    .text = arguments.text,
                    .category = arguments.category,
                    .only_conflicts = arguments.conflicts,
                    .only_unsent = arguments.unsent,
                    .with_retracted = arguments.retracted,
                    .limit = arguments.limit};
  if (!arguments.status.empty()) {
    query.status = status_from(arguments.status);
    if (!query.status)
      return make_error(ErrorCode::input_refused, "there is no status '" + safe(arguments.status) + "'",
                        "draft, submitted, under_review, needs_information, verified, rejected or closed");
  }
  LYSOEN_ASSIGN(query.from, day_from(arguments.from));
  LYSOEN_ASSIGN(query.until, day_from(arguments.until));
  LYSOEN_ASSIGN(query.box, box_from(arguments.box));
  LYSOEN_ASSIGN(query.circle, circle_from(arguments.circle));
  if (!arguments.after.empty()) {
    LYSOEN_ASSIGN(query.after, ListPlace::parse(arguments.after));
  }
  return query;
}

/// Counts that need no report to be read.
std::vector<ReportFacets::Count> counts_by(const ReportFacets& facets, const std::string& by, const Names& names) {
  if (by == "form") return facets.forms;
  if (by == "status") return facets.statuses;
  if (by == "month") return facets.months;
  auto authors = facets.authors;
  for (auto& author : authors)
    if (auto device = DeviceId::from_hex(author.value)) author.value = names.of(*device);
  return authors;
}

Result<void> facets(App& app, Vault& vault, const ReportQuery& query, const std::string& by) {
  LYSOEN_ASSIGN(auto facets, vault.facets(query));
  auto counts = counts_by(facets, by, Names(vault));
  json list = json::array();
  for (auto& count : counts) list.push_back({{by, count.value}, {"reports", count.reports}});
  if (app.print_json({{"reports", facets.reports}, {"by_" + by, list}})) return {};
  for (auto& count : counts)
    std::cout << fitted(safe_line(count.value), 50) << "  " << count_text(count.reports) << "\n";
  return {};
}

Result<void> tally(App& app, Vault& vault, const ReportQuery& query, const std::string& by) {
  exchange::Tally tally(vault.forms());
  ReportQuery all = query;
  all.limit = 0;
  LYSOEN_TRY(vault.each(all, [&](const Report& report) { return tally.add(report), true; }));
  auto lines = by == "type" ? tally.by_type() : by == "place" ? tally.by_place() : tally.by_day();
  json list = json::array();
  for (auto& line : lines) list.push_back({{by, line.name}, {"reports", line.count}});
  if (app.print_json({{"reports", tally.count()}, {"by_" + by, list}})) return {};
  for (auto& line : lines) std::cout << fitted(safe_line(line.name), 50) << "  " << count_text(line.count) << "\n";
  return {};
}

Result<void> list(App& app, const ListArguments& arguments) {
  LYSOEN_ASSIGN(ReportQuery query, query_from(arguments));
  LYSOEN_ASSIGN(auto vault, app.open_vault());
  Names names(*vault);
  if (!arguments.author.empty()) {
    LYSOEN_ASSIGN(query.author, names.member(arguments.author));
  }
  const bool reads = arguments.by == "type" || arguments.by == "place" || arguments.by == "day";
  if (!arguments.by.empty())
    return reads ? tally(app, *vault, query, arguments.by) : facets(app, *vault, query, arguments.by);
  LYSOEN_ASSIGN(auto found, vault->list(query));
  LYSOEN_ASSIGN(size_t total, vault->count(query));
  json reports = json::array();
  const bool more = !found.empty() && found.size() == query.limit && found.size() < total;
  if (app.as_json()) {
    for (auto& summary : found) reports.push_back(summary_json(summary, names));
    json document = {{"total", total}, {"reports", reports}};
    if (more) document["next"] = found.back().place_in_list().text();
    app.print_json(document);
    return {};
  }
  for (auto& summary : found) {
    std::cout << short_id(summary.id) << "  " << fitted(summary.event_day.empty() ? "(no day)" : summary.event_day, 10)
              << "  " << fitted(safe_line(summary.form_id), 22) << "  " << fitted(name_of(summary.status), 12)
              << fitted(name_of(summary.level), 8) << fitted(safe_line(summary.title), 60)
              << (summary.conflicts ? alarm("  differs") : "") << (summary.retracted ? "  retracted" : "")
              << (summary.purged ? "  purged" : "") << "\n";
  }
  if (found.empty())
    say("no reports");
  else if (more)
    say(count_text(found.size()) + " of " + count_text(total) + "; those behind: --after " +
        found.back().place_in_list().text());
  return {};
}

std::string shown(const Visible& visible, const Question* question, const std::string& language) {
  if (!visible.value) return "(cleared)";
  auto label = [&](const std::string& code) {
    auto* choice = question ? question->choice(code) : nullptr;
    auto text = choice ? pick(choice->labels, language) : std::string_view();
    return text.empty() ? code : std::string(text);
  };
  if (auto file = visible.value->file()) return file->name + ", " + count_text(file->size) + " bytes, " + file->type;
  if (visible.value->type() == ValueType::choice) return label(visible.value->text());
  if (visible.value->type() != ValueType::choices) return visible.value->text();
  std::string out;
  for (auto& code : visible.value->items()) out += (out.empty() ? "" : ", ") + label(code);
  return out;
}

void print_field(const Field& field, const Form* form, const Names& names, const std::string& language) {
  auto* question = form ? form->question(exchange::without_items(field.path)) : nullptr;
  auto label = question ? pick(question->labels, language) : std::string_view();
  auto path = safe_line(field.path);
  std::cout << "  " << strong(label.empty() ? path : std::string(label)) << faint("  " + path) << "\n";
  for (auto& visible : field.values) {
    std::cout << (field.conflict() ? alarm("    differs: ") : "    ")
              << safe_block(shown(visible, question, language), "    ");
    if (field.conflict())
      std::cout << faint("  by " + names.of(visible.author) + ", " + utc_text_short(visible.claimed));
    std::cout << "\n";
  }
}

void print_report(const Report& report, const Form* form, const Names& names, const std::string& language) {
  std::cout << strong(form ? std::string(pick(form->title(), language)) : safe_line(report.form_id)) << "  "
            << short_id(report.id) << "\n"
            << "  by " << names.of(report.author) << ", begun " << utc_text_short(report.created) << "\n"
            << "  " << name_of(report.status) << ", " << name_of(report.level)
            << (report.has_unsent_changes ? ", with changes not submitted" : "") << "\n";
  if (report.retracted) std::cout << alarm("  retracted: ") << safe_block(report.retraction_reason, "    ") << "\n";
  if (report.pending > 0) std::cout << "  " << report.pending << " changes are known of but have not arrived\n";
  for (auto& field : report.fields) print_field(field, form, names, language);
  for (auto& aside : report.set_aside)
    std::cout << "  set aside: a change by " << names.of(aside.author) << " (" << safe(aside.reason) << ")\n";
}

const Form* form_in(const Vault& vault, const std::string& id) {
  for (auto& form : vault.forms())
    if (form->id() == id) return form.get();
  return nullptr;
}

/// "files: 3 of 5 are here, 41 % of 12 MB", and on the author's device how many a relay holds.
void print_files(const std::vector<AttachmentState>& files) {
  if (files.empty()) return;
  uint64_t all = 0, here = 0;
  size_t whole = 0, sent = 0, held = 0, thumbnails = 0;
  for (const auto& file : files) {
    all += file.size, here += file.here;
    whole += file.here == file.size, sent += file.sent, held += file.held;
    thumbnails += file.here < file.size && file.thumbnail;
  }
  std::cout << "  files: " << count_text(whole) << " of " << count_text(files.size()) << " here, "
            << (all > 0 ? here * 100 / all : 100) << " % of " << bytes_text(all);
  if (thumbnails > 0) std::cout << "; thumbnails of " << count_text(thumbnails) << " that are on the way";
  if (sent > 0 && whole == files.size())
    std::cout << (held == files.size() ? std::string("; a relay holds them")
                                       : "; a relay holds " + count_text(held) + " of them");
  std::cout << "\n";
}

void print_purged(const Report& report, const ReportLevels& levels) {
  std::cout << "  the team's policy removed what it says from this device on " << utc_text_short(*report.purged) << "\n"
            << "  " << entries_text(levels.entries) << " sent: " << count_text(levels.held) << " held, "
            << count_text(levels.opened) << " opened" << (levels.read ? "; a person has read it" : "") << "\n";
}

Result<void> show(App& app, const std::string& prefix, const std::string& language) {
  LYSOEN_ASSIGN(auto vault, app.open_vault());
  LYSOEN_ASSIGN(ReportId id, report_named(*vault, prefix));
  LYSOEN_ASSIGN(Report report, vault->read(id));
  Names names(*vault);
  json document = app.as_json() ? report_json(report, names) : json();
  if (app.as_json() && report.level != Level::draft) {
    LYSOEN_ASSIGN(auto levels, vault->levels(id));
    document["levels"] = {{"entries", levels.entries},
                          {"carried", levels.carried},
                          {"held", levels.held},
                          {"opened", levels.opened},
                          {"read", levels.read}};
  }
  LYSOEN_ASSIGN(auto files, vault->attachments(id));
  if (app.as_json()) {
    document["files"] = json::array();
    for (const auto& file : files)
      document["files"].push_back({{"blob", file.blob.hex()},
                                   {"size", file.size},
                                   {"here", file.here},
                                   {"sent", file.sent},
                                   {"held", file.held},
                                   {"thumbnail", file.thumbnail.has_value()}});
  }
  if (app.print_json(document)) return {};
  print_report(report, form_in(*vault, report.form_id), names, language);
  print_files(files);
  if (report.purged) {
    LYSOEN_ASSIGN(auto levels, vault->levels(id));
    print_purged(report, levels);
  }
  return {};
}

Result<void> conflicts(App& app, const std::string& language) {
  LYSOEN_ASSIGN(auto vault, app.open_vault());
  Names names(*vault);
  json list = json::array();
  size_t count = 0;
  LYSOEN_TRY(vault->each({.only_conflicts = true}, [&](const Report& report) {
    Report differing = report;
    std::erase_if(differing.fields, [](const Field& field) { return !field.conflict(); });
    ++count;
    if (app.as_json())
      list.push_back(report_json(differing, names));
    else
      print_report(differing, form_in(*vault, report.form_id), names, language);
    return true;
  }));
  if (app.print_json({{"reports", list}})) return {};
  say(count == 0 ? "nothing differs" : "settle one: lysoen report resolve ID PATH VALUE");
  return {};
}

}  // namespace

void add_report(App& app) {
  auto* report = app.commands().add_subcommand("report", "Write and read reports")->require_subcommand(1);
  auto language = std::make_shared<std::string>("en");
  report->add_option("--language", *language, "Of labels: en, fr")->capture_default_str();

  auto arguments = std::make_shared<ListArguments>();
  auto* list_command = report->add_subcommand("list", "List reports, newest event first");
  list_command->add_option("--form", arguments->form, "Only this form");
  list_command->add_option("--status", arguments->status, "Only this status");
  list_command->add_option("--from", arguments->from, "Events from this day on (2026-01-31)");
  list_command->add_option("--until", arguments->until, "Events before this day");
  list_command->add_option("--box", arguments->box, "Events inside SOUTH,WEST,NORTH,EAST");
  list_command->add_option("--near", arguments->circle, "Events inside LATITUDE,LONGITUDE,METRES");
  list_command->add_option("--text", arguments->text, "With all of these words; the last may be only begun");
  list_command->add_option("--category", arguments->category, "Only this category");
  list_command->add_flag("--conflicts", arguments->conflicts, "Only where values differ");
  list_command->add_option("--author", arguments->author, "Only by this member (name, or first digits of the device)");
  list_command->add_flag("--unsent", arguments->unsent, "Only what no relay has confirmed yet, drafts too");
  list_command->add_flag("--retracted", arguments->retracted, "Retracted ones too");
  list_command->add_option("--limit", arguments->limit, "At most so many; 0 for all")->capture_default_str();
  list_command->add_option("--after", arguments->after, "Only those behind this place, as the page before names it");
  list_command->add_option("--by", arguments->by, "Count instead: by type, place, day, month, form, status, author")
      ->check(CLI::IsMember({"type", "place", "day", "month", "form", "status", "author"}));
  app.does(list_command, [&app, arguments] { return list(app, *arguments); });

  auto prefix = std::make_shared<std::string>();
  auto* show_command = report->add_subcommand("show", "Show a report with all its values and their authors");
  show_command->add_option("report", *prefix, "The first digits of its id")->required();
  app.does(show_command, [&app, prefix, language] { return show(app, *prefix, *language); });

  app.does(report->add_subcommand("conflicts", "Show what differs, with the authors"),
           [&app, language] { return conflicts(app, *language); });
  add_report_changes(app, *report);
  add_report_files(app, *report);
}

}  // namespace lysoen::cli
