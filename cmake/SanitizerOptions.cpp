// Debian's LLVM is not instrumented: what it poisons in its own containers, it
// does not always unpoison where instrumented code looks.
extern "C" const char *__asan_default_options();
extern "C" const char *__asan_default_options() {
  return "allow_user_poisoning=0";
}

// oneDNN and libgomp are not instrumented either: what they order among their
// threads is unknown, so what they touch is no evidence of a race.
extern "C" const char *__tsan_default_options();
extern "C" const char *__tsan_default_options() {
  return "ignore_noninstrumented_modules=1";
}
