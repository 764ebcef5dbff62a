// Forms as the rest of Lysoen sees them: an ODK XForm's questions with types, choices, labels and roles. The logic
// (relevance, constraints, calculation) comes with the forms session. Values are plain data, safe to share.
#pragma once
#include <lysoen/result.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lysoen {

// Types of answers. On the wire and on disk. Never renumber.
enum class ValueType : uint8_t {
  text = 1,
  integer = 2,
  decimal = 3,
  boolean = 4,
  date = 5,
  time = 6,
  date_time = 7,
  point = 8,
  choice = 9,
  choices = 10,
  attachment = 11,
};
std::string_view name_of(ValueType type);

/// What an answer means to map, search, duplicates and indicators (attribute `lysoen:role` of the question).
enum class FieldRole : uint8_t {
  none,
  event_time,
  place,
  place_name,
  category,
  title,
  narrative,
  harmed,
  actor,
  weapon,
  source,
  identity,
  contact,
  sensitivity,
  consent,
  dimensions,
};

/// Text by language tag ("en", "fr").
using Labels = std::map<std::string, std::string, std::less<>>;
/// The label in `language` ("fr-CA" falls back to "fr"), else in English, else in any, else empty.
std::string_view pick(const Labels& labels, std::string_view language);

struct Choice {
  std::string code;
  Labels labels;
};

struct Question {
  std::string path;  // "victims/name": names of groups and question, no leading slash, no form root
  ValueType type = ValueType::text;
  FieldRole role = FieldRole::none;
  bool required = false;
  bool in_repeat = false;  // then `repeat` is the path of the group that repeats
  std::string repeat;
  Labels labels, hints;
  std::vector<Choice> choices;  // for choice and choices

  const Choice* choice(std::string_view code) const;
};

/// One version of one form. Immutable.
class Form {
 public:
  /// Reads an XForm. Entity expansion and external references are refused; at most 8 MiB, depth 64.
  /// Errors: input_refused (with the line), limit_exceeded.
  static Result<std::shared_ptr<const Form>> parse(std::string_view xform);

  const std::string& id() const { return id_; }
  const std::string& version() const { return version_; }
  const Labels& title() const { return title_; }
  const std::vector<std::string>& languages() const { return languages_; }
  const std::vector<Question>& questions() const { return questions_; }
  /// Whether what is attached to its reports is handed on as shareable copies (media.h), unless a person asks for the
  /// originals: attribute `lysoen:attachments="shareable"` of the model.
  bool shareable_copies() const { return shareable_copies_; }
  /// Questions and groups of repeats by path without item ids: "victims/name".
  const Question* question(std::string_view path) const;
  bool is_repeat(std::string_view path) const;
  /// The question that carries a role, or none.
  const Question* with_role(FieldRole role) const;
  /// What reports of this form are compressed with: the first when they are written, the others, those of earlier
  /// versions, when they are read. Bytes of zstd, not looked into here. Empty if the form carries none.
  const std::vector<std::vector<uint8_t>>& dictionaries() const { return dictionaries_; }

 private:
  std::string id_, version_;
  Labels title_;
  std::vector<std::string> languages_, repeats_;
  std::vector<Question> questions_;
  bool shareable_copies_ = false;
  std::vector<std::vector<uint8_t>> dictionaries_;
};

/// The forms that ship with Lysoen: "human-rights-violation", "police-incident", "mine-hazard".
const std::vector<std::shared_ptr<const Form>>& built_in_forms();
/// A built-in form by id, or null.
std::shared_ptr<const Form> built_in_form(std::string_view id);

}  // namespace lysoen
