// Bundles that a device wrote for a relay: what the relay takes of them, and what the devices see of it afterwards.
#include <lysoen/sync/bundle.h>

#include "sync/bundle/format.h"
#include "tests/support/files.h"
#include "tests/unit/relay/field.h"

using namespace lysoen;
using namespace lysoen::test;
using relay::ImportReport;

namespace {

struct Stick {
  explicit Stick(Field& to) : field(to) {}

  std::filesystem::path at(const std::string& name) { return folder.path() / name; }
  BundleContent all_of(FieldDevice& device) {
    BundleContent content;
    for (const auto& [feed, held] : device.store.feeds)
      content.runs.push_back({*device.store.head(feed), device.confirmed_seq[feed] + 1});
    content.blobs = whole_blobs(device.media.sent);
    return content;
  }
  void write(FieldDevice& device, const std::string& name) { write(device, name, all_of(device)); }
  void write(FieldDevice& device, const std::string& name, const BundleContent& content) {
    auto written =
        export_bundle(at(name), {device.store, &device.media}, BundleFor(field.info, device), content, field.random);
    INFO((written.ok() ? "" : written.error().message));
    REQUIRE(written.ok());
  }
  Result<ImportReport> take(const std::string& name) {
    auto import = field.relay->begin_import(at(name));
    if (!import) return std::move(import).error();
    for (;;) {
      auto more = (*import)->read();
      if (!more) return std::move(more).error();
      if (!*more) return (*import)->report();
      auto stored = (*import)->store();
      if (!stored) return std::move(stored).error();
    }
  }
  ErrorCode refusal(const std::string& name) {
    auto taken = take(name);
    return taken ? ErrorCode::internal : taken.error().code;
  }

  Field& field;
  TempFolder folder;
};

}  // namespace

TEST_CASE("Import: a device that never met the relay has its reports there, and its receipts at the next exchange",
          "[relay][import]") {
  Field field(300);
  Stick stick(field);
  auto& author = field.reporter;
  for (int i = 0; i < 300; ++i) author.write(field.team_audience, 400);
  auto name = author.media.make(field.random, 700'000);
  stick.write(author, "one");
  auto taken = stick.take("one");
  REQUIRE(taken.ok());
  CHECK(taken->team == field.team);
  CHECK(taken->whole);
  CHECK(taken->refused.empty());
  CHECK(taken->entries_stored == 300);
  CHECK(taken->chunks_stored == name.chunks());
  CHECK(field.relay->metrics().entries_stored == 300);
  CHECK(field.relay->check()->faults.empty());

  // Whoever reads pulls it before the author was ever here.
  field.reader.media.want(name);
  CHECK(field.sync(field.reader)->entries_received == 300);
  CHECK(field.reader.media.same(author.media, name));

  // No exchange: the author's first counter is new, and it gets its receipts without sending again what is there.
  auto outcome = field.once(author, {.window = 0, .probe = true});
  REQUIRE(outcome.ok());
  CHECK_FALSE(outcome->counter_stale);
  CHECK_FALSE(outcome->two_places);
  CHECK(author.confirmed_seq[author.feed_for(field.team_audience)] == 300);
  CHECK(outcome->entries_left == 0);
  REQUIRE(field.sync(author).ok());
  CHECK(author.media.receipts.count(name) == 1);
  CHECK(field.relay->metrics().entries_stored == 300);
  CHECK(field.relay->metrics().chunks_stored == name.chunks());

  auto again = stick.take("one");
  REQUIRE(again.ok());
  CHECK(again->entries_stored + again->chunks_stored == 0);
  CHECK(again->entries_known == 300);
  CHECK(again->chunks_known == name.chunks());
}

TEST_CASE("Import: what is stored is durable when the commit ends", "[relay][import]") {
  Field field(301);
  Stick stick(field);
  for (int i = 0; i < 20; ++i) field.reporter.write(field.team_audience);
  auto name = field.reporter.media.make(field.random, 100'000);
  stick.write(field.reporter, "one");
  auto taken = stick.take("one");
  REQUIRE(taken.ok());
  field.relay.reset();
  auto random = generator(301);
  field.disk.lose_power(random);
  field.open();
  CHECK(field.entries_held() == taken->entries_stored);
  CHECK(field.relay->inspect()->blob_bytes == name.size);
  CHECK(field.relay->check()->faults.empty());
}

TEST_CASE("Import: a full disk is said, keeps nothing half, and the next attempt takes all", "[relay][import]") {
  Field field(302);
  Stick stick(field);
  for (int i = 0; i < 20; ++i) field.reporter.write(field.team_audience);
  stick.write(field.reporter, "one");
  MemoryDisk::Fault fault;
  fault.at = 1, fault.forever = true, fault.code = ErrorCode::storage_full;
  fault.applies = [](MemoryDisk::Call call, const std::string&) {
    return call == MemoryDisk::Call::write || call == MemoryDisk::Call::sync;
  };
  field.disk.set_fault(fault);
  CHECK(stick.refusal("one") == ErrorCode::storage_full);
  CHECK(field.entries_held() == 0);
  field.disk.set_fault({});
  field.reopen();
  CHECK(stick.take("one")->entries_stored == 20);
  CHECK(field.relay->check()->faults.empty());
}

TEST_CASE("Import: what others wrote comes through a member's hands, in files of any order", "[relay][import]") {
  Field field(303);
  Stick stick(field);
  for (int i = 0; i < 40; ++i) field.reporter.write(field.team_audience, 2000);
  const auto feed = field.reporter.feed_for(field.team_audience);
  for (uint64_t next = 1; next <= 40;) {
    auto batch = field.reporter.store.read(feed, next, 8000);
    REQUIRE(field.reader.store.append(**batch)->outcome == AppendOutcome::stored);
    next = (*batch)->last_seq() + 1;
  }
  auto head = *field.reader.store.head(feed);
  BundleContent first{.runs = {{{feed, 20, (*field.reader.store.read(feed, 21, 1))->prev}, 1}}},
      second{.runs = {{head, 21}}};
  stick.write(field.reader, "first", first);
  stick.write(field.reader, "second", second);
  auto early = stick.take("second");
  REQUIRE(early.ok());
  CHECK(early->entries_stored == 0);
  CHECK(early->entries_waiting == 20);
  CHECK(stick.take("first")->entries_stored >= 20);
  auto late = stick.take("second");
  REQUIRE(late.ok());
  CHECK(late->entries_waiting == 0);
  CHECK(field.entries_held() == 40);
}

TEST_CASE("Import: only of teams and members that an exchange would serve", "[relay][import]") {
  Field field(304);
  Stick stick(field);
  field.reporter.write(field.team_audience);
  stick.write(field.reporter, "one");

  SECTION("a team that is not admitted, or not any more") {
    crypto::SigningKey root = crypto::SigningKey::generate(field.random);
    FieldDevice other(team::team_id(root.public_key()), field.random);
    other.write(field.team_audience);
    stick.write(other, "other");
    CHECK(stick.refusal("other") == ErrorCode::trust_refused);
    REQUIRE(field.relay->remove_team(field.team).ok());
    CHECK(stick.refusal("one") == ErrorCode::trust_refused);
  }
  SECTION("a device that no list names") {
    FieldDevice stranger(field.team, field.random);
    stranger.write(field.team_audience);
    stick.write(stranger, "stranger");
    CHECK(stick.refusal("stranger") == ErrorCode::trust_refused);
  }
  SECTION("an author that no list names, in a member's bundle") {
    FieldDevice stranger(field.team, field.random);
    stranger.write(field.team_audience);
    auto feed = stranger.feed_for(field.team_audience);
    REQUIRE(field.reader.store.append(**stranger.store.read(feed, 1, 4096)).ok());
    field.reader.write(field.team_audience);
    stick.write(field.reader, "mixed");
    auto taken = stick.take("mixed");
    REQUIRE(taken.ok());
    CHECK(taken->entries_stored == 1);
    REQUIRE(taken->refused.size() == 1);
    CHECK(taken->refused.begin()->first == "the relay does not know this device");
    CHECK(field.entries_held() == 1);
    return;
  }
  SECTION("a device whose name somebody else gave") {
    FieldDevice forger(field.team, field.random);
    forger.id = field.reporter.id;
    forger.media.make(field.random, 50'000);
    stick.write(forger, "forged");
    CHECK(stick.refusal("forged") == ErrorCode::trust_refused);
    CHECK(field.relay->inspect()->blobs == 0);
  }
  CHECK(field.entries_held() == 0);
}

TEST_CASE("Import: a signature of one file does not open the door for another", "[relay][import]") {
  // The relay's fallback key is no secret: whoever saw a member's signature must not be able to put it into a file.
  Field field(305);
  Stick stick(field);
  struct Replayed final {
    static Bytes records(const bundle::WriterRecord& writer) {
      Bytes body = bundle::encode_writer(writer);
      return Writer().u8(5).u32(static_cast<uint32_t>(body.size())).raw(body).u8(0).bytes();
    }
  };
  const bundle::Addressee to{field.info.id, field.info.fallback_key};
  auto seal = [&](const std::string& name, const bundle::SealedHead& head, const bundle::WriterRecord& writer) {
    Bytes content = Writer().u8(bundle::kVersion).u16(bundle::kPieceHead).raw(Replayed::records(writer)).bytes();
    Bytes sealed(content.size());
    std::array<uint8_t, crypto::kTagSize> tag{};
    crypto::aead_seal(head.keys.parts, crypto::part_nonce(0, true), {}, content, sealed, tag);
    write_content(stick.at(name), Writer().raw(head.first).raw(head.keys.commitment).raw(sealed).raw(tag).bytes());
  };
  auto one = *bundle::seal_for(to, field.random), other = *bundle::seal_for(to, field.random);
  bundle::WriterRecord writer{field.team, field.reporter.id, {}};
  writer.signature = *field.reporter.sign(bundle::kWriterLabel,
                                          bundle::writer_message(to, one.encapsulation, field.team, field.reporter.id));
  seal("own", one, writer);
  seal("replayed", other, writer);
  CHECK(stick.take("own").ok());
  CHECK(stick.refusal("replayed") == ErrorCode::trust_refused);
}

TEST_CASE("Import: a quota holds for who brings it, also if that device never met the relay", "[relay][import]") {
  Field field(306);
  field.relay.reset();
  field.quotas.device_bytes_per_day = 60'000;
  field.open();
  Stick stick(field);
  for (int i = 0; i < 200; ++i) field.reporter.write(field.team_audience, 800);
  auto name = field.reporter.media.make(field.random, 200'000);
  stick.write(field.reporter, "one");
  const std::string why = "the quota at the relay is used up";
  auto taken = stick.take("one");
  REQUIRE(taken.ok());
  CHECK(taken->refused.count(why) == 1);
  const auto held = field.entries_held();
  CHECK(held > 0);
  CHECK(held < 60);
  CHECK(stick.take("one")->entries_stored == 0);
  CHECK(field.entries_held() == held);
  for (int day = 0; day < 12; ++day) {
    field.clock.advance(std::chrono::hours(24));
    REQUIRE(stick.take("one").ok());
  }
  CHECK(field.entries_held() == 200);
  CHECK(field.relay->check()->faults.empty());
  (void)name;
}

TEST_CASE("Import: another relay's bundle, a team's, a damaged one or half of one is told apart from a good one",
          "[relay][import]") {
  Field field(307), elsewhere(308);
  Stick stick(field), other(elsewhere);
  for (int i = 0; i < 2; ++i) field.reporter.write(field.team_audience);
  stick.write(field.reporter, "good");
  auto bytes = content_of(stick.at("good"));

  other.write(elsewhere.reporter, "elsewhere",
              {.runs = {}, .blobs = whole_blobs(std::vector{elsewhere.reporter.media.make(elsewhere.random, 9000)})});
  std::filesystem::copy(other.at("elsewhere"), stick.at("elsewhere"));
  CHECK(stick.refusal("elsewhere") == ErrorCode::damaged);
  CHECK(stick.take("elsewhere").error().message ==
        "cannot open the bundle 'elsewhere': it is damaged or not for this relay");
  CHECK(stick.refusal("none") == ErrorCode::not_found);

  CarrierKey key{7};
  REQUIRE(export_bundle(stick.at("team"), field.reporter.store, key, stick.all_of(field.reporter), field.random).ok());
  CHECK(stick.refusal("team") == ErrorCode::damaged);

  auto random = generator(307);
  for (size_t at = 0; at < bytes.size(); at += 1 + random() % 4) {
    CAPTURE(at);
    auto mutant = bytes;
    uint8_t bit = static_cast<uint8_t>(1 << random() % 8);
    if (at == bundle::kSaltSize - 1 && bit == 0x80) continue;  // the bit that says nothing
    mutant[at] ^= bit;
    write_content(stick.at("mutant"), mutant);
    REQUIRE(stick.refusal("mutant") == ErrorCode::damaged);
    write_content(stick.at("mutant"), ByteView(bytes).first(at));
    REQUIRE(stick.refusal("mutant") == ErrorCode::damaged);
  }
  CHECK(field.entries_held() == 0);
  auto odd = bytes;
  odd[bundle::kSaltSize - 1] ^= 0x80;
  write_content(stick.at("odd"), odd);
  CHECK(stick.take("odd")->entries_stored == 2);
}

TEST_CASE("Import: of a file with a damaged part the rest is taken, and of one cut short what is before",
          "[relay][import]") {
  Field field(309);
  Stick stick(field);
  for (int i = 0; i < 200; ++i) field.reporter.write(field.team_audience, 2000);
  field.reporter.media.make(field.random, 400'000);
  stick.write(field.reporter, "good");
  auto bytes = content_of(stick.at("good"));
  auto harmed = bytes;
  harmed[bundle::kHeadSize + 2 * crypto::kSealedPartSize + 100] ^= 4;
  write_content(stick.at("harmed"), harmed);
  auto taken = stick.take("harmed");
  REQUIRE(taken.ok());
  CHECK_FALSE(taken->whole);
  CHECK(taken->entries_stored > 0);
  CHECK(taken->entries_waiting > 0);
  CHECK(taken->chunks_stored > 0);
  write_content(stick.at("half"), ByteView(bytes).first(bytes.size() / 2));
  auto half = stick.take("half");
  REQUIRE(half.ok());
  CHECK_FALSE(half->whole);
  auto rest = stick.take("good");
  REQUIRE(rest.ok());
  CHECK(rest->whole);
  CHECK(field.entries_held() == 200);
  CHECK(field.relay->check()->faults.empty());
}

TEST_CASE("Import: a bundle for a relay is no bundle for the team, and its bytes tell nothing", "[relay][import]") {
  Field field(310);
  Stick stick(field);
  field.reporter.write(field.team_audience);
  const std::vector<CarrierKey> keys = {CarrierKey{1}, CarrierKey{}};
  std::set<uint8_t> last_bytes;
  for (int i = 0; i < 40; ++i) {
    auto name = std::to_string(i);
    stick.write(field.reporter, name);
    auto taken = import_bundle(stick.at(name), field.reader, field.reader.store, keys);
    REQUIRE_FALSE(taken.ok());
    CHECK(taken.error().code == ErrorCode::damaged);
    auto bytes = content_of(stick.at(name));
    CHECK(crypto::transport_size(bytes.size()) == bytes.size());
    last_bytes.insert(bytes[bundle::kSaltSize - 1] & 0x80);
  }
  CHECK(last_bytes.size() == 2);  // no bit is always the same; in forty draws it is, one time in 10^11
}
