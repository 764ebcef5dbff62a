// What every edit has to keep to, whoever made it: checked when it is encoded and when it is decoded.
#pragma once
#include "core/report/edit.h"

namespace lysoen::report {

/// Puts what has no order of its own into the one order that the encoding has.
void put_in_order(Edit& edit);
/// Requires order. Errors: input_refused naming the rule, limit_exceeded.
Result<void> check_edit(const Edit& edit);

}  // namespace lysoen::report
