#include "tools/lysoen/report_json.h"

#include "core/base/try.h"
#include "core/base/utc.h"
#include "core/exchange/answers.h"
#include "tools/lysoen/terminal.h"

namespace lysoen::cli {

namespace {

json visible_json(const Visible& visible, const Names& names) {
  return {{"value", visible.value ? json(visible.value->text()) : json()},
          {"author", names.of(visible.author)},
          {"device", visible.author.hex()},
          {"claimed", utc_text(visible.claimed)},
          {"edit", visible.edit.hex()}};
}

Result<Change> typed_change(const Form& form, const std::string& path, const std::optional<std::string>& text) {
  auto plain = exchange::without_items(path);
  if (!path.empty() && path.back() == ']' && form.is_repeat(plain))
    return Change{path, text ? std::optional<Value>(Value::text_of("")) : std::nullopt};
  auto* question = form.question(plain);
  if (!question)
    return make_error(ErrorCode::input_refused, "the form '" + form.id() + "' has no question '" + safe(plain) + "'",
                      "`lysoen forms --form " + form.id() + "` lists them");
  if (!text || text->empty()) return Change{path, std::nullopt};
  auto value = Value::parse(question->type, *text);
  if (!value.ok()) return make_error(value.error().code, plain + ": " + value.error().message, value.error().hint);
  return Change{path, std::move(*value)};
}

Result<void> flatten(const Form& form, const std::string& path, const json& node, std::vector<Change>& out) {
  if (node.is_object()) {
    for (auto& [name, child] : node.items())
      LYSOEN_TRY(flatten(form, path.empty() ? name : path + "/" + name, child, out));
    return {};
  }
  if (node.is_array() && form.is_repeat(exchange::without_items(path))) {
    size_t number = 0;
    for (auto& item : node) LYSOEN_TRY(flatten(form, path + "[" + std::to_string(++number) + "]", item, out));
    return {};
  }
  std::optional<std::string> text;
  if (node.is_string()) {
    text = node.get<std::string>();
  } else if (node.is_array()) {
    text = "";
    for (auto& code : node)
      *text += (text->empty() ? "" : " ") + (code.is_string() ? code.get<std::string>() : code.dump());
  } else if (!node.is_null()) {
    text = node.dump();
  }
  LYSOEN_ASSIGN(Change change, typed_change(form, path, text));
  out.push_back(std::move(change));
  return {};
}

}  // namespace

json summary_json(const ReportSummary& summary, const Names& names) {
  json place = nullptr;
  if (summary.place) place = {summary.place->latitude, summary.place->longitude};
  return {{"id", summary.id.hex()},
          {"form", summary.form_id},
          {"title", summary.title},
          {"category", summary.category},
          {"day", summary.event_day},
          {"place", place},
          {"created", utc_text(summary.created)},
          {"author", names.of(summary.author)},
          {"status", name_of(summary.status)},
          {"level", name_of(summary.level)},
          {"retracted", summary.retracted},
          {"conflicts", summary.conflicts},
          {"purged", summary.purged ? json(utc_text(*summary.purged)) : json()}};
}

json report_json(const Report& report, const Names& names) {
  json fields = json::object();
  for (auto& field : report.fields) {
    json values = json::array();
    for (auto& visible : field.values) values.push_back(visible_json(visible, names));
    fields[field.path] = std::move(values);
  }
  json status_values = json::array(), aside = json::array();
  for (auto& visible : report.status_values) status_values.push_back(visible_json(visible, names));
  for (auto& edit : report.set_aside)
    aside.push_back({{"edit", edit.edit.hex()}, {"author", names.of(edit.author)}, {"reason", edit.reason}});
  return {{"id", report.id.hex()},
          {"form", report.form_id},
          {"form_version", report.form_version},
          {"author", names.of(report.author)},
          {"device", report.author.hex()},
          {"created", utc_text(report.created)},
          {"status", name_of(report.status)},
          {"status_values", status_values},
          {"level", name_of(report.level)},
          {"retracted", report.retracted},
          {"retraction_reason", report.retraction_reason},
          {"conflicts", report.conflicts()},
          {"pending", report.pending},
          {"unsent_changes", report.has_unsent_changes},
          {"origin", report.origin},
          {"purged", report.purged ? json(utc_text(*report.purged)) : json()},
          {"fields", fields},
          {"set_aside", aside}};
}

Result<std::vector<Change>> changes_from_arguments(const Form& form, const std::vector<std::string>& sets) {
  std::vector<Change> changes;
  for (auto& set : sets) {
    auto equals = set.find('=');
    if (equals == std::string::npos || equals == 0)
      return make_error(ErrorCode::usage, "--set takes PATH=VALUE", "--set title='what happened'");
    LYSOEN_ASSIGN(Change change, typed_change(form, set.substr(0, equals), set.substr(equals + 1)));
    changes.push_back(std::move(change));
  }
  return changes;
}

Result<std::vector<Change>> changes_from_json(const Form& form, std::string_view text) {
  auto document = json::parse(text, nullptr, false);
  if (document.is_discarded() || !document.is_object())
    return make_error(ErrorCode::input_refused, "cannot use the answers: the file is not a JSON object",
                      "{\"title\": \"...\", \"persons\": [{\"name\": \"...\"}]}");
  std::vector<Change> changes;
  LYSOEN_TRY(flatten(form, "", document, changes));
  return changes;
}

Result<std::shared_ptr<const Form>> form_named(const Vault& vault, const std::string& id) {
  for (auto& form : vault.forms())
    if (form->id() == id) return form;
  return make_error(ErrorCode::input_refused, "there is no form '" + safe(id) + "'", "`lysoen forms` lists them");
}

}  // namespace lysoen::cli
