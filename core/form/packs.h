// The texts of the forms that ship with Lysoen (packs/*.xml), embedded when the library is built.
#pragma once
#include <string_view>
#include <vector>

namespace lysoen::form {

const std::vector<std::string_view>& pack_texts();

}  // namespace lysoen::form
