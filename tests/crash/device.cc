#include "tests/crash/device.h"

#include "core/base/try.h"

namespace lysoen::crash {

namespace {

std::string text_of(const Report& report) {
  std::string text = report.form_id + " " + std::string(name_of(report.status));
  if (report.level == Level::draft) text += " draft";
  if (report.has_unsent_changes) text += " unsent";
  if (report.retracted) text += " retracted: " + report.retraction_reason;
  if (report.pending || !report.set_aside.empty()) text += " incomplete";
  for (const auto& field : report.fields) {
    text += " " + field.path + "=";
    for (const auto& visible : field.values) text += (visible.value ? visible.value->text() : "-") + "|";
  }
  return text + " " + report.origin;
}

}  // namespace

Result<void> Device::create(KeyCost cost) {
  LYSOEN_ASSIGN(vault, vault::VaultImpl::create(place, kPassphrase, {cost}, {clock, random}));
  return {};
}

Result<std::unique_ptr<Vault>> Device::unlock(std::string_view passphrase) {
  auto opened = vault::VaultImpl::open(place, passphrase, {clock, random});
  if (opened || opened.error().code != ErrorCode::too_soon) return opened;
  clock.advance(std::chrono::minutes(20));  // longer than any wait
  return vault::VaultImpl::open(place, passphrase, {clock, random});
}

Result<void> Device::open() {
  vault.reset();
  auto opened = unlock(kPassphrase);
  for (auto passphrase : {kOther, kCover})
    if (!opened && opened.error().code == ErrorCode::wrong_passphrase) opened = unlock(passphrase);
  LYSOEN_ASSIGN(vault, std::move(opened));
  return {};
}

Result<void> Device::lock() {
  auto done = vault->lock();
  vault.reset();
  return done;
}

Result<View> Device::view() {
  View view;
  auto add = [&](const std::string& name, std::string text) {
    bool twice = !view.emplace(name, text).second;
    if (twice) view[name + " once more"] = std::move(text);
  };
  ReportQuery all;
  all.with_retracted = true;
  size_t visited = 0;
  std::vector<std::pair<ReportId, BlobId>> files;
  LYSOEN_TRY(vault->each(all, [&](const Report& report) {
    const auto* title = report.field("title");
    const std::string name = title && title->values.front().value ? title->values.front().value->text() : "?";
    add("report " + name, text_of(report));
    add("~level of " + name, std::string(name_of(report.level)));
    for (const auto& field : report.fields)
      for (const auto& visible : field.values)
        if (auto file = visible.value ? visible.value->file() : std::nullopt) files.emplace_back(report.id, file->blob);
    return ++visited < 100000;
  }));
  for (const auto& [report, blob] : files) {
    size_t bytes = 0;
    auto read =
        vault->read_attachment(report, blob, [&](ByteView more) { return bytes += more.size(), Result<void>(); });
    add("file " + blob.hex(), read ? std::to_string(bytes) + " bytes" : read.error().message);
  }
  LYSOEN_ASSIGN(auto lines, vault->list(all));
  for (const auto& line : lines)
    if (line.purged) add("purged " + line.id.hex(), line.form_id + " " + std::string(name_of(line.status)));
  LYSOEN_ASSIGN(auto settings, vault->wipe_settings());
  if (settings.cover == WipeSettings::Cover::ready) add("cover", "ready");
  LYSOEN_ASSIGN(auto passphrases, vault->passphrases());
  for (const auto& passphrase : passphrases) add("passphrase " + std::to_string(passphrase.number), "");
  auto team = vault->team_view();
  if (!team && team.error().code != ErrorCode::not_found) return std::move(team).error();
  if (!team) return view;
  add("team", team->name + " roster " + std::to_string(team->roster_version) + ", members " +
                  std::to_string(team->members.size()) + ", relays " + std::to_string(team->relays.size()));
  for (const auto& relay : team->relays) {
    LYSOEN_ASSIGN(auto cursors, vault->sync_peer().cursors(relay.id));
    for (size_t i = 0; i < cursors.size(); ++i) add("~cursor " + std::to_string(i), std::to_string(cursors[i].counter));
  }
  LYSOEN_ASSIGN(auto status, vault->status());
  add("~status", std::to_string(status.set_aside) + " aside, forks " + std::to_string(status.forks));
  return view;
}

Result<std::string> Device::check() {
  LYSOEN_ASSIGN(auto checked, vault->check());
  return checked.sound() ? std::string() : checked.findings.front();
}

Result<std::vector<FeedHead>> Device::heads() {
  LYSOEN_ASSIGN(auto heads, vault->all_heads());
  std::erase_if(heads, [&](const FeedHead& head) { return head.feed.device != vault->sync_peer().device(); });
  return heads;
}

Result<std::optional<Hash>> Device::hash_at(const FeedKey& feed, uint64_t seq) {
  LYSOEN_ASSIGN(auto head, vault->entries().head(feed));
  if (head.seq < seq) return std::optional<Hash>();
  if (head.seq == seq) return std::optional<Hash>(head.hash);
  LYSOEN_ASSIGN(auto batch, vault->entries().read(feed, seq + 1, 1));
  if (!batch) return std::optional<Hash>();
  return std::optional<Hash>(batch->prev);
}

Result<void> hand_over(Device& from, Device& to) {
  LYSOEN_ASSIGN(auto rosters, from->sealed_rosters());
  for (const auto& roster : rosters) LYSOEN_TRY(to->sync_peer().take_roster(roster));
  LYSOEN_TRY(to->sync_peer().begin_intake());
  LYSOEN_ASSIGN(auto heads, from->all_heads());
  for (const auto& head : heads) {
    for (int rounds = 0; rounds < 1000; ++rounds) {
      LYSOEN_ASSIGN(auto held, to->entries().head(head.feed));
      if (held.seq >= head.seq) break;
      LYSOEN_ASSIGN(auto batch, from->entries().read(head.feed, held.seq + 1, 64 * 1024));
      if (!batch) return make_error(ErrorCode::internal, "a feed ends before its head");
      LYSOEN_ASSIGN(auto verdict, to->entries().append(*batch));
      if (verdict.outcome != AppendOutcome::stored && verdict.outcome != AppendOutcome::known)
        break;  // a fork: counted
    }
  }
  return to->sync_peer().end_intake();
}

}  // namespace lysoen::crash
