/**
 * Hot: file to socket or pipe by sendfile(2). The kernel hands the file's pages over by reference; no byte is copied,
 * and none passes through this process.
 */
import { FileFlow } from './file-flow.js'

export class SendfileFlow extends FileFlow {
  protected get syscall(): string {
    return 'sendfile'
  }

  protected move(offset: number, count: number): number {
    return this.native.sendfile(this.fd, this.fileFd, offset, count)
  }
}
