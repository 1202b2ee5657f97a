/** An option of a command: the flag, what it sets, how its value is read, and what help says of it. */
import type { Kind } from './kinds.ts'

/** An option whose kind reads the values of the setting it sets. */
export type OptionFor<Settings> = {
  [Name in keyof Settings]-?: OptionOf<Settings, Name>
}[keyof Settings]

export interface OptionOf<Settings, Name extends keyof Settings> extends CommandOption {
  readonly sets: Name & string
  readonly kind: Kind<NonNullable<Settings[Name]>>
  readonly negated?: Settings[Name]
}

/** An option, whatever it sets. */
export interface CommandOption {
  /** As commander takes them: '-p, --port <number>'. */
  readonly flags: string
  readonly sets: string
  readonly kind: Kind<unknown>
  /** What the flag's `--no-` form sets; a lone flag has one that sets false. */
  readonly negated?: unknown
  readonly description: string
  /** In place of a default that is no value. */
  readonly absent?: string
}

/** '--ping-interval' */
export function flagOf({ flags }: CommandOption): string {
  return /--[a-z-]+/.exec(flags)?.[0] ?? flags
}

/** 'MILLRACE_PING_INTERVAL' */
export function variableOf(option: CommandOption): string {
  return `MILLRACE_${flagOf(option).slice(2).replaceAll('-', '_').toUpperCase()}`
}
