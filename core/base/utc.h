// A time as text, in UTC, for people, files and logs.
#pragma once
#include <lysoen/environment.h>

#include <string>

namespace lysoen {

std::string utc_text(WallTime at);               // 2026-01-31T23:59:59Z
std::string utc_text_milliseconds(WallTime at);  // 2026-01-31T23:59:59.123Z
std::string utc_text_short(WallTime at);         // 2026-01-31 23:59 UTC
std::string utc_day(WallTime at);                // 2026-01-31

}  // namespace lysoen
