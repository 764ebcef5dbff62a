// Values in the bytes of an edit: compact, and with exactly the digits they had.
#pragma once
#include <lysoen/report.h>

#include "lysoen/report/edit.pb.h"

namespace lysoen::report {

/// Requires a value as Value::parse makes it. `set` gets one value of its oneof.
void put_value(const Value& value, v0::Set& set);
/// The value, or none if there is none. Errors: input_refused, newer_version (a type that is not known).
Result<std::optional<Value>> take_value(const v0::Set& set);

}  // namespace lysoen::report
