// A mapping says how the columns of a foreign file become answers of a form (docs/guides/importing.md). It is JSON:
//
//   { "lysoen_mapping": 1, "form": "police-incident", "format": "csv", "encoding": "utf-8", "skip_rows": 0,
//     "set":    { "country": "US" },
//     "fields": [ { "path": "event_date", "from": ["month", "day", "year"], "join": " ", "date": "%B %d %Y" },
//                 { "path": "position", "from": ["latitude", "longitude"], "join": " " },
//                 { "path": "sources/url", "from": "URL", "split": ", " },
//                 { "repeat": "sources", "from": "links", "fields": [ { "path": "url", "from": "url" } ] } ] }
//
// Decide, then apply: a record becomes plain changes, or a reason why it does not fit. Reasons name paths and columns,
// never values.
#pragma once
#include <lysoen/form.h>
#include <lysoen/report.h>

#include <map>

#include "core/exchange/records.h"

namespace lysoen::exchange {

/// How one answer is made from one record.
struct FieldRule {
  std::string path;                                       // of the question, with its repeat
  std::vector<std::string> from;                          // columns or members; dots reach into objects ("place.lat")
  std::string join = " ";                                 // between those that are not empty
  std::string split;                                      // not empty: one item, or one choice, for each part
  std::string date;                                       // strptime format of a whole date; empty: as written
  bool number = false;                                    // thousands separators are dropped
  bool point = false;                                     // "lat, lon" in one cell
  std::map<std::string, std::string, std::less<>> codes;  // text in the file -> code of the choice
  std::optional<std::string> otherwise;                   // code for what `codes` does not list
};

/// Items of a repeat from an array of objects (JSON).
struct RepeatRule {
  std::string repeat, from;
  std::vector<FieldRule> fields;
};

class Mapping {
 public:
  /// Errors: input_refused: not JSON, an unknown key, a form or path that does not exist, with what and where.
  static Result<Mapping> parse(std::string_view json, const std::vector<std::shared_ptr<const Form>>& forms);

  const Form& form() const { return *form_; }
  const SourceOptions& source() const { return source_; }
  void set_encoding(Encoding encoding) { source_.encoding = encoding; }
  const std::vector<FieldRule>& fields() const { return fields_; }
  const std::vector<RepeatRule>& repeats() const { return repeats_; }
  /// Columns that the mapping uses and `columns` lacks, as one error; for CSV only.
  Result<void> check_columns(const std::vector<std::string>& columns) const;
  /// The changes that make this record a report. Errors: input_refused with the reason.
  Result<std::vector<Change>> apply(const nlohmann::json& record) const;

 private:
  friend class MappingParser;
  std::shared_ptr<const Form> form_;
  SourceOptions source_;
  std::vector<Change> constants_;
  std::vector<FieldRule> fields_;
  std::vector<RepeatRule> repeats_;
};

/// One value of the question that `rule` names, from text of the file. Errors: input_refused naming the question.
Result<Value> mapped_value(const Form& form, const FieldRule& rule, std::string text);

}  // namespace lysoen::exchange
