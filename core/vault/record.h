// What one save changes, as plain data: the ring's record holds it, and the tables are changed from it both when the
// save is made and when a lost commit is replayed, so that the two cannot differ. Layout in docs/formats/vault.md.
//
// Chain keys are not part of it: after a replay every stream begins anew.
#pragma once
#include <lysoen/entry_store.h>
#include <lysoen/environment.h>
#include <lysoen/report.h>

#include <string>
#include <vector>

#include "core/media/attachment.h"

namespace lysoen::vault {

/// A draft as it stands after a save; or, of a submitted report (`draft` is its id), the changes that are not sent yet.
struct SavedDraft {
  Bytes encode() const;
  static Result<SavedDraft> decode(ByteView bytes);

  ReportId draft;
  std::string form_id, form_version, language, origin;
  WallTime created{}, changed{};
  std::vector<Change> answers;  // of a draft, later ones win
  Bytes unsent_edit;  // of a submitted report: an edit's bytes, superseded edits named when each change was made
};

/// A draft's (or a report's unsent changes') end: sent as `report`, or discarded if that is none.
struct EndedDraft {
  ReportId draft, report;
};

/// An entry that this device sealed into one of its own feeds.
struct OwnEntry {
  FeedKey feed;
  uint64_t seq = 0;
  EntryKind kind = EntryKind::sealed;
  Bytes ciphertext;
  std::array<uint8_t, 32> entry_key{};  // zero for stream entries
  Bytes payload;                        // plaintext; empty for stream entries
};

/// The signature over a block of an own feed as this save leaves it.
struct OwnHead {
  FeedKey feed;
  uint64_t seq = 0;
  Hash hash;
  Signature signature{};
};

using BlobFile = std::array<uint8_t, 16>;  // what the name of an attachment's file ends with (blobs.h)

/// A file that was attached; it is whole on the medium.
struct SavedBlob {
  ReportId report;  // or the draft
  BlobFile file{};
  media::BlobInfo info;
  std::optional<BlobId> thumbnail_of = {};  // the picture's; none: it is a file that was attached
};

struct SaveRecord {
  uint64_t roster_version = 0;
  std::vector<SavedDraft> drafts;
  std::vector<EndedDraft> ended;
  std::vector<OwnEntry> entries;  // in order of seq within a feed
  std::vector<OwnHead> heads;     // one for each feed and block that `entries` changed
  std::vector<ReportId> read;     // marked as read by a person on this device
  std::vector<SavedBlob> blobs;

  Bytes encode() const;
  /// Errors: damaged, if it is not exactly what encode() writes; newer_version.
  static Result<SaveRecord> decode(ByteView bytes);
};

}  // namespace lysoen::vault
