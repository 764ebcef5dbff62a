// The exported page: one HTML file with map and tables that works without a network and loads nothing.
#pragma once
#include "core/exchange/export.h"

namespace lysoen::exchange {

std::unique_ptr<Export> start_page(std::ostream& out, ExportOptions options,
                                   std::vector<std::shared_ptr<const Form>> forms);

}  // namespace lysoen::exchange
