// Roles by the names that forms use: <bind nodeset="/data/where" lysoen:role="place"/>.
#pragma once
#include <lysoen/form.h>

namespace lysoen::form {

// The namespace of Lysoen's attributes in an XForm.
inline constexpr std::string_view kNamespace = "urn:lysoen:form";

/// The role, or none if the name is unknown (a newer form's role is no reason to refuse the form).
FieldRole role_from(std::string_view name);
std::string_view name_of(FieldRole role);

}  // namespace lysoen::form
