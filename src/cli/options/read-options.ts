/** From flags and the environment to values, for any table of options. */
import { UsageError } from '../command-error.ts'
import { type CommandOption, flagOf, variableOf } from './option.ts'

/** What the command line says, by long flag: a text, the texts of a repeated flag, or yes and no. */
export type Flags = Readonly<Record<string, string | readonly string[] | boolean | undefined>>

export type Environment = Readonly<Record<string, string | undefined>>

export interface FoundValues<Settings> {
  readonly fromFlags: Given<Settings>
  readonly fromVariables: Given<Settings>
}

/** The caller's to change. */
type Given<Settings> = { -readonly [Name in keyof Settings]?: Settings[Name] }

/** @throws {UsageError} naming the flag or the variable that cannot be used, and what it takes. */
export function readOptions<Settings>(
  options: readonly CommandOption[],
  flags: Flags,
  environment: Environment,
): FoundValues<Settings> {
  const fromVariables: Record<string, unknown> = {}
  const fromFlags: Record<string, unknown> = {}
  for (const option of options) {
    const variable = variableOf(option)
    const value = environment[variable]
    if (value) fromVariables[option.sets] = read(option, variable, value)
    const flag = flagOf(option)
    const given = flags[flag]
    if (given === undefined) continue
    if (typeof given === 'boolean') fromFlags[option.sets] = given || (option.negated ?? false)
    else fromFlags[option.sets] = read(option, flag, textOf(option, given))
  }
  // The table pairs each kind with the setting that its values are for.
  return { fromFlags, fromVariables } as FoundValues<Settings>
}

function textOf({ kind }: CommandOption, given: string | readonly string[]): string {
  return typeof given === 'string' ? given : given.join(kind.list)
}

function read({ kind }: CommandOption, source: string, text: string): unknown {
  try {
    return kind.parse(text)
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    const verdict = kind.secret ? 'cannot be used' : `is ${JSON.stringify(withoutCredentials(text))}`
    throw new UsageError(`${source} ${verdict}; ${error.message}`)
  }
}

/** An address may hold a password, and this goes to a terminal or a log. */
function withoutCredentials(text: string): string {
  return text.replace(/:\/\/.*@/s, '://…@')
}
