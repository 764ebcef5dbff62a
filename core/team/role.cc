#include <lysoen/team.h>

namespace lysoen {
namespace {

struct Named {
  Role role;
  std::string_view name;
};
constexpr Named kRoles[] = {{Role::admin, "admin"},
                            {Role::coordinator, "coordinator"},
                            {Role::auditor, "auditor"},
                            {Role::reporter, "reporter"}};

}  // namespace

std::string describe(Role role) {
  std::string text;
  for (const auto& named : kRoles)
    if (has(role, named.role)) text += (text.empty() ? "" : ", ") + std::string(named.name);
  return text.empty() ? "none" : text;
}

std::optional<Role> role_from(std::string_view name) {
  Role role = Role::none;
  while (true) {
    auto comma = name.find(',');
    auto one = name.substr(0, comma);
    while (one.starts_with(' ')) one.remove_prefix(1);
    while (one.ends_with(' ')) one.remove_suffix(1);
    bool found = false;
    for (const auto& named : kRoles)
      if (named.name == one) role = role | named.role, found = true;
    if (!found) return std::nullopt;
    if (comma == name.npos) return role;
    name.remove_prefix(comma + 1);
  }
}

}  // namespace lysoen
