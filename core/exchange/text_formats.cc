#include "core/exchange/text_formats.h"

#include <algorithm>

namespace lysoen::exchange {

namespace {

// [+-] digits with at most one point, and an exponent perhaps; or several of these, as in a point.
bool is_made_of_numbers(std::string_view text) {
  bool digits = false, dot = false, exponent = false;
  char before = ' ';
  for (char c : text) {
    bool sign = c == '+' || c == '-';
    if (c == ' ') {
      if (!digits) return false;
      digits = dot = exponent = false;
    } else if (c >= '0' && c <= '9') {
      digits = true;
    } else if (c == '.' && !dot && !exponent) {
      dot = true;
    } else if ((c == 'e' || c == 'E') && digits && !exponent) {
      exponent = true, digits = false;
    } else if (!sign || (before != ' ' && before != 'e' && before != 'E')) {
      return false;
    }
    before = c;
  }
  return digits;
}

// Spreadsheets pass over blanks in front, and some take the wide forms of the signs for the signs.
bool begins_a_formula(std::string_view text) {
  if (text.empty()) return false;
  if (std::string_view("\t\r\n").find(text.front()) != std::string_view::npos) return true;
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  for (std::string_view sign : {"=", "+", "-", "@", "\uFF1D", "\uFF0B", "\uFF0D", "\uFF20"})
    if (text.starts_with(sign)) return true;
  return false;
}

}  // namespace

std::string csv_cell(std::string_view text) {
  // Blanks at the ends are quoted too: readers drop them otherwise.
  bool plain =
      text.find_first_of(",\"\r\n\t") == std::string_view::npos && !text.starts_with(' ') && !text.ends_with(' ');
  if (plain) return std::string(text);
  std::string quoted = "\"";
  for (char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

std::string csv_text_cell(std::string_view text) {
  bool risky = begins_a_formula(text) && !is_made_of_numbers(text);
  return csv_cell(risky ? "'" + std::string(text) : std::string(text));
}

std::string json_string(std::string_view text) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out = "\"";
  for (size_t i = 0; i < text.size(); ++i) {
    auto byte = static_cast<unsigned char>(text[i]);
    if (byte == '"' || byte == '\\') {
      out += {'\\', text[i]};
    } else if (byte == '\n') {
      out += "\\n";
    } else if (byte < 0x20 || byte == '<' || byte == '>' || byte == '&') {
      out += {'\\', 'u', '0', '0', kDigits[byte >> 4], kDigits[byte & 15]};
    } else if (text.substr(i, 3) == "\xE2\x80\xA8" || text.substr(i, 3) == "\xE2\x80\xA9") {
      out += text[i + 2] == '\xA8' ? "\\u2028" : "\\u2029";
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out + "\"";
}

std::string json_number(std::string_view text) {
  size_t exponent_at = std::min(text.find_first_of("eE"), text.size());
  auto mantissa = text.substr(0, exponent_at), exponent = text.substr(exponent_at);
  bool minus = mantissa.starts_with('-');
  if (minus || mantissa.starts_with('+')) mantissa.remove_prefix(1);
  size_t point = std::min(mantissa.find('.'), mantissa.size());
  auto whole = mantissa.substr(0, point), fraction = mantissa.substr(std::min(point + 1, mantissa.size()));
  while (whole.size() > 1 && whole.front() == '0') whole.remove_prefix(1);
  std::string out = minus ? "-" : "";
  out += whole.empty() ? "0" : whole;
  if (!fraction.empty()) out += "." + std::string(fraction);
  return out + std::string(exponent);
}

}  // namespace lysoen::exchange
