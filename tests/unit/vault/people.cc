#include "tests/unit/vault/people.h"

#include <algorithm>

namespace lysoen::test {

namespace {
uint64_t devices_made = 0;
}

CreateOptions cheap() {
  return {{8, 1}};
}
Value text(std::string words) {
  return Value::text_of(std::move(words));
}
Value value(ValueType type, std::string_view words) {
  return must(Value::parse(type, words));
}

Device::Device(std::filesystem::path where)
    : folder(std::move(where)), random(std::make_unique<SeededRandom>(seed() + ++devices_made)) {
  vault = must(Vault::create(folder, kPassphrase, cheap(), environment()));
}

void Device::reopen() {
  if (vault) must(vault->lock());
  vault.reset();
  vault = must(Vault::open(folder, kPassphrase, environment()));
}

Team::Team() {
  devices.push_back(std::make_unique<Device>(folder.path() / "admin"));
  CreateTeamOptions options;
  options.name = "Monitors of the river";
  options.member_name = "Ada";
  options.root_passphrase = "root words";
  root_file = must(admin()->create_team(options)).root_file;
}

Device& Team::add(Role role, std::string name) {
  devices.push_back(std::make_unique<Device>(folder.path() / ("device" + std::to_string(devices.size()))));
  Device& device = *devices.back();
  auto invite = must(admin()->invite({role, std::move(name)}));
  auto joining = must(device->join(invite.file));
  auto request = must(admin()->offer_join_request(joining.request));
  CHECK(request.check_words == joining.check_words);
  must(device->finish_join(must(admin()->admit(request.id))));
  return device;
}

void carry(Vault& from, Vault& to, size_t size_max) {
  for (const auto& roster : must(from.sealed_rosters())) must(to.sync_peer().take_roster(roster));
  must(to.sync_peer().begin_intake());
  for (const auto& head : must(from.all_heads())) {
    for (int rounds = 0; rounds < 10000; ++rounds) {
      auto held = must(to.entries().head(head.feed));
      if (held.seq >= head.seq) break;
      auto batch = must(from.entries().read(head.feed, held.seq + 1, size_max));
      REQUIRE(batch);
      auto verdict = must(to.entries().append(*batch));
      INFO(verdict.reason);
      REQUIRE((verdict.outcome == AppendOutcome::stored || verdict.outcome == AppendOutcome::known));
    }
  }
  must(to.sync_peer().end_intake());
}

std::vector<Batch> batches_of(Vault& from, size_t size_max) {
  std::vector<Batch> batches;
  for (const auto& head : must(from.all_heads())) {
    for (uint64_t next = 1; next <= head.seq;) {
      auto batch = must(from.entries().read(head.feed, next, size_max));
      REQUIRE(batch);
      next = batch->last_seq() + 1;
      batches.push_back(std::move(*batch));
    }
  }
  return batches;
}

ReportId submitted(Vault& vault, std::string_view title, std::vector<Change> more) {
  auto draft = must(vault.begin("police-incident", "en"));
  std::vector<Change> changes{{"title", text(std::string(title))}};
  changes.insert(changes.end(), more.begin(), more.end());
  must(vault.save(draft, changes));
  return must(vault.submit(draft));
}

std::vector<ReportId> ids_of(Vault& vault) {
  std::vector<ReportId> ids;
  for (const auto& line : must(vault.list({}))) ids.push_back(line.id);
  return ids;
}

AttachmentSource source_of(const Bytes& bytes, std::string name) {
  return {std::move(name), "", [&bytes, at = size_t{0}](std::span<uint8_t> into) mutable -> Result<size_t> {
            size_t size = std::min(into.size(), bytes.size() - at);
            std::copy_n(bytes.begin() + static_cast<ptrdiff_t>(at), size, into.begin());
            at += size;
            return size;
          }};
}

Result<Bytes> read_back(Vault& vault, const ReportId& report, const BlobId& blob) {
  Bytes bytes;
  auto read = vault.read_attachment(report, blob, [&](ByteView more) -> Result<void> {
    bytes.insert(bytes.end(), more.begin(), more.end());
    return {};
  });
  if (!read) return std::move(read).error();
  return bytes;
}

}  // namespace lysoen::test
