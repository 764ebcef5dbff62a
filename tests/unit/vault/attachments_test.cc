// Files attached to reports: whole or not there at all, sealed, gone when what names them goes, moved with the vault.
#include <algorithm>
#include <fstream>

#include "core/report/edit.h"
#include "core/vault/vault_impl.h"
#include "tests/support/files.h"
#include "tests/support/memory_disk.h"
#include "tests/support/pictures.h"
#include "tests/unit/vault/people.h"

using namespace lysoen;
using namespace lysoen::test;
using namespace lysoen::vault;

namespace {

constexpr std::string_view kPath = "files[new1]/file";

Bytes picture(size_t size) {
  auto random = generator(size);
  Bytes bytes(size);
  for (auto& byte : bytes) byte = static_cast<uint8_t>(random());
  const uint8_t jpeg[] = {0xff, 0xd8, 0xff, 0xe0};
  std::copy_n(jpeg, std::min(size, sizeof jpeg), bytes.begin());
  return bytes;
}

BlobId blob_of(const Change& change) {
  return change.value->file()->blob;
}

Result<ReportId> begin(Vault& vault) {
  return vault.begin("police-incident", "en", std::vector<Change>{{"title", text("At the ford")}});
}

/// The answer that names a file, if there is one.
std::optional<Value> attached_to(Vault& vault, const ReportId& report) {
  auto shown = must(vault.read(report));
  for (const auto& field : shown.fields)
    for (const auto& visible : field.values)
      if (visible.value && visible.value->type() == ValueType::attachment) return visible.value;
  return std::nullopt;
}

size_t blob_files(const DiskImage& image) {
  return static_cast<size_t>(
      std::count_if(image.begin(), image.end(), [](const auto& file) { return file.first.size() == 34; }));
}

/// A vault on a disk that can break.
struct Desk {
  Desk() : random(seed()) {
    vault = must(VaultImpl::create(place(), kPassphrase, cheap(), environment()));
    report = must(begin(*vault));
  }
  Place place() { return {"x", disk, 64 * 1024, 64 * 1024}; }
  Environment environment() { return {clock, random}; }
  Result<void> open() {
    clock.advance(std::chrono::hours(1));
    vault.reset();
    auto opened = VaultImpl::open(place(), kPassphrase, environment());
    if (!opened) return std::move(opened).error();
    vault = std::move(*opened);
    return {};
  }
  MemoryDisk disk;
  ManualClock clock;
  SeededRandom random;
  std::unique_ptr<Vault> vault;
  ReportId report;
};

}  // namespace

TEST_CASE("Attachment: a file that was attached is there, byte for byte, after a kill and after a lock",
          "[vault][attachments]") {
  Desk desk;
  const auto file = picture(100000);
  auto change = must(desk.vault->attach(desk.report, kPath, source_of(file)));
  CHECK(change.value->text().ends_with(" 100000 image/jpeg photo 1.jpg"));
  auto check = [&] {
    CHECK(must(read_back(*desk.vault, desk.report, blob_of(change))) == file);
    auto shown = must(desk.vault->read(desk.report));
    const auto* field = shown.field(change.path);
    REQUIRE(field);
    CHECK(field->values.front().value == change.value);
    auto checked = must(desk.vault->check());
    CHECK(checked.attachments == 1);
    for (const auto& finding : checked.findings) FAIL_CHECK(finding);
  };
  check();
  desk.disk.restore(desk.disk.image());
  must(desk.open());
  check();
  must(desk.vault->lock());
  must(desk.open());
  check();
  for (const auto& [name, content] : desk.disk.image())
    CHECK(std::search(content.begin(), content.end(), file.begin() + 500, file.begin() + 532) == content.end());
}

TEST_CASE("Attachment: what is no answer to an upload question is refused before it is read", "[vault][attachments]") {
  Desk desk;
  const auto file = picture(10);
  auto refused = [&](std::string_view path, const AttachmentSource& source, std::string_view words) {
    auto attached = desk.vault->attach(desk.report, path, source);
    REQUIRE_FALSE(attached.ok());
    CHECK(attached.error().code == ErrorCode::input_refused);
    CHECK(attached.error().message == words);
    CHECK(blob_files(desk.disk.image()) == 0);
  };
  refused("title", source_of(file), "question 'title' takes text, not attachment");
  refused("files[new1]/nothing", source_of(file), "no question 'files/nothing' in form 'police-incident'");
  refused(kPath, source_of(file, "../photo.jpg"),
          "not an attachment: its name is empty, longer than 255 bytes or holds a path");
  // Another vault's blob, or one that was made up.
  auto made_up = must(Value::parse(ValueType::attachment, std::string(64, 'a') + " 5 image/png x.png"));
  auto saved = desk.vault->save(desk.report, std::vector<Change>{{std::string(kPath), made_up}});
  REQUIRE_FALSE(saved.ok());
  CHECK(saved.error().message == "question 'files/file': no such file is attached to this report");
  CHECK_FALSE(desk.vault->begin("police-incident", "en", std::vector<Change>{{std::string(kPath), made_up}}).ok());
  CHECK(read_back(*desk.vault, desk.report, BlobId{}).error().message ==
        "cannot read the attachment: its bytes are not on this device");
}

TEST_CASE("Attachment: a source that fails leaves nothing, and the report as it was", "[vault][attachments]") {
  Desk desk;
  size_t calls = 0;
  AttachmentSource pulled{"a.jpg", "", [&](std::span<uint8_t> into) -> Result<size_t> {
                            if (++calls > 2) return make_error(ErrorCode::io_failed, "the card was pulled");
                            return into.size();
                          }};
  CHECK(desk.vault->attach(desk.report, kPath, pulled).error().message == "the card was pulled");
  CHECK(blob_files(desk.disk.image()) == 0);
  CHECK(must(desk.vault->read(desk.report)).fields.size() == 1);
  const auto file = picture(300000);
  desk.disk.set_capacity(desk.disk.used() + 100000);
  CHECK(desk.vault->attach(desk.report, kPath, source_of(file)).error().code == ErrorCode::storage_full);
  desk.disk.set_capacity(UINT64_MAX);
  must(desk.open());
  CHECK(blob_files(desk.disk.image()) == 0);
  must(desk.vault->attach(desk.report, kPath, source_of(file)));
}

TEST_CASE("Attachment: a power cut at any call leaves it attached and whole, or not at all", "[vault][attachments]") {
  Desk desk;
  must(desk.vault->lock());
  must(desk.open());
  const auto before = desk.disk.image();
  const auto file = picture(70000);
  auto random = generator(31);
  desk.disk.set_fault({});
  auto attached = must(desk.vault->attach(desk.report, kPath, source_of(file)));
  const uint64_t calls = desk.disk.counted();
  size_t with = 0, without = 0;
  for (uint64_t at = 1; at <= calls + 1; ++at) {
    for (int variant = 0; variant < (std::getenv("LYSOEN_LONG") ? 20 : 2); ++variant) {
      INFO("power cut at call " << at << " of " << calls);
      desk.vault.reset();
      desk.disk.set_fault({});
      desk.disk.restore(before);
      must(desk.open());
      MemoryDisk::Fault fault;
      fault.at = at;
      fault.forever = true;
      desk.disk.set_fault(fault);
      auto done = desk.vault->attach(desk.report, kPath, source_of(file));
      if (done) attached = *done;
      desk.disk.lose_power(random);
      must(desk.open());
      auto field = attached_to(*desk.vault, desk.report);
      if (done) REQUIRE(field);
      (field ? with : without) += 1;
      CHECK(blob_files(desk.disk.image()) == (field ? 1 : 0));
      if (field) CHECK(must(read_back(*desk.vault, desk.report, field->file()->blob)) == file);
      CHECK(must(desk.vault->check()).sound());
    }
  }
  CHECK(with > 0);
  CHECK(without > 0);
}

TEST_CASE("Attachment: its bytes go with the answer, with the draft, and with the vault", "[vault][attachments]") {
  Desk desk;
  const auto file = picture(40000);
  SECTION("another file instead") {
    auto first = must(desk.vault->attach(desk.report, kPath, source_of(file)));
    auto second = must(desk.vault->attach(desk.report, first.path, source_of(file, "photo 2.jpg")));
    CHECK_FALSE(read_back(*desk.vault, desk.report, blob_of(first)).ok());
    CHECK(must(read_back(*desk.vault, desk.report, blob_of(second))) == file);
    must(desk.vault->lock());
    CHECK(blob_files(desk.disk.image()) == 1);
  }
  SECTION("discarded") {
    auto change = must(desk.vault->attach(desk.report, kPath, source_of(file)));
    must(desk.vault->discard(desk.report));
    SECTION("and idle") {
      must(desk.vault->idle());
    }
    SECTION("and locked") {
      must(desk.vault->lock());
    }
    CHECK(blob_files(desk.disk.image()) == 0);
  }
  SECTION("wiped") {
    must(desk.vault->attach(desk.report, kPath, source_of(file)));
    must(desk.vault->wipe(WipeScope::this_vault));
    CHECK(blob_files(desk.disk.image()) == 0);
  }
  SECTION("a cover's stay") {
    must(desk.vault->attach(desk.report, kPath, source_of(file)));
    must(desk.vault->make_cover({"the cover's words", "words said under force"}));
    must(desk.vault->lock());
    auto cover = must(VaultImpl::open(desk.place(), "the cover's words", desk.environment()));
    auto report = must(cover->begin("police-incident", "en"));
    must(cover->attach(report, kPath, source_of(file)));
    must(cover->lock());
    CHECK(blob_files(desk.disk.image()) == 2);
    must(must(VaultImpl::open(desk.place(), "words said under force", desk.environment()))->lock());
    CHECK(blob_files(desk.disk.image()) == 1);
  }
}

TEST_CASE("Attachment: a thumbnail stands and goes with its picture, through kills and a backup",
          "[vault][attachments]") {
  Team team;
  auto& ben = team.add(Role::reporter, "Ben");
  const auto file = jpeg_of_scene({1200, 900});
  auto draft = must(begin(*ben));
  auto change = must(ben->attach(draft, kPath, source_of(file)));
  auto files = [&] {
    size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator(ben.folder))
      count += entry.path().filename().string().size() == 34;
    return count;
  };
  CHECK(files() == 2);
  SECTION("a change of the draft leaves it") {
    must(ben->save(draft, std::vector<Change>{{"title", text("At the bridge")}}));
    ben.reopen();
    auto state = must(ben->attachments(draft));
    REQUIRE(state.size() == 1);
    REQUIRE(state[0].thumbnail);
    CHECK(jpeg_pixels(must(read_back(*ben, draft, *state[0].thumbnail)))->width == 160);
    CHECK(files() == 2);
  }
  SECTION("another file instead takes it away") {
    must(ben->attach(draft, change.path, source_of(Bytes(30'000, 7), "notes.bin")));
    CHECK_FALSE(must(ben->attachments(draft))[0].thumbnail);
    must(ben->lock());
    CHECK(files() == 1);
  }
  SECTION("a backup brings it along") {
    BackupOptions options;
    options.cost = cheap().cost;
    const auto folder = team.folder.path();
    must(ben->backup(folder / "a.backup", "the backup's words", options));
    auto restored = must(Vault::restore(folder / "a.backup", folder / "restored",
                                        {"the backup's words", kPassphrase, cheap()}, ben.environment()));
    auto state = must(restored->attachments(draft));
    REQUIRE(state.size() == 1);
    REQUIRE(state[0].thumbnail);
    CHECK(must(read_back(*restored, draft, *state[0].thumbnail)) ==
          must(read_back(*ben, draft, *must(ben->attachments(draft))[0].thumbnail)));
  }
}

TEST_CASE("Attachment: what opens it travels in the edit, and shows in no answer", "[vault][attachments]") {
  Team team;
  auto& ben = team.add(Role::reporter, "Ben");
  const auto file = picture(5000);
  auto draft = must(begin(*ben));
  auto change = must(ben->attach(draft, kPath, source_of(file)));
  auto sent = must(ben->submit(draft));
  CHECK(must(read_back(*ben, sent, blob_of(change))) == file);
  // An attachment to what was sent already.
  auto later = must(ben->attach(sent, kPath, source_of(file, "second.jpg")));
  must(ben->submit(sent));
  CHECK(must(read_back(*ben, sent, blob_of(later))) == file);
  carry(*ben, *team.admin());
  auto received = must(team.admin()->read(sent));
  size_t named = 0;
  for (const auto& field : received.fields)
    for (const auto& visible : field.values) named += visible.value && visible.value->type() == ValueType::attachment;
  CHECK(named == 2);
  CHECK(read_back(*team.admin(), sent, blob_of(change)).error().code == ErrorCode::not_found);  // not exchanged yet
}

TEST_CASE("Attachment: a backup brings it along; a damaged one is left out and said", "[vault][attachments]") {
  Team team;
  auto& ben = team.add(Role::reporter, "Ben");
  const auto file = picture(100000);
  auto draft = must(begin(*ben));
  auto change = must(ben->attach(draft, kPath, source_of(file)));
  auto second = must(ben->attach(draft, "files[new1]/file", source_of(file, "second.jpg")));
  const auto folder = team.folder.path();
  auto restored = [&](const std::string& name) {
    BackupOptions options;
    options.cost = cheap().cost;
    must(ben->backup(folder / (name + ".backup"), "the backup's words", options));
    return must(Vault::restore(folder / (name + ".backup"), folder / name, {"the backup's words", kPassphrase, cheap()},
                               ben.environment()));
  };
  auto whole = restored("whole");
  CHECK(must(read_back(*whole, draft, blob_of(change))) == file);
  CHECK(must(read_back(*whole, draft, blob_of(second))) == file);
  CHECK(must(whole->check()).sound());
  must(whole->lock());

  std::vector<std::filesystem::path> blobs;
  for (const auto& entry : std::filesystem::directory_iterator(ben.folder))
    if (entry.path().filename().string().size() == 34) blobs.push_back(entry.path());
  REQUIRE(blobs.size() == 2);
  auto content = content_of(blobs[0]);
  content[20000] ^= 1;
  write_content(blobs[0], content);
  std::filesystem::remove(blobs[1]);
  auto checked = must(ben->check());
  CHECK(checked.findings == std::vector<std::string>{"attachments that are not what was attached: 2"});
  for (const auto& one : {change, second}) {
    auto read = read_back(*ben, draft, blob_of(one));
    REQUIRE_FALSE(read.ok());
    CHECK(read.error().code == ErrorCode::damaged);
  }
  auto rest = restored("rest");
  CHECK(must(rest->read(draft)).field("title")->values.front().value->text() == "At the ford");
  CHECK_FALSE(read_back(*rest, draft, blob_of(change)).ok());
  CHECK(must(rest->status()).notices.size() >= 1);
}
