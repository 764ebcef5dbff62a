// lysoen report new, edit, submit, discard, retract, resolve, status, read: writing.
#include <iostream>

#include "core/base/bytes.h"
#include "core/base/try.h"
#include "core/exchange/answers.h"
#include "tools/lysoen/report_json.h"
#include "tools/lysoen/terminal.h"

namespace lysoen::cli {

namespace {

constexpr size_t kAnswersMax = 8 * 1024 * 1024;

struct Arguments {
  std::string form, language = "en", report, json_file, path, value, reason, status;
  std::vector<std::string> sets;
  bool submit = false, keep = false, clear = false;
};

Result<std::vector<Change>> changes_of(const Form& form, const Arguments& arguments) {
  std::vector<Change> changes;
  if (!arguments.json_file.empty()) {
    LYSOEN_ASSIGN(Bytes bytes, read_file(arguments.json_file, kAnswersMax));
    LYSOEN_ASSIGN(changes, changes_from_json(form, as_text(bytes)));
  }
  LYSOEN_ASSIGN(auto more, changes_from_arguments(form, arguments.sets));
  changes.insert(changes.end(), more.begin(), more.end());
  return changes;
}

void tell_id(App& app, const ReportId& id, std::string_view state) {
  if (!app.print_json({{"id", id.hex()}, {"state", state}})) std::cout << short_id(id) << "  " << state << "\n";
}

Result<void> begin(App& app, const Arguments& arguments) {
  LYSOEN_ASSIGN(auto vault, app.open_vault());
  LYSOEN_ASSIGN(auto form, form_named(*vault, arguments.form));
  LYSOEN_ASSIGN(auto changes, changes_of(*form, arguments));
  LYSOEN_ASSIGN(ReportId id, vault->begin(form->id(), arguments.language, changes));
  if (arguments.submit) {
    auto submitted = vault->submit(id);
    if (!submitted.ok()) {
      say("saved as draft " + short_id(id) + ", not submitted");
      return std::move(submitted).error();
    }
    tell_id(app, *submitted, "submitted");
    return {};
  }
  tell_id(app, id, "saved");
  return {};
}

Result<void> edit(App& app, const Arguments& arguments) {
  LYSOEN_ASSIGN(auto vault, app.open_vault());
  LYSOEN_ASSIGN(ReportId id, report_named(*vault, arguments.report));
  LYSOEN_ASSIGN(Report report, vault->read(id));
  LYSOEN_ASSIGN(auto form, form_named(*vault, report.form_id));
  LYSOEN_ASSIGN(auto changes, changes_of(*form, arguments));
  if (changes.empty())
    return make_error(ErrorCode::usage, "nothing to change was given", "--set PATH=VALUE or --json FILE");
  LYSOEN_TRY(vault->save(id, changes));
  bool on_record = report.level != Level::draft;
  if (arguments.submit || (on_record && !arguments.keep)) {
    LYSOEN_ASSIGN(id, vault->submit(id));
    tell_id(app, id, "submitted");
  } else {
    tell_id(app, id, "saved");
  }
  return {};
}

/// Opens the vault, finds the report, does one thing to it, names it.
template <class Action>
std::function<Result<void>()> on_report(App& app, std::shared_ptr<Arguments> arguments, std::string_view state,
                                        Action action) {
  return [&app, arguments, state, action]() -> Result<void> {
    LYSOEN_ASSIGN(auto vault, app.open_vault());
    LYSOEN_ASSIGN(ReportId id, report_named(*vault, arguments->report));
    LYSOEN_TRY(action(*vault, id, *arguments));
    tell_id(app, id, state);
    return {};
  };
}

Result<void> resolve(Vault& vault, const ReportId& id, const Arguments& arguments) {
  if (arguments.clear == !arguments.value.empty())
    return make_error(ErrorCode::usage, "give the value that shall stand, or --clear");
  LYSOEN_ASSIGN(Report report, vault.read(id));
  LYSOEN_ASSIGN(auto form, form_named(vault, report.form_id));
  if (arguments.clear) return vault.resolve(id, arguments.path, std::nullopt);
  LYSOEN_ASSIGN(auto changes, changes_from_arguments(*form, {arguments.path + "=" + arguments.value}));
  return vault.resolve(id, arguments.path, changes.front().value);
}

void add_answers(CLI::App& command, Arguments& arguments) {
  command.add_option("--set", arguments.sets, "An answer, PATH=VALUE; an empty value clears; again for more")
      ->expected(1)
      ->take_all();
  command.add_option("--json", arguments.json_file, "A JSON file with answers");
}

}  // namespace

void add_report_changes(App& app, CLI::App& report) {
  auto arguments = std::make_shared<Arguments>();
  auto named = [&](const char* name, const char* about) {
    auto* command = report.add_subcommand(name, about);
    command->add_option("report", arguments->report, "The first digits of its id")->required();
    return command;
  };

  auto* begin_command = report.add_subcommand("new", "Begin a report; it is saved at once, encrypted, on this device");
  begin_command->add_option("--form", arguments->form, "human-rights-violation, police-incident or mine-hazard")
      ->required();
  add_answers(*begin_command, *arguments);
  begin_command->add_flag("--submit", arguments->submit, "Submit it too");
  app.does(begin_command, [&app, arguments] { return begin(app, *arguments); });

  auto* edit_command = named("edit", "Change answers; a submitted report's changes are sealed at once unless --keep");
  add_answers(*edit_command, *arguments);
  edit_command->add_flag("--submit", arguments->submit, "Submit a draft too");
  edit_command->add_flag("--keep", arguments->keep, "Only save; submit later");
  app.does(edit_command, [&app, arguments] { return edit(app, *arguments); });

  auto* submit_command = named("submit", "Seal a draft, or saved changes, for the team");
  app.does(submit_command, [&app, arguments]() -> Result<void> {
    LYSOEN_ASSIGN(auto vault, app.open_vault());
    LYSOEN_ASSIGN(ReportId id, report_named(*vault, arguments->report));
    LYSOEN_ASSIGN(id, vault->submit(id));
    tell_id(app, id, "submitted");
    return {};
  });

  app.does(named("discard", "Remove a draft that was never submitted"),
           on_report(app, arguments, "discarded",
                     [](Vault& vault, const ReportId& id, const Arguments&) { return vault.discard(id); }));

  auto* retract_command = named("retract", "Withdraw a report; it stays on record, with the reason");
  retract_command->add_option("--reason", arguments->reason, "Why")->required();
  app.does(retract_command,
           on_report(app, arguments, "retracted", [](Vault& vault, const ReportId& id, const Arguments& given) {
             return vault.retract(id, given.reason);
           }));

  auto* resolve_command = named("resolve", "Settle a field whose values differ: the value that shall stand");
  resolve_command->add_option("path", arguments->path, "The field, as `show` names it")->required();
  resolve_command->add_option("value", arguments->value, "The value");
  resolve_command->add_flag("--clear", arguments->clear, "No value shall stand");
  app.does(resolve_command, on_report(app, arguments, "resolved", resolve));

  auto* status_command = named("status", "Set a report's status");
  status_command->add_option("status", arguments->status, "under_review, needs_information, verified, rejected, closed")
      ->required();
  status_command->add_option("--reason", arguments->reason, "Why");
  app.does(status_command,
           on_report(app, arguments, "status set",
                     [](Vault& vault, const ReportId& id, const Arguments& given) -> Result<void> {
                       auto status = status_from(given.status);
                       if (!status || *status == Status::draft)
                         return make_error(ErrorCode::input_refused,
                                           "there is no status '" + safe(given.status) + "' to set",
                                           "submitted, under_review, needs_information, verified, rejected or closed");
                       return vault.set_status(id, *status, given.reason);
                     }));

  app.does(named("read", "Say that a person here has read it; the reporter will see"),
           on_report(app, arguments, "read",
                     [](Vault& vault, const ReportId& id, const Arguments&) { return vault.mark_read(id); }));
}

}  // namespace lysoen::cli
