#include "tools/lysoen/standard_buffers.h"

#include <string.h>
#include <unistd.h>

#include <cstdio>
#include <iostream>

namespace lysoen::cli {

namespace {

char input[BUFSIZ], output[BUFSIZ];

}  // namespace

void own_standard_buffers() {
  std::setvbuf(stdin, input, _IOFBF, sizeof input);
  std::setvbuf(stdout, output, isatty(STDOUT_FILENO) ? _IOLBF : _IOFBF, sizeof output);
}

void wipe_standard_buffers() {
  std::cout << std::flush;
  std::fflush(stdout);
  explicit_bzero(input, sizeof input);
  explicit_bzero(output, sizeof output);
}

}  // namespace lysoen::cli
