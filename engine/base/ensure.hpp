// A broken invariant is a bug, and a bug stops the process in every build. ENSURE is for what can
// only be false if our own code is wrong: never for input, and never for the state of the world.
#pragma once

namespace drover {

// Prints the condition with its place to standard error and aborts.
[[noreturn]] void ensure_failed(const char* condition, const char* file, int line);

}  // namespace drover

#define ENSURE(condition)     \
    ((condition) ? (void)0 : ::drover::ensure_failed(#condition, __FILE__, __LINE__))
