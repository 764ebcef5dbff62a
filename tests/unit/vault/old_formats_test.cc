// A vault of every format that was ever released opens for ever. tests/vectors/vault holds one of each, taken while it
// was open, so that slot file, database, log and ring are all read; a backup of it; and what they show. The folders
// from 1 on are never written again. Format 0 is that of today's program: whoever changes it makes the folder anew,
// with `LYSOEN_WRITE_VECTORS=1 unit_vault "[write-vectors]"`.
#include "core/vault/vault_impl.h"
#include "tests/support/files.h"
#include "tests/support/memory_disk.h"
#include "tests/support/paths.h"
#include "tests/unit/vault/people.h"

using namespace lysoen;
using namespace lysoen::test;
using namespace lysoen::vault;

namespace {

constexpr std::string_view kSecond = "the second one's words", kCover = "the cover's words",
                           kDuress = "words said under force", kOfBackup = "the backup's words";
constexpr KeyCost kFloor{64 * 1024, 3};  // so that a release opens it too
constexpr size_t kSmall = 64 * 1024;     // ring and reserve
constexpr size_t kAttached = 3000;       // bytes of the one attachment

std::filesystem::path vectors() {
  return source_dir() / "tests" / "vectors" / "vault";
}

/// What a person sees, one line a report, in list order.
std::string shown(Vault& vault) {
  std::string lines;
  for (const auto& line : must(vault.list({.with_retracted = true}))) {
    auto report = must(vault.read(line.id));
    lines += std::string(name_of(report.level)) + " " + std::string(name_of(report.status));
    if (report.retracted) lines += " retracted";
    if (report.has_unsent_changes) lines += " unsent";
    for (const auto& field : report.fields)
      for (const auto& visible : field.values)
        lines += "; " + field.path + ": " + (visible.value ? visible.value->text() : "-");
    lines += "\n";
  }
  return lines + "passphrases " + std::to_string(must(vault.passphrases()).size()) + "\n";
}

/// The bytes of every attachment.
size_t attached(Vault& vault) {
  size_t bytes = 0;
  for (const auto& line : must(vault.list({}))) {
    auto report = must(vault.read(line.id));
    for (const auto& field : report.fields)
      for (const auto& visible : field.values)
        if (auto file = visible.value ? visible.value->file() : std::nullopt)
          must(vault.read_attachment(line.id, file->blob,
                                     [&](ByteView more) { return bytes += more.size(), Result<void>(); }));
  }
  return bytes;
}

void answer(Vault& vault, const ReportId& id, std::string_view path, Value to) {
  must(vault.save(id, std::vector<Change>{{std::string(path), std::move(to)}}));
}

struct Shelf {
  ManualClock clock;
  SeededRandom random{7};
  MemoryDisk disk;
  Environment environment() { return {clock, random}; }
  Place place() { return {"x", disk, kSmall, kSmall}; }
  Result<std::unique_ptr<Vault>> open(std::string_view passphrase) {
    clock.advance(std::chrono::hours(1));
    return VaultImpl::open(place(), passphrase, environment());
  }
};

}  // namespace

TEST_CASE("Formats: a vault of every format opens, with each of its passphrases, and shows what it showed",
          "[vault][formats]") {
  size_t formats = 0;
  for (const auto& folder : std::filesystem::directory_iterator(vectors())) {
    INFO("format " << folder.path().filename());
    ++formats;
    Shelf shelf;
    std::map<std::string, std::string> expected;
    for (const auto& file : std::filesystem::directory_iterator(folder)) {
      const auto name = file.path().filename().string();
      if (name.ends_with(".txt"))
        expected[name] = std::string(as_text(content_of(file)));
      else if (name != "backup")
        shelf.disk.set_content(name, content_of(file));
    }
    const auto image = shelf.disk.image();
    for (auto passphrase : {kPassphrase, kSecond}) {
      shelf.disk.restore(image);
      auto vault = must(shelf.open(passphrase));
      CHECK(shown(*vault) == expected["shows.txt"]);
      CHECK(attached(*vault) == kAttached);
      auto checked = must(vault->check());
      for (const auto& finding : checked.findings) FAIL_CHECK(finding);
      submitted(*vault, "Written by a newer program");
      CHECK(must(vault->list({.text = "newer program"})).size() == 1);
      must(vault->lock());
      CHECK(must(must(shelf.open(passphrase))->status()).drafts == 1);
    }
    CHECK(shown(*must(shelf.open(kCover))) == expected["cover_shows.txt"]);
    {
      TempFolder restored;
      auto vault = must(Vault::restore(folder.path() / "backup", restored.path() / "x",
                                       {kOfBackup, kPassphrase, cheap()}, shelf.environment()));
      CHECK(shown(*vault) == expected["backup_shows.txt"]);
      CHECK(attached(*vault) == kAttached);
    }
    must(must(shelf.open(kDuress))->lock());
    CHECK(shelf.open(kPassphrase).error().code == ErrorCode::wrong_passphrase);
  }
  CHECK(formats > 0);
}

TEST_CASE("Formats: the vault of today's format is written", "[.][write-vectors]") {
  if (!std::getenv("LYSOEN_WRITE_VECTORS")) return;
  Shelf shelf;
  auto vault = must(VaultImpl::create(shelf.place(), kPassphrase, {kFloor}, shelf.environment()));
  must(vault->create_team({"Monitors of the river", "Ada", "root words", {}}));
  must(vault->make_cover({kCover, kDuress}));
  must(vault->add_passphrase(kSecond));
  must(vault->lock());
  std::map<std::string, std::string> expected;
  {
    auto cover = must(shelf.open(kCover));
    must(cover->begin("police-incident", "fr", std::vector<Change>{{"title", text("Vélo volé")}}));
    expected["cover_shows.txt"] = shown(*cover);
    must(cover->lock());
  }
  vault = must(shelf.open(kPassphrase));
  auto shooting = submitted(*vault, "Shots at the ford", {{"killed", value(ValueType::integer, "2")}});
  auto wrong = submitted(*vault, "Written twice");
  must(vault->lock());
  vault = must(shelf.open(kPassphrase));  // what follows stands in log and ring alone
  must(vault->retract(wrong, "the same event"));
  must(vault->set_status(shooting, Status::verified, "two witnesses"));
  submitted(*vault, "Мост разрушен", {{"what_happened", text("нет переправы")}});
  answer(*vault, shooting, "killed", value(ValueType::integer, "3"));
  auto draft = must(vault->begin("human-rights-violation", "en"));
  answer(*vault, draft, "title", text("Not finished"));
  size_t given = 0;
  must(vault->attach(draft, "files[new1]/file", {"tones.bin", "", [&](std::span<uint8_t> into) -> Result<size_t> {
                                                   size_t size = std::min(into.size(), kAttached - given);
                                                   std::fill_n(into.begin(), size, static_cast<uint8_t>(0x80));
                                                   given += size;
                                                   return size;
                                                 }}));
  expected["shows.txt"] = shown(*vault);
  const auto folder = vectors() / "0";
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  BackupOptions options;
  options.cost = kFloor;
  must(vault->backup("backup", kOfBackup, options));  // beside the vault's files
  for (const auto& [name, content] : shelf.disk.image())
    if (!name.ends_with(".reserve")) write_content(folder / name, content);  // made anew where it is missing
  expected["backup_shows.txt"] = shown(*must(Vault::restore(folder / "backup", TempFolder().path() / "x",
                                                            {kOfBackup, kPassphrase, cheap()}, shelf.environment())));
  for (const auto& [name, content] : expected) write_content(folder / name, as_bytes(content));
}
