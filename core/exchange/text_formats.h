// Text as other programs expect it inside CSV, JSON and HTML.
#pragma once
#include <string>
#include <string_view>

namespace lysoen::exchange {

/// RFC 4180: quoted when needed.
std::string csv_cell(std::string_view text);
/// As csv_cell, for a cell with people's words: a cell that a spreadsheet would run as a formula (it begins with = + -
/// @ or their wide forms, after blanks perhaps, or with a tab or line break, and is not made of numbers) gets an
/// apostrophe in front.
std::string csv_text_cell(std::string_view text);
/// A JSON string with its quotes. `<`, `>`, `&` and U+2028/9 are escaped, so that it may stand inside a page's script.
std::string json_string(std::string_view text);
/// A number as people write it ("+7", ".50", "007.0", "1.e3") as JSON allows it, with the same digits. Requires a
/// decimal value's text.
std::string json_number(std::string_view text);

}  // namespace lysoen::exchange
