/* Moving bytes between descriptors inside the kernel: sendfile(2). */
#include "sluice.h"
#include <sys/sendfile.h>

/* sendfile(out, in, offset, count) → bytes moved; the offset of `in` itself does not change. */
static napi_value flow_sendfile(napi_env env, napi_callback_info info) {
  sluice_args args = args_read(env, info);
  int out = arg_int(&args, 0);
  int in = arg_int(&args, 1);
  off_t offset = arg_offset(&args, 2);
  size_t count = arg_offset(&args, 3);
  if (args.bad) return bad_arguments(env);
  return result(env, sendfile(out, in, &offset, count));
}

void define_flow(napi_env env, napi_value exports) {
  static const sluice_function functions[] = {
      {"sendfile", flow_sendfile},
  };
  define_functions(env, exports, functions, COUNT_OF(functions));
}
