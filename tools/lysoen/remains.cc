#include "tools/lysoen/remains.h"

#include <string.h>
#include <unistd.h>

#include <cstdio>
#include <iostream>

namespace lysoen::cli {

namespace {

char input[BUFSIZ], output[BUFSIZ];

/// Where calls that have returned kept their variables, and the linker's helpers the vector registers.
__attribute__((noinline)) void wipe_stack_below() {
  unsigned char below[256 * 1024];
  explicit_bzero(below, sizeof below);
}

}  // namespace

void own_standard_buffers() {
  std::setvbuf(stdin, input, _IOFBF, sizeof input);
  std::setvbuf(stdout, output, isatty(STDOUT_FILENO) ? _IOLBF : _IOFBF, sizeof output);
}

void wipe_remains() {
  std::cout << std::flush;
  std::fflush(stdout);
  explicit_bzero(input, sizeof input);
  explicit_bzero(output, sizeof output);
  wipe_stack_below();
}

}  // namespace lysoen::cli
