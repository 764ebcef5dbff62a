// Deep verification: whether what is kept is what was written, and whether what is shown follows from it.
#include "core/base/try.h"
#include "core/feed/batch.h"
#include "core/vault/schema.h"
#include "core/vault/vault_impl.h"

namespace lysoen::vault {

namespace {

constexpr size_t kBatchBytes = 256 * 1024;
constexpr size_t kReportsAtOnce = 128;  // in one transaction that is undone

/// Everything that a reader or a query sees of a report, as one text.
constexpr std::string_view kLine =
    "SELECT quote(stage) || quote(form) || quote(author) || quote(created) || quote(status) || quote(retracted) || "
    "quote(conflicts) || quote(aside) || quote(waiting) || quote(event_time) || quote(event_day) || quote(latitude) || "
    "quote(longitude) || quote(title) || quote(category) || quote(origin) || coalesce((SELECT quote(p.south) || "
    "quote(p.west) FROM report_places p WHERE p.id = r.id), '') FROM reports r WHERE r.id = ?";

}  // namespace

/// One run of VaultImpl::check.
class VaultChecker {
 public:
  VaultChecker(VaultImpl& vault, const std::function<bool(uint64_t, uint64_t)>& progress)
      : vault_(vault), progress_(progress) {}

  Result<VaultCheck> run() {
    LYSOEN_TRY(count_work());
    LYSOEN_TRY(check_container());
    if (found_.sound()) {  // on damaged pages everything else would only say so again
      LYSOEN_TRY(check_indexes());
      LYSOEN_TRY(check_feeds());
      LYSOEN_TRY(check_edits());
      LYSOEN_TRY(check_reports());
      LYSOEN_TRY(check_attachments());
    }
    return std::move(found_);
  }

 private:
  Result<void> count_work() {
    LYSOEN_ASSIGN(auto entries, vault_.database().integer("SELECT count(*) FROM entries"));
    LYSOEN_ASSIGN(auto edits, vault_.database().integer("SELECT count(*) FROM edits"));
    LYSOEN_ASSIGN(auto reports, vault_.database().integer("SELECT count(*) FROM reports"));
    LYSOEN_ASSIGN(auto pages, vault_.database().integer("PRAGMA page_count"));
    LYSOEN_ASSIGN(auto blobs, vault_.database().integer("SELECT count(*) FROM blobs WHERE held IS NULL"));
    all_ = static_cast<uint64_t>(*entries + *edits + *reports + *pages + *blobs);
    return {};
  }
  Result<void> step(uint64_t count = 1) {
    done_ = std::min(done_ + count, all_);
    if (!progress_ || progress_(done_, all_)) return {};
    return make_error(ErrorCode::cancelled, "the check was ended before it was done");
  }
  void finding(std::string sentence) { found_.findings.push_back(std::move(sentence)); }
  /// Of what cannot be read it says so; other errors end the check.
  Result<void> expect(Result<void> read, const std::string& what) {
    if (read || read.error().code != ErrorCode::damaged) return read;
    finding(what + " cannot be read");
    return {};
  }

  Result<void> check_container() {
    Result<void> ended;
    LYSOEN_ASSIGN(auto verified, vault_.container_->verify([&](uint64_t, uint64_t) {
      if (ended) ended = step();
    }));
    LYSOEN_TRY(ended);
    found_.pages = verified.pages;
    found_.ring_records = verified.records;
    found_.findings = std::move(verified.findings);
    return {};
  }

  Result<void> check_indexes() {
    auto words = vault_.tried([](storage::Database& database) {
      return database.run("INSERT INTO report_words (report_words) VALUES ('integrity-check')");
    });
    LYSOEN_TRY(expect(std::move(words), "the text index"));
    LYSOEN_ASSIGN(
        auto unsearchable,
        vault_.database().integer(
            "SELECT count(*) FROM reports WHERE stage < 2 AND purged IS NULL AND id NOT IN (SELECT rowid FROM "
            "report_words) AND id NOT IN (SELECT report FROM words_due)"));
    if (unsearchable != 0) finding("reports missing in the text index: " + std::to_string(*unsearchable));
    LYSOEN_ASSIGN(auto places, vault_.database().integer("SELECT rtreecheck('report_places') = 'ok'"));
    if (places != 1) finding("the index of places is damaged");
    LYSOEN_ASSIGN(auto stray, vault_.database().integer("SELECT count(*) FROM pragma_foreign_key_check"));
    if (stray != 0) finding("rows that refer to what is not there: " + std::to_string(*stray));
    return {};
  }

  // Each batch proves itself: chain, root, signature. Together they must be what the rows and the head say.
  Result<void> check_feed(const FeedRow& row) {
    const auto name = "feed " + std::to_string(row.id);
    Hash before = feed::hash_before_first(row.feed);
    uint64_t seq = 1;
    while (seq <= row.head_seq) {
      LYSOEN_ASSIGN(auto batch, vault_.feeds().read(row, seq, kBatchBytes));
      if (!batch) {
        finding(name + " has nothing signed from number " + std::to_string(seq) + " on");
        return {};
      }
      auto hashes = feed::verify_batch(*batch);
      if (!hashes || batch->prev != before) {
        finding(name + " does not verify from number " + std::to_string(seq) + " on");
        return {};
      }
      for (size_t i = 0; i < hashes->size(); ++i) {
        LYSOEN_ASSIGN(auto same, vault_.database().integer("SELECT 1 FROM entries WHERE place = ? AND hash = ?",
                                                           place_of(row.id, seq + i), (*hashes)[i]));
        if (!same) finding(name + " keeps another hash of number " + std::to_string(seq + i));
      }
      before = hashes->back();
      seq += hashes->size();
      found_.entries += hashes->size();
      LYSOEN_TRY(step(hashes->size()));
    }
    if (before != row.head_hash) finding(name + " has another head than its entries");
    return {};
  }
  Result<void> check_feeds() {
    LYSOEN_ASSIGN(auto rows, vault_.feeds().all(false));
    for (const auto& row : rows) {
      ++found_.feeds;
      LYSOEN_TRY(expect(check_feed(row), "feed " + std::to_string(row.id)));
    }
    return {};
  }

  Result<void> check_edits() {
    LYSOEN_ASSIGN(auto query, vault_.database().prepare(
                                  "SELECT id, edit, author, payload FROM edits WHERE payload <> x'' ORDER BY id"));
    for (;;) {
      LYSOEN_ASSIGN(bool more, query.step());
      if (!more) return {};
      if (edit_id(query.id<DeviceId>(2), query.blob(3)) != query.id<EditId>(1))
        finding("edit " + std::to_string(query.integer(0)) + " is not the one that it is kept as");
      LYSOEN_TRY(step());
    }
  }

  Result<std::string> line(int64_t row) {
    LYSOEN_ASSIGN(auto query, vault_.database().prepare(kLine));
    LYSOEN_ASSIGN(bool there, query.bind(row).step());
    return there ? std::string(query.text(0)) : std::string();
  }
  Result<void> check_report(int64_t row) {
    LYSOEN_ASSIGN(auto shown, line(row));
    LYSOEN_TRY(vault_.rows().project(row));
    LYSOEN_ASSIGN(auto follows, line(row));
    if (shown != follows) finding("the line of report " + std::to_string(row) + " does not follow from its edits");
    ++found_.reports;
    return step();
  }
  Result<void> check_reports() {
    for (int64_t after = 0; after >= 0;) {
      LYSOEN_TRY(vault_.tried([&](storage::Database& database) -> Result<void> {
        std::vector<int64_t> ids;
        LYSOEN_ASSIGN(auto query, database.prepare("SELECT id FROM reports WHERE id > ? ORDER BY id LIMIT ?"));
        query.bind(after, kReportsAtOnce);
        for (;;) {
          LYSOEN_ASSIGN(bool more, query.step());
          if (!more) break;
          ids.push_back(query.integer(0));
        }
        for (int64_t id : ids) LYSOEN_TRY(expect(check_report(id), "report " + std::to_string(id)));
        after = ids.size() < kReportsAtOnce ? -1 : ids.back();
        return {};
      }));
    }
    return {};
  }

  Result<void> check_attachments() {
    LYSOEN_ASSIGN(auto blobs, vault_.all_blobs());
    size_t unsound = 0;
    for (const auto& blob : blobs) {
      LYSOEN_ASSIGN(bool sound, vault_.blob_files().sound(blob));
      unsound += !sound;
      ++found_.attachments;
      LYSOEN_TRY(step());
    }
    if (unsound > 0) finding("attachments that are not what was attached: " + std::to_string(unsound));
    return {};
  }

  VaultImpl& vault_;
  const std::function<bool(uint64_t, uint64_t)>& progress_;
  VaultCheck found_;
  uint64_t done_ = 0, all_ = 0;
};

Result<void> VaultImpl::tried(const storage::Container::Work& work) {
  LYSOEN_TRY(settle());
  LYSOEN_TRY(container_->begin_plain());
  auto done = work(database());
  auto undone = container_->end_plain(false);
  return done ? undone : done;
}

Result<VaultCheck> VaultImpl::check(const std::function<bool(uint64_t, uint64_t)>& progress) {
  LYSOEN_TRY(usable());
  LYSOEN_TRY(settle());
  LYSOEN_ASSIGN(auto check, VaultChecker(*this, progress).run());
  if (!check.sound()) return check;  // nothing is written to what is damaged
  const auto at = static_cast<uint64_t>(now().time_since_epoch().count());
  (void)plain([&](storage::Database& own) { return set_fact(own, kSoundFact, Writer().u64(at).bytes()); });
  return check;
}

}  // namespace lysoen::vault
