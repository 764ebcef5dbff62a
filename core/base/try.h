// Passing an error up. `LYSOEN_TRY(expression)` for a Result<void>; `LYSOEN_ASSIGN(auto name, expression)` for a value.
#pragma once
#include <lysoen/result.h>

#define LYSOEN_CONCAT_(a, b) a##b
#define LYSOEN_CONCAT(a, b) LYSOEN_CONCAT_(a, b)

#define LYSOEN_TRY(expression)                                                                              \
  do {                                                                                                      \
    if (auto lysoen_result_ = (expression); !lysoen_result_.ok()) return std::move(lysoen_result_).error(); \
  } while (false)

#define LYSOEN_ASSIGN(declaration, expression) \
  LYSOEN_ASSIGN_(LYSOEN_CONCAT(lysoen_result_, __LINE__), declaration, expression)
#define LYSOEN_ASSIGN_(result, declaration, expression) \
  auto result = (expression);                           \
  if (!result.ok()) return std::move(result).error();   \
  declaration = std::move(result).value()
