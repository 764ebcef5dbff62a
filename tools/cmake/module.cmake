# lysoen_module(NAME [USES other modules...] [THIRD imported targets...])
#
# One static library for the current folder, named lysoen_NAME, of every .cc file in it. USES is public to those
# who link the module, THIRD is private: a third party's header does not compile outside the module that owns it.
function(lysoen_module name)
  cmake_parse_arguments(arg "" "" "USES;THIRD" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cc)
  add_library(lysoen_${name} STATIC ${sources})
  target_include_directories(lysoen_${name} PUBLIC ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/core/include
                                                   ${PROJECT_SOURCE_DIR}/sync/include)
  list(TRANSFORM arg_USES PREPEND lysoen_)
  target_link_libraries(lysoen_${name} PUBLIC ${arg_USES} PRIVATE lysoen_warnings ${arg_THIRD})
  if(LYSOEN_TEST_BUILD)
    target_compile_definitions(lysoen_${name} PUBLIC LYSOEN_TEST_BUILD=1)
  endif()
endfunction()

# lysoen_test(NAME [USES modules...] [THIRD targets...] [LABEL unit]): one Catch2 program of every .cc file in the folder.
function(lysoen_test name)
  cmake_parse_arguments(arg "" "LABEL;TIMEOUT" "USES;THIRD" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cc)
  if(NOT sources)
    return()
  endif()
  add_executable(${name} ${sources})
  list(TRANSFORM arg_USES PREPEND lysoen_)
  target_link_libraries(${name} PRIVATE lysoen_warnings lysoen_test_main ${arg_USES} ${arg_THIRD})
  add_test(NAME ${name} COMMAND ${name})
  if(NOT arg_LABEL)
    set(arg_LABEL unit)
  endif()
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 1200)  # sanitizers on two busy cores; a test that hangs still ends
  endif()
  set_tests_properties(${name} PROPERTIES LABELS ${arg_LABEL} TIMEOUT ${arg_TIMEOUT})
endfunction()
