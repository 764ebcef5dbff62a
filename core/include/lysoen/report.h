// Reports as people see them: typed values, fields with one or several visible values, levels, status.
//
// A report is a set of signed edits; the fold of the edits (docs/formats/merge.md) gives what stands here. Clocks do
// not decide anything: times are shown, and order the display only.
#pragma once
#include <lysoen/environment.h>
#include <lysoen/form.h>
#include <lysoen/ids.h>
#include <lysoen/result.h>

#include <optional>
#include <string>
#include <vector>

namespace lysoen {

/// One answer with its type. The text keeps the digits it came with: "1.50" stays "1.50", "43.4670" too.
/// Lexical forms: integer "-12"; decimal "1.50"; boolean "true"; date "2020-01-05"; time "14:05:00.000+02:00" (offset
/// optional); date_time "2020-01-05T14:05:00+02:00" (offset required, "Z" allowed); point "lat lon [alt [accuracy]]" in
/// degrees and metres; choice: its code; choices: codes in `items`, a set, sorted; attachment: "blobid size mime/type
/// name".
class Value {
 public:
  /// Checks and normalises `text` for `type` (trims, but keeps text as it is; choices are split at spaces). Errors:
  /// input_refused with the reason, limit_exceeded (above 64 KiB); neither repeats the value.
  static Result<Value> parse(ValueType type, std::string_view text);
  static Value text_of(std::string text);
  static Value choices_of(std::vector<std::string> codes);

  Value() = default;
  ValueType type() const { return type_; }
  const std::string& text() const { return text_; }  // choices: codes joined by one space
  std::vector<std::string> items() const;            // choices
  struct LatLon {
    double latitude, longitude;
  };
  struct File {
    BlobId blob;
    uint64_t size = 0;
    std::string type, name;
  };
  std::optional<File> file() const;         // attachment
  std::optional<LatLon> lat_lon() const;    // point
  std::optional<double> number() const;     // integer, decimal
  std::optional<WallTime> instant() const;  // date (00:00 UTC), date_time
  bool operator==(const Value&) const = default;
  auto operator<=>(const Value&) const = default;

 private:
  ValueType type_ = ValueType::text;
  std::string text_;
};

// Status of a report: a field like others. On the wire. Never renumber.
enum class Status : uint8_t {
  draft = 0,
  submitted = 1,
  under_review = 2,
  needs_information = 3,
  verified = 4,
  rejected = 5,
  closed = 6,
};
std::string_view name_of(Status status);
std::optional<Status> status_from(std::string_view name);

/// How far a report has come. The lowest over all of its author's entries. "carried" is not counted as held.
enum class Level : uint8_t { draft = 0, saved = 1, carried = 2, held = 3, opened = 4, read = 5 };
std::string_view name_of(Level level);

/// One visible value of one field, with who wrote it and when they say they did.
struct Visible {
  std::optional<Value> value;  // none: the field was cleared
  EditId edit;
  DeviceId author;
  WallTime claimed;
};

/// A field: one visible value, or several, which is a conflict. Order: value's claimed time, then edit id.
struct Field {
  std::string path;  // "victims[i-3f9c]/name" inside a repeat: the item's id in brackets
  std::vector<Visible> values;
  bool conflict() const { return values.size() > 1; }
};

/// A change to one field, as a caller makes it.
struct Change {
  std::string path;  // items of repeats: "victims[new1]/name" makes one; any label without a hyphen is a new item
  std::optional<Value> value;  // none clears the field
  bool operator==(const Change&) const = default;
};

struct SetAside {
  EditId edit;
  DeviceId author;
  std::string reason;
};

/// A report as it stands.
struct Report {
  ReportId id;
  std::string form_id, form_version;
  DeviceId author;   // of the creating edit
  WallTime created;  // as claimed
  Status status = Status::draft;
  std::vector<Visible> status_values;  // several: a conflict about the status (value is the status's name)
  bool retracted = false;
  std::string retraction_reason;
  Level level = Level::draft;
  std::vector<Field> fields;  // by path, items of a repeat in their own order
  std::vector<SetAside> set_aside;
  size_t pending = 0;  // edits known of but not arrived
  size_t edits = 0;
  bool has_unsent_changes = false;  // changes saved on this device, not submitted
  std::string origin;               // of imported rows: "<file hash>:<row>"; empty otherwise
  /// The team's policy removed what it says from this device: no fields, no status values any more.
  std::optional<WallTime> purged;

  const Field* field(std::string_view path) const;
  size_t conflicts() const;
};

/// A line's place in lists: newest event first, those without one last; then newest creation, then id. A page begins
/// after the place of the last line of the page before, whatever came or went meanwhile.
struct ListPlace {
  std::optional<WallTime> event_time;
  WallTime created{};
  ReportId report;

  std::string text() const;  // for command lines and links
  static Result<ListPlace> parse(std::string_view text);
  bool operator==(const ListPlace&) const = default;
};

/// One line of a list.
struct ReportSummary {
  ReportId id;
  std::string form_id;
  std::string title;  // from the fields with role title or narrative; first 80 characters
  std::string category;
  std::optional<WallTime> event_time;  // role event_time
  std::string event_day;               // "2020-01-05", as written; empty if unknown
  std::optional<Value::LatLon> place;
  WallTime created;
  DeviceId author;
  Status status = Status::draft;
  Level level = Level::draft;
  bool retracted = false;
  uint32_t conflicts = 0;
  std::optional<WallTime> purged;  // see Report

  ListPlace place_in_list() const { return {event_time, created, id}; }
};

/// What to list. Everything that is set must hold.
struct ReportQuery {
  std::string form_id;
  std::optional<Status> status;
  std::optional<WallTime> from, until;  // event time, until exclusive
  struct Box {
    double south, west, north, east;  // west above east: across the 180th meridian
  };
  std::optional<Box> box;
  struct Circle {
    double latitude, longitude;
    double metres;  // along the ground
  };
  std::optional<Circle> circle;
  std::string text;  // words; all must occur, the last one may be only begun unless a space follows
  std::string category;
  std::optional<DeviceId> author;
  bool only_conflicts = false;
  bool only_unsent = false;  // drafts, unsent changes, and what no relay has confirmed and no coordinator told of
  bool with_retracted = false;
  size_t limit = 0;                // 0: no limit
  std::optional<ListPlace> after;  // only lines behind this place
};

/// How many reports of a query there are of each kind. Most first; days and months in their order.
struct ReportFacets {
  struct Count {
    std::string value;
    size_t reports = 0;
    bool operator==(const Count&) const = default;
  };
  size_t reports = 0, conflicts = 0, unsent = 0;
  std::vector<Count> forms, statuses, categories, authors;  // authors: device ids in hexadecimal
  std::vector<Count> days, months;                          // "2020-01-05", "2020-01"; of reports with a known event
};

}  // namespace lysoen
