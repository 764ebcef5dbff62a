// The command line for devices, coordinators and admins: wires the real world to the library.
#include <sys/stat.h>

#include <csignal>

#include "tools/lysoen/app.h"
#include "tools/lysoen/remains.h"

int main(int argc, char** argv) {
  umask(077);                // what is written is the user's alone
  signal(SIGPIPE, SIG_IGN);  // a reader that went away is an error to report, not an end without words
  lysoen::cli::own_standard_buffers();
  lysoen::cli::App app;
  for (auto* add : {lysoen::cli::add_init, lysoen::cli::add_team, lysoen::cli::add_join, lysoen::cli::add_report,
                    lysoen::cli::add_forms, lysoen::cli::add_import, lysoen::cli::add_sync, lysoen::cli::add_bundle,
                    lysoen::cli::add_export, lysoen::cli::add_status, lysoen::cli::add_disclose, lysoen::cli::add_vault,
                    lysoen::cli::add_inspect})
    add(app);
  return app.run(argc, argv);
}
