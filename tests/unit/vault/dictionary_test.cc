// Reports travel compressed with their form's dictionary. A program of another version has other forms; the one here is
// played by forms of which the dictionary was taken out.
#include "core/base/base64url.h"
#include "core/feed/body.h"
#include "core/form/packs.h"
#include "core/vault/vault_impl.h"
#include "tests/support/small_dictionary.h"
#include "tests/unit/vault/hand_made.h"

using namespace lysoen;
using namespace lysoen::test;

namespace {

/// The forms that ship, with `element` where each has its dictionary.
std::vector<std::shared_ptr<const Form>> forms_with(const std::string& element) {
  std::vector<std::shared_ptr<const Form>> forms;
  for (auto pack : form::pack_texts()) {
    std::string text(pack);
    const std::string close = "</lysoen:dictionary>";
    size_t begin = text.find("<lysoen:dictionary>"), end = text.find(close);
    REQUIRE(end != std::string::npos);
    forms.push_back(must(Form::parse(text.replace(begin, end + close.size() - begin, element))));
  }
  return forms;
}

void reopen_with(Device& device, std::span<const std::shared_ptr<const Form>> forms) {
  if (device.vault) must(device->lock());
  vault::Place place{device.folder, storage::system_files()};
  place.forms = forms;
  device.vault = must(vault::VaultImpl::open(place, kPassphrase, device.environment()));
}

std::string title_of(Vault& vault, const ReportId& id) {
  return must(vault.read(id)).field("title")->values.front().value->text();
}

/// A report of some length: at 256 bytes and below all bodies are padded to the same size.
ReportId long_report(Vault& vault, std::string_view title) {
  return submitted(
      vault, title,
      {{"what_happened", text("Two men stopped the bus at the bridge, took the phones of eleven passengers "
                              "and left on foot towards the river before the patrol arrived. Nobody was "
                              "hurt. The driver reported it on the same evening at the station.")},
       {"settlement", text("Upper Ford")},
       {"country", text("Nowhere")},
       {"police_area", text("North")}});
}

size_t bytes_carried(Vault& vault) {
  size_t bytes = 0;
  for (const auto& batch : batches_of(vault, SIZE_MAX))
    for (const auto& entry : batch.entries) bytes += entry.ciphertext.size();
  return bytes;
}

}  // namespace

TEST_CASE("Dictionary: a report is smaller with its form's dictionary, and reads the same", "[vault][dictionary]") {
  const auto without = forms_with("");
  size_t bytes[2];
  for (int i = 0; i < 2; ++i) {
    Team team;
    auto& ben = team.add(Role::reporter, "Ben");
    if (i == 1) reopen_with(ben, without);
    const size_t before = bytes_carried(*ben);
    auto id = long_report(*ben, "The bus");
    bytes[i] = bytes_carried(*ben) - before;
    carry(*ben, *team.admin());
    CHECK(title_of(*team.admin(), id) == "The bus");
    CHECK(must(team.admin()->status()).set_aside == 0);
  }
  CHECK(bytes[0] < bytes[1]);
}

TEST_CASE("Dictionary: a report of a form version that is not here is kept, and read once that version is here",
          "[vault][dictionary]") {
  const auto older = forms_with("");
  Team team;
  auto& admin = team.admin();
  auto& ben = team.add(Role::reporter, "Ben");
  carry(*admin, *ben);
  reopen_with(admin, older);
  auto first = long_report(*ben, "The first");
  must(ben->retract(first, "Told twice"));
  auto second = long_report(*ben, "The second");
  carry(*ben, *admin);
  CHECK(must(admin->list({})).empty());
  CHECK(must(admin->status()).set_aside == 2);  // the retraction is too short for a dictionary

  must(admin->sync_peer().end_intake());
  carry(*admin, *ben);
  CHECK(must(ben->levels(second)).level < Level::opened);

  reopen_with(admin, older);  // the same program finds nothing new in them
  CHECK(must(admin->list({})).empty());

  reopen_with(admin, built_in_forms());
  CHECK(must(admin->status()).set_aside == 0);
  CHECK(title_of(*admin, second) == "The second");
  CHECK(must(admin->read(first)).retracted);
  must(admin->sync_peer().end_intake());
  carry(*admin, *ben);
  CHECK(must(ben->levels(second)).level == Level::opened);
  CHECK(must(ben->levels(first)).level == Level::opened);
  for (const auto& finding : must(admin->check()).findings) FAIL_CHECK(finding);
  // What was read stays readable for a program that has the dictionary no more.
  reopen_with(admin, older);
  CHECK(title_of(*admin, second) == "The second");
}

TEST_CASE("Dictionary: a form may carry those of its earlier versions, and writes with its own",
          "[vault][dictionary]") {
  Team team;
  auto& admin = team.admin();
  auto& ben = team.add(Role::reporter, "Ben");
  carry(*admin, *ben);
  auto old_report = long_report(*ben, "Of the old version");
  std::string small = "<lysoen:dictionary>" + to_base64url(small_dictionary()) + "</lysoen:dictionary>";
  std::string former = "<lysoen:dictionary>" + to_base64url(built_in_form("police-incident")->dictionaries().front()) +
                       "</lysoen:dictionary>";
  const auto newer = forms_with(small + former), only_new = forms_with(small);
  reopen_with(admin, newer);
  carry(*ben, *admin);
  CHECK(title_of(*admin, old_report) == "Of the old version");

  reopen_with(ben, newer);
  auto new_report = long_report(*ben, "Of the new version");
  auto& cleo = team.add(Role::coordinator, "Cleo");
  reopen_with(cleo, only_new);
  carry(*admin, *ben);
  carry(*admin, *cleo);
  carry(*ben, *cleo);
  CHECK(title_of(*cleo, new_report) == "Of the new version");
  CHECK_FALSE(cleo->read(old_report).ok());
}

TEST_CASE("Dictionary: one that is no dictionary of zstd is not used, and the vault works", "[vault][dictionary]") {
  const auto broken = forms_with("<lysoen:dictionary>" + to_base64url(Bytes(500, 7)) + "</lysoen:dictionary>");
  Team team;
  auto& ben = team.add(Role::reporter, "Ben");
  carry(*team.admin(), *ben);
  reopen_with(ben, broken);
  auto id = long_report(*ben, "Written without");
  carry(*ben, *team.admin());
  CHECK(title_of(*team.admin(), id) == "Written without");
}

TEST_CASE("Dictionary: own entries that come back after an older state was restored are read with it",
          "[vault][dictionary]") {
  Team team;
  auto& ben = team.add(Role::coordinator, "Ben");
  carry(*team.admin(), *ben);
  long_report(*ben, "Before the copy");
  must(ben->lock());
  auto copy = team.folder.path() / "copy";
  std::filesystem::copy(ben.folder, copy, std::filesystem::copy_options::recursive);
  ben.vault = must(Vault::open(ben.folder, kPassphrase, ben.environment()));
  auto lost = long_report(*ben, "After the copy");
  carry(*ben, *team.admin());
  must(ben->lock());
  ben.folder = copy;
  ben.vault = must(Vault::open(ben.folder, kPassphrase, ben.environment()));
  carry(*team.admin(), *ben);
  CHECK(title_of(*ben, lost) == "After the copy");
  CHECK(must(ben->status()).set_aside == 0);
}

TEST_CASE("Dictionary: disclosed entries name the epoch that they open in", "[vault][dictionary]") {
  Team team;
  auto id = long_report(*team.admin(), "Shown to others");
  CHECK(must(team.admin()->disclose(id)).find("\"entry_key\"") != std::string::npos);
}
