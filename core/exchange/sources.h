// The two kinds of RecordSource; records.h chooses.
#pragma once
#include <fstream>

#include "core/exchange/records.h"

namespace lysoen::exchange {

/// `total`: bytes of the file behind `in`. Errors as open_records.
Result<std::unique_ptr<RecordSource>> open_csv(std::ifstream in, uint64_t total, const SourceOptions& options);
Result<std::unique_ptr<RecordSource>> open_json(std::ifstream in, uint64_t total, const SourceOptions& options);

}  // namespace lysoen::exchange
