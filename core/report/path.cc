#include "core/report/path.h"

#include <algorithm>
#include <charconv>

#include "core/base/check.h"

namespace lysoen::report {

namespace {

bool is_name(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
           c == '.' || static_cast<unsigned char>(c) >= 0x80;
  });
}

}  // namespace

std::optional<std::vector<PathStep>> split_path(std::string_view path) {
  if (path.empty() || path.size() > kPathSizeMax) return std::nullopt;
  std::vector<PathStep> steps;
  for (size_t at = 0; at <= path.size();) {
    size_t end = std::min(path.find('/', at), path.size());
    auto step = path.substr(at, end - at);
    at = end + 1;
    PathStep parsed;
    if (size_t open = step.find('['); open != std::string_view::npos) {
      if (!step.ends_with(']')) return std::nullopt;
      parsed.label = step.substr(open + 1, step.size() - open - 2);
      if (!is_name(parsed.label)) return std::nullopt;
      step = step.substr(0, open);
    }
    if (!is_name(step)) return std::nullopt;
    parsed.name = step;
    steps.push_back(std::move(parsed));
    if (steps.size() > kPathStepsMax) return std::nullopt;
  }
  return steps;
}

std::string join_path(const std::vector<PathStep>& steps) {
  std::string path;
  for (const auto& step : steps) {
    if (!path.empty()) path += '/';
    path += step.name;
    if (!step.label.empty()) path += "[" + step.label + "]";
  }
  return path;
}

std::string form_path(std::string_view path) {
  std::string bare;
  bool inside = false;
  for (char c : path) {
    if (c == '[') inside = true;
    if (!inside) bare += c;
    if (c == ']') inside = false;
  }
  return bare;
}

bool is_item_path(std::string_view path) {
  return path.ends_with(']');
}

bool is_within(std::string_view path, std::string_view item) {
  return path.starts_with(item) && (path.size() == item.size() || path[item.size()] == '/');
}

std::vector<std::string> items_of(std::string_view path) {
  std::vector<std::string> items;
  for (size_t at = path.find(']'); at != std::string_view::npos; at = path.find(']', at + 1))
    items.emplace_back(path.substr(0, at + 1));
  return items;
}

std::string item_label(uint64_t id) {
  char digits[16];
  auto [end, error] = std::to_chars(digits, digits + sizeof digits, id, 16);
  return "i-" + std::string(digits, end);
}

std::optional<uint64_t> item_id(std::string_view label) {
  if (!label.starts_with("i-")) return std::nullopt;
  auto digits = label.substr(2);
  uint64_t id = 0;
  auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), id, 16);
  if (error != std::errc() || end != digits.data() + digits.size() || id == 0 || id >= kItemIdEnd) return std::nullopt;
  if (item_label(id) != label) return std::nullopt;  // upper case or leading zeros
  return id;
}

std::string default_order(uint64_t id) {
  std::string key;
  size_t bytes = 4;
  if (id >= kFirstRandomItem) key += '\xFF', bytes = 8;
  for (size_t i = bytes; i-- > 0;) key += static_cast<char>(id >> (8 * i));
  return key;
}

std::optional<std::string> order_between(std::string_view low, std::string_view high) {
  LYSOEN_CHECK(high.empty() || low < high);
  std::string key;
  auto byte = [](std::string_view text, size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u;
  };
  bool bounded = !high.empty();
  for (size_t i = 0; i < kOrderSizeMax; ++i) {
    unsigned from = byte(low, i), to = bounded ? byte(high, i) : 256u;
    // Room between the two bytes: take the middle, a small step when there is no upper bound (appending is common).
    if (to > from + 1) {
      unsigned step = bounded ? (to - from) / 2 : (from < 0xF0 ? 1u : (to - from) / 2);
      if (step > 0 && from + step < 256 && from + step != 0) return key + static_cast<char>(from + step);
    }
    key += static_cast<char>(from);
    if (to > from) bounded = false;  // already below `high`
  }
  return std::nullopt;
}

}  // namespace lysoen::report
