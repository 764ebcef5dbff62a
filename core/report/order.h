// The order in which fields stand in a report: by the names of their paths, items of a repeat in their own order.
#pragma once
#include <lysoen/report.h>

#include <map>

namespace lysoen::report {

using Orders = std::map<std::string, std::string, std::less<>>;  // item path -> order key

/// Sorts; items without a key have their default one.
void sort_fields(std::vector<Field>& fields, const Orders& orders);

}  // namespace lysoen::report
