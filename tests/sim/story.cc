#include "story.h"

#include <lysoen/sync/bundle.h>

#include <algorithm>
#include <fstream>

#include "core/feed/entry.h"
#include "tests/support/files.h"

namespace lysoen::sim {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using test::content_of;

namespace {

constexpr uint64_t kDeathInCall = 8;  // percent
constexpr size_t kDevicesAtFirst = 4;

/// Text fields of the form; the last one names a source and so travels in an entry of its own.
const std::vector<std::string> kPaths = {"title", "what_happened", "place_name", "cause", "reported_by"};

bool shows(const Report& report, const std::string& path, const std::string& text) {
  const auto* field = report.field(path);
  return field && std::any_of(field->values.begin(), field->values.end(),
                              [&](const Visible& value) { return value.value && value.value->text() == text; });
}

std::set<std::string> screen(const Report& report, const std::string& path) {
  std::set<std::string> texts;
  if (const auto* field = report.field(path))
    for (const auto& value : field->values)
      if (value.value) texts.insert(value.value->text());
  return texts;
}

}  // namespace

Story::Story(const Founded& founded, const Options& options)
    : world_(founded, options), media_dice_(options.seed ^ 0x6d65646961), options_(options) {
  const bool drawn = dice().percent(12);
  clones_ = options.cloned || drawn;
  world_.look = [this](Device& device) { properties_.check(device); };
  world_.sync_to_end(world_.admin());  // the relays learn who is admitted
}

void Story::tell() {
  struct Weighted {
    uint64_t weight;
    const char* name;
    Action act;
  };
  static const std::vector<Weighted> kActions = {
      {14, "begin a report", &Story::begin_report},
      {14, "edit a report", &Story::edit_report},
      {12, "edit in two places", &Story::edit_in_two_places},
      {12, "submit", &Story::submit_something},
      {2, "retract", &Story::retract_report},
      {4, "set the status", &Story::set_status},
      {5, "settle a conflict", &Story::settle_conflict},
      {2, "mark as read", &Story::mark_read},
      {20, "sync", &Story::sync_somebody},
      {5, "carry a bundle", &Story::carry_bundle},
      {4, "close and reopen", &Story::close_and_reopen},
      {5, "a telephone dies", &Story::telephone_dies},
      {6, "a relay goes", &Story::relay_goes},
      {4, "a relay loses its store", &Story::relay_loses_store},
      {2, "the relays tend their stores", &Story::relay_tends},
      {3, "a clock jumps", &Story::clock_jumps},
      {4, "the weather changes", &Story::weather_changes},
      {4, "a link goes or comes", &Story::link_changes},
      {1, "somebody is cloned", &Story::somebody_is_cloned},
      {1, "somebody joins late", &Story::late_joiner},
  };
  uint64_t sum = 0;
  for (const auto& choice : kActions) sum += choice.weight;
  weather_changes();
  for (int i = 0; i < options_.actions; ++i) {
    uint64_t drawn = dice().below(sum);
    auto choice = kActions.begin();
    for (; drawn >= choice->weight; ++choice) drawn -= choice->weight;
    world_.trace.note(choice->name);
    (this->*choice->act)();
    ++world_.figures.actions;
    world_.pass(std::chrono::milliseconds(dice().below(dice().percent(30) ? 60'000 : 300)));
  }
  // What a coordinator typed and did not send would cover what stands.
  for (auto& device : world_.devices)
    for (auto& account : ledger_.accounts)
      for (int tries = 0; tries < 20 && account.sent && account.has_unsent(*device); ++tries) submit(*device, account);
  world_.pass(0ms);
  properties_.heal_and_check();
  for (const auto& account : ledger_.accounts) {
    world_.figures.reports += account.sent;
    for (const auto& file : account.files) world_.figures.files += file.sent;
    for (const auto& [path, writes] : account.writes) {
      world_.figures.writes += writes.size();
      world_.figures.conflicts += account.standing(path).size() > 1;
    }
  }
}

// -- Choosing -------------------------------------------------------------------------------------------------------

Device* Story::a_coordinator() {
  std::vector<Device*> coordinators;
  for (auto& device : world_.devices)
    if (has(device->role, Role::coordinator)) coordinators.push_back(device.get());
  return dice().of(coordinators);
}

Account* Story::report_at(Device& device, bool sent_only) {
  std::vector<Account*> there;
  for (auto& account : ledger_.accounts) {
    bool may =
        account.author == &device ? account.sent || !sent_only : account.sent && has(device.role, Role::coordinator);
    if (may && device.vault->read(account.id).ok()) there.push_back(&account);
  }
  return there.empty() ? nullptr : dice().of(there);
}

std::string Story::new_text() {
  return std::string(kMarker) + "-" + std::to_string(++texts_) + std::string(dice().below(300), 'x');
}

std::string Story::path() {
  return kPaths[dice().below(kPaths.size())];
}

void Story::note_place(Device& device, Account& account) {
  if (account.author != &device) return;
  auto audience = feed::audience_id(device.vault->sync_peer().team(), feed::AudienceKind::team);
  for (const auto& head : must(device.vault->sync_peer().outgoing_heads(), "heads"))
    if (head.feed.audience == audience && head.seq > account.last.seq) account.last = head;
}

Report Story::read(Device& device, const Account& account) {
  return must(device.vault->read(account.id), "read");
}

// -- Writing --------------------------------------------------------------------------------------------------------
// Each call may be the last one of its process. Then nobody was told, and the story looks what became of it.

void Story::begin_report() {
  auto& device = somebody();
  ReportId id;
  if (!world_.told(device, kDeathInCall, [&] { id = must(device.vault->begin("police-incident", "en"), "begin"); }))
    return;
  auto& account = ledger_.accounts.emplace_back();
  account.author = &device;
  account.id = id;
  edit(device, account, "title");
  for (uint64_t more = dice().below(3); more > 0; --more) edit(device, account, path());
  if (dice().percent(60)) submit(device, account);
}

void Story::edit(Device& device, Account& account, const std::string& path) {
  bool covers = account.unsent.contains({&device, path});
  if (covers && account.sent) return;  // the screen does not show what it covers
  Write write{new_text(), {}, &device};
  if (account.sent) write.supersedes = screen(read(device, account), path);
  std::vector<Change> changes{{path, Value::text_of(write.text)}};
  bool told = world_.told(device, kDeathInCall, [&] { must(device.vault->save(account.id, changes), "save"); });
  if (told || shows(read(device, account), path, write.text)) account.unsent[{&device, path}] = std::move(write);
  if (account.has_unsent(device) && media_dice_.percent(12)) attach(device, account);
}

/// A file of text, so that it is noticed wherever it lies in clear. It goes with what else is unsent there.
void Story::attach(Device& device, Account& account) {
  Bytes file;
  const size_t size = media_dice_.below(media_dice_.percent(25) ? 150'000 : 12'000);
  for (uint64_t n = 0; file.size() < size; ++n) {
    auto words = std::string(kMarker) + " " + std::to_string(n * media_dice_.below(1'000'000)) + "\n";
    file.insert(file.end(), words.begin(), words.end());
  }
  AttachmentSource source{"notes.txt", "", [&file, at = size_t{0}](std::span<uint8_t> into) mutable -> Result<size_t> {
                            const size_t came = std::min(into.size(), file.size() - at);
                            std::copy_n(file.begin() + static_cast<ptrdiff_t>(at), came, into.begin());
                            at += came;
                            return came;
                          }};
  std::set<BlobId> before;
  for (const auto& known : must(device.vault->attachments(account.id), "attachments")) before.insert(known.blob);
  (void)world_.told(device, kDeathInCall,
                    [&] { must(device.vault->attach(account.id, "files[new1]/file", source), "attach"); });
  for (const auto& known : must(device.vault->attachments(account.id), "attachments"))
    if (!before.contains(known.blob) && known.here == known.size && known.size == file.size() && !known.sent)
      account.files.push_back({known.blob, crypto::sha256(file), &device, false});
}

void Story::submit(Device& device, Account& account) {
  bool complete = account.sent || account.unsent.contains({&device, "title"});
  if (!complete || !account.has_unsent(device)) return;
  ReportId id;
  bool told = world_.told(device, kDeathInCall, [&] { id = must(device.vault->submit(account.id), "submit"); });
  if (!told) {
    auto report = read(device, account);
    if (report.edits == 0 || report.has_unsent_changes) return;
    id = report.id;
  }
  hold(!account.sent || account.id == id, Property::calls_succeed, "a report that was sent changed its id");
  account.send(device, id);
  note_place(device, account);
}

void Story::edit_report() {
  auto& device = somebody();
  auto* account = report_at(device, false);
  if (!account) return begin_report();
  edit(device, *account, path());
  if (dice().percent(60)) submit(device, *account);
}

/// The same field, by two who do not hear of each other in between.
void Story::edit_in_two_places() {
  auto& one = somebody();
  auto& other = *a_coordinator();
  auto* account = report_at(one, true);
  if (!account || &one == &other || !other.vault->read(account->id).ok()) return;
  auto field = path();
  for (auto* device : {&one, &other}) {
    submit(*device, *account);  // what covers the screen goes first
    edit(*device, *account, field);
    submit(*device, *account);
  }
}

void Story::submit_something() {
  auto& device = somebody();
  if (auto* account = report_at(device, false)) submit(device, *account);
}

void Story::retract_report() {
  auto& device = somebody();
  auto* account = report_at(device, true);
  if (!account || read(device, *account).retracted) return;
  auto reason = new_text();
  bool told = world_.told(device, kDeathInCall, [&] { must(device.vault->retract(account->id, reason), "retract"); });
  if (!told && !read(device, *account).retracted) return;
  account->retracted_by.insert(&device);
  note_place(device, *account);
}

void Story::set_status() {
  auto& device = *a_coordinator();
  auto* account = report_at(device, true);
  if (!account) return;
  auto status = static_cast<Status>(dice().between(1, 6));
  auto before = read(device, *account);
  if (before.status == status || before.status_values.size() > 1) return;
  bool told = world_.told(device, kDeathInCall,
                          [&] { must(device.vault->set_status(account->id, status, new_text()), "status"); });
  if (!told && read(device, *account).status != status) return;
  account->statuses.emplace_back(&device, status);
  note_place(device, *account);
}

void Story::settle_conflict() {
  auto& device = *a_coordinator();
  for (auto& account : ledger_.accounts) {
    if (!account.sent || account.has_unsent(device)) continue;
    auto report = device.vault->read(account.id);
    if (!report.ok()) continue;
    auto contested =
        std::find_if(report->fields.begin(), report->fields.end(), [](const Field& f) { return f.conflict(); });
    if (contested == report->fields.end()) continue;
    auto field = contested->path;
    Write write{new_text(), screen(*report, field), &device};
    bool told = world_.told(device, kDeathInCall, [&] {
      must(device.vault->resolve(account.id, field, Value::text_of(write.text)), "resolve");
    });
    if (!told && !shows(read(device, account), field, write.text)) return;
    account.writes[field].push_back(std::move(write));
    return note_place(device, account);
  }
}

void Story::mark_read() {
  auto& device = *a_coordinator();
  if (auto* account = report_at(device, true))
    world_.told(device, kDeathInCall, [&] { must(device.vault->mark_read(account->id), "mark as read"); });
}

// -- Carrying -------------------------------------------------------------------------------------------------------

void Story::sync_somebody() {
  auto& device = somebody();
  if (dice().percent(25)) world_.death_at_write(dice().between(1, 60));  // somewhere on the way
  world_.start_sync(device);
  if (dice().percent(60)) world_.pass(std::chrono::milliseconds(dice().below(20'000)));
}

void Story::carry_bundle() {
  auto& from = somebody();
  auto heads = must(from.vault->all_heads(), "heads");
  if (heads.empty()) return;
  auto stick = world_.folder.path() / ("stick" + std::to_string(sticks_.size()));
  std::error_code ignored;
  fs::remove(stick, ignored);
  auto key = must(from.vault->carrier_keys(), "carrier keys").front();
  BundleContent content{.rosters = must(from.vault->sealed_rosters(), "rosters"), .runs = whole_feeds(heads)};
  std::vector<FeedHead> carried;
  bool told = world_.told(from, kDeathInCall, [&] {
    auto attachments = must(from.vault->sync_peer().blobs()->whole_blobs(), "attachments");
    content.blobs = whole_blobs(attachments);
    BundleSource source(from.vault->entries(), from.vault->sync_peer().blobs());
    auto written = must(export_bundle(stick, source, key, content, from.random), "export a bundle");
    must(from.vault->mark_carried(written.carried), "mark as carried");
    carried = written.carried;
  });
  if (!told) return;  // whatever lies on the stick, nobody was told that it is good
  ++world_.figures.bundles;
  world_.watch.look(content_of(stick), "a bundle");
  sticks_.push_back({stick, carried});
  auto& to = dice().percent(70) ? *a_coordinator() : somebody();
  const auto& chosen = dice().of(sticks_);  // an old one, sometimes
  if (dice().percent(30)) hand_over(chosen, to, true);
  if (dice().percent(85)) hand_over(chosen, to, false);
  if (dice().percent(25)) hand_over(chosen, to, false);  // the same once more
}

void Story::hand_over(const Stick& stick, Device& to, bool damaged) {
  auto file = stick.file;
  if (damaged) {
    auto bytes = content_of(file);
    if (dice().percent(50)) bytes.resize(dice().below(bytes.size()));
    if (!bytes.empty()) bytes[dice().below(bytes.size())] ^= static_cast<uint8_t>(1u << dice().below(8));
    file += ".damaged";
    std::ofstream(file, std::ios::binary | std::ios::trunc)
        .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  }
  auto keys = must(to.vault->carrier_keys(), "carrier keys");
  world_.told(to, kDeathInCall, [&] {
    auto taken = import_bundle(file, to.vault->sync_peer(), to.vault->entries(), keys);
    if (damaged && !taken.ok() && taken.error().code == ErrorCode::damaged) return;
    auto result = must(std::move(taken), "import a bundle");
    if (world_.has_clone()) return;
    hold(result.batches_forked == 0, Property::nobody_accused, "a fork in a bundle");
    hold(result.batches_refused == 0 && (damaged || !result.damage), Property::calls_succeed,
         "part of a good bundle was refused");
    if (damaged || to.dead()) return;
    for (const auto& head : stick.carried)
      hold(must(to.vault->entries().head(head.feed), "head").seq >= head.seq, Property::nothing_lost,
           to.name + ": what a bundle brought is not here");
  });
}

// -- Trouble --------------------------------------------------------------------------------------------------------

void Story::close_and_reopen() {
  auto& device = somebody();
  world_.told(device, kDeathInCall, [&] { device.close(); });
  if (!device.vault) world_.bring_back(device);
}

void Story::telephone_dies() {
  auto& device = somebody();
  device.die();
  world_.bring_back(device);
}

void Story::relay_goes() {
  auto& station = *dice().of(world_.stations);
  if (!station.relay) return station.open();
  if (dice().percent(40)) return station.fail_after(dice().between(1, 80));
  properties_.check_relays();
  static const std::vector<Station::End> kEnds = {Station::End::in_order, Station::End::killed,
                                                  Station::End::power_lost};
  station.stop(kEnds[dice().below(kEnds.size())], dice());
  ++world_.figures.relay_deaths;
  if (dice().percent(40)) world_.pass(std::chrono::milliseconds(dice().below(90'000)));  // nobody answers meanwhile
  station.open();
  for (auto& device : world_.devices) properties_.check(*device);
}

/// Out of luck: the disk is new, or that of the last backup. The file beside the store was kept, as the guide says.
void Story::relay_loses_store() {
  auto& station = world_.other();
  if (!world_.unlucky || !station.relay) return;
  if (!backup_) return void(backup_ = station.copy_of_store());
  dice().percent(30) ? station.lose_store(Station::Mark::stays) : station.put_back(*backup_, Station::Mark::stays);
  backup_.reset();
  ++world_.figures.stores_lost;
}

void Story::relay_tends() {
  for (auto& station : world_.stations) {
    if (!station->relay) continue;
    auto tended = station->relay->tend();
    if (!station->failing()) must(std::move(tended), "tend");
  }
}

void Story::clock_jumps() {
  auto by = std::chrono::hours(24 * dice().between(1, 10 * 365)) * (dice().percent(50) ? 1 : -1);
  dice().percent(20) ? dice().of(world_.stations)->clock.skew += by : somebody().clock.skew += by;
}

/// A device and a relay that do not reach each other for a time; now and then one relay reaches nobody.
void Story::link_changes() {
  auto& down = world_.network.down;
  if (!down.empty() && dice().percent(50)) return down.clear();
  const size_t relay = dice().below(world_.stations.size());
  const bool all = dice().percent(20);
  const size_t one = dice().below(world_.devices.size());
  for (size_t device = 0; device < world_.devices.size(); ++device)
    if (all || device == one) down.emplace(device, relay);
}

/// Its files are copied as they lie there, and the copy is used as well.
void Story::somebody_is_cloned() {
  if (!clones_ || world_.has_clone()) return;
  auto& original = somebody();
  // What both of them would know as unsent is nobody's alone.
  for (auto& account : ledger_.accounts)
    if (account.has_unsent(original)) submit(original, account);
  for (auto& account : ledger_.accounts)
    if (account.has_unsent(original)) return;
  world_.clone(original);
}

void Story::weather_changes() {
  auto& weather = world_.network.weather;
  weather = {};
  if (dice().percent(30)) return;
  weather.lost = dice().below(30), weather.doubled = dice().below(30);
  weather.cut = dice().below(30), weather.flipped = dice().below(15);
  weather.delay_max = std::chrono::milliseconds(dice().percent(20) ? 15'000 : dice().between(10, 2000));
}

void Story::late_joiner() {
  if (world_.devices.size() > kDevicesAtFirst || dice().percent(60)) return;
  world_.admin().clock.skew = 0ms;  // certificates run out: who invites looks at the date first
  world_.join("late");
}

}  // namespace lysoen::sim
