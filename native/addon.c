/* The addon's entry point, and how arguments and results cross between JavaScript and C. */
#include "sluice.h"
#include <string.h>

sluice_args args_read(napi_env env, napi_callback_info info) {
  sluice_args args = {.env = env, .bad = false};
  size_t count = ARGUMENTS_MAX;
  /* Missing arguments come as undefined, which every reader below refuses. */
  if (napi_get_cb_info(env, info, &count, args.values, NULL, NULL) != napi_ok) args.bad = true;
  return args;
}

int32_t arg_int(sluice_args *args, int index) {
  int32_t value = 0;
  if (napi_get_value_int32(args->env, args->values[index], &value) != napi_ok) args->bad = true;
  return value;
}

uint32_t arg_uint(sluice_args *args, int index) {
  uint32_t value = 0;
  if (napi_get_value_uint32(args->env, args->values[index], &value) != napi_ok) args->bad = true;
  return value;
}

int64_t arg_offset(sluice_args *args, int index) {
  int64_t value = 0;
  if (napi_get_value_int64(args->env, args->values[index], &value) != napi_ok || value < 0) args->bad = true;
  return value;
}

sluice_bytes arg_bytes(sluice_args *args, int index) {
  sluice_bytes bytes = {0};
  napi_typedarray_type type;
  size_t length;
  void *data;
  if (napi_get_typedarray_info(args->env, args->values[index], &type, &length, &data, NULL, NULL) != napi_ok) {
    args->bad = true;
    return bytes;
  }
  size_t item = type == napi_uint8_array || type == napi_int8_array || type == napi_uint8_clamped_array ? 1
                : type == napi_uint16_array || type == napi_int16_array                                 ? 2
                : type == napi_uint32_array || type == napi_int32_array || type == napi_float32_array   ? 4
                                                                                                        : 8;
  bytes.data = data;
  bytes.length = length * item;
  return bytes;
}

uint32_t arg_views(sluice_args *args, int index, struct iovec *iov) {
  uint32_t count = 0;
  if (napi_get_array_length(args->env, args->values[index], &count) != napi_ok || count > UIO_MAXIOV) {
    args->bad = true;
    return 0;
  }
  for (uint32_t i = 0; i < count; i++) {
    sluice_args item = {.env = args->env};
    item.bad = napi_get_element(args->env, args->values[index], i, &item.values[0]) != napi_ok;
    sluice_bytes bytes = arg_bytes(&item, 0);
    args->bad |= item.bad;
    iov[i] = (struct iovec){.iov_base = bytes.data, .iov_len = bytes.length};
  }
  return count;
}

void arg_path(sluice_args *args, int index, char *path) {
  napi_valuetype type;
  size_t length = 0;
  path[0] = '\0';
  if (napi_typeof(args->env, args->values[index], &type) != napi_ok) {
    args->bad = true;
    return;
  }
  if (type == napi_string) {
    /* One byte more than fits is asked for, so that a name that is too long is noticed, not cut. */
    if (napi_get_value_string_utf8(args->env, args->values[index], NULL, 0, &length) != napi_ok || length >= PATH_MAX ||
        napi_get_value_string_utf8(args->env, args->values[index], path, PATH_MAX, &length) != napi_ok)
      args->bad = true;
  } else {
    sluice_bytes bytes = arg_bytes(args, index);
    if (bytes.length >= PATH_MAX)
      args->bad = true;
    else if (bytes.length > 0)
      memcpy(path, bytes.data, bytes.length);
    length = args->bad ? 0 : bytes.length;
  }
  path[args->bad ? 0 : length] = '\0';
  if (!args->bad && strlen(path) != length) args->bad = true;
}

napi_value number(napi_env env, double value) {
  napi_value out = NULL;
  int32_t whole = value >= INT32_MIN && value <= INT32_MAX ? (int32_t)value : 0;
  /* Most are small, and then need no look at what a double could be. */
  if (whole == value)
    napi_create_int32(env, whole, &out);
  else
    napi_create_double(env, value, &out);
  return out;
}

napi_value result(napi_env env, long value) {
  return number(env, value == -1 ? -errno : (double)value);
}

napi_value bad_arguments(napi_env env) {
  napi_throw_type_error(env, "EINVAL", "sluice's addon was called with wrong arguments");
  return NULL;
}

void define_functions(napi_env env, napi_value exports, const sluice_function *table, size_t count) {
  for (size_t i = 0; i < count; i++) {
    napi_value function;
    if (napi_create_function(env, table[i].name, NAPI_AUTO_LENGTH, table[i].call, NULL, &function) == napi_ok)
      napi_set_named_property(env, exports, table[i].name, function);
  }
}

void define_constants(napi_env env, napi_value exports, const sluice_constant *table, size_t count) {
  for (size_t i = 0; i < count; i++) napi_set_named_property(env, exports, table[i].name, number(env, table[i].value));
}

NAPI_MODULE_INIT(/* napi_env env, napi_value exports */) {
  define_region(env, exports);
  define_file(env, exports);
  define_flow(env, exports);
  define_address(env, exports);
  define_socket(env, exports);
  define_poll(env, exports);
  define_offload(env, exports);
  define_wake(env, exports);
  define_idle(env, exports);
  define_uring(env, exports);
  return exports;
}
