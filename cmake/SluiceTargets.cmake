# Every library and tool of the project is declared through these functions, so that
# include paths, warnings and sanitizers are decided in one place.

function(sluice_sanitize target)
  if(SLUICE_SANITIZE)
    # Code without RTTI, as LLVM wants it, has nothing that the check of vptrs could look up;
    # generated kernels have nothing that the check of functions could.
    target_compile_options(${target} PUBLIC -fsanitize=${SLUICE_SANITIZE} -fno-sanitize=vptr
      -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
    if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
      target_compile_options(${target} PUBLIC -fno-sanitize=function)
    endif()
    target_link_options(${target} PUBLIC -fsanitize=${SLUICE_SANITIZE})
  endif()
  if(SLUICE_SANITIZE STREQUAL "thread")
    target_compile_definitions(${target} PRIVATE SLUICE_TSAN)
  endif()
endfunction()

function(sluice_compile_options target)
  target_include_directories(${target} PUBLIC ${PROJECT_SOURCE_DIR} ${PROJECT_BINARY_DIR})
  target_compile_options(${target} PRIVATE -Wall -Wextra -Werror)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # GCC 12 reports these inside its own string and variant once it optimises.
    target_compile_options(${target} PRIVATE -Wno-restrict -Wno-maybe-uninitialized
      -Wno-array-bounds -Wno-stringop-overflow -Wno-stringop-overread)
  endif()
  sluice_sanitize(${target})
  if(SLUICE_FUZZ)
    target_compile_options(${target} PUBLIC -fsanitize=fuzzer-no-link)
  endif()
endfunction()

# Programs carry the options that a sanitized build needs.
function(sluice_program target)
  sluice_compile_options(${target})
  if(SLUICE_SANITIZE)
    target_sources(${target} PRIVATE ${PROJECT_SOURCE_DIR}/cmake/SanitizerOptions.cpp)
  endif()
endfunction()

# A library without LLVM or MLIR.
function(sluice_library name)
  add_library(${name} STATIC ${ARGN})
  sluice_compile_options(${name})
endfunction()

# LLVM gives its definitions as one string.
separate_arguments(SLUICE_LLVM_DEFINITIONS NATIVE_COMMAND "${LLVM_DEFINITIONS}")

# A library that uses LLVM and MLIR; both are linked as shared libraries.
function(sluice_mlir_library name)
  add_library(${name} STATIC ${ARGN})
  set_property(GLOBAL APPEND PROPERTY SLUICE_MLIR_LIBRARIES ${name})
  sluice_compile_options(${name})
  target_include_directories(${name} SYSTEM PUBLIC ${LLVM_INCLUDE_DIRS} ${MLIR_INCLUDE_DIRS})
  target_compile_definitions(${name} PUBLIC ${SLUICE_LLVM_DEFINITIONS})
  target_compile_options(${name} PUBLIC -fno-rtti -Wno-unused-parameter)
  target_link_libraries(${name} PUBLIC MLIR LLVM)
endfunction()

function(sluice_tool name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LIBS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  sluice_program(${name})
  target_link_libraries(${name} PRIVATE ${ARG_LIBS})
endfunction()

# A GoogleTest program, registered with CTest case by case. Those that link no LLVM are built by
# the target `light`, and their cases are labelled so.
function(sluice_unit_test name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LIBS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  sluice_program(${name})
  target_link_libraries(${name} PRIVATE ${ARG_LIBS} GTest::gmock GTest::gtest_main)
  get_property(heavy GLOBAL PROPERTY SLUICE_MLIR_LIBRARIES)
  set(label light)
  foreach(library ${ARG_LIBS})
    if(library IN_LIST heavy)
      set(label heavy)
    endif()
  endforeach()
  if(label STREQUAL light)
    add_dependencies(light ${name})
  endif()
  gtest_discover_tests(${name} DISCOVERY_TIMEOUT 60 PROPERTIES LABELS ${label})
endfunction()

# Functions `void PREFIX...SUFFIX(...)` that the files define, as lines SLUICE_ADD(name) of ${out} in
# the binary folder: what registers them names none.
function(sluice_function_list out prefix suffix)
  set(list ${CMAKE_CURRENT_BINARY_DIR}/${out})
  list(TRANSFORM ARGN PREPEND ${CMAKE_CURRENT_SOURCE_DIR}/ REGEX "^[^/]")
  add_custom_command(
    OUTPUT ${list}
    COMMAND ${Python3_EXECUTABLE} ${PROJECT_SOURCE_DIR}/cmake/list_functions.py ${prefix} ${suffix} ${list} ${ARGN}
    DEPENDS ${ARGN} ${PROJECT_SOURCE_DIR}/cmake/list_functions.py
    VERBATIM)
endfunction()
