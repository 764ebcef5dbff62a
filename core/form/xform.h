// What an XForm says, taken apart: translations, instances, binds. Form::parse puts questions together from it.
#pragma once
#include <lysoen/form.h>
#include <lysoen/ids.h>

#include <optional>
#include <pugixml.hpp>
#include <set>
#include <unordered_map>

namespace lysoen::form {

constexpr size_t kQuestionsMax = 20'000;
constexpr size_t kRepeatsMax = 1'000;
constexpr size_t kChoicesMax = 200'000;  // over all questions
constexpr size_t kDictionariesMax = 4, kDictionarySizeMax = 64 * 1024;

struct Bind {
  std::string type;
  FieldRole role = FieldRole::none;
  bool required = false;     // true(); an expression waits for the logic
  bool conditional = false;  // has a relevance: whether it is asked depends on other answers
  bool computed = false;     // calculated or filled by the system
};

class XForm {
 public:
  /// `text` and `document` outlive the object. Errors: input_refused.
  static Result<XForm> read(const pugi::xml_document& document);

  std::string id, version;
  Labels title;
  bool shareable_copies = false;                // the model's attribute `attachments`
  std::vector<std::string> languages;           // the default one first; empty if the form has no translations
  std::unordered_map<std::string, Bind> binds;  // by path without leading slash and root
  std::set<std::string, std::less<>> nodes;     // paths of the primary instance
  std::vector<std::string> leaves;              // those without children, in document order, without the meta block
  pugi::xml_node body;
  std::vector<Bytes> dictionaries;

  /// Labels of a control's, item's or hint's element: from the translations, else its own text.
  Labels labels_of(pugi::xml_node element) const;
  /// Choices of a select: its own items and those of its itemset, if the list is inside the form.
  std::vector<Choice> choices_of(pugi::xml_node select) const;
  /// The path that a reference means, seen from the path of the enclosing group; nothing if it is an expression.
  std::optional<std::string> resolve(std::string_view context, std::string_view reference) const;
  /// The path that a control, group or repeat refers to, by ref, nodeset or bind.
  std::optional<std::string> path_of(std::string_view context, pugi::xml_node control) const;

 private:
  void read_translations(pugi::xml_node model);
  Result<void> read_instances(pugi::xml_node model);
  void read_nodes(pugi::xml_node node, const std::string& path, size_t depth);
  void read_binds(pugi::xml_node model);
  Result<void> read_dictionaries(pugi::xml_node head);
  Labels labels_by_reference(std::string_view reference, pugi::xml_node item) const;
  Labels untranslated(std::string text) const;

  std::string root_;                                           // local name of the primary instance's root
  std::unordered_map<std::string, Labels> translations_;       // by text id
  std::unordered_map<std::string, pugi::xml_node> instances_;  // secondary ones, by id
  std::unordered_map<std::string, std::string> bind_ids_;      // bind id -> path
};

}  // namespace lysoen::form
