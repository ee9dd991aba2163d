// What becomes of a program whose memory runs out, or in which something is
// thrown that nobody catches: "error: out of memory while ..." or "error:
// internal: ..." on stderr, exit code 1, and nothing left behind.
#pragma once

#include "runtime/support/Status.h"

#include <functional>

namespace sluice::tools {

// What the program does now, for that message; the text must stay.
void nowDoing(const char *what);

// From here on a failed allocation ends the program on the spot. For programs
// whose libraries cannot be unwound.
void endWhenOutOfMemory();
[[noreturn]] void endOutOfMemory() noexcept;
bool endsWhenOutOfMemory() noexcept; // asked for; false in the thread that is
                                     // at it

// Runs `work`; a failed allocation in it, in whatever thread, ends as above,
// and what else is thrown is an error.
Status guarded(const char *what, const std::function<Status()> &work);

} // namespace sluice::tools
