#include "core/form/xml.h"

#include <algorithm>

#include "core/form/text.h"

namespace lysoen::form {

namespace {

Error refused_at(std::string_view text, size_t offset, std::string_view why) {
  return make_error(ErrorCode::input_refused,
                    "cannot read form: " + std::string(why) + " (line " + std::to_string(line_of(text, offset)) + ")",
                    "export the form again as an ODK XForm");
}

// What the parser is not to see: "<!" other than comments and character data, and elements nested too deep. Follows
// quotes inside tags, as the parser does.
Result<void> scan(std::string_view text) {
  size_t depth = 0;
  for (size_t at = text.find('<'); at != std::string_view::npos; at = text.find('<', at)) {
    auto skip_to = [&](std::string_view end) {
      size_t found = text.find(end, at);
      at = found == std::string_view::npos ? text.size() : found + end.size();
    };
    auto rest = text.substr(at);
    if (rest.starts_with("<!--")) {
      at += 4, skip_to("-->");
    } else if (rest.starts_with("<![CDATA[")) {
      at += 9, skip_to("]]>");
    } else if (rest.starts_with("<?")) {
      skip_to("?>");
    } else if (rest.starts_with("<!")) {
      return refused_at(text, at, "document type declarations and entities are not allowed");
    } else {
      size_t begin = at;
      char quote = 0;
      for (; at < text.size(); ++at) {
        char c = text[at];
        if (quote ? c == quote : c == '"' || c == '\'') {
          quote = quote ? char{0} : c;
        } else if (!quote && c == '>') {
          break;
        }
      }
      bool closes = begin + 1 < text.size() && text[begin + 1] == '/', empty = at > begin && text[at - 1] == '/';
      if (closes) {
        depth -= depth > 0;
      } else if (!empty && ++depth > kXmlDepthMax) {
        return make_error(ErrorCode::limit_exceeded, "cannot read form: elements nested deeper than " +
                                                         std::to_string(kXmlDepthMax) + " (line " +
                                                         std::to_string(line_of(text, begin)) + ")");
      }
    }
  }
  return {};
}

void append_text(pugi::xml_node node, std::string& out, size_t depth) {
  if (depth > kXmlDepthMax) return;
  for (auto part : node.children()) {
    if (part.type() == pugi::node_pcdata || part.type() == pugi::node_cdata) out += part.value();
    if (part.type() != pugi::node_element) continue;
    if (local_name(part.name()) == "output")
      out += "…";
    else
      append_text(part, out, depth + 1);
  }
}

}  // namespace

size_t line_of(std::string_view text, size_t offset) {
  auto end = text.begin() + static_cast<std::ptrdiff_t>(std::min(offset, text.size()));
  return static_cast<size_t>(std::count(text.begin(), end, '\n')) + 1;
}

Result<void> load_xml(pugi::xml_document& document, std::string_view text) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  if (text.size() > kXmlSizeMax) return make_error(ErrorCode::limit_exceeded, "cannot read form: larger than 8 MiB");
  if (!is_utf8(text))
    return make_error(ErrorCode::input_refused, "cannot read form: not UTF-8 text", "save the form as UTF-8");
  if (auto scanned = scan(text); !scanned) return scanned;
  auto parsed = document.load_buffer(text.data(), text.size(), pugi::parse_default | pugi::parse_ws_pcdata_single,
                                     pugi::encoding_utf8);
  if (!parsed)
    return refused_at(text, static_cast<size_t>(std::max<ptrdiff_t>(parsed.offset, 0)), "not well-formed XML");
  return {};
}

std::string_view local_name(std::string_view name) {
  size_t colon = name.rfind(':');
  return colon == std::string_view::npos ? name : name.substr(colon + 1);
}

pugi::xml_node child(pugi::xml_node parent, std::string_view local) {
  for (auto node : parent.children())
    if (node.type() == pugi::node_element && local_name(node.name()) == local) return node;
  return {};
}

namespace {
/// What a prefix is bound to at this node; empty if to nothing.
std::string_view namespace_of(pugi::xml_node node, std::string_view prefix) {
  std::string declaration = "xmlns:" + std::string(prefix);
  for (auto scope = node; scope; scope = scope.parent())
    if (auto bound = scope.attribute(declaration.c_str())) return bound.value();
  return {};
}
}  // namespace

std::string_view attribute_in(pugi::xml_node node, std::string_view uri, std::string_view local) {
  for (auto attribute : node.attributes()) {
    std::string_view name = attribute.name();
    size_t colon = name.find(':');
    if (colon == std::string_view::npos || name.substr(colon + 1) != local) continue;
    if (namespace_of(node, name.substr(0, colon)) == uri) return attribute.value();
  }
  return {};
}

bool is_element_in(pugi::xml_node node, std::string_view uri, std::string_view local) {
  if (node.type() != pugi::node_element) return false;
  std::string_view name = node.name();
  size_t colon = name.find(':');
  return colon != std::string_view::npos && name.substr(colon + 1) == local &&
         namespace_of(node, name.substr(0, colon)) == uri;
}

std::string text_of(pugi::xml_node node) {
  std::string text;
  append_text(node, text, 0);
  return std::string(trimmed(text));
}

}  // namespace lysoen::form
