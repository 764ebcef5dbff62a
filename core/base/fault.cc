#include "core/base/fault.h"

#ifdef LYSOEN_TEST_BUILD
namespace lysoen::fault {

#define LYSOEN_DEFINE_FAULT(name) bool name = false;
LYSOEN_FAULTS(LYSOEN_DEFINE_FAULT)

bool plant(std::string_view name) {
#define LYSOEN_PLANT_FAULT(fault) \
  if (name == #fault) return fault = true;
  LYSOEN_FAULTS(LYSOEN_PLANT_FAULT)
  return false;
}

void pull(std::string_view name) {
#define LYSOEN_PULL_FAULT(fault) \
  if (name == #fault) fault = false;
  LYSOEN_FAULTS(LYSOEN_PULL_FAULT)
}

std::span<const std::string_view> names() {
#define LYSOEN_NAME_FAULT(fault) #fault,
  static constexpr std::string_view kNames[] = {LYSOEN_FAULTS(LYSOEN_NAME_FAULT)};
  return kNames;
}

}  // namespace lysoen::fault
#endif
