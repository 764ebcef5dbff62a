// What one step of the roster may change, and by whose signature. Shared by those who verify a step and those who make
// one, so that nothing is made that others refuse. Internal.
#pragma once
#include "core/team/roster.h"

namespace lysoen::team::rules {

/// True if the step gives somebody new the team's reports: a new reader, another inbox key of a reader, another epoch.
bool wants_approval(const RosterState& current, const Roster& next);

/// The rule that the step breaks, as the second half of a sentence; nothing if it breaks none. Signatures up to the
/// root and the place in the chain are checked before, a missing agreement (wants_approval) after.
std::optional<std::string> broken_by(const RosterState& current, const Roster& next);

}  // namespace lysoen::team::rules
