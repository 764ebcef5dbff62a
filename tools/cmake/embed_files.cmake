# Script of lysoen_embed: writes OUT/NAMESPACE.h and .cc from FILES (separated by '|'). Bytes go in as numbers, so that
# nothing in a file can end a string early.
string(REPLACE "|" ";" files "${FILES}")
set(header "#pragma once\n#include <string_view>\n\nnamespace lysoen::${NAMESPACE} {\n")
set(body "#include \"embedded/${NAMESPACE}.h\"\n\nnamespace lysoen::${NAMESPACE} {\n")
foreach(file ${files})
  get_filename_component(name ${file} NAME)
  string(REGEX REPLACE "[^A-Za-z0-9]" "_" name ${name})
  file(READ ${file} hex HEX)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "'\\\\x\\1'," bytes "${hex}")
  string(APPEND header "extern const std::string_view ${name};\n")
  string(APPEND body "static constexpr char ${name}_bytes[] = {${bytes}0};\n"
                     "const std::string_view ${name}(${name}_bytes, sizeof ${name}_bytes - 1);\n")
endforeach()
file(WRITE ${OUT}/${NAMESPACE}.h "${header}}  // namespace lysoen::${NAMESPACE}\n")
file(WRITE ${OUT}/${NAMESPACE}.cc "${body}}  // namespace lysoen::${NAMESPACE}\n")
