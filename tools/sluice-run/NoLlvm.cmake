# Proves that the runtime needs neither LLVM nor MLIR: cmake -DPROGRAM=... -P.
execute_process(COMMAND ldd ${PROGRAM} OUTPUT_VARIABLE libraries COMMAND_ERROR_IS_FATAL ANY)
if(NOT libraries MATCHES "libdnnl")
  message(FATAL_ERROR "ldd did not list the libraries of ${PROGRAM}:\n${libraries}")
endif()
if(libraries MATCHES "LLVM|MLIR|not found")
  message(FATAL_ERROR "${PROGRAM} must not link LLVM or MLIR:\n${libraries}")
endif()
