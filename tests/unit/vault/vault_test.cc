#include <lysoen/vault.h>

#include "tests/support/catch.h"
#include "tests/support/temp_folder.h"

using namespace lysoen;

namespace {
CreateOptions cheap() { return {{8, 1}}; }
}  // namespace

TEST_CASE("Vault: a draft that was saved is there after reopening", "[vault]") {
  test::TempFolder folder;
  auto path = folder.path() / "v";
  ReportId id;
  {
    auto vault = Vault::create(path, "a good passphrase", cheap(), system_environment());
    INFO((vault.ok() ? "" : vault.error().message));
    REQUIRE(vault.ok());
    auto begun = (*vault)->begin("police-incident", "en");
    REQUIRE(begun.ok());
    id = *begun;
    REQUIRE((*vault)->lock().ok());
  }
  auto vault = Vault::open(path, "a good passphrase", system_environment());
  INFO((vault.ok() ? "" : vault.error().message));
  REQUIRE(vault.ok());
  auto report = (*vault)->read(id);
  REQUIRE(report.ok());
  CHECK(report->form_id == "police-incident");
}
