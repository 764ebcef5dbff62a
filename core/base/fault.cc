#include "core/base/fault.h"

#ifdef LYSOEN_TEST_BUILD
namespace lysoen::fault {

bool entries_not_sealed = false;

bool plant(std::string_view name) {
  if (name != "entries_not_sealed") return false;
  entries_not_sealed = true;
  return true;
}

}  // namespace lysoen::fault
#endif
