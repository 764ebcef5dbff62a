// What changed between two folds, what an arriving edit does, and a report as bytes.
#include <algorithm>

#include "core/report/fold.h"

namespace lysoen::report {

namespace {

std::vector<std::optional<Value>> values_of(const Field* field) {
  std::vector<std::optional<Value>> values;
  if (field)
    for (const auto& visible : field->values) values.push_back(visible.value);
  std::sort(values.begin(), values.end());
  return values;
}

bool same(const std::vector<Visible>& a, const std::vector<Visible>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const Visible& x, const Visible& y) { return x.value == y.value; });
}

void put(Writer& out, const std::vector<Visible>& values) {
  out.varint(values.size());
  for (const auto& visible : values) {
    out.u8(visible.value ? static_cast<uint8_t>(visible.value->type()) : 0);
    out.field(visible.value ? visible.value->text() : std::string());
    out.id(visible.edit).id(visible.author).u64(static_cast<uint64_t>(visible.claimed.time_since_epoch().count()));
  }
}

}  // namespace

Difference difference(const Report& before, const Report& after) {
  Difference out;
  std::map<std::string, std::pair<const Field*, const Field*>> paths;
  for (const auto& field : before.fields) paths[field.path].first = &field;
  for (const auto& field : after.fields) paths[field.path].second = &field;
  for (const auto& [path, fields] : paths) {
    bool was = fields.first && fields.first->conflict(), is = fields.second && fields.second->conflict();
    bool changed = values_of(fields.first) != values_of(fields.second);
    if (changed) out.changed.push_back(path);
    if (is && (!was || changed)) out.conflicts_begun.push_back(path);
    if (was && !is) out.conflicts_ended.push_back(path);
  }
  out.status = before.status != after.status || !same(before.status_values, after.status_values);
  out.retraction = before.retracted != after.retracted;
  out.set_aside =
      before.set_aside.size() != after.set_aside.size() ||
      !std::equal(before.set_aside.begin(), before.set_aside.end(), after.set_aside.begin(),
                  [](const SetAside& a, const SetAside& b) { return a.edit == b.edit && a.reason == b.reason; });
  return out;
}

MergePlan plan_merge(const ReportId& id, std::span<const FoldEntry> existing, const FoldEntry& arriving) {
  MergePlan plan;
  plan.known = std::any_of(existing.begin(), existing.end(), [&](const FoldEntry& e) { return e.id == arriving.id; });
  Folded before = fold(id, existing);
  if (plan.known) {
    plan.after = std::move(before);
    return plan;
  }
  std::vector<FoldEntry> all(existing.begin(), existing.end());
  all.push_back(arriving);
  plan.after = fold(id, all);
  plan.appears = before.report.form_id.empty() && !plan.after.report.form_id.empty();
  plan.difference = difference(before.report, plan.after.report);
  return plan;
}

Bytes canonical_bytes(const Report& report) {
  Writer out;
  out.field("lysoen/0 report").id(report.id).field(report.form_id).field(report.form_version).field(report.origin);
  out.id(report.author).u64(static_cast<uint64_t>(report.created.time_since_epoch().count()));
  out.u8(static_cast<uint8_t>(report.status));
  put(out, report.status_values);
  out.u8(report.retracted).field(report.retraction_reason);
  out.varint(report.fields.size());
  for (const auto& field : report.fields) {
    out.field(field.path);
    put(out, field.values);
  }
  out.varint(report.set_aside.size());
  for (const auto& set_aside : report.set_aside) out.id(set_aside.edit).id(set_aside.author).field(set_aside.reason);
  out.varint(report.pending).varint(report.edits);
  return std::move(out).bytes();
}

}  // namespace lysoen::report
