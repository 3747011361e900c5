/** One memory for every wire: bytes to the program, a descriptor to the kernel and to other processes. */
import { asyncDispose } from '../base/dispose.js'
import { SluiceError } from '../base/errors.js'
import { checkInteger, checkOneOf, show } from '../base/options.js'
import { type Backing, openBacking, regionBytesMax } from './backing.js'
import { InFlight } from './in-flight.js'
import { RegionPages } from './region-pages.js'

export interface RegionOptions {
  /** How many bytes, rounded up to whole pages. All are allocated at once, about 1 ms for each MiB. */
  bytes: number
  /**
   * Pages of the machine's huge size, usually 2 MiB, from those that are reserved (sysctl vm.nr_hugepages).
   * `try` takes ordinary pages where there are none, and `hugePagesMissing` says so; `require` fails.
   */
  hugePages?: 'try' | 'require' | undefined
  /**
   * What nobody who gets the descriptor can do, this process included (fcntl(2), file seals). `size`: change
   * the size or the seals. `future-write`: also write, other than through `bytes`.
   */
  seal?: 'size' | 'future-write' | undefined
  /** Shown as `memfd:name` in /proc/PID/maps and /proc/PID/fd. */
  name?: string | undefined
}

/**
 * Page-aligned memory that is a `Uint8Array` and, as a memfd, a descriptor (memfd_create(2)).
 *
 * Where there is no addon, or a sandbox or the runtime forbids it, the bytes are plain memory without a
 * descriptor: `fd` is null and `fdMissing` says why. A region that is not closed goes when it is collected,
 * or when its worker thread ends.
 */
export class Region {
  /** The size in bytes: a multiple of `pageBytes`. */
  readonly byteLength: number
  /** The size of a page of this region, in bytes. */
  readonly pageBytes: number
  /** Whether the pages are huge. */
  readonly hugePages: boolean
  /** Why they are not although they were asked for, as a clause that can follow a colon; empty otherwise. */
  readonly hugePagesMissing: string
  /** Why there is no descriptor, as a clause that can follow a colon; empty where there is one. */
  readonly fdMissing: string
  /** Whether sendfile(2) can read from the descriptor: it cannot where the pages are huge (hugetlb). */
  readonly sendfileSource: boolean
  /** Whether the pages may be replaced, once they were sent by reference; for transfers, and for who forbids it. */
  readonly pages: RegionPages
  readonly #backing: Backing
  readonly #bytes: Uint8Array
  readonly #pins = new InFlight()
  readonly #onClose = new Set<() => void>()
  #closed: Promise<void> | null = null

  /**
   * @throws ERR_SLUICE_OPTION; ERR_SLUICE_MEMORY where there is not that much memory, or no such huge pages;
   *   ERR_SLUICE_DESCRIPTORS; ERR_SLUICE_ADDON where huge pages are required and there is no addon
   */
  constructor(options: RegionOptions) {
    this.#backing = openBacking({
      bytes: checkInteger('bytes', options.bytes, { min: 1, max: regionBytesMax }),
      hugePages: checkOneOf('hugePages', options.hugePages ?? 'no', ['no', 'try', 'require']),
      seal: checkOneOf('seal', options.seal ?? 'size', ['size', 'future-write']),
      name: checkName(options.name ?? 'sluice'),
    })
    const { buffer, pageBytes, hugePages, hugePagesMissing, fd, fdMissing } = this.#backing
    this.#bytes = new Uint8Array(buffer)
    this.byteLength = buffer.byteLength
    this.pageBytes = pageBytes
    this.hugePages = hugePages
    this.hugePagesMissing = hugePagesMissing
    this.fdMissing = fdMissing
    this.sendfileSource = fd !== null && !hugePages
    const { pagesKeptBecause, replace } = this.#backing
    this.pages = new RegionPages(pagesKeptBecause, replace)
  }

  /**
   * All of the bytes, zero at first. They cannot be transferred to a worker thread.
   *
   * @throws ERR_SLUICE_CLOSED; views taken before have length 0 once close() is done
   */
  get bytes(): Uint8Array {
    this.#checkOpen('bytes')
    return this.#bytes
  }

  /**
   * The memfd, or null where there is none. It is the region's: keep the region referenced while you use it.
   *
   * @throws ERR_SLUICE_CLOSED
   */
  get fd(): number | null {
    this.#checkOpen('fd')
    return this.#backing.fd
  }

  get closed(): boolean {
    return this.#closed !== null
  }

  /**
   * Keeps the memory where it is until unpin(): somebody other than the program uses it, such as the kernel.
   * Pins are counted.
   *
   * @throws ERR_SLUICE_CLOSED
   */
  pin(): void {
    this.#checkOpen('pin()')
    this.#pins.enter()
  }

  /** Ends one pin(). */
  unpin(): void {
    this.#pins.leave()
  }

  /** Calls back as soon as close() is called, while the memory still exists → a function that forgets it. */
  onClose(callback: () => void): () => void {
    this.#checkOpen('onClose()')
    this.#onClose.add(callback)
    return () => this.#onClose.delete(callback)
  }

  /**
   * No more use from now on; the memory goes once nothing pins it. Its ArrayBuffer is detached first, so that
   * an old view has length 0 and never reaches what is gone. Every call returns the same promise.
   */
  close(): Promise<void> {
    if (this.#closed === null) {
      this.#closed = this.#pins.idle().then(() => this.#backing.close())
      for (const callback of this.#onClose) callback()
    }
    return this.#closed
  }

  [asyncDispose](): Promise<void> {
    return this.close()
  }

  #checkOpen(what: string): void {
    if (this.#closed === null) return
    throw new SluiceError(
      'ERR_SLUICE_CLOSED',
      `The region of ${this.byteLength} bytes was closed before ${what} was used`,
    )
  }
}

function checkName(name: unknown): string {
  // memfd_create(2): 249 bytes, without the ending NUL.
  if (typeof name === 'string' && Buffer.byteLength(name) <= 249 && !name.includes('\0')) return name
  throw new SluiceError(
    'ERR_SLUICE_OPTION',
    `name must be a string of at most 249 bytes without NUL, not ${show(name)}`,
  )
}
