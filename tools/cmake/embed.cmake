# lysoen_embed(TARGET NAMESPACE files...): each file becomes `extern const std::string_view NAME;` in lysoen::NAMESPACE,
# declared in the generated header "embedded/NAMESPACE.h"; NAME is the file's name with every other character as '_'.
set(LYSOEN_EMBED_SCRIPT ${CMAKE_CURRENT_LIST_DIR}/embed_files.cmake)
function(lysoen_embed target namespace)
  set(out ${CMAKE_CURRENT_BINARY_DIR}/generated/embedded)
  list(TRANSFORM ARGN PREPEND ${CMAKE_CURRENT_SOURCE_DIR}/ OUTPUT_VARIABLE files)
  list(JOIN files "|" joined)
  add_custom_command(
    OUTPUT ${out}/${namespace}.h ${out}/${namespace}.cc
    COMMAND ${CMAKE_COMMAND} -DOUT=${out} -DNAMESPACE=${namespace} "-DFILES=${joined}" -P ${LYSOEN_EMBED_SCRIPT}
    DEPENDS ${files} ${LYSOEN_EMBED_SCRIPT} VERBATIM)
  target_sources(${target} PRIVATE ${out}/${namespace}.cc ${out}/${namespace}.h)
  target_include_directories(${target} PRIVATE ${CMAKE_CURRENT_BINARY_DIR}/generated)
endfunction()
