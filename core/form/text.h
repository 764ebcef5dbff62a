// What text from outside must look like before anything else reads it.
#pragma once
#include <cstddef>
#include <string_view>

namespace lysoen::form {

/// Well-formed UTF-8 (Unicode 15, table 3-7): no overlong forms, no surrogates, nothing above U+10FFFF.
bool is_utf8(std::string_view text);

/// Holds a control character other than tab, line feed and carriage return: U+0000..1F, U+007F, U+0080..9F. The last
/// block is what Windows-1252 bytes become when they are taken for Latin-1, and some terminals obey it. Requires UTF-8.
bool has_control_characters(std::string_view text);

/// The first `count` code points. Requires UTF-8.
std::string_view first_code_points(std::string_view text, size_t count);

/// Without blanks, tabs and line ends at both ends.
std::string_view trimmed(std::string_view text);

}  // namespace lysoen::form
