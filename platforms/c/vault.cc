// Vaults and writing.
#include "platforms/c/handle.h"

using namespace lysoen;
using namespace lysoen::c;

namespace {

// "victims[3f9c]/name" -> "victims/name"
std::string question_path(std::string_view path) {
  std::string plain;
  bool inside = false;
  for (char c : path) {
    if (c == '[') inside = true;
    if (!inside) plain += c;
    if (c == ']') inside = false;
  }
  return plain;
}

// The form that a report's answers are checked against, or null.
Result<std::shared_ptr<const Form>> form_of(Vault& vault, const ReportId& id) {
  LYSOEN_ASSIGN(Report report, vault.read(id));
  for (auto& form : vault.forms())
    if (form->id() == report.form_id) return form;
  return std::shared_ptr<const Form>();
}

// A value of the question's type. An unknown path goes on as text: the vault refuses it and says so best.
Result<std::optional<Value>> value_for(const Form* form, const char* path, const char* text) {
  if (!text) return std::optional<Value>();
  auto* question = form ? form->question(question_path(path)) : nullptr;
  auto value = Value::parse(question ? question->type : ValueType::text, text);
  if (!value.ok())
    return make_error(value.error().code, std::string(path) + ": " + value.error().message, value.error().hint);
  return std::optional<Value>(std::move(*value));
}

Result<void> hand_out(Result<std::unique_ptr<Vault>> vault, lysoen_vault** out) {
  if (!vault.ok()) return vault.error();
  *out = new lysoen_vault{std::shared_ptr<Vault>(std::move(*vault))};
  return {};
}

}  // namespace

extern "C" {

lysoen_code lysoen_vault_create(const char* folder, const char* passphrase, lysoen_vault** out) {
  return guarded([&]() -> Result<void> {
    LYSOEN_C_REQUIRE(folder);
    LYSOEN_C_REQUIRE(passphrase);
    LYSOEN_C_REQUIRE(out);
    return hand_out(Vault::create(folder, passphrase, CreateOptions(), system_environment()), out);
  });
}

lysoen_code lysoen_vault_open(const char* folder, const char* passphrase, lysoen_vault** out) {
  return guarded([&]() -> Result<void> {
    LYSOEN_C_REQUIRE(folder);
    LYSOEN_C_REQUIRE(passphrase);
    LYSOEN_C_REQUIRE(out);
    return hand_out(Vault::open(folder, passphrase, system_environment()), out);
  });
}

lysoen_code lysoen_vault_idle(lysoen_vault* vault) {
  return guarded([&]() -> Result<void> {
    LYSOEN_C_REQUIRE(vault);
    return vault->vault->idle();
  });
}

lysoen_code lysoen_vault_lock(lysoen_vault* vault) {
  return guarded([&]() -> Result<void> {
    LYSOEN_C_REQUIRE(vault);
    return vault->vault->lock();
  });
}

void lysoen_vault_free(lysoen_vault* vault) {
  if (!vault) return;
  // A sync may still share the vault: its keys go now.
  (void)guarded([&]() -> Result<void> {
    (void)vault->vault->lock();
    return {};
  });
  delete vault;
}

lysoen_code lysoen_status(lysoen_vault* vault, lysoen_vault_status* out) {
  return guarded([&]() -> Result<void> {
    LYSOEN_C_REQUIRE(vault);
    LYSOEN_C_REQUIRE(out);
    LYSOEN_ASSIGN(VaultStatus status, vault->vault->status());
    return write_struct(out, {0, status.reports, status.drafts, status.submitted, status.conflicts,
                              status.unsent_entries, status.set_aside});
  });
}

lysoen_code lysoen_begin(lysoen_vault* vault, const char* form, const char* language, lysoen_id* out) {
  return guarded([&]() -> Result<void> {
    LYSOEN_C_REQUIRE(vault);
    LYSOEN_C_REQUIRE(form);
    LYSOEN_C_REQUIRE(out);
    LYSOEN_ASSIGN(ReportId id, vault->vault->begin(form, language ? language : "en"));
    *out = id_of(id);
    return {};
  });
}

lysoen_code lysoen_save(lysoen_vault* vault, const lysoen_id* report, const lysoen_change* changes, size_t count) {
  return guarded([&]() -> Result<void> {
    LYSOEN_C_REQUIRE(vault);
    LYSOEN_C_REQUIRE(report);
    LYSOEN_C_REQUIRE(changes || count == 0);
    auto id = id_from<ReportId>(*report);
    LYSOEN_ASSIGN(auto form, form_of(*vault->vault, id));
    std::vector<Change> list;
    for (size_t i = 0; i < count; ++i) {
      LYSOEN_C_REQUIRE(changes[i].path);
      LYSOEN_ASSIGN(auto value, value_for(form.get(), changes[i].path, changes[i].value));
      list.push_back({changes[i].path, std::move(value)});
    }
    return vault->vault->save(id, list);
  });
}

lysoen_code lysoen_submit(lysoen_vault* vault, const lysoen_id* report, lysoen_id* lasting) {
  return guarded([&]() -> Result<void> {
    LYSOEN_C_REQUIRE(vault);
    LYSOEN_C_REQUIRE(report);
    LYSOEN_ASSIGN(ReportId id, vault->vault->submit(id_from<ReportId>(*report)));
    if (lasting) *lasting = id_of(id);
    return {};
  });
}

lysoen_code lysoen_discard(lysoen_vault* vault, const lysoen_id* draft) {
  return guarded([&]() -> Result<void> {
    LYSOEN_C_REQUIRE(vault);
    LYSOEN_C_REQUIRE(draft);
    return vault->vault->discard(id_from<ReportId>(*draft));
  });
}

lysoen_code lysoen_retract(lysoen_vault* vault, const lysoen_id* report, const char* reason) {
  return guarded([&]() -> Result<void> {
    LYSOEN_C_REQUIRE(vault);
    LYSOEN_C_REQUIRE(report);
    LYSOEN_C_REQUIRE(reason);
    return vault->vault->retract(id_from<ReportId>(*report), reason);
  });
}

lysoen_code lysoen_resolve(lysoen_vault* vault, const lysoen_id* report, const char* path, const char* value) {
  return guarded([&]() -> Result<void> {
    LYSOEN_C_REQUIRE(vault);
    LYSOEN_C_REQUIRE(report);
    LYSOEN_C_REQUIRE(path);
    auto id = id_from<ReportId>(*report);
    LYSOEN_ASSIGN(auto form, form_of(*vault->vault, id));
    LYSOEN_ASSIGN(auto chosen, value_for(form.get(), path, value));
    return vault->vault->resolve(id, path, chosen);
  });
}

lysoen_code lysoen_mark_read(lysoen_vault* vault, const lysoen_id* report) {
  return guarded([&]() -> Result<void> {
    LYSOEN_C_REQUIRE(vault);
    LYSOEN_C_REQUIRE(report);
    return vault->vault->mark_read(id_from<ReportId>(*report));
  });
}

}  // extern "C"
