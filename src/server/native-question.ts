/**
 * A request that was parsed, as what decides about the answer sees it. Everything is copied out: the answer may have to
 * wait for a disk, and by then other bytes are where the request was.
 */
import type { Opened, Purpose } from '../http/opened.js'
import type { Policy } from '../http/policy.js'
import { purposeOf, type Question } from '../http/question.js'
import { fieldNames } from '../http/request/field.js'
import type { RequestHead } from '../http/request/head.js'
import { GET, HEAD } from '../http/request/method.js'

export class NativeQuestion implements Question {
  readonly method: string
  readonly isHead: boolean
  readonly isGetOrHead: boolean
  readonly target: string
  readonly originalTarget = undefined
  readonly purpose: Purpose
  readonly status = 200
  /** 0 or 1: the minor version of HTTP/1. */
  readonly minor: number
  readonly #fields = new Map<string, string>()

  constructor(head: RequestHead) {
    this.method = head.methodName()
    this.isHead = head.method === HEAD
    this.isGetOrHead = this.isHead || head.method === GET
    this.target = head.target()
    this.minor = head.minor
    for (let field = 0; field < fieldNames.length; field++) {
      if (head.has(field)) this.#fields.set(fieldNames[field]!, head.header(field)!)
    }
    this.purpose = purposeOf(this.isHead, name => this.header(name))
  }

  header(name: string): string | undefined {
    return this.#fields.get(name)
  }

  /** No program has a hand in the head. */
  preset(): undefined {
    return undefined
  }

  consult(_policy: Policy, _path: string, _file: Opened): void {}
}
