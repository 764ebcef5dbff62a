// lysoen export: CSV, GeoJSON or a page with map and tables. What leaves here leaves the vault's protection.
#include "core/exchange/export.h"

#include <cerrno>
#include <fstream>
#include <iostream>

#include "core/base/try.h"
#include "tools/lysoen/app.h"
#include "tools/lysoen/new_file.h"
#include "tools/lysoen/people.h"
#include "tools/lysoen/terminal.h"

namespace lysoen::cli {

namespace {

struct Arguments {
  std::string file, format, form, language = "en";
  bool retracted = false, replace = false;
};

Result<void> write_export(App& app, Arguments arguments) {
  if (arguments.format.empty()) {
    auto extension = std::filesystem::path(arguments.file).extension().string();
    arguments.format = extension.empty() ? "" : extension.substr(1);
  }
  auto format = exchange::export_format_from(arguments.format);
  if (!format)
    return make_error(ErrorCode::usage, "there is no export format '" + safe(arguments.format) + "'",
                      "--format csv, geojson or html");
  auto file = NewFile::begin(arguments.file, arguments.replace);
  if (!file) {
    auto error = std::move(file).error();
    if (error.code == ErrorCode::already_exists) error.hint = "use --replace or choose another name";
    return error;
  }
  LYSOEN_ASSIGN(auto vault, app.open_vault());
  ReportQuery query{.form_id = arguments.form, .with_retracted = arguments.retracted};
  LYSOEN_ASSIGN(size_t total, vault->count(query));
  Names names(*vault);
  exchange::ExportOptions options{
      .format = *format, .language = arguments.language, .title = "Reports", .made_at = app.environment().clock.wall()};
  options.name_of = [&names](const DeviceId& device) { return names.of(device); };
  if (auto team = vault->team_view(); team.ok()) {
    options.title = team->name.empty() ? "Reports" : team->name;
    options.provenance = "roster " + std::to_string(team->roster_version) + " (" + short_id(team->roster_hash) + ")";
  }
  std::ofstream out(file->part(), std::ios::binary);
  auto sink = exchange::start_export(out, options, vault->forms());
  Bar bar("exporting");
  auto visited = vault->each(query, [&](const Report& report) {
    if (report.level == Level::draft) return true;  // drafts are their author's own
    sink->add(report);
    bar.show(sink->count(), total);
    return true;
  });
  LYSOEN_TRY(visited);
  LYSOEN_TRY(sink->finish());
  out.close();
  if (!out) return cannot_write(arguments.file, EIO);
  LYSOEN_TRY(file->finish());
  app.print_json({{"file", arguments.file}, {"reports", sink->count()}, {"with_place", sink->placed()}});
  say(count_text(sink->count()) + " reports, " + count_text(sink->placed()) + " with a place, in " + arguments.file);
  say_warning("the file is not encrypted; it is no longer under the vault's protection");
  return {};
}

}  // namespace

void add_export(App& app) {
  auto arguments = std::make_shared<Arguments>();
  auto* command = app.commands().add_subcommand(
      "export", "Write submitted reports to a file: CSV, GeoJSON, or an HTML page with a map");
  command->add_option("file", arguments->file, "The new file; its ending chooses the format")->required();
  command->add_option("--format", arguments->format, "csv, geojson or html");
  command->add_option("--form", arguments->form, "Only this form");
  command->add_option("--language", arguments->language, "Of labels: en, fr")->capture_default_str();
  command->add_flag("--retracted", arguments->retracted, "Retracted reports too");
  command->add_flag("--replace", arguments->replace, "Replace a file of that name");
  app.does(command, [&app, arguments] { return write_export(app, *arguments); });
}

}  // namespace lysoen::cli
