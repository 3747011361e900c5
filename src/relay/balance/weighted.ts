/** What balancing goes by. */

export interface Weighted {
  /** At which it is reached; what a hash of a client is joined with. */
  readonly key: string
  /** 1 or more. */
  readonly weight: number
  /** Connections that are open or being opened. */
  readonly open: number
}

export interface Balancer {
  /** One of the candidates, of which there is at least one; `client` is its address, without the port. */
  choose<Candidate extends Weighted>(candidates: readonly Candidate[], client: string): Candidate
}
