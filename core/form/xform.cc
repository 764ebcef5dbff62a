#include "core/form/xform.h"

#include <algorithm>

#include "core/base/base64url.h"
#include "core/base/try.h"
#include "core/form/role.h"
#include "core/form/text.h"
#include "core/form/xml.h"

namespace lysoen::form {

namespace {

Error refused(std::string why) {
  return make_error(ErrorCode::input_refused, "cannot read form: " + std::move(why),
                    "export the form again as an ODK XForm");
}

// "French (fr)" -> "fr"; what has no tag in brackets stays as it is.
std::string language_tag(std::string_view name) {
  size_t open = name.rfind('(');
  if (open != std::string_view::npos && name.ends_with(')')) {
    auto tag = trimmed(name.substr(open + 1, name.size() - open - 2));
    if (tag.size() >= 2) return std::string(tag);
  }
  return std::string(name);
}

// What stands between the quotes of jr:itext('...') or instance("..."); nothing for other expressions.
std::optional<std::string_view> quoted_argument(std::string_view expression, std::string_view function) {
  size_t at = expression.find(function);
  if (at == std::string_view::npos) return std::nullopt;
  auto rest = trimmed(expression.substr(at + function.size()));
  if (rest.empty() || (rest[0] != '\'' && rest[0] != '"')) return std::nullopt;
  size_t end = rest.find(rest[0], 1);
  if (end == std::string_view::npos) return std::nullopt;
  return rest.substr(1, end - 1);
}

// Steps of a path with the predicates in brackets left out; nothing if brackets do not match.
std::optional<std::vector<std::string>> steps_without_predicates(std::string_view path) {
  std::vector<std::string> steps(1);
  size_t depth = 0;
  char quote = 0;
  for (char c : path) {
    if (quote) {
      if (c == quote) quote = 0;
    } else if (depth > 0 && (c == '\'' || c == '"')) {
      quote = c;
    } else if (c == '[') {
      ++depth;
    } else if (c == ']') {
      if (depth-- == 0) return std::nullopt;
    } else if (depth == 0 && c == '/') {
      steps.emplace_back();
    } else if (depth == 0) {
      steps.back() += c;
    }
  }
  if (depth != 0) return std::nullopt;
  return steps;
}

bool is_true(std::string_view expression) {
  expression = trimmed(expression);
  return expression == "true()" || expression == "true";
}

}  // namespace

Result<XForm> XForm::read(const pugi::xml_document& document) {
  XForm form;
  auto html = child(document, "html");
  auto head = child(html, "head"), model = child(head, "model");
  form.body = child(html, "body");
  if (!model || !form.body) return refused("no XForm model and body in it");
  form.read_translations(model);
  LYSOEN_TRY(form.read_instances(model));
  form.read_binds(model);
  // A word that a later version may bring is taken with care.
  const auto attachments = attribute_in(model, kNamespace, "attachments");
  form.shareable_copies = !attachments.empty() && attachments != "original";
  LYSOEN_TRY(form.read_dictionaries(head));
  auto heading = child(head, "title");
  auto translated = form.translations_.find(std::string(attribute_in(heading, kNamespace, "itext")));
  form.title = translated != form.translations_.end() ? translated->second : form.untranslated(text_of(heading));
  return form;
}

void XForm::read_translations(pugi::xml_node model) {
  auto itext = child(model, "itext");
  for (auto translation : itext.children()) {
    if (local_name(translation.name()) != "translation") continue;
    auto language = language_tag(translation.attribute("lang").value());
    if (language.empty()) continue;
    bool first = is_true(translation.attribute("default").value());
    languages.insert(first ? languages.begin() : languages.end(), language);
    for (auto entry : translation.children()) {
      // The plain value; what has a form ("image", "audio", "short") accompanies it.
      for (auto value : entry.children()) {
        if (local_name(value.name()) != "value" || value.attribute("form")) continue;
        if (auto text = text_of(value); !text.empty()) translations_[entry.attribute("id").value()][language] = text;
      }
    }
  }
}

Result<void> XForm::read_instances(pugi::xml_node model) {
  bool found = false;
  for (auto instance : model.children()) {
    if (local_name(instance.name()) != "instance") continue;
    if (found) {
      instances_.emplace(instance.attribute("id").value(), instance);
      continue;
    }
    pugi::xml_node root;
    for (auto node : instance.children())
      if (node.type() == pugi::node_element && !root) root = node;
    if (!root) return refused("its first instance is empty");
    found = true;
    root_ = local_name(root.name());
    for (auto attribute : root.attributes()) {
      if (local_name(attribute.name()) == "id") id = attribute.value();
      if (local_name(attribute.name()) == "version") version = attribute.value();
    }
    if (id.empty()) id = root.attribute("xmlns").value();
    read_nodes(root, "", 0);
  }
  if (!found) return refused("no instance in its model");
  if (id.empty()) return refused("its instance has no id");
  if (id.size() > 255 || version.size() > 255 || has_control_characters(id) || has_control_characters(version))
    return refused("its id or version is longer than 255 bytes or holds control characters");
  return {};
}

void XForm::read_nodes(pugi::xml_node node, const std::string& path, size_t depth) {
  if (depth > kXmlDepthMax) return;
  bool leaf = true;
  for (auto inner : node.children()) {
    if (inner.type() != pugi::node_element) continue;
    leaf = false;
    auto name = std::string(local_name(inner.name()));
    read_nodes(inner, path.empty() ? name : path + "/" + name, depth + 1);
  }
  // A repeat may stand twice, as template and as first item.
  bool known = !nodes.insert(path).second;
  if (leaf && !known && !path.empty() && path != "meta" && !path.starts_with("meta/")) leaves.push_back(path);
}

Result<void> XForm::read_dictionaries(pugi::xml_node head) {
  for (auto node : head.children()) {
    if (!is_element_in(node, kNamespace, "dictionary")) continue;
    if (dictionaries.size() >= kDictionariesMax) return refused("it has more than 4 dictionaries");
    std::string text = node.child_value();
    std::erase_if(text, [](char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; });
    auto bytes = from_base64url(text);
    if (!bytes || bytes->empty()) return refused("its dictionary is not base64url text");
    if (bytes->size() > kDictionarySizeMax) return refused("its dictionary is larger than 64 KiB");
    dictionaries.push_back(std::move(*bytes));
  }
  return {};
}

void XForm::read_binds(pugi::xml_node model) {
  for (auto node : model.children()) {
    if (local_name(node.name()) != "bind") continue;
    std::string_view reference = node.attribute("nodeset").value();
    if (reference.empty()) reference = node.attribute("ref").value();
    auto path = resolve("", reference);
    if (!path) continue;
    Bind bind;
    bind.type = local_name(node.attribute("type").value());
    bind.required = is_true(node.attribute("required").value());
    std::string_view relevant = node.attribute("relevant").value();
    bind.conditional = !relevant.empty() && !is_true(relevant);
    bind.computed = node.attribute("calculate") || node.attribute("jr:preload");
    bind.role = role_from(attribute_in(node, kNamespace, "role"));
    if (node.attribute("id")) bind_ids_[node.attribute("id").value()] = *path;
    binds.emplace(std::move(*path), std::move(bind));
  }
}

std::optional<std::string> XForm::resolve(std::string_view context, std::string_view reference) const {
  auto steps = steps_without_predicates(trimmed(reference));
  if (!steps || trimmed(reference).empty()) return std::nullopt;
  std::vector<std::string> path;
  size_t first = 0;
  if ((*steps)[0].empty()) {  // absolute: "", root, ...
    if (steps->size() < 2 || local_name((*steps)[1]) != root_) return std::nullopt;
    first = 2;
  } else if (!context.empty()) {
    path = *steps_without_predicates(context);
  }
  for (size_t i = first; i < steps->size(); ++i) {
    std::string_view step = trimmed((*steps)[i]);
    if (step == ".") continue;
    if (step == "..") {
      if (path.empty()) return std::nullopt;
      path.pop_back();
    } else if (step.empty() || step.find_first_of("()'\"@$ ") != std::string_view::npos) {
      return std::nullopt;
    } else {
      path.emplace_back(local_name(step));
    }
  }
  std::string joined;
  for (const auto& step : path) joined += (joined.empty() ? "" : "/") + step;
  return joined;
}

std::optional<std::string> XForm::path_of(std::string_view context, pugi::xml_node control) const {
  for (const char* name : {"ref", "nodeset"})
    if (auto attribute = control.attribute(name)) return resolve(context, attribute.value());
  auto bound = bind_ids_.find(control.attribute("bind").value());
  if (bound != bind_ids_.end()) return bound->second;
  return std::nullopt;
}

Labels XForm::untranslated(std::string text) const {
  if (text.empty()) return {};
  return {{languages.empty() ? std::string("default") : languages.front(), std::move(text)}};
}

Labels XForm::labels_by_reference(std::string_view reference, pugi::xml_node item) const {
  std::string text_id;
  if (auto quoted = quoted_argument(reference, "itext(")) {
    text_id = *quoted;
  } else if (reference.find("itext(") != std::string_view::npos) {  // jr:itext(itextId): the item's child holds the id
    auto name = reference.substr(reference.find("itext(") + 6);
    text_id = text_of(child(item, local_name(trimmed(name.substr(0, name.find(')'))))));
  } else {
    return item ? untranslated(text_of(child(item, local_name(trimmed(reference))))) : Labels{};
  }
  auto found = translations_.find(text_id);
  return found == translations_.end() ? Labels{} : found->second;
}

Labels XForm::labels_of(pugi::xml_node element) const {
  if (!element) return {};
  auto labels = labels_by_reference(element.attribute("ref").value(), {});
  return labels.empty() ? untranslated(text_of(element)) : labels;
}

std::vector<Choice> XForm::choices_of(pugi::xml_node select) const {
  std::vector<Choice> choices;
  std::set<std::string> codes;
  auto add = [&](std::string code, Labels labels) {
    if (!code.empty() && codes.insert(code).second) choices.push_back({std::move(code), std::move(labels)});
  };
  for (auto node : select.children()) {
    if (local_name(node.name()) == "item") add(text_of(child(node, "value")), labels_of(child(node, "label")));
    if (local_name(node.name()) != "itemset") continue;
    std::string_view nodeset = node.attribute("nodeset").value();
    auto list = quoted_argument(nodeset, "instance(");
    auto steps = steps_without_predicates(nodeset);
    auto instance = list ? instances_.find(std::string(*list)) : instances_.end();
    if (!steps || steps->size() < 2 || instance == instances_.end()) continue;  // an external or computed list
    auto value_name = std::string(child(node, "value").attribute("ref").value());
    auto label_reference = std::string(child(node, "label").attribute("ref").value());
    auto parent = instance->second;
    for (size_t i = 1; i + 1 < steps->size(); ++i) parent = child(parent, local_name((*steps)[i]));
    for (auto item : parent.children())
      if (item.type() == pugi::node_element && local_name(item.name()) == local_name(steps->back()))
        add(text_of(child(item, local_name(value_name))), labels_by_reference(label_reference, item));
    if (choices.size() > kChoicesMax) break;
  }
  return choices;
}

}  // namespace lysoen::form
