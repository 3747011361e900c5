/** The flags of `sluice proxy` that are one number each, times among them. */
import type { Command } from 'commander'
import { SluiceError } from '../base/errors.js'
import { show } from '../base/options.js'
import { checkNumbers, type NumberOption, proxyNumbers } from '../relay/number-options.js'
import { parseDuration, showDuration } from './parse-duration.js'
import type { ProxyFlags } from './proxy-flag-values.js'

/** By option: its flag. */
const flagOf: Record<keyof typeof proxyNumbers, string> = {
  connectMs: '--connect-timeout',
  helloMs: '--hello-timeout',
  idleMs: '--idle-timeout',
  halfClosedMs: '--half-closed-timeout',
  lifetimeMs: '--lifetime',
  connectionsMax: '--connections-max',
  queueMax: '--queue-max',
  queueMs: '--queue-timeout',
  attemptsMax: '--attempts-max',
  failuresMax: '--failures-max',
  backoffMs: '--backoff',
  resolveMs: '--resolve-interval',
}
const checkFlagOf: Record<keyof typeof checkNumbers, string> = {
  intervalMs: '--check-interval',
  timeoutMs: '--check-timeout',
  rise: '--check-rise',
  fall: '--check-fall',
}

export function addNumberFlags(command: Command, { options, check }: ProxyFlags): void {
  addAll(command, flagOf, proxyNumbers, options)
  addAll(command, checkFlagOf, checkNumbers, check, 'of --check: ')
}

function addAll<Name extends string>(
  command: Command,
  flags: Record<Name, string>,
  numbers: Record<Name, NumberOption>,
  into: { [Each in Name]?: number | undefined },
  before = '',
): void {
  for (const name of Object.keys(flags) as Name[]) {
    const flag = flags[name]
    const isTime = name.endsWith('Ms')
    command.option(
      `${flag} <${isTime ? 'time' : 'number'}>`,
      before + numberText(numbers[name], isTime),
      text => {
        into[name] = isTime ? parseTime(flag, text, numbers[name]) : parseCount(flag, text, numbers[name])
      },
    )
  }
}

/** What it says, with what it is if not given. */
export function numberText({ says, otherwise }: NumberOption, isTime = false): string {
  return `${says} (default: ${isTime ? showDuration(otherwise) : otherwise})`
}

/** @throws ERR_SLUICE_OPTION */
export function parseCount(flag: string, text: string, { min, max }: NumberOption): number {
  const value = Number(text)
  if (/^\d+$/.test(text) && value >= min && value <= max) return value
  throw new SluiceError(
    'ERR_SLUICE_OPTION',
    `${flag} must be a whole number, ${min} to ${max}, not ${show(text)}`,
  )
}

function parseTime(flag: string, text: string, { min }: NumberOption): number {
  const ms = parseDuration(flag, text)
  if (ms >= min) return ms
  throw new SluiceError('ERR_SLUICE_OPTION', `${flag} must be 1ms or more, not ${show(text)}`)
}
