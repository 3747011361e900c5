/*
 * Memory that is a descriptor too: memfd_create(2), mmap(2), mprotect(2), seals (fcntl(2)).
 *
 * A mapping belongs to the ArrayBuffer over it and goes exactly once: by unmap, or when the ArrayBuffer is
 * collected, or when its environment (a worker's, or the process's) ends. The ArrayBuffer is always detached
 * first, so no view ever reaches memory that is gone.
 */
#include "sluice.h"
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* Linux 6.3; Debian 12's headers are older. */
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif

/*
 * What an ArrayBuffer over mapped memory carries. `address` is NULL once the memory is unmapped; `guard` is its
 * place in the table of fault.c, or -1; `finalized`, where it is not NULL, wants to know of the end.
 */
typedef struct {
  void *address;
  size_t length;
  int guard;
  bool *finalized;
} mapping;

/* Tells our ArrayBuffers from everybody else's before their `mapping` is trusted. */
static const napi_type_tag mapping_tag = {0x9d1f3a60c5e84b27, 0xb8427e1196fd03ca};

/* Unmaps; what guards the memory forgets it before the addresses can be anybody else's. */
static int mapping_end(mapping *self) {
  void *address = self->address;
  self->address = NULL;
  if (self->guard != -1) fault_unguard(self->guard);
  return munmap(address, self->length);
}

/* The last owner let go: the ArrayBuffer was collected, or detached by unmap or by the program. */
static void mapping_finalize(napi_env env, void *data, void *hint) {
  mapping *self = hint;
  if (self->address != NULL) mapping_end(self);
  if (self->finalized != NULL) *self->finalized = true;
  free(self);
}

/*
 * The mapping of an ArrayBuffer from mapShared, or NULL where it is detached; anything else is bad. A mapping
 * outlives its ArrayBuffer's attachment only until the finalizer runs, so a detached one's is never touched.
 */
static mapping *arg_mapping(sluice_args *args, int index) {
  bool detached = false, ours = false;
  void *self = NULL;
  napi_value value = args->values[index];
  if (napi_check_object_type_tag(args->env, value, &mapping_tag, &ours) != napi_ok || !ours ||
      napi_is_detached_arraybuffer(args->env, value, &detached) != napi_ok)
    args->bad = true;
  else if (!detached && napi_unwrap(args->env, value, &self) != napi_ok)
    args->bad = true;
  return self;
}

/* memfdCreate(name, flags) → fd. memfd_create(2), Linux 3.17; MFD_NOEXEC_SEAL 6.3. */
static napi_value region_memfd_create(napi_env env, napi_callback_info info) {
  sluice_args args = args_read(env, info);
  char name[PATH_MAX];
  arg_path(&args, 0, name);
  unsigned flags = arg_uint(&args, 1);
  if (args.bad) return bad_arguments(env);
  return result(env, memfd_create(name, flags));
}

static napi_value region_ftruncate(napi_env env, napi_callback_info info) {
  sluice_args args = args_read(env, info);
  int fd = arg_int(&args, 0);
  int64_t length = arg_offset(&args, 1);
  if (args.bad) return bad_arguments(env);
  return result(env, ftruncate(fd, length));
}

/* fallocate(fd, offset, length) → 0: the pages exist from then on; or -ENOSPC. fallocate(2), mode 0. */
static napi_value region_fallocate(napi_env env, napi_callback_info info) {
  sluice_args args = args_read(env, info);
  int fd = arg_int(&args, 0);
  int64_t offset = arg_offset(&args, 1);
  int64_t length = arg_offset(&args, 2);
  if (args.bad) return bad_arguments(env);
  return result(env, fallocate(fd, 0, offset, length));
}

/* punchHole(fd, offset, length) → 0: whoever refers to the pages keeps them, the file has none there. fallocate(2). */
static napi_value region_punch_hole(napi_env env, napi_callback_info info) {
  sluice_args args = args_read(env, info);
  int fd = arg_int(&args, 0);
  int64_t offset = arg_offset(&args, 1);
  int64_t length = arg_offset(&args, 2);
  if (args.bad) return bad_arguments(env);
  return result(env, fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, length));
}

/* addSeals(fd, seals) → 0. fcntl(2), F_ADD_SEALS. */
static napi_value region_add_seals(napi_env env, napi_callback_info info) {
  sluice_args args = args_read(env, info);
  int fd = arg_int(&args, 0);
  int seals = arg_int(&args, 1);
  if (args.bad) return bad_arguments(env);
  return result(env, fcntl(fd, F_ADD_SEALS, seals));
}

/* getSeals(fd) → the seals; -EINVAL where the descriptor is of a kind that has none. */
static napi_value region_get_seals(napi_env env, napi_callback_info info) {
  sluice_args args = args_read(env, info);
  int fd = arg_int(&args, 0);
  if (args.bad) return bad_arguments(env);
  return result(env, fcntl(fd, F_GET_SEALS));
}

/*
 * An ArrayBuffer over a new mapping, or -errno; -EOPNOTSUPP where the runtime refuses ArrayBuffers over memory that
 * is not its own. The descriptor may be closed afterwards.
 */
static napi_value map(napi_env env, int fd, off_t offset, size_t length, int protection, int flags) {
  napi_value buffer, exception;
  bool finalized = false;
  mapping *self = malloc(sizeof *self);
  if (self == NULL) return number(env, -ENOMEM);
  self->length = length;
  self->guard = -1;
  self->finalized = &finalized;
  self->address = mmap(NULL, length, protection, flags, fd, offset);
  if (self->address == MAP_FAILED) {
    napi_value failed = result(env, -1);
    free(self);
    return failed;
  }
  napi_status status =
      napi_create_external_arraybuffer(env, self->address, length, mapping_finalize, self, &buffer);
  if (status == napi_no_external_buffers_allowed) {
    mapping_finalize(env, self->address, self);
    return number(env, -EOPNOTSUPP);
  }
  if (status != napi_ok || napi_type_tag_object(env, buffer, &mapping_tag) != napi_ok ||
      napi_wrap(env, buffer, self, NULL, NULL, NULL) != napi_ok)
    goto fail;
  self->finalized = NULL;
  return buffer;

fail:
  /*
   * A buffer that is too long, or a worker that is being terminated. Node has run the finalizer, will run it,
   * or never heard of it, and does not say which. So the memory goes now, `self` is left to the finalizer.
   */
  if (!finalized) {
    mapping_end(self);
    self->finalized = NULL;
  }
  napi_get_and_clear_last_exception(env, &exception);
  return number(env, -ENOMEM);
}

/*
 * mapShared(fd, offset, length, protection, flags) → an ArrayBuffer over the mapping, MAP_SHARED. The only
 * flag is MAP_POPULATE.
 */
static napi_value region_map_shared(napi_env env, napi_callback_info info) {
  sluice_args args = args_read(env, info);
  int fd = arg_int(&args, 0);
  off_t offset = arg_offset(&args, 1);
  size_t length = arg_offset(&args, 2);
  int protection = arg_int(&args, 3);
  int flags = arg_int(&args, 4);
  if (args.bad || (flags & ~MAP_POPULATE) != 0) return bad_arguments(env);
  return map(env, fd, offset, length, protection, MAP_SHARED | flags);
}

/*
 * mapPrivate(fd, offset, length) → an ArrayBuffer over the file's own pages, each of which becomes the process's
 * copy when it is written to: JavaScript has no read-only bytes, and writing where the memory forbids it would end
 * the process. Nothing is set aside for copies (MAP_NORESERVE), so a mapping may be larger than the memory.
 */
static napi_value region_map_private(napi_env env, napi_callback_info info) {
  sluice_args args = args_read(env, info);
  int fd = arg_int(&args, 0);
  off_t offset = arg_offset(&args, 1);
  size_t length = arg_offset(&args, 2);
  if (args.bad) return bad_arguments(env);
  return map(env, fd, offset, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE);
}

/*
 * guard(buffer) → 0: from now on a page that is missing when it is touched reads as zeros (fault.c). -ENOSPC where
 * too many mappings are guarded. Once for each buffer.
 */
static napi_value region_guard(napi_env env, napi_callback_info info) {
  sluice_args args = args_read(env, info);
  mapping *self = arg_mapping(&args, 0);
  if (args.bad || (self != NULL && self->guard != -1)) return bad_arguments(env);
  if (self == NULL) return number(env, -EFAULT);
  int guard = fault_guard(self->address, self->length);
  if (guard < 0) return number(env, guard);
  self->guard = guard;
  return number(env, 0);
}

/* guardTripped(buffer) → 1 where a page was missing, else 0; -EFAULT where the buffer is unmapped. */
static napi_value region_guard_tripped(napi_env env, napi_callback_info info) {
  sluice_args args = args_read(env, info);
  mapping *self = arg_mapping(&args, 0);
  if (args.bad || (self != NULL && self->guard == -1)) return bad_arguments(env);
  return number(env, self == NULL ? -EFAULT : fault_tripped(self->guard));
}

/*
 * unmap(buffer) → 0. Detaches the ArrayBuffer, so that every view of it has length 0, then unmaps. Where it
 * is detached already there is nothing to do: it was unmapped before, or ArrayBuffer.prototype.transfer moved
 * the memory to another ArrayBuffer, with which it goes.
 */
static napi_value region_unmap(napi_env env, napi_callback_info info) {
  sluice_args args = args_read(env, info);
  mapping *self = arg_mapping(&args, 0);
  if (args.bad) return bad_arguments(env);
  if (self == NULL) return number(env, 0);
  /* Detaching may run the finalizer, now or in a later turn of the loop: it must not unmap. */
  mapping ended = *self;
  self->address = NULL;
  if (napi_detach_arraybuffer(env, args.values[0]) != napi_ok) {
    self->address = ended.address;
    return number(env, -EBUSY);
  }
  return result(env, mapping_end(&ended));
}

/* mprotect(buffer, offset, length, protection) → 0; -EFAULT where the buffer is unmapped. mprotect(2). */
static napi_value region_mprotect(napi_env env, napi_callback_info info) {
  sluice_args args = args_read(env, info);
  mapping *self = arg_mapping(&args, 0);
  size_t offset = arg_offset(&args, 1);
  size_t length = arg_offset(&args, 2);
  int protection = arg_int(&args, 3);
  if (args.bad) return bad_arguments(env);
  if (self == NULL) return number(env, -EFAULT);
  if (offset > self->length || length > self->length - offset) return bad_arguments(env);
  return result(env, mprotect((char *)self->address + offset, length, protection));
}

/* madvise(buffer, offset, length, advice) → 0; -EFAULT where the buffer is unmapped. madvise(2). */
static napi_value region_madvise(napi_env env, napi_callback_info info) {
  sluice_args args = args_read(env, info);
  mapping *self = arg_mapping(&args, 0);
  size_t offset = arg_offset(&args, 1);
  size_t length = arg_offset(&args, 2);
  int advice = arg_int(&args, 3);
  if (args.bad) return bad_arguments(env);
  if (self == NULL) return number(env, -EFAULT);
  if (offset > self->length || length > self->length - offset) return bad_arguments(env);
  return result(env, madvise((char *)self->address + offset, length, advice));
}

static void descriptor_finalize(napi_env env, void *data, void *hint) {
  int *fd = data;
  if (*fd != -1) close(*fd);
  free(fd);
}

/*
 * ownDescriptor(fd) → a handle that closes the descriptor when it is collected or its environment ends: a
 * worker that is terminated runs no JavaScript that could. Where no handle can be made it is closed at once.
 */
static napi_value region_own_descriptor(napi_env env, napi_callback_info info) {
  sluice_args args = args_read(env, info);
  napi_value handle;
  int fd = arg_int(&args, 0);
  if (args.bad) return bad_arguments(env);
  int *owned = malloc(sizeof *owned);
  if (owned == NULL) goto fail;
  *owned = fd;
  if (napi_create_external(env, owned, descriptor_finalize, NULL, &handle) != napi_ok) goto fail;
  return handle;

fail:
  free(owned);
  close(fd);
  return number(env, -ENOMEM);
}

/* closeOwned(handle) → 0, once; -EBADF after that. */
static napi_value region_close_owned(napi_env env, napi_callback_info info) {
  sluice_args args = args_read(env, info);
  void *data;
  if (args.bad || napi_get_value_external(env, args.values[0], &data) != napi_ok) return bad_arguments(env);
  int fd = *(int *)data;
  *(int *)data = -1;
  return result(env, close(fd));
}

void define_region(napi_env env, napi_value exports) {
  static const sluice_function functions[] = {
      {"memfdCreate", region_memfd_create},
      {"ftruncate", region_ftruncate},
      {"fallocate", region_fallocate},
      {"punchHole", region_punch_hole},
      {"addSeals", region_add_seals},
      {"getSeals", region_get_seals},
      {"mapShared", region_map_shared},
      {"mapPrivate", region_map_private},
      {"guard", region_guard},
      {"guardTripped", region_guard_tripped},
      {"unmap", region_unmap},
      {"mprotect", region_mprotect},
      {"madvise", region_madvise},
      {"ownDescriptor", region_own_descriptor},
      {"closeOwned", region_close_owned},
  };
  const sluice_constant constants[] = {
      {"PAGE_BYTES", sysconf(_SC_PAGESIZE)},
      {"MFD_CLOEXEC", MFD_CLOEXEC},
      {"MFD_ALLOW_SEALING", MFD_ALLOW_SEALING},
      {"MFD_HUGETLB", MFD_HUGETLB},
      {"MFD_NOEXEC_SEAL", MFD_NOEXEC_SEAL},
      {"F_SEAL_SEAL", F_SEAL_SEAL},
      {"F_SEAL_SHRINK", F_SEAL_SHRINK},
      {"F_SEAL_GROW", F_SEAL_GROW},
      {"F_SEAL_FUTURE_WRITE", F_SEAL_FUTURE_WRITE},
      {"PROT_NONE", PROT_NONE},
      {"PROT_READ", PROT_READ},
      {"PROT_WRITE", PROT_WRITE},
      {"MAP_POPULATE", MAP_POPULATE},
      {"MADV_HUGEPAGE", MADV_HUGEPAGE},
  };
  define_functions(env, exports, functions, COUNT_OF(functions));
  define_constants(env, exports, constants, COUNT_OF(constants));
}
