// What opens and proves one report's entries, for evidence and for a second implementation.
#include "core/base/try.h"
#include "core/feed/disclosure.h"
#include "core/feed/stream.h"
#include "core/vault/schema.h"
#include "core/vault/vault_impl.h"

namespace lysoen::vault {

namespace {

constexpr uint32_t kEpochsTried = 1024;

/// The epoch of its audience, `newest` or an earlier one, that the entry was sealed in: its key opens it in no other.
Result<uint32_t> epoch_of(const crypto::Key32& key, const TeamId& team, const Batch& batch, uint32_t newest,
                          const feed::Dictionaries& dictionaries) {
  feed::EntryHeader header{team, batch.feed.audience, newest, feed::feed_id(batch.feed), batch.first_seq, batch.prev};
  for (uint32_t tried = 0; tried < kEpochsTried && header.epoch > 0; ++tried, --header.epoch)
    if (auto payload = feed::open_entry(key, header, batch.entries.front(), &dictionaries)) {
      crypto::wipe(*payload);
      return header.epoch;
    }
  return make_error(ErrorCode::damaged, "cannot disclose: an entry does not open under the key that is kept for it");
}

}  // namespace

Result<std::string> VaultImpl::disclose(const ReportId& report) {
  LYSOEN_ASSIGN(int64_t row, require_row(report, "disclose"));
  LYSOEN_TRY(require_content(row, "disclose"));
  feed::Disclosure disclosure;
  LYSOEN_ASSIGN(auto query,
                database().prepare("SELECT DISTINCT n.place, n.entry_key FROM edits e JOIN entries n ON "
                                   "n.place = e.place WHERE e.id BETWEEN ? AND ? AND n.entry_key IS NOT NULL "
                                   "ORDER BY n.place"));
  query.bind(first_edit_of(row), last_edit_of(row));
  for (;;) {
    LYSOEN_ASSIGN(bool more, query.step());
    if (!more) break;
    uint64_t seq = seq_of(query.integer(0));
    auto key = crypto::Key32::from(query.blob(1));
    LYSOEN_ASSIGN(auto feed, feeds().row(feed_of(query.integer(0))));
    LYSOEN_ASSIGN(auto batch, feeds().read(feed, seq, 1));  // of this entry alone
    auto sealed_to = membership_.sealing_key(feed.key.audience);
    if (!key || !batch || !sealed_to)
      return make_error(ErrorCode::damaged, "cannot disclose: an entry, its key or its audience is missing");
    disclosure.team = membership_.team();
    if (disclosure.feeds.empty() || disclosure.feeds.back().feed != feed.key)
      disclosure.feeds.push_back({feed.key, {}, {}});
    LYSOEN_ASSIGN(uint32_t epoch, epoch_of(*key, disclosure.team, *batch, sealed_to->epoch, dictionaries()));
    disclosure.feeds.back().batches.push_back(std::move(*batch));
    disclosure.feeds.back().keys.push_back({seq, epoch, std::move(*key)});
  }
  if (disclosure.feeds.empty())
    return make_error(ErrorCode::not_found, "cannot disclose: this report has no sealed entries here",
                      "only what was sent or received can be disclosed");
  return feed::write_disclosure(disclosure);
}

}  // namespace lysoen::vault
