#include "core/report/order.h"

#include <algorithm>
#include <tuple>

#include "core/report/path.h"

namespace lysoen::report {

namespace {

struct Step {
  std::string name, order;
  uint64_t item = 0;
  auto operator<=>(const Step&) const = default;
};

std::vector<Step> key_of(std::string_view path, const Orders& orders) {
  std::vector<Step> key;
  size_t begin = 0;
  for (size_t at = 0; at <= path.size(); at = begin) {
    size_t end = std::min(path.find('/', begin), path.size());
    auto step = path.substr(begin, end - begin);
    Step parsed;
    if (size_t open = step.find('['); open != std::string_view::npos) {
      parsed.item = item_id(step.substr(open + 1, step.size() - open - 2)).value_or(0);
      auto found = orders.find(path.substr(0, end));
      parsed.order = found != orders.end() ? found->second : default_order(parsed.item);
      step = step.substr(0, open);
    }
    parsed.name = step;
    key.push_back(std::move(parsed));
    begin = end + 1;
  }
  return key;
}

}  // namespace

void sort_fields(std::vector<Field>& fields, const Orders& orders) {
  std::vector<std::pair<std::vector<Step>, Field>> keyed;
  keyed.reserve(fields.size());
  for (auto& field : fields) keyed.emplace_back(key_of(field.path, orders), std::move(field));
  std::sort(keyed.begin(), keyed.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  for (size_t i = 0; i < fields.size(); ++i) fields[i] = std::move(keyed[i].second);
}

}  // namespace lysoen::report
