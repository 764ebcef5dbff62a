// Reading XML from outside with pugixml, and the little that XForms need of names and namespaces.
#pragma once
#include <lysoen/result.h>

#include <pugixml.hpp>
#include <string>
#include <string_view>

namespace lysoen::form {

constexpr size_t kXmlSizeMax = 8 * 1024 * 1024;
constexpr size_t kXmlDepthMax = 64;

/// Parses UTF-8 XML. Document type declarations, and with them entities and external references, are refused before the
/// parser sees the text; depth is checked likewise. Errors: input_refused with the line, limit_exceeded.
Result<void> load_xml(pugi::xml_document& document, std::string_view text);

/// Line of a node in the text it was loaded from, from 1.
size_t line_of(std::string_view text, size_t offset);

/// The name without its prefix.
std::string_view local_name(std::string_view name);
/// First child element with this local name, or a null node.
pugi::xml_node child(pugi::xml_node parent, std::string_view local);
/// The value of an attribute with this local name whose prefix is bound to `uri` at this node; empty if there is none.
std::string_view attribute_in(pugi::xml_node node, std::string_view uri, std::string_view local);
/// Whether this is an element with this local name whose own prefix is bound to `uri`; a default namespace does not
/// count.
bool is_element_in(pugi::xml_node node, std::string_view uri, std::string_view local);
/// Text of a node and its descendants, trimmed; <output/> elements, which stand for computed text, become "…".
std::string text_of(pugi::xml_node node);

}  // namespace lysoen::form
