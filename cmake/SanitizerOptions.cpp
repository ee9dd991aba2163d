// Debian's LLVM is not instrumented: what it poisons in its own containers, it
// does not always unpoison where instrumented code looks.
extern "C" const char *__asan_default_options();
extern "C" const char *__asan_default_options() {
  return "allow_user_poisoning=0";
}
