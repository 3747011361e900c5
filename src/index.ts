export { type ErrorCode, SluiceError } from './base/errors.js'
export { GiB, KiB, MiB } from './base/units.js'
export type { Lease } from './memory/lease.js'
export { type MapFileOptions, type MappedFile, mapFile } from './memory/mapped-file.js'
export { Pool, type PoolOptions, type TakeOptions } from './memory/pool.js'
export { Region, type RegionOptions } from './memory/region.js'
export {
  type FileRangeOptions,
  type FileSink,
  type FileSinkOptions,
  type FileSource,
  file,
  type PipeEnd,
  pipe,
  type SinkTarget,
  type SocketEnd,
  socket,
} from './transfer/ends/endpoints.js'
export type { SinkLike, SourceLike } from './transfer/ends/ends.js'
export { type Memory, type MemoryOptions, type MemorySource, memory } from './transfer/ends/memory-source.js'
export type { PartResult, TransferOptions, TransferResult } from './transfer/jobs/job.js'
export { type ReceiveOptions, receive } from './transfer/jobs/receive.js'
export type { SeveralOptions, SeveralResult, SinkResult } from './transfer/jobs/several-types.js'
export type { ListPlan, PathName, Plan, PlanOptions } from './transfer/plan/path.js'
export { plan } from './transfer/plan/plan.js'
export { transfer } from './transfer/transfer.js'
