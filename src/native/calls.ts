/**
 * The addon as TypeScript sees it, one interface per C file. A call returns a non-negative result or -errno;
 * arguments of the wrong type throw a TypeError, which is our own bug.
 */

/** native/region.c */
export interface RegionCalls {
  memfdCreate(name: string, flags: number): number
  ftruncate(fd: number, length: number): number
  fallocate(fd: number, offset: number, length: number): number
  addSeals(fd: number, seals: number): number
  getSeals(fd: number): number
  mapShared(
    fd: number,
    offset: number,
    length: number,
    protection: number,
    flags: number,
  ): ArrayBuffer | number
  unmap(buffer: ArrayBuffer): number
  mprotect(buffer: ArrayBuffer, offset: number, length: number, protection: number): number
  madvise(buffer: ArrayBuffer, offset: number, length: number, advice: number): number
  ownDescriptor(fd: number): OwnedDescriptor | number
  closeOwned(handle: OwnedDescriptor): number
  readonly PAGE_BYTES: number
  readonly MFD_CLOEXEC: number
  readonly MFD_ALLOW_SEALING: number
  readonly MFD_HUGETLB: number
  readonly MFD_NOEXEC_SEAL: number
  readonly F_SEAL_SEAL: number
  readonly F_SEAL_SHRINK: number
  readonly F_SEAL_GROW: number
  readonly F_SEAL_FUTURE_WRITE: number
  readonly PROT_NONE: number
  readonly PROT_READ: number
  readonly PROT_WRITE: number
  readonly MAP_POPULATE: number
  readonly MADV_HUGEPAGE: number
}

/** Opaque: closes its descriptor when it is collected or its environment ends. */
export type OwnedDescriptor = object & { readonly ownedDescriptor: unique symbol }

/** native/file.c */
export interface FileCalls {
  openat2(directory: number, path: string | Uint8Array, flags: number, resolve: number): number
  open(path: string | Uint8Array, flags: number): number
  close(fd: number): number
  dup(fd: number): number
  setNonBlocking(fd: number, on: number): number
  fstat(fd: number, out: Float64Array): number
  cachestat(fd: number, offset: number, length: number): number
  preadNoWait(fd: number, bytes: Uint8Array, offset: number): number
  readonly O_RDONLY: number
  readonly O_WRONLY: number
  readonly O_PATH: number
  readonly O_CLOEXEC: number
  readonly O_NONBLOCK: number
  readonly O_NOCTTY: number
  readonly O_DIRECTORY: number
  readonly RESOLVE_BENEATH: number
  readonly RESOLVE_NO_MAGICLINKS: number
  readonly RESOLVE_NO_SYMLINKS: number
  readonly RESOLVE_CACHED: number
}

/** native/flow.c */
export interface FlowCalls {
  sendfile(out: number, input: number, offset: number, count: number): number
}

/** native/socket.c */
export interface SocketCalls {
  setsockoptInt(fd: number, level: number, name: number, value: number): number
  getsockoptInt(fd: number, level: number, name: number): number
  unacknowledged(fd: number): number
  readonly SOL_SOCKET: number
  readonly SO_ERROR: number
  readonly SO_TYPE: number
  readonly SO_DOMAIN: number
  readonly IPPROTO_TCP: number
  readonly TCP_CORK: number
}

/** native/poll.c */
export interface PollCalls {
  epollCreate(): number
  epollControl(
    epoll: number,
    operation: number,
    fd: number,
    mask: number,
    tag: number,
    generation: number,
  ): number
  epollWait(epoll: number, out: Uint32Array): number
  readonly EPOLL_CTL_ADD: number
  readonly EPOLL_CTL_MOD: number
  readonly EPOLL_CTL_DEL: number
  readonly EPOLLIN: number
  readonly EPOLLOUT: number
  readonly EPOLLERR: number
  readonly EPOLLHUP: number
  readonly EPOLLRDHUP: number
  readonly EPOLLET: number
}

/** native/offload.c: the same operations on a thread of Node's pool; descriptors stay open until they settle. */
export interface OffloadCalls {
  sendfileOffload(out: number, input: number, offset: number, count: number): Promise<number>
  openat2Offload(
    directory: number,
    path: string | Uint8Array,
    flags: number,
    resolve: number,
  ): Promise<number>
}

/** native/wake.c */
export interface WakeCalls {
  wakeOpen(epoll: number, callback: () => void): WakeHandle | number
  wakeKeepAlive(handle: WakeHandle, on: number): number
}

/** Opaque: a watch that lives as long as the environment. */
export type WakeHandle = object & { readonly wakeHandle: unique symbol }

export type Native = RegionCalls & FileCalls & FlowCalls & SocketCalls & PollCalls & OffloadCalls & WakeCalls
