// Making, opening and locking a vault, and the ways in which anything is written to it.
#include <algorithm>

#include "core/base/fault.h"
#include "core/base/try.h"
#include "core/vault/apply.h"
#include "core/vault/container_key.h"
#include "core/vault/schema.h"
#include "core/vault/vault_impl.h"

namespace lysoen {

Result<std::unique_ptr<Vault>> Vault::create(const std::filesystem::path& folder, std::string_view passphrase,
                                             const CreateOptions& options, Environment environment) {
  return vault::VaultImpl::create({folder, storage::system_files()}, passphrase, options, environment);
}

Result<std::unique_ptr<Vault>> Vault::open(const std::filesystem::path& folder, std::string_view passphrase,
                                           Environment environment) {
  return vault::VaultImpl::open({folder, storage::system_files()}, passphrase, environment);
}

Result<void> Vault::resume_wipe(const std::filesystem::path& folder, Environment environment) {
  return vault::VaultImpl::resume_wipe({folder, storage::system_files()}, environment);
}

}  // namespace lysoen

namespace lysoen::vault {

namespace {

constexpr std::string_view kSlotsName = "slots";
// A save puts its words off, many at once cost little each; but no search has to take up more than these.
constexpr int64_t kWordsDueMax = 64;
constexpr size_t kWordsAtOnce = 512, kWordsAtLock = 20000, kPurgedAtLock = 256;

Error not_a_folder(std::string_view doing) {
  return make_error(ErrorCode::input_refused, "cannot " + std::string(doing) + ": a file is there, not a folder",
                    "a vault is a folder: check its name");
}

Error no_vault(std::string_view doing) {
  return make_error(ErrorCode::not_found, "cannot " + std::string(doing) + ": there is no vault in this folder",
                    "check the folder's name, or make a vault there first");
}

/// A vault that lost one of its files: what is left cannot be opened.
Error lacks(std::string_view file) {
  return make_error(ErrorCode::damaged, "cannot open vault: its file '" + std::string(file) + "' is missing",
                    "put the file back, or restore the vault's folder from a copy");
}

Result<void> check_empty(const Place& place) {
  auto names = place.files.list(place.folder);
  if (!names && names.error().code == ErrorCode::not_found) return {};
  if (!names && names.error().code == ErrorCode::input_refused) return not_a_folder("make a vault");
  if (!names) return std::move(names).error();
  if (std::find(names->begin(), names->end(), kSlotsName) != names->end())
    return make_error(ErrorCode::already_exists, "cannot make a vault: there is one in this folder already",
                      "open it, or choose another folder");
  if (!names->empty())
    return make_error(ErrorCode::already_exists, "cannot make a vault: the folder is not empty",
                      "choose a folder that does not exist yet");
  return {};
}

Result<void> make_folder(const Place& place) {
  auto made = place.files.make_folder(place.folder);
  if (made) return made;
  return make_error(made.error().code, "cannot make a vault: the folder cannot be made",
                    "choose a folder on a disk that can be written");
}

/// Does a lost save again. What a stream's state was then is not in the record: no stream goes on.
Result<void> replay(storage::Database& database, ByteView payload) {
  if (payload.empty()) return {};
  LYSOEN_ASSIGN(auto record, SaveRecord::decode(payload));
  LYSOEN_ASSIGN(auto roles, role_history(database));
  return apply_record(database, record, roles);
}

Error in_words(Error error, std::string_view doing) {
  if (error.message.rfind("cannot open vault", 0) == 0 || error.message.rfind("cannot make a vault", 0) == 0)
    return error;
  constexpr std::string_view kBelow = "cannot open the store: ";
  auto why = error.message.starts_with(kBelow) ? error.message.substr(kBelow.size()) : error.message;
  error.message = "cannot " + std::string(doing) + ": " + why;
  return error;
}

Result<std::unique_ptr<storage::FolderLock>> take_lock(const Place& place, std::string_view doing) {
  if (&place.files != &storage::system_files()) return std::unique_ptr<storage::FolderLock>();  // a disk of one process
  auto lock = storage::FolderLock::take(place.folder);
  if (lock) return lock;
  switch (lock.error().code) {
    case ErrorCode::vault_in_use:
      return make_error(ErrorCode::vault_in_use, "cannot " + std::string(doing) + ": another process has it open",
                        "`lysoen vault lock` asks it to end; or wait until it is done");
    case ErrorCode::storage_read_only:
      return make_error(ErrorCode::storage_read_only, "cannot " + std::string(doing) + ": its folder cannot be written",
                        "give yourself the right to write there, or move the folder to a disk that can be written");
    case ErrorCode::not_found:
      return no_vault(doing);
    default:
      return in_words(std::move(lock).error(), doing);
  }
}

}  // namespace

struct VaultImpl::Parts {
  std::unique_ptr<storage::FolderLock> lock;
  std::unique_ptr<SlotFile> slots;
  SlotFile::Opened opened;
  std::unique_ptr<storage::Container> container;
  crypto::Key32 container_key;
  storage::OpenReport report;
};

// The slot file comes last: until it is there, the folder holds no vault. Container B is made like A and its key
// forgotten, so that it has A's shape and nobody can tell that it is unused.
Result<VaultImpl::Parts> VaultImpl::make_files(const Place& place, std::string_view passphrase,
                                               const CreateOptions& options, Environment environment) {
  auto& random = environment.random;
  Parts parts;
  crypto::Argon2Cost cost{options.cost.memory_kib, options.cost.passes};
  if (passphrase.empty())
    return make_error(ErrorCode::input_refused, "cannot make a vault: the passphrase is empty",
                      "choose a passphrase of several words");
  if (!cost.allowed())
    return make_error(ErrorCode::input_refused, "cannot make a vault: the key cost is outside its limits");
  LYSOEN_TRY(check_empty(place));
  if (options.calibrate_for > 0) {
    LYSOEN_ASSIGN(cost, crypto::calibrate(options.calibrate_for, crypto::stopwatch(environment.clock)));
  }
  LYSOEN_TRY(make_folder(place));
  LYSOEN_ASSIGN(parts.lock, take_lock(place, "make a vault"));
  storage::VaultId vault;
  random.fill(vault.bytes);
  SlotContent first{ContainerName::a, Purpose::open, environment.guard != nullptr, crypto::Key32::random(random)};
  if (environment.guard)
    for (auto container : {ContainerName::a, ContainerName::b})
      LYSOEN_TRY(environment.guard->make(guard_id(vault, container)));
  LYSOEN_ASSIGN(parts.container_key, container_key(first, vault, environment.guard));
  LYSOEN_ASSIGN(parts.container, storage::Container::create(container_options(place, ContainerName::a),
                                                            parts.container_key, vault, random));
  LYSOEN_TRY(make_unused(place, ContainerName::b, vault, random));
  LYSOEN_TRY(SlotFile::create(place.files, {place.folder / kSlotsName, cost, vault}, passphrase, first, random));
  LYSOEN_ASSIGN(parts.slots, SlotFile::open(place.files, place.folder / kSlotsName));
  parts.opened.content = std::move(first);
  return parts;
}

Result<std::unique_ptr<Vault>> VaultImpl::create(const Place& place, std::string_view passphrase,
                                                 const CreateOptions& options, Environment environment) {
  auto parts = make_files(place, passphrase, options, environment);
  if (!parts) return in_words(std::move(parts).error(), "make a vault");
  return begin_session(place, std::move(*parts), environment);
}

namespace {

/// What was begun and stopped, before anything else is done. A disk that refuses it keeps nobody from the other vault:
/// it is tried again at every start.
void resume(const Place& place, SlotFile& slots, Environment environment) {
  auto wiping = slots.counts().wiping;
  if (wiping && slots.begin_wipe(wiping, environment.random)) (void)finish_wipes(place, slots, environment);
}

}  // namespace

Result<void> VaultImpl::resume_wipe(const Place& place, Environment environment) {
  auto path = place.folder / kSlotsName;
  {  // without the lock, since it would leave a file where there is no vault
    auto slots = SlotFile::open(place.files, path);
    if (!slots && slots.error().code == ErrorCode::not_found) return {};
    if (!slots) return std::move(slots).error();
    if (!(*slots)->counts().wiping) return {};
  }
  LYSOEN_ASSIGN(auto lock, take_lock(place, "finish a wipe"));
  LYSOEN_ASSIGN(auto slots, SlotFile::open(place.files, path));
  resume(place, *slots, environment);
  if (!slots->counts().wiping) return {};
  return make_error(ErrorCode::io_failed, "cannot finish a wipe: the disk refused it",
                    "what was wiped cannot be opened; the rest is tried again at the next start");
}

Result<std::unique_ptr<Vault>> VaultImpl::open(const Place& place, std::string_view passphrase,
                                               Environment environment) {
  Parts parts;
  auto names = place.files.list(place.folder);
  if (!names && names.error().code == ErrorCode::input_refused) return not_a_folder("open vault");
  bool empty = names && names->empty();
  if (empty) return no_vault("open vault");  // before the lock: a look leaves nothing behind
  LYSOEN_ASSIGN(parts.lock, take_lock(place, "open vault"));
  auto slots = SlotFile::open(place.files, place.folder / kSlotsName);
  if (!slots && slots.error().code == ErrorCode::not_found && names &&
      std::find(names->begin(), names->end(), "A.db") != names->end())
    return lacks(kSlotsName);
  if (!slots) return in_words(std::move(slots).error(), "open vault");
  resume(place, **slots, environment);
  auto opened = (*slots)->attempt(passphrase, environment.clock.wall(), environment.random);
  if (!opened) (void)finish_wipes(place, **slots, environment);  // it was one wrong passphrase too many
  if (!opened) return in_words(std::move(opened).error(), "open vault");
  LYSOEN_ASSIGN(parts.container_key, container_key(opened->content, (*slots)->vault(), environment.guard));
  auto options = container_options(place, opened->content.container);
  options.replay = [](storage::Database& database, uint64_t, ByteView payload) { return replay(database, payload); };
  auto container = storage::Container::open(options, parts.container_key, (*slots)->vault(), environment.random);
  if (!container && container.error().code == ErrorCode::not_found) return lacks(options.name + ".db");
  if (!container) return in_words(std::move(container).error(), "open vault");
  parts.container = std::move(container->container);
  parts.report = std::move(container->report);
  parts.slots = std::move(*slots);
  parts.opened = std::move(*opened);
  return begin_session(place, std::move(parts), environment);
}

Result<std::unique_ptr<Vault>> VaultImpl::begin_session(const Place& place, Parts parts, Environment environment) {
  auto vault = std::unique_ptr<VaultImpl>(new VaultImpl(place, environment));
  vault->lock_ = std::move(parts.lock);
  vault->cost_ = parts.slots->cost();
  vault->slots_ = std::move(parts.slots);
  vault->slot_ = parts.opened.slot;
  vault->key_ = std::move(parts.opened.content);
  vault->container_ = std::move(parts.container);
  if (vault->lock_) vault->lock_->begin_session();
  vault->key_wrap_.emplace(parts.container_key, environment.random);
  LYSOEN_ASSIGN(vault->membership_, Membership::load(vault->database(), *vault->key_wrap_));
  vault->outbox_ =
      std::make_unique<Outbox>(vault->database(), vault->membership_, vault->key_wrap_->key(), environment.random);
  LYSOEN_TRY(vault->settle_past(parts.report));
  if (parts.report.pages_doubtful) LYSOEN_TRY(vault->mend_mixed_pages());
  LYSOEN_TRY(vault->settle_slots());
  (void)vault->clean_residue();  // on a full disk it waits until the next start
  if (!parts.report.needs_new_incarnation()) (void)vault->sweep_blobs();  // else a row may have been lost
  LYSOEN_TRY(vault->settle_policy());
  (void)vault->plain([&](storage::Database&) { return vault->rows().name_sent_blobs(); });
  // The last session may have died between the roster it took and the reports that had waited for it. On a full disk
  // they wait until the next start.
  if (vault->membership_.in_team()) {
    (void)vault->follow_roster();
    (void)vault->read_again();
  }
  return std::unique_ptr<Vault>(std::move(vault));
}

// What the last session left: whether streams may go on, and whether a save may have been lost that was sent already.
Result<void> VaultImpl::settle_past(const storage::OpenReport& report) {
  LYSOEN_ASSIGN(auto clean, fact(database(), kCleanFact));
  clean_mark_ = clean == Bytes{1};
  bool repaired = report.outcome != storage::OpenReport::Outcome::clean || report.notable();
  if (repaired || !clean_mark_) {
    LYSOEN_TRY(container_->plain([](storage::Database& database) -> Result<void> {
      if (!LYSOEN_FAULT(stream_reused)) LYSOEN_TRY(database.run("UPDATE feeds SET writer = NULL WHERE own = 1"));
      return set_fact(database, kCleanFact, Bytes{0});
    }));
    clean_mark_ = false;
  }
  if (report.replayed > 0)
    notices_.push_back("the vault was repaired: " + std::to_string(report.replayed) +
                       " saves were written again from the ring, nothing is lost");
  if (report.pages_doubtful || report.ring_damaged)
    notices_.push_back("the storage of this device returned damaged bytes: hand on what is here and replace it");
  if (report.needs_new_incarnation()) {
    std::string notice = "a save may be lost:";
    for (const auto& range : report.missing)
      notice += " number " + std::to_string(range.first) +
                (range.last > range.first ? " to " + std::to_string(range.last) : std::string());
    LYSOEN_TRY(durable([&](storage::Database& database) -> Result<void> {
      LYSOEN_TRY(add_notice(database, now(), notice + "; look whether your last reports are there"));
      if (!membership_.enrolled() || LYSOEN_FAULT(incarnation_kept)) return {};
      return membership_.begin_incarnation(database, membership_.incarnation() + 1);
    }));
  }
  LYSOEN_ASSIGN(auto witness, fact(database(), "team.witness"));
  Reader reader(witness);
  feed::Witness seen;
  seen.relay = reader.id<RelayId>();
  seen.log_size = reader.u64();
  seen.log_root = reader.id<Hash>();
  seen.point.mailbox = reader.id<AudienceId>();
  seen.point.store_epoch = reader.u32();
  seen.point.counter = reader.u64();
  seen.point.running = reader.id<Hash>();
  if (reader.done()) outbox_->set_witness(seen);
  return {};
}

const feed::Dictionaries& VaultImpl::dictionaries() {
  if (dictionaries_) return *dictionaries_;
  dictionaries_ = std::make_unique<feed::Dictionaries>();
  for (const auto& form : place_.forms)
    for (const auto& bytes : form->dictionaries())
      if (auto taken = dictionaries_->add(bytes)) form_dictionaries_.try_emplace(form->id(), *taken);
  return *dictionaries_;
}

feed::Dictionary* VaultImpl::dictionary_of(std::string_view form_id) {
  (void)dictionaries();
  auto known = form_dictionaries_.find(form_id);
  return known == form_dictionaries_.end() ? nullptr : known->second;
}

Result<void> VaultImpl::read_again() {
  LYSOEN_ASSIGN(auto aside, database().integer("SELECT 1 FROM set_aside s JOIN entries e ON e.place = s.place WHERE "
                                               "e.stub = 0 LIMIT 1"));
  if (!aside) return {};
  Writer reads;
  reads.u32(kReads).id(dictionaries().fingerprint());
  LYSOEN_ASSIGN(auto before, fact(database(), kReadsFact));
  if (before == reads.bytes()) return {};
  LYSOEN_TRY(intake_ready());
  auto tried = intake_->read_again();
  if (tried) tried = set_fact(database(), kReadsFact, reads.bytes());
  if (!tried) return drop_intake(std::move(tried).error());
  return settle();
}

VaultImpl::~VaultImpl() {
  if (container_) (void)VaultImpl::lock();
}

Result<void> VaultImpl::ready() const {
  if (container_) return {};
  return make_error(ErrorCode::locked, "the vault is locked", "open it with its passphrase");
}

Result<void> VaultImpl::usable() {
  (void)lock_if_idle();
  last_call_ = environment_.clock.monotonic();
  return ready();
}

void VaultImpl::lock_when_idle(std::chrono::nanoseconds after) {
  idle_max_ = after;
  last_call_ = environment_.clock.monotonic();
}

bool VaultImpl::lock_if_idle() {
  bool idle = idle_max_.count() > 0 && environment_.clock.monotonic() - last_call_ >= idle_max_;
  if (container_ && idle) (void)lock();
  return !container_;
}

Result<void> VaultImpl::may_send() {
  LYSOEN_TRY(usable());
  if (container_->confirmed()) return {};
  return make_error(ErrorCode::io_failed, "cannot send: a save did not reach the medium",
                    "close the vault and open it again; what was confirmed as saved is there");
}

Result<void> VaultImpl::lock() {
  LYSOEN_TRY(ready());
  auto done = settle();
  if (done) done = index_words(kWordsAtLock);
  if (done) (void)purge_now(kPurgedAtLock);  // what fails now is done the next time
  if (done) (void)clean_residue();           // likewise
  if (done && !clean_mark_)
    done = container_->plain([](storage::Database& database) { return set_fact(database, kCleanFact, Bytes{1}); });
  (void)settle_policy();  // else the next opening does it
  (void)sweep_blobs();    // likewise
  forget();
  auto locked = container_->lock();
  container_.reset();
  (void)finish_wipes(place_, *slots_, environment_);  // else the next start does it
  slots_.reset();
  if (lock_ && done && locked) lock_->end_session();
  lock_.reset();
  return done ? locked : done;
}

Result<void> VaultImpl::idle() {
  if (lock_if_idle()) return ready();
  if (intake_spans_calls_) return {};                 // in the middle of what a relay says
  (void)finish_wipes(place_, *slots_, environment_);  // else the lock does it, or the next start
  LYSOEN_TRY(settle());
  LYSOEN_TRY(index_words(kWordsAtLock));
  LYSOEN_TRY(clean_residue());
  return sweep_blobs();
}

void VaultImpl::forget() {
  sending_.reset();
  intake_.reset();
  outbox_.reset();
  form_dictionaries_.clear();
  dictionaries_.reset();
  membership_ = Membership();
  key_wrap_.reset();
  crypto::wipe(key_.secret.span());
}

Result<void> VaultImpl::commit(const Build& build) {
  LYSOEN_TRY(ready());
  LYSOEN_TRY(settle());
  auto work = [&](storage::Database& database, uint64_t) -> Result<Bytes> {
    SaveRecord record;
    record.roster_version = membership_.roster_version();
    LYSOEN_TRY(build(record));
    LYSOEN_TRY(outbox_->finish(record));
    LYSOEN_TRY(apply_record(database, record, membership_.history()));
    LYSOEN_ASSIGN(auto due, database.integer("SELECT count(*) FROM words_due"));
    if (due > kWordsDueMax) {
      LYSOEN_TRY(rows().index_words(kWordsAtOnce));
    }
    if (clean_mark_) LYSOEN_TRY(set_fact(database, kCleanFact, Bytes{0}));
    return record.encode();
  };
  auto saved = container_->save(work);
  if (!saved && saved.error().code == ErrorCode::storage_full && container_->reserve_ready()) {
    outbox_->forget();
    saved = container_->last_save(work);
  }
  if (!saved) {
    outbox_->forget();
    return std::move(saved).error();
  }
  clean_mark_ = false;
  return {};
}

Result<void> VaultImpl::durable(const storage::Container::Work& work) {
  LYSOEN_TRY(ready());
  LYSOEN_TRY(settle());
  auto done = container_->durable(work);
  outbox_->forget();
  if (done) return {};
  if (auto loaded = Membership::load(database(), *key_wrap_)) membership_ = std::move(*loaded);
  return done;
}

Result<void> VaultImpl::plain(const storage::Container::Work& work) {
  LYSOEN_TRY(ready());
  if (!intake_) return container_->plain(work);
  return work(database());  // part of what the intake brings
}

Result<void> VaultImpl::index_words(size_t count_max) {
  for (size_t done = 0; done < count_max; done += kWordsAtOnce) {
    LYSOEN_ASSIGN(auto due, database().integer("SELECT 1 FROM words_due LIMIT 1"));
    if (!due) return {};
    LYSOEN_TRY(plain([&](storage::Database&) -> Result<void> {
      auto left = rows().index_words(kWordsAtOnce);
      if (!left) return std::move(left).error();
      return {};
    }));
  }
  return {};
}

}  // namespace lysoen::vault
