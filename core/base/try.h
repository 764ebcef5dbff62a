// Passing an error up. `LYSOEN_TRY(expression)` for a Result<void>; `LYSOEN_ASSIGN(auto name, expression)` for a value.
#pragma once
#include <lysoen/result.h>

// Each use has a variable of its own name, so that an expression may hold a lambda that uses the macros too.
#define LYSOEN_CONCAT_(a, b) a##b
#define LYSOEN_CONCAT(a, b) LYSOEN_CONCAT_(a, b)
#define LYSOEN_UNIQUE LYSOEN_CONCAT(lysoen_result_, __COUNTER__)

#define LYSOEN_TRY(expression) LYSOEN_TRY_(LYSOEN_UNIQUE, expression)
#define LYSOEN_TRY_(result, expression)                                             \
  do {                                                                              \
    if (auto result = (expression); !result.ok()) return std::move(result).error(); \
  } while (false)

#define LYSOEN_ASSIGN(declaration, expression) LYSOEN_ASSIGN_(LYSOEN_UNIQUE, declaration, expression)
#define LYSOEN_ASSIGN_(result, declaration, expression) \
  auto result = (expression);                           \
  if (!result.ok()) return std::move(result).error();   \
  declaration = std::move(result).value()
