// What the relay promises about its store: receipts only for what is durable, nothing acknowledged is lost, restored
// stores are noticed, joins happen once.
#include <sys/stat.h>

#include "core/team/invite.h"
#include "core/team/join.h"
#include "sync/session/join.h"
#include "tests/unit/relay/field.h"

using namespace lysoen;
using namespace lysoen::test;

namespace {

/// A disk that refuses every write and sync of the store from now on.
void break_disk(MemoryDisk& disk, ErrorCode code) {
  MemoryDisk::Fault fault;
  fault.at = 1, fault.forever = true, fault.code = code;
  fault.applies = [](MemoryDisk::Call call, const std::string&) {
    return call == MemoryDisk::Call::write || call == MemoryDisk::Call::sync;
  };
  disk.set_fault(fault);
}

}  // namespace

TEST_CASE("Relay: a full or read-only disk gives a clear refusal, no receipt, and nothing half-written", "[relay]") {
  for (auto code : {ErrorCode::storage_full, ErrorCode::storage_read_only}) {
    Field field(30);
    field.reporter.write(field.team_audience);
    REQUIRE(field.sync(field.reporter).ok());
    REQUIRE(field.sync(field.reader).ok());
    size_t receipts = field.reporter.receipts.size();
    field.reporter.write(field.team_audience);
    break_disk(field.disk, code);
    auto outcome = field.once(field.reporter);
    REQUIRE(!outcome.ok());
    CHECK(outcome.error().code == code);
    CHECK(outcome.error().message == (code == ErrorCode::storage_full
                                          ? "cannot store at the relay: the relay's disk is full"
                                          : "cannot store at the relay: the relay's store is read-only"));
    CHECK(!outcome.error().hint.empty());
    CHECK(field.reporter.receipts.size() == receipts);
    CHECK(!field.relay->unhealthy().empty());
    CHECK(field.entries_held() == 1);
    auto read = field.once(field.admin);  // what can be read is still served
    REQUIRE(read.ok());
    CHECK(read->entries_received == 1);
    field.disk.set_fault({});
    field.reopen();
    REQUIRE(field.sync(field.reporter).ok());
    CHECK(field.entries_held() == 2);
    CHECK(field.relay->check()->faults.empty());
  }
}

TEST_CASE("Relay: whatever call of the disk fails, no receipt speaks of what is not there after reopening", "[relay]") {
  for (uint64_t at = 1; at < 60; at += 3) {
    Field field(31 + at);
    field.reporter.write(field.team_audience);
    MemoryDisk::Fault fault;
    fault.at = at, fault.forever = true;
    field.disk.set_fault(fault);
    for (int i = 0; i < 4; ++i) {
      (void)field.once(field.reporter);
      field.reporter.write(field.team_audience);
    }
    auto feed = field.reporter.feed_for(field.team_audience);
    uint64_t confirmed = field.reporter.confirmed_seq[feed];
    field.relay.reset();
    auto random = generator(at);
    field.disk.lose_power(random);
    field.open();
    CAPTURE(at, confirmed);
    CHECK(field.entries_held() >= confirmed);
    CHECK(field.relay->check()->faults.empty());
    REQUIRE(field.sync(field.reporter).ok());
    CHECK(field.reporter.confirmed_seq[feed] == field.reporter.written(field.team_audience));
  }
}

TEST_CASE("Relay: killed between commit and answer, it has everything it acknowledged", "[relay]") {
  Field field(91);
  auto random = generator(91);
  auto feed = field.reporter.feed_for(field.team_audience);
  for (int round = 0; round < 12; ++round) {
    field.reporter.write(field.team_audience);
    auto session = field.exchange(field.reporter);
    auto request = session.request({});
    auto answer = field.answer(*request);
    if (round % 3 != 0) {
      auto image = field.disk.image();  // as a kill leaves it: the last answer may never have been sent
      field.relay.reset();
      field.disk.restore(image);
      if (round % 2) field.disk.lose_power(random);
      field.open();
    }
    if (round % 2) REQUIRE(session.response(answer).ok());
    CHECK(field.entries_held() >= field.reporter.confirmed_seq[feed]);
  }
  REQUIRE(field.sync(field.reporter).ok());
  REQUIRE(field.sync(field.reader).ok());
  CHECK(field.reader.store.feeds == field.reporter.store.feeds);
  CHECK(field.relay->inspect()->store_epoch == 1);
}

TEST_CASE("Relay: a store restored from an older day begins a new epoch and gets back what it lost", "[relay]") {
  Field field(92);
  for (int i = 0; i < 3; ++i) field.reporter.write(field.team_audience);
  REQUIRE(field.sync(field.reporter).ok());
  REQUIRE(field.sync(field.reader).ok());
  field.relay.reset();
  auto old = field.disk.image();
  field.open();
  for (int i = 0; i < 3; ++i) field.reporter.write(field.team_audience);
  REQUIRE(field.sync(field.reporter).ok());
  REQUIRE(field.sync(field.reader).ok());
  REQUIRE(field.reader.store.feeds == field.reporter.store.feeds);

  field.relay.reset();
  auto mark = field.disk.content("relay.key.state");
  field.disk.restore(old);
  field.disk.set_content("relay.key.state", mark);
  field.open();
  CHECK(field.relay->inspect()->store_epoch == 2);
  CHECK(field.entries_held() == 3);
  auto outcome = field.sync(field.reporter);
  REQUIRE(outcome.ok());
  CHECK(outcome->relay_lost_data);
  CHECK(field.entries_held() == 6);
  REQUIRE(field.sync(field.reader).ok());
  CHECK(field.reader.cursor[field.team_audience].store_epoch == 2);
  FieldDevice fresh(field.team, field.random);
  CHECK(field.relay->check()->faults.empty());
  field.reopen();
  CHECK(field.relay->inspect()->store_epoch == 2);
}

TEST_CASE("Relay: in a new epoch a reader gets the list and what it lacks, however large the feeds are", "[relay]") {
  Field field(98);
  auto read_all = [&](FieldDevice& device, bool cut_each = false) {
    auto session = std::make_unique<session::DeviceExchange>(field.exchange(device));
    size_t bytes = 0, largest = 0;
    for (bool more = true; more;) {
      auto answer = field.answer(*session->request({.window = 1 << 20}));
      bytes += answer.size(), largest = std::max(largest, answer.size());
      auto outcome = session->response(answer);
      REQUIRE(outcome.ok());
      more = outcome->more();
      if (cut_each) session = std::make_unique<session::DeviceExchange>(field.exchange(device));
      REQUIRE(bytes < 16'000'000);
    }
    CHECK(largest < 1'300'000);  // a mebibyte, and the last batch
    return bytes;
  };
  for (int i = 0; i < 700; ++i) field.reporter.write(field.team_audience, i % 7 == 0 ? 20'000 : 600);
  read_all(field.reporter);
  const size_t first_time = read_all(field.reader);
  CHECK(first_time > 2'000'000);
  field.admin.write(field.team_audience, 5'000);
  read_all(field.admin);

  field.relay.reset();
  auto old = field.disk.image();
  field.open();
  field.reporter.write(field.all_audience);
  read_all(field.reporter);
  field.relay.reset();
  auto mark = field.disk.content("relay.key.state");
  field.disk.restore(old);
  field.disk.set_content("relay.key.state", mark);
  field.open();
  REQUIRE(field.relay->inspect()->store_epoch == 2);

  const bool cut_each = GENERATE(false, true);
  field.reader.store.feeds[field.admin.feed_for(field.team_audience)] = {};
  const size_t again = read_all(field.reader, cut_each);
  std::printf("a new epoch: %zu bytes to a reader that has it, %zu to one that has nothing%s\n", again, first_time,
              cut_each ? ", each exchange in a process of its own" : "");
  CHECK(again < 30'000);
  CHECK(field.reader.store.feeds == field.admin.store.feeds);
  const auto& cursor = field.reader.cursor[field.team_audience];
  CHECK((cursor.store_epoch == 2 && cursor.counter > 2));
  CHECK(field.sync(field.reader)->notes.empty());
}

TEST_CASE("Relay: of what another relay brought its list is enough", "[relay]") {
  Field field(99);
  for (int i = 0; i < 200; ++i) field.reporter.write(field.team_audience, 500);
  REQUIRE(field.sync(field.reporter, {.window = 1 << 20}).ok());
  // Read elsewhere, but for the newest.
  field.reader.store.feeds = field.reporter.store.feeds;
  field.reporter.write(field.team_audience, 500);
  REQUIRE(field.sync(field.reporter).ok());
  const session::RequestOptions how{.list_only = true};
  auto session = field.exchange(field.reader);
  size_t bytes = 0;
  for (bool more = true; more;) {
    auto answer = field.answer(*session.request(how));
    bytes += answer.size();
    auto outcome = session.response(answer);
    REQUIRE(outcome.ok());
    more = outcome->more();
    CHECK(outcome->notes.empty());
    REQUIRE(bytes < 1'000'000);
  }
  std::printf("200 entries of 500 bytes that came from another relay, and one that did not: %zu bytes\n", bytes);
  CHECK(bytes < 10'000);
  CHECK(field.reader.store.feeds == field.reporter.store.feeds);
  CHECK(field.reader.cursor[field.team_audience].counter > 0);
  CHECK_FALSE(field.reader.cursor[field.team_audience].list_only);
}

TEST_CASE("Relay: it is asked for what others gave as a stub, and for no more", "[relay]") {
  Field field(100);
  for (int i = 0; i < 40; ++i) field.reporter.write(field.team_audience, 2000);
  REQUIRE(field.sync(field.reporter, {.window = 1 << 20}).ok());
  REQUIRE(field.sync(field.reader).ok());
  auto& feed = field.reader.store.feeds[field.reporter.feed_for(field.team_audience)];
  for (size_t seq : {7, 30}) feed.entries[seq - 1] = feed::stub_of(feed.entries[seq - 1], StubReason::gap, {});
  auto session = field.exchange(field.reader);
  auto answer = field.answer(*session.request({}));
  REQUIRE(session.response(answer).ok());
  CHECK(field.reader.store.feeds == field.reporter.store.feeds);
  CHECK(answer.size() < 8'000);
}

TEST_CASE("Relay: what it takes back without a new epoch is noticed by whoever had read it", "[relay]") {
  Field field(95);
  field.reporter.write(field.team_audience);
  REQUIRE(field.sync(field.reporter).ok());
  field.relay.reset();
  auto old = field.disk.image();  // with the mark beside the store: the relay itself cannot know
  field.open();
  field.reporter.write(field.team_audience);
  REQUIRE(field.sync(field.reporter).ok());
  REQUIRE(field.sync(field.reader)->notes.empty());
  const uint64_t read = field.reader.cursor[field.team_audience].counter;

  field.relay.reset();
  field.disk.restore(old);
  field.open();
  REQUIRE(field.relay->inspect()->store_epoch == 1);
  auto outcome = field.sync(field.reader);
  REQUIRE(outcome.ok());
  CHECK(field.reader.cursor[field.team_audience].counter < read);
  REQUIRE_FALSE(outcome->notes.empty());
  CHECK(outcome->notes.front().find("contradicts what it signed before") != std::string::npos);
}

TEST_CASE("Relay: a new store is filled again by its devices, once its operator has admitted the team", "[relay]") {
  Field field(96);
  for (int i = 0; i < 3; ++i) field.reporter.write(field.team_audience);
  REQUIRE(field.sync(field.reporter).ok());
  REQUIRE(field.sync(field.reader).ok());
  auto list = team::encode_admission(*field.list);

  field.relay.reset();
  auto mark = field.disk.content("relay.key.state");
  field.disk.restore({});
  field.disk.set_content("relay.key.state", mark);
  field.open();
  CHECK(field.relay->inspect()->store_epoch == 2);
  REQUIRE(field.relay->admit_team(team::team_key_text(field.root.public_key())).ok());

  field.admin.on_undone.admission_lists = {list};
  CHECK(field.sync(field.admin).error().code == ErrorCode::trust_refused);
  CHECK(field.admin.undone == 1);
  REQUIRE(field.sync(field.admin).ok());
  // A blob beside it that waits for its turn used to make this go on for ever.
  field.reporter.media.make(field.random, 50'000);
  REQUIRE(field.sync(field.reporter).ok());
  CHECK(field.entries_held() == 3);
  CHECK(field.relay->check()->faults.empty());
}

TEST_CASE("Relay: many requests share one durable commit", "[relay]") {
  Field field(93);
  std::vector<Bytes> requests;
  std::vector<session::DeviceExchange> sessions;
  for (auto* device : {&field.admin, &field.reporter, &field.reader}) {
    device->write(field.team_audience);
    sessions.push_back(field.exchange(*device));
    requests.push_back(*sessions.back().request({}));
  }
  uint64_t commits = field.relay->inspect()->commits;
  auto answers = field.relay->handle(requests);
  CHECK(field.relay->inspect()->commits == commits + 1);
  for (size_t i = 0; i < answers.size(); ++i) {
    auto outcome = sessions[i].response(answers[i]);
    REQUIRE(outcome.ok());
    CHECK(outcome->entries_sent == 1);
  }
}

TEST_CASE("Relay: an exchange that waits is held until there is news for it", "[relay]") {
  Field field(94);
  REQUIRE(field.sync(field.reader).ok());
  auto session = field.exchange(field.reader);
  auto bytes = session.request({.wait_ms = 30000});
  auto request = field.relay->begin();
  CHECK(request->take(*bytes) == relay::Sift::admitted);
  relay::RelayRequest* requests[] = {request.get()};
  auto handled = field.relay->handle(requests);
  REQUIRE(handled.size() == 1);
  CHECK(handled[0].hold == std::chrono::milliseconds(30000));
  CHECK(handled[0].answer.empty());
  CHECK(field.relay->metrics().held_now == 1);
  CHECK(!field.relay->has_news(*request));
  uint64_t news = field.relay->news();
  field.reporter.write(field.team_audience);
  REQUIRE(field.sync(field.reporter).ok());
  CHECK(field.relay->news() > news);
  CHECK(field.relay->has_news(*request));
  auto outcome = session.response(field.relay->answer_held(*request));
  REQUIRE(outcome.ok());
  CHECK(outcome->entries_received == 1);
  CHECK(field.relay->metrics().held_now == 0);
}

TEST_CASE("Relay: who waits is woken by its own mailboxes, its team's rosters and lists, and by nothing else",
          "[relay]") {
  Field field(97);
  struct Waiting {
    Waiting(Field& f, FieldDevice& device) : field(f), session(f.exchange(device)), request(f.relay->begin()) {
      auto bytes = session.request({.wait_ms = 30000});
      REQUIRE(request->take(*bytes) == relay::Sift::admitted);
      relay::RelayRequest* requests[] = {request.get()};
      REQUIRE(f.relay->handle(requests)[0].hold.count() > 0);
    }
    bool woken() { return field.relay->has_news(*request); }
    Field& field;
    session::DeviceExchange session;
    std::unique_ptr<relay::RelayRequest> request;
  };
  for (auto* device : {&field.admin, &field.reporter, &field.reader}) REQUIRE(field.sync(*device).ok());
  {
    Waiting reporter(field, field.reporter), reader(field, field.reader);
    field.admin.write(feed::inbox_of(field.team, field.reporter.id));
    REQUIRE(field.sync(field.admin).ok());
    CHECK(reporter.woken());
    CHECK_FALSE(reader.woken());
    field.admin.write(field.team_audience);
    REQUIRE(field.sync(field.admin).ok());
    CHECK(reader.woken());
  }
  for (auto* device : {&field.admin, &field.reporter, &field.reader}) REQUIRE(field.sync(*device).ok());
  {
    Waiting reporter(field, field.reporter), reader(field, field.reader);
    field.admin.todo.rosters.push_back({1, crypto::sha256(Bytes{1}), Bytes(100, 1)});
    REQUIRE(field.sync(field.admin).ok());
    CHECK(reporter.woken());
    CHECK(reader.woken());
  }
}

TEST_CASE("Relay: a backup is of the moment at which it is whole, whatever comes meanwhile", "[relay]") {
  Field field(98, true, true);
  auto push = [&](int count) {
    for (int i = 0; i < count; ++i) field.reporter.write(field.team_audience, 60000);
    REQUIRE(field.sync(field.reporter, {.window = 1 << 20}).ok());
  };
  push(100);
  auto copy = field.folder.path() / "copy";
  auto begun = field.relay->begin_backup(copy);
  INFO((begun.ok() ? "" : begun.error().message));
  REQUIRE(begun.ok());
  auto& backup = *begun;
  uint64_t held = 0;
  int steps = 0;
  for (bool whole = false; !whole;) {
    auto progress = backup->step();
    REQUIRE(progress.ok());
    ++steps;
    whole = progress->whole;
    held = field.entries_held();
    CHECK(std::filesystem::exists(copy / "relay.db") == whole);
    push(1);
    if (steps % 2) REQUIRE(field.relay->tend().ok());
  }
  CHECK(steps >= 3);
  CHECK(held > 100);
  backup.reset();
  auto again = field.relay->begin_backup(copy);
  REQUIRE_FALSE(again.ok());
  CHECK(again.error().message == "cannot make a backup: something of that name is there already");
  {
    auto given_up = field.relay->begin_backup(field.folder.path() / "other");
    REQUIRE(given_up.ok());
    REQUIRE((*given_up)->step().ok());
  }
  CHECK(std::filesystem::is_empty(field.folder.path() / "other"));

  // In the place of the store it is what was there then; the relay notices, and gets again what it lacks.
  uint32_t epoch = field.relay->inspect()->store_epoch;
  uint64_t all = field.entries_held();
  field.relay.reset();
  auto options = field.options();
  options.folder = copy;
  auto restored = relay::Relay::open(options, field.environment());
  REQUIRE(restored.ok());
  field.relay = std::move(*restored);
  CHECK(field.entries_held() == held);
  CHECK(field.relay->check()->faults.empty());
  CHECK(field.relay->inspect()->store_epoch == epoch + 1);
  REQUIRE(field.sync(field.reporter, {.window = 1 << 20}).ok());
  REQUIRE(field.sync(field.reporter, {.window = 1 << 20}).ok());
  CHECK(field.entries_held() == all);
}

TEST_CASE("Relay: strangers are sifted by the first bytes", "[relay]") {
  Field field(95);
  auto noise = field.relay->begin();
  Bytes bytes(39);
  field.random.fill(bytes);
  CHECK(noise->take(bytes) == relay::Sift::unknown);
  CHECK(noise->take(Bytes{1}) == relay::Sift::refused);
  FieldDevice stranger(field.team, field.random);
  auto session = field.exchange(stranger);
  auto request = session.request({});
  auto incoming = field.relay->begin();
  auto sift = relay::Sift::unknown;
  for (size_t at = 0; at < request->size(); at += 7)
    sift = incoming->take(ByteView(*request).subspan(at, std::min<size_t>(7, request->size() - at)));
  CHECK(sift == relay::Sift::stranger);
}

TEST_CASE("Relay: a request in small pieces is the same as in one", "[relay]") {
  Field field(96);
  for (int i = 0; i < 4; ++i) field.reporter.write(field.team_audience);
  auto session = field.exchange(field.reporter);
  auto bytes = session.request({});
  auto request = field.relay->begin();
  for (size_t at = 0; at < bytes->size(); at += 100)
    CHECK(request->take(ByteView(*bytes).subspan(at, std::min<size_t>(100, bytes->size() - at))) !=
          relay::Sift::refused);
  CHECK(request->end() == relay::Sift::admitted);
  relay::RelayRequest* requests[] = {request.get()};
  auto outcome = session.response(field.relay->handle(requests)[0].answer);
  REQUIRE(outcome.ok());
  CHECK(outcome->entries_sent == 4);
}

TEST_CASE("Relay: rosters of any size travel in parts from admins to members, and from nobody else", "[relay]") {
  Field field(97);
  for (uint64_t version = 1; version <= 3; ++version) {
    SealedRoster roster{version, {}, Bytes(version == 2 ? 700 * 1024 : 900)};
    field.random.fill(roster.hash.bytes);
    field.random.fill(roster.sealed);
    field.admin.todo.rosters.push_back(roster);
  }
  auto made = field.admin.todo.rosters;
  REQUIRE(field.sync(field.admin).ok());
  CHECK(field.admin.todo.rosters.empty());
  REQUIRE(field.sync(field.reporter).ok());
  REQUIRE(field.reporter.rosters.size() == 3);
  for (size_t i = 0; i < 3; ++i) {
    CHECK(field.reporter.rosters[i].version == i + 1);
    CHECK(field.reporter.rosters[i].sealed == made[i].sealed);
  }
  CHECK(field.sync(field.reporter)->rosters == 0);
  SealedRoster forged{4, {}, Bytes(50)};
  field.reporter.todo.rosters.push_back(forged);
  auto outcome = field.sync(field.reporter);
  REQUIRE(outcome.ok());
  CHECK(outcome->notes.size() == 1);
  CHECK(field.relay->inspect()->rosters == 3);
}

TEST_CASE("Relay: an invite posts one join request, and the welcome comes back", "[relay]") {
  Field field(98);
  auto inbox = crypto::KemKeyPair::generate(field.random);
  auto invite = team::make_invite(field.team, field.root.public_key(), "Team", std::vector{field.info}, field.admin.id,
                                  inbox.public_key, {Role::reporter, "somebody"}, field.clock.wall(), field.random);
  auto one_time = team::invite_key(invite);
  session::JoinTicket ticket{
      field.info, field.team, one_time.public_key(),
      [&](std::string_view label, ByteView message) { return Result<Signature>(one_time.sign(label, message)); }};
  session::JoinExchange joiner(ticket, field.environment());
  auto request_by = [&](uint64_t) {
    auto device = crypto::SigningKey::generate(field.random);
    auto own = crypto::KemKeyPair::generate(field.random);
    return *team::make_join_request(invite, device, own.public_key, field.clock.wall(), field.random);
  };
  auto request = request_by(1), other = request_by(2);

  // Unknown to the relay before an admin's list names it.
  auto early = joiner.response(field.answer(*joiner.post(request)));
  REQUIRE(!early.ok());
  CHECK(early.error().message == "cannot post a join request: the relay does not know this invite");

  field.admin.todo.admission_lists.push_back(field.next_list({{team::invite_id(invite), invite.expires}}));
  REQUIRE(field.sync(field.admin).ok());
  CHECK_FALSE(joiner.response(field.answer(*joiner.poll()))->posted);
  CHECK(joiner.response(field.answer(*joiner.post(request)))->posted);
  CHECK(joiner.response(field.answer(*joiner.post(request)))->posted);
  auto second = joiner.response(field.answer(*joiner.post(other)));
  REQUIRE(!second.ok());
  CHECK(second.error().code == ErrorCode::trust_refused);
  CHECK(second.error().message == "cannot post a join request: this invite was used already");
  CHECK(!joiner.response(field.answer(*joiner.poll()))->welcome);

  field.admin.todo.fetch_join_requests = true;
  REQUIRE(field.sync(field.admin).ok());
  CHECK(field.admin.join_requests == std::set<Bytes>{request});
  field.reporter.todo.fetch_join_requests = true;
  REQUIRE(field.sync(field.reporter).ok());
  CHECK(field.reporter.join_requests.empty());

  Bytes welcome(300 * 1024, 7);  // larger than a frame
  welcome[0] = request[0];
  std::copy_n(one_time.public_key().begin(), 32, welcome.begin() + 1);
  field.admin.todo.welcomes.push_back(welcome);
  REQUIRE(field.sync(field.admin).ok());
  auto answer = field.answer(*joiner.poll());
  auto got = joiner.response(answer);
  REQUIRE(got.ok());
  REQUIRE(got->welcome);
  CHECK(*got->welcome == welcome);

  answer[answer.size() / 2] ^= 1;
  CHECK(joiner.response(answer).error().code == ErrorCode::no_network);
  CHECK(field.relay->inspect()->join_requests == 0);

  // The operator's retention: a welcome that nobody needs any more goes, not a day earlier.
  field.retention.joining_days = 30;
  field.reopen();
  field.clock.advance(std::chrono::hours(24 * 29));
  REQUIRE(field.relay->tend().ok());
  CHECK(field.relay->inspect()->welcomes == 1);
  field.clock.advance(std::chrono::hours(48));
  REQUIRE(field.relay->tend().ok());
  CHECK(field.relay->inspect()->welcomes == 0);
  CHECK(field.relay->check()->faults.empty());
}

TEST_CASE("Relay: retention purges a removed team when its days are over, never one that is served", "[relay]") {
  using Days = std::chrono::duration<int, std::ratio<86400>>;
  Field field(100);
  field.retention = {.removed_team_days = 30, .joining_days = 30};
  field.reporter.write(field.team_audience);
  REQUIRE(field.sync(field.reporter).ok());
  field.reopen();
  field.clock.advance(Days(3000));
  REQUIRE(field.relay->tend().ok());
  CHECK(field.entries_held() == 1);

  REQUIRE(field.relay->remove_team(field.team).ok());
  field.clock.advance(Days(29));
  REQUIRE(field.relay->remove_team(field.team).ok());  // again: the days are not counted anew
  REQUIRE(field.relay->tend().ok());
  CHECK(field.entries_held() == 1);
  // A clock that is wrong just after a start decides nothing.
  auto right = field.clock.wall();
  field.clock.set_wall(right + Days(3000));
  field.reopen();
  REQUIRE(field.relay->tend().ok());
  CHECK(field.entries_held() == 1);
  field.clock.set_wall(right);
  field.clock.advance(Days(2));
  REQUIRE(field.relay->tend().ok());
  CHECK(field.entries_held() == 0);
  CHECK(field.relay->teams()->empty());
  CHECK(field.relay->check()->faults.empty());
}

TEST_CASE("Relay: an invite that ran out posts nothing", "[relay]") {
  Field field(99);
  auto invite = team::make_invite(field.team, field.root.public_key(), "Team", std::vector{field.info}, field.admin.id,
                                  PublicKey{9}, {Role::reporter, "somebody"}, field.clock.wall(), field.random);
  field.admin.todo.admission_lists.push_back(field.next_list({{team::invite_id(invite), invite.expires}}));
  REQUIRE(field.sync(field.admin).ok());
  field.clock.advance(std::chrono::hours(24 * 8));
  auto one_time = team::invite_key(invite);
  session::JoinExchange joiner(
      {field.info, field.team, one_time.public_key(),
       [&](std::string_view label, ByteView message) { return Result<Signature>(one_time.sign(label, message)); }},
      field.environment());
  auto outcome = joiner.response(field.answer(*joiner.post(Bytes(200, 1))));
  REQUIRE(!outcome.ok());
  CHECK(outcome.error().hint.find("expired") != std::string::npos);
}

TEST_CASE("Relay: quotas refuse one device's flood and leave the rest alone", "[relay]") {
  Field field(100);
  field.relay.reset();
  field.quotas.device_bytes_per_day = 3000;
  field.open();
  for (int i = 0; i < 10; ++i) field.reporter.write(field.team_audience, 500);
  auto outcome = field.sync(field.reporter, {.window = 600});
  REQUIRE(outcome.ok());
  REQUIRE(outcome->refused.size() == 1);
  CHECK(outcome->refused[0].reason == "the quota at the relay is used up");
  CHECK(field.entries_held() <= 6);
  field.reader.write(field.team_audience, 500);
  CHECK(field.sync(field.reader)->refused.empty());
  field.clock.advance(std::chrono::hours(24));
  REQUIRE(field.sync(field.reporter, {.window = 600}).ok());
  CHECK(field.entries_held() > 4);
}

TEST_CASE("Relay: neither old counters nor stubs nor tiny entries get around a quota", "[relay]") {
  Field field(106);
  field.relay.reset();
  field.quotas.device_bytes_per_day = 100000;
  field.open();
  auto feed = field.reporter.feed_for(field.team_audience);
  size_t size = 500;
  SECTION("an exchange counter that was used already") {}
  SECTION("entries of one byte") {
    size = 1;
  }
  SECTION("stubs with warrants that nobody checked") {
    size = 2;
  }
  for (int i = 0; i < 1200; ++i) field.reporter.write(field.team_audience, size);
  if (size == 2)
    for (auto& entry : field.reporter.store.feeds[feed].entries)
      entry = feed::stub_of(entry, StubReason::refused, Bytes(1000, 7));
  for (int i = 0; i < 60; ++i) {
    if (size == 500) field.reporter.counter = 0;
    (void)field.once(field.reporter, {.window = 8000});
  }
  CHECK(field.entries_held() > 0);
  CHECK(field.entries_held() < 400);
}

TEST_CASE("Relay: of a feed with ever new versions it keeps proof, but not without end", "[relay]") {
  Field field(107);
  field.reporter.write(field.team_audience);
  FieldDevice blank(field.reporter);
  blank.store.feeds.clear();
  REQUIRE(field.sync(field.reporter).ok());
  for (int i = 0; i < 40; ++i) {
    FieldDevice other(blank);
    other.write(field.team_audience);
    (void)field.once(other);
  }
  auto forks = field.relay->inspect()->forks;
  CHECK(forks >= 1);
  CHECK(forks <= 16);
}

TEST_CASE("Relay: an operator's token admits one team once", "[relay]") {
  Field field(101, false);
  auto key = team::team_key_text(field.root.public_key());
  auto token = field.relay->make_operator_token();
  REQUIRE(token.ok());
  CHECK(field.relay->redeem_operator_token("lysoen-token:1:AAAA", key).error().code == ErrorCode::input_refused);
  REQUIRE(field.relay->redeem_operator_token(*token, key).ok());
  auto again = field.relay->redeem_operator_token(*token, key);
  REQUIRE(!again.ok());
  CHECK(again.error().message == "cannot admit the team: this token was used already");
  field.clock.advance(std::chrono::hours(24 * 31));
  auto late = field.relay->make_operator_token();
  field.clock.advance(std::chrono::hours(24 * 31));
  CHECK(field.relay->redeem_operator_token(*late, key).error().message ==
        "cannot admit the team: this token is unknown or expired");
  REQUIRE(field.relay->teams()->size() == 1);
  REQUIRE(field.relay->purge_team(field.team).ok());
  CHECK(field.relay->teams()->empty());
}

TEST_CASE("Relay: the key file is for its owner alone, and damage is told", "[relay]") {
  Field field(102);
  auto path = field.folder.path() / "relay.key";
  CHECK(relay::make_key_file(path, field.environment()).error().code == ErrorCode::already_exists);
  field.relay.reset();
  REQUIRE(chmod(path.c_str(), 0640) == 0);
  auto open = relay::Relay::open(field.options(), field.environment());
  REQUIRE(!open.ok());
  CHECK(open.error().code == ErrorCode::trust_refused);
  REQUIRE(chmod(path.c_str(), 0600) == 0);
  auto bytes = *storage::read_file(storage::system_files(), path, 4096);
  for (size_t at = 0; at < bytes.size(); ++at) {
    auto broken = bytes;
    broken[at] ^= 0x10;
    REQUIRE(storage::replace_file(storage::system_files(), path, broken).ok());
    auto read = relay::read_key_file(path);
    if (read.ok()) FAIL_CHECK("byte " << at << " was not noticed");
    REQUIRE(storage::replace_file(storage::system_files(), path, ByteView(bytes).first(at)).ok());
    CHECK(!relay::read_key_file(path).ok());
  }
  REQUIRE(storage::replace_file(storage::system_files(), path, bytes).ok());
  field.open();
}

TEST_CASE("Relay: one store belongs to one process", "[relay]") {
  Field field(103);
  auto second = relay::Relay::open(field.options(), field.environment());
  REQUIRE(!second.ok());
  CHECK(second.error().code == ErrorCode::vault_in_use);
}

TEST_CASE("Relay: check finds an entry that rotted on the disk, and readers get the rest", "[relay]") {
  Field field(104);
  for (int i = 0; i < 3; ++i) field.reporter.write(field.team_audience, 4000);
  REQUIRE(field.sync(field.reporter).ok());
  REQUIRE(field.relay->tend().ok());
  field.relay.reset();
  auto needle = field.reporter.store.feeds[field.reporter.feed_for(field.team_audience)].entries[1].ciphertext;
  auto content = field.disk.content("relay.db");
  auto at = std::search(content.begin(), content.end(), needle.begin() + 2000, needle.begin() + 2030);
  REQUIRE(at != content.end());
  *at ^= 1;
  field.disk.set_content("relay.db", content);
  field.open();
  auto report = field.relay->check();
  REQUIRE(report.ok());
  REQUIRE(report->faults.size() == 1);
  CHECK(report->faults[0].find("rotted") != std::string::npos);
  auto outcome = field.sync(field.reader);
  REQUIRE(outcome.ok());
  const auto& got = field.reader.store.feeds[field.reporter.feed_for(field.team_audience)].entries;
  REQUIRE(got.size() == 3);
  CHECK(got[1].is_stub());
  CHECK(!got[2].is_stub());
}

TEST_CASE("Relay: what it shows of itself has ids, sizes and times, and nothing else", "[relay]") {
  Field field(105);
  for (int i = 0; i < 4; ++i) field.reporter.write(field.team_audience, 500);
  REQUIRE(field.sync(field.reporter).ok());
  auto seen = field.relay->inspect();
  REQUIRE(seen.ok());
  REQUIRE(seen->feeds.size() == 1);
  CHECK(seen->feeds[0].entries == 4);
  CHECK(seen->feeds[0].bytes == 4 * (500 + 256));
  CHECK(seen->feeds[0].key.device == field.reporter.id);
  REQUIRE(seen->teams.size() == 1);
  CHECK(seen->teams[0].devices == 3);
  CHECK(seen->teams[0].bytes == 4 * (500 + 256));
  REQUIRE(seen->mailboxes.size() == 1);
}
