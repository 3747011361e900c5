/**
 * The addon as TypeScript sees it, one interface per C file. A call returns a non-negative result or -errno;
 * arguments of the wrong type throw a TypeError, which is our own bug.
 */

/** native/region.c, with native/fault.c behind guard */
export interface RegionCalls {
  memfdCreate(name: string, flags: number): number
  ftruncate(fd: number, length: number): number
  fallocate(fd: number, offset: number, length: number): number
  punchHole(fd: number, offset: number, length: number): number
  addSeals(fd: number, seals: number): number
  getSeals(fd: number): number
  mapShared(
    fd: number,
    offset: number,
    length: number,
    protection: number,
    flags: number,
  ): ArrayBuffer | number
  mapPrivate(fd: number, offset: number, length: number): ArrayBuffer | number
  guard(buffer: ArrayBuffer): number
  guardTripped(buffer: ArrayBuffer): number
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
  pipe2(out: Int32Array, flags: number): number
  fcntl(fd: number, command: number, value: number): number
  lseek(fd: number, offset: number, whence: number): number
  readonly O_RDONLY: number
  readonly O_WRONLY: number
  readonly O_APPEND: number
  readonly O_PATH: number
  readonly O_CLOEXEC: number
  readonly O_NONBLOCK: number
  readonly O_NOCTTY: number
  readonly O_DIRECTORY: number
  readonly RESOLVE_BENEATH: number
  readonly RESOLVE_NO_MAGICLINKS: number
  readonly RESOLVE_CACHED: number
  readonly F_GETFL: number
  readonly F_GETPIPE_SZ: number
  readonly F_SETPIPE_SZ: number
}

/** native/flow.c */
export interface FlowCalls {
  sendfile(out: number, input: number, offset: number, count: number): number
  splice(
    input: number,
    inOffset: number | null,
    out: number,
    outOffset: number | null,
    count: number,
    flags: number,
  ): number
  tee(input: number, out: number, count: number, flags: number): number
  vmsplice(pipe: number, bytes: Uint8Array, flags: number): number
  copyFileRange(input: number, inOffset: number, out: number, outOffset: number, count: number): number
  ficlone(target: number, source: number): number
  writev(fd: number, buffers: readonly Uint8Array[]): number
  read(fd: number, bytes: Uint8Array): number
  readonly SPLICE_F_NONBLOCK: number
}

/** native/address.c; addresses as `socket-address.ts` makes them */
export interface AddressCalls {
  bindAddress(fd: number, address: Uint8Array): number
  connectAddress(fd: number, address: Uint8Array): number
  localAddress(fd: number, out: Uint8Array): number
  peerAddress(fd: number, out: Uint8Array): number
  readonly AF_INET6: number
}

/** native/socket.c */
export interface SocketCalls {
  socket(domain: number, type: number, protocol: number): number
  socketpair(domain: number, type: number, out: Int32Array): number
  bindIpv4(fd: number, address: number, port: number): number
  connectIpv4(fd: number, address: number, port: number): number
  localPort(fd: number): number
  listen(fd: number, backlog: number): number
  accept4(fd: number, flags: number): number
  shutdown(fd: number, how: number): number
  disconnect(fd: number): number
  send(fd: number, bytes: Uint8Array, flags: number): number
  /** Latin-1; sends at most the first 16 KiB. */
  sendText(fd: number, text: string, flags: number): number
  sendRange(fd: number, bytes: Uint8Array, offset: number, length: number, flags: number): number
  sendViews(fd: number, views: readonly Uint8Array[], flags: number): number
  recv(fd: number, bytes: Uint8Array, flags: number): number
  receiveError(fd: number, out: Uint32Array): number
  tcpZerocopyReceive(fd: number, mapping: Uint8Array, out: Uint32Array): number
  setsockoptInt(fd: number, level: number, name: number, value: number): number
  getsockoptInt(fd: number, level: number, name: number): number
  setsockoptBytes(fd: number, level: number, name: number, value: Uint8Array): number
  getsockoptBytes(fd: number, level: number, name: number, value: Uint8Array): number
  readonly AF_UNIX: number
  readonly AF_INET: number
  readonly AF_INET6: number
  readonly AF_XDP: number
  readonly SOCK_STREAM: number
  readonly SOCK_RAW: number
  readonly SOCK_NONBLOCK: number
  readonly SOCK_CLOEXEC: number
  readonly SHUT_WR: number
  readonly SHUT_RDWR: number
  readonly MSG_DONTWAIT: number
  readonly MSG_MORE: number
  readonly MSG_PEEK: number
  readonly MSG_ZEROCOPY: number
  readonly SO_EE_ORIGIN_ZEROCOPY: number
  readonly SO_EE_CODE_ZEROCOPY_COPIED: number
  readonly SOL_SOCKET: number
  readonly SO_ZEROCOPY: number
  readonly SO_REUSEADDR: number
  readonly SO_REUSEPORT: number
  readonly SO_RCVLOWAT: number
  readonly SO_DOMAIN: number
  readonly SO_LINGER: number
  readonly SO_ERROR: number
  readonly IPPROTO_TCP: number
  readonly TCP_NODELAY: number
  readonly TCP_CORK: number
  readonly TCP_ULP: number
  readonly SOL_TLS: number
  readonly TLS_TX: number
  readonly TLS_RX: number
  readonly SOL_XDP: number
  readonly XDP_UMEM_REG: number
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
  epollWaitFor(epoll: number, out: Uint32Array, milliseconds: number): number
  pollNow(fd: number, events: number): number
  eventfdCreate(): number
  eventfdAdd(fd: number): number
  readonly EPOLL_CTL_ADD: number
  readonly EPOLL_CTL_MOD: number
  readonly EPOLL_CTL_DEL: number
  readonly EPOLLIN: number
  readonly EPOLLOUT: number
  readonly EPOLLRDHUP: number
  readonly EPOLLERR: number
  readonly EPOLLHUP: number
  readonly EPOLLET: number
  readonly EPOLLONESHOT: number
  readonly POLLIN: number
  readonly POLLOUT: number
}

/** native/offload.c: the same operations on a thread of Node's pool; descriptors stay open until they settle. */
export interface OffloadCalls {
  sendfileOffload(out: number, input: number, offset: number, count: number): Promise<number>
  spliceOffload(
    pipe: number,
    file: number,
    offset: number,
    count: number,
    pieceBytes: number,
  ): Promise<number>
  copyFileRangeOffload(
    input: number,
    inOffset: number,
    out: number,
    outOffset: number,
    count: number,
  ): Promise<number>
  ficloneRangeOffload(
    input: number,
    inOffset: number,
    out: number,
    outOffset: number,
    count: number,
  ): Promise<number>
  lseekOffload(fd: number, offset: number, whence: number): Promise<number>
  closeOffload(fd: number): Promise<number>
  pwriteOffload(fd: number, bytes: Uint8Array, offset: number | null): Promise<number>
  openat2Offload(
    directory: number,
    path: string | Uint8Array,
    flags: number,
    resolve: number,
  ): Promise<number>
  openOffload(path: string | Uint8Array, flags: number): Promise<number>
  readonly SEEK_SET: number
  readonly SEEK_DATA: number
  readonly SEEK_HOLE: number
}

/** native/wake.c */
export interface WakeCalls {
  wakeOpen(fd: number, callback: () => void): WakeHandle | number
  wakeKeepAlive(handle: WakeHandle, on: number): number
  /** The loop of this thread. */
  loopDescriptor(): number
  wakeClose(handle: WakeHandle): number
}

/** native/idle.c */
export interface IdleCalls {
  idleOpen(callback: () => void): IdleHandle | number
  idleWait(handle: IdleHandle, epoll: number, out: Uint32Array): number
  idleKeepAlive(handle: IdleHandle, on: number): number
  idleClose(handle: IdleHandle): number
}

/** Opaque: lives until idleClose, or as long as the environment. */
export type IdleHandle = object & { readonly idleHandle: unique symbol }

/** Opaque: a watch that lives until wakeClose, or as long as the environment. */
export type WakeHandle = object & { readonly wakeHandle: unique symbol }

/** native/uring.c */
export interface UringCalls {
  ioUringSetup(entries: number, params: Uint8Array): number
  ioUringEnter(ring: number, submit: number, complete: number, flags: number): number
  ioUringEnterFor(ring: number, submit: number, complete: number, flags: number, milliseconds: number): number
  ioUringRegister(
    ring: number,
    opcode: number,
    argument: Uint8Array | Int32Array | Uint32Array,
    count: number,
  ): number
  ioUringCancelAll(ring: number, milliseconds: number): number
  ioUringOwn(ring: number): OwnedRing | number
  ioUringClose(handle: OwnedRing): number
  addressOf(bytes: Uint8Array): number
  readonly IORING_OFF_SQ_RING: number
  readonly IORING_OFF_CQ_RING: number
  readonly IORING_OFF_SQES: number
  readonly IORING_SETUP_CQE32: number
  readonly IORING_SETUP_SINGLE_ISSUER: number
  readonly IORING_SETUP_DEFER_TASKRUN: number
  readonly IORING_REGISTER_ZCRX_IFQ: number
}

/** Opaque: closes its ring when it is collected or its environment ends. */
export type OwnedRing = object & { readonly ownedRing: unique symbol }

export type Native = RegionCalls &
  FileCalls &
  FlowCalls &
  AddressCalls &
  SocketCalls &
  PollCalls &
  OffloadCalls &
  WakeCalls &
  IdleCalls &
  UringCalls
