// The vault as an EntryStore: what is received, in transactions that may span the batches of one answer; what is handed
// on; and what a coordinator acknowledges.
#include "core/base/fault.h"
#include "core/base/try.h"
#include "core/feed/body.h"
#include "core/vault/schema.h"
#include "core/vault/vault_impl.h"

namespace lysoen::vault {

namespace {

constexpr size_t kAuthorsAtOnce = 64;                            // acknowledgements in one save
constexpr size_t kIssuedAtOnce = 64, kIssuedBytes = 256 * 1024;  // edits in one save, and when it is full

}  // namespace

// -- The intake's transaction ---------------------------------------------------------------------------------------

Result<void> VaultImpl::intake_ready() {
  LYSOEN_TRY(usable());
  if (intake_) return {};
  LYSOEN_TRY(container_->begin_plain());
  intake_ = std::make_unique<Intake>(
      database(), membership_, key_wrap_->key(), [this]() -> const feed::Dictionaries& { return dictionaries(); },
      environment_);
  return {};
}

Error VaultImpl::drop_intake(Error error) {
  intake_.reset();
  (void)container_->end_plain(false);
  outbox_->forget();
  return error;
}

Result<void> VaultImpl::settle() {
  if (!intake_) return {};
  if (auto finished = intake_->finish(); !finished) return drop_intake(std::move(finished).error());
  auto own_past = intake_->own_past();
  intake_.reset();
  outbox_->forget();
  LYSOEN_TRY(container_->end_plain(true));
  if (!own_past) return {};
  // Somebody holds entries of this device that it does not know: its storage went back in time. What it wrote is here
  // again; it goes on under a new incarnation, so that no sequence number is used twice.
  auto begun = container_->durable([&](storage::Database& database) -> Result<void> {
    LYSOEN_TRY(add_notice(database, now(),
                          "an older state of this vault was restored: what it had sent came back, and it goes on with "
                          "new feeds"));
    return membership_.begin_incarnation(database, *own_past + 1);
  });
  outbox_->forget();
  LYSOEN_TRY(begun);
  return issue_again();
}

/// Edits of own former feeds that stand from a fork on, or nowhere, and are not purged: as many as one save takes.
Result<std::vector<VaultImpl::Unissued>> VaultImpl::not_issued() {
  std::vector<Unissued> unissued;
  size_t size = 0;
  LYSOEN_ASSIGN(auto rows, feeds().all(true));
  for (const auto& row : rows) {
    if (row.key.device != membership_.device() || row.key.audience != membership_.team_audience() ||
        row.key.incarnation >= membership_.incarnation())
      continue;
    LYSOEN_ASSIGN(auto query,
                  database().prepare("SELECT e.payload, (SELECT form FROM reports WHERE id = e.id >> 24) FROM "
                                     "placed_edits p CROSS JOIN edits e ON e.id = p.edit AND "
                                     "e.place = p.place WHERE p.place BETWEEN ?1 AND ?2 AND e.payload <> x'' AND "
                                     "(p.place >= (SELECT min(place) FROM forks WHERE place BETWEEN ?1 AND ?2) OR NOT "
                                     "EXISTS (SELECT 1 FROM entries n WHERE n.place = p.place)) ORDER BY p.place "
                                     "LIMIT ?3"));
    query.bind(place_of(row.id, 0), place_of(row.id, kSeqMax), kIssuedAtOnce - unissued.size());
    for (;;) {
      LYSOEN_ASSIGN(bool more, query.step());
      if (!more) break;
      auto edit = query.blob(0);
      Bytes payload{static_cast<uint8_t>(feed::PayloadType::edit)};
      payload.insert(payload.end(), edit.begin(), edit.end());
      unissued.push_back({std::string(query.text(1)), std::move(payload)});
      size += edit.size();
      if (size >= kIssuedBytes) return unissued;
    }
    if (unissued.size() >= kIssuedAtOnce) break;
  }
  return unissued;
}

/// What this device wrote before it learned that its storage had gone back stands under numbers that others hold
/// otherwise, and what a repair found behind a lost save stands nowhere: nobody will take it from there. It goes out
/// once more, with the same edit ids, under the new incarnation.
Result<void> VaultImpl::issue_again() {
  if (LYSOEN_FAULT(not_issued_again)) return {};
  for (;;) {
    LYSOEN_ASSIGN(auto unissued, not_issued());
    if (unissued.empty()) return {};
    LYSOEN_TRY(commit([&](SaveRecord& record) -> Result<void> {
      for (const auto& [form_id, payload] : unissued) {
        auto placed = outbox_->seal(membership_.team_audience(), payload, record, dictionary_of(form_id));
        if (!placed) return std::move(placed).error();
      }
      return {};
    }));
  }
}

Result<AppendVerdict> VaultImpl::append(const Batch& batch) noexcept {
  LYSOEN_TRY(intake_ready());
  auto verdict = intake_->append(batch);
  if (!verdict) return drop_intake(std::move(verdict).error());
  if (!intake_spans_calls_) LYSOEN_TRY(settle());
  return verdict;
}

Result<FeedHead> VaultImpl::head(const FeedKey& feed) {
  LYSOEN_TRY(usable());
  LYSOEN_ASSIGN(auto row, feeds().find(feed));
  return row ? row->head() : FeedHead{feed, 0, {}};
}

Result<std::optional<Batch>> VaultImpl::read(const FeedKey& feed, uint64_t first_seq, size_t size_max) {
  LYSOEN_TRY(may_send());
  LYSOEN_ASSIGN(auto row, feeds().find(feed));
  if (!row) return std::optional<Batch>();
  auto batch = feeds().read(*row, first_seq, size_max);
  if (batch || batch.error().code != ErrorCode::damaged || row->key.device != membership_.device() || intake_)
    return batch;
  LYSOEN_ASSIGN(bool forked, feeds().forked(*row));
  if (!forked) {
    LYSOEN_TRY(set_apart(*row));
    LYSOEN_TRY(issue_again());
  }
  return batch;
}

Result<std::vector<FeedHead>> VaultImpl::all_heads() {
  LYSOEN_TRY(may_send());
  LYSOEN_ASSIGN(auto rows, feeds().all(false));
  std::vector<FeedHead> heads;
  for (const auto& row : rows)
    if (row.head_seq > 0) heads.push_back(row.head());
  return heads;
}

Result<Vault::Readable> VaultImpl::heads_for(const std::optional<DeviceId>& member) {
  LYSOEN_ASSIGN(auto all, all_heads());
  if (!membership_.in_team()) return Readable{};
  const auto* leaf = member ? membership_.roster().find(*member) : nullptr;
  if (member && !leaf)
    return make_error(ErrorCode::not_found, "cannot tell what this member reads: the roster here does not name it");
  Readable readable;
  readable.reports = !leaf || reads_team(leaf->role);
  std::set<AudienceId> read{membership_.all_audience()};
  if (member) read.insert(inbox_audience(membership_.team(), *member));
  if (readable.reports) read.insert(membership_.team_audience());
  for (const auto& head : all)
    if (read.count(head.feed.audience) != 0) readable.heads.push_back(head);
  return readable;
}

Result<void> VaultImpl::mark_carried(std::span<const FeedHead> heads) {
  LYSOEN_TRY(usable());
  return plain([&](storage::Database& database) -> Result<void> {
    for (const auto& head : heads) {
      LYSOEN_ASSIGN(auto row, feeds().find(head.feed));
      if (!row) continue;
      LYSOEN_TRY(database.run("UPDATE feeds SET carried_seq = max(carried_seq, ?2) WHERE id = ?1", row->id,
                              std::min(head.seq, row->head_seq)));
    }
    return {};
  });
}

// -- Intake of one answer -------------------------------------------------------------------------------------------

Result<void> VaultImpl::begin_intake() {
  LYSOEN_TRY(usable());
  intake_spans_calls_ = true;
  return {};
}

Result<void> VaultImpl::end_intake() {
  LYSOEN_TRY(usable());
  intake_spans_calls_ = false;
  LYSOEN_TRY(settle());
  if (membership_.in_team()) LYSOEN_TRY(issue_again());
  return acknowledge();
}

Result<void> VaultImpl::settle_intake() {
  LYSOEN_TRY(usable());
  intake_spans_calls_ = false;
  return settle();
}

// -- Acknowledgements -----------------------------------------------------------------------------------------------

// One entry for each author with news, into the author's inbox. What is acknowledged must not be lost here: it stands
// under a synced checkpoint first.
Result<void> VaultImpl::acknowledge() {
  if (!membership_.in_team() || !has(membership_.role(), Role::coordinator)) return {};
  bool stands = false;
  for (bool more = true; more;) {
    std::map<DeviceId, std::vector<FeedRow>> news;
    LYSOEN_ASSIGN(auto rows, feeds().all(false));
    for (auto& row : rows) {
      if (row.own || row.key.audience != membership_.team_audience() || row.opened_seq <= row.acknowledged_seq)
        continue;
      if (!membership_.sealing_key(membership_.inbox_of(row.key.device))) continue;
      if (news.size() >= kAuthorsAtOnce && !news.count(row.key.device)) continue;
      auto& of_author = news[row.key.device];
      if (of_author.size() < feed::kAcknowledgedFeedsMax) of_author.push_back(std::move(row));
    }
    if (news.empty()) return {};
    more = news.size() >= kAuthorsAtOnce;
    if (!stands && !LYSOEN_FAULT(acknowledged_too_early)) LYSOEN_TRY(container_->checkpoint());
    stands = true;
    LYSOEN_TRY(commit([&](SaveRecord& record) -> Result<void> {
      for (const auto& [author, of_author] : news) LYSOEN_TRY(seal_acknowledgement(author, of_author, record));
      return {};
    }));
  }
  return {};
}

Result<void> VaultImpl::seal_acknowledgement(const DeviceId& author, const std::vector<FeedRow>& feeds_of_author,
                                             SaveRecord& record) {
  feed::Acknowledgement acknowledgement;
  size_t ranges = 0;
  for (const auto& row : feeds_of_author) {
    feed::Acknowledged part{row.feed, row.opened_seq, {}, {}};
    LYSOEN_ASSIGN(part.head, feeds().hash_at(row, row.opened_seq));
    std::vector<uint64_t> not_opened;
    LYSOEN_ASSIGN(auto query, database().prepare("SELECT place FROM set_aside WHERE place BETWEEN ? AND ? "
                                                 "ORDER BY place"));
    query.bind(place_of(row.id, 0), place_of(row.id, row.opened_seq));
    for (;;) {
      LYSOEN_ASSIGN(bool more, query.step());
      if (!more) break;
      not_opened.push_back(seq_of(query.integer(0)));
    }
    part.not_opened = feed::ranges_of(not_opened);
    ranges += part.not_opened.size();
    // More exceptions than one entry holds: this feed is acknowledged only when they are fewer.
    bool fits = part.not_opened.size() <= feed::kRangesMax && ranges <= feed::kAcknowledgedRangesMax;
    if (fits) acknowledgement.feeds.push_back(std::move(part));
    LYSOEN_TRY(database().run("UPDATE feeds SET acknowledged_seq = ?2 WHERE id = ?1", row.id, row.opened_seq));
  }
  if (acknowledgement.feeds.empty()) return {};
  LYSOEN_ASSIGN(Bytes payload, feed::encode_payload(std::move(acknowledgement)));
  auto placed = outbox_->seal(membership_.inbox_of(author), payload, record);
  if (!placed) return std::move(placed).error();
  return {};
}

}  // namespace lysoen::vault
