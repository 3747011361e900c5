/** The subpath `sluice/doctor`. */
export { doctor } from './doctor.js'
export type {
  CostsInForce,
  DoctorReport,
  EngineInForce,
  Proof,
  Status,
  Technique,
  TechniqueName,
  User,
} from './report.js'
