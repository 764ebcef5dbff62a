// Reports as rows: edits in, and for each report the line that is listed, mapped and searched. The line follows from
// the edits and the roster alone and can be made again at any time; drafts have one as well.
//
// Every call runs inside the caller's transaction. One strand.
#pragma once
#include <lysoen/report.h>

#include "core/report/fold.h"
#include "core/storage/database.h"
#include "core/team/author.h"
#include "core/vault/record.h"

namespace lysoen::vault {

// On disk. Never renumber.
enum class Stage : uint8_t {
  draft = 0,
  sent = 1,    // its creating edit is here
  hinted = 2,  // edits of it are here, its creating edit is not
};

/// What is known of an edit from the entry that carries it.
struct EditSource {
  DeviceId author;
  int64_t place = 0;          // of the entry
  uint64_t named_before = 0;  // highest roster version that earlier entries of its feed name
  bool own = false;           // an own edit stands where it was issued last, a received one where it came first
};

/// When a report's text goes into the index: a save leaves it for later, what is received is indexed at once.
enum class Words : uint8_t { later, now };

class ReportRows {
 public:
  ReportRows(storage::Database& database, const team::RoleHistory& roles) : database_(database), roles_(roles) {}

  /// The row of a report or draft by its id or a former one, or nothing.
  Result<std::optional<int64_t>> find(const ReportId& id);
  Result<ReportId> id_of(int64_t row);
  Result<Stage> stage_of(int64_t row);

  /// Stores one edit from its payload (salt 16 ‖ edit bytes). The report's line is not made anew: project() once all
  /// edits at hand are stored. Errors: those of decode_edit.
  struct Added {
    int64_t row = 0;              // of the report
    uint64_t roster_version = 0;  // that the edit names
  };
  Result<Added> add_edit(ByteView payload, const EditSource& source);
  /// Sets anew what earlier entries of a feed name, for all its edits: one came late, and stands before others that
  /// were judged without it.
  struct Renamed {
    std::vector<int64_t> rows;  // of reports to project
    uint64_t roster_seen = 0;   // highest version that an edit of the feed names
  };
  Result<Renamed> name_again(int64_t feed);
  /// Makes the report's line anew from its edits, or from its draft.
  Result<void> project(int64_t row, Words words = Words::later);
  /// Makes anew the lines of reports with edits that waited for a roster version.
  Result<void> project_waiting();

  /// What is left of a purged report; nothing if it was not.
  Result<std::optional<Report>> purged(int64_t row);
  Result<std::vector<report::FoldEntry>> edits_of(int64_t row);
  Result<report::Folded> fold(int64_t row);

  Result<void> put_blob(const SavedBlob& blob);
  /// Attachments of sent edits that do not know so: of vaults that are older than the exchange of attachments, and
  /// after a repair.
  Result<void> name_sent_blobs();
  Result<int64_t> put_draft(const SavedDraft& draft);
  Result<std::optional<SavedDraft>> draft_of(int64_t row);
  Result<void> end_draft(const EndedDraft& ended);

  /// Takes up to `count_max` reports into the text index. Answers how many it took.
  Result<size_t> index_words(size_t count_max);

 private:
  Result<void> put_edit(int64_t row, const EditId& id, ByteView payload, const EditSource& source);
  Result<int64_t> row_for(const ReportId& id, Stage stage);
  Result<void> write_line(int64_t row, Stage stage, const Report& report, bool waiting);
  Result<void> write_words(int64_t row, const Report& report);
  Result<void> write_place(int64_t row, std::optional<double> latitude, std::optional<double> longitude);
  Result<void> remove_row(int64_t row, const ReportId& name);
  Result<void> name_blobs(int64_t row, const report::Edit& edit, int64_t place);
  Result<void> name_blob(int64_t row, const SavedBlob& blob, int64_t place);
  Result<void> drop_blobs_besides(int64_t row, std::span<const Change> answers);

  storage::Database& database_;
  const team::RoleHistory& roles_;
};

EditId edit_id(const DeviceId& author, ByteView payload);
/// The changes of an edit that is not sent, for showing them on its report.
std::vector<Change> changes_of(const report::Edit& edit);
/// The report that a draft would be.
Report report_of(const SavedDraft& draft, const DeviceId& device);
/// A built-in form, or null; or an error that says what to do.
const Form* form_of(std::string_view id);
Result<const Form*> require_form(std::string_view id);

}  // namespace lysoen::vault
