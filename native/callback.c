/* What Node's loop calls back in JavaScript, for wake.c and idle.c. */
#include "sluice.h"

bool callback_open(napi_env env, napi_value function, sluice_callback *callback) {
  napi_value name;
  callback->env = env;
  if (napi_create_reference(env, function, 1, &callback->function) != napi_ok) return false;
  if (napi_create_string_utf8(env, "sluice", NAPI_AUTO_LENGTH, &name) == napi_ok &&
      napi_async_init(env, NULL, name, &callback->context) == napi_ok)
    return true;
  napi_delete_reference(env, callback->function);
  return false;
}

void callback_call(const sluice_callback *callback) {
  napi_env env = callback->env;
  napi_handle_scope scope;
  napi_value function, receiver, error;
  if (napi_open_handle_scope(env, &scope) != napi_ok) return;
  napi_get_reference_value(env, callback->function, &function);
  napi_get_global(env, &receiver);
  if (napi_make_callback(env, callback->context, receiver, function, 0, NULL, NULL) == napi_pending_exception) {
    napi_get_and_clear_last_exception(env, &error);
    napi_fatal_exception(env, error);
  }
  napi_close_handle_scope(env, scope);
}

void callback_close(const sluice_callback *callback) {
  napi_delete_reference(callback->env, callback->function);
  napi_async_destroy(callback->env, callback->context);
}
