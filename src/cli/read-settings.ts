/** From flags and the environment to settings: a flag wins over a variable, and both over the default. */
import { UsageError } from './command-error.ts'
import type { Kind } from './option-kinds.ts'
import { SERVE_OPTIONS, type ServeOption, type ServeSettings, flagOf, variableOf } from './serve-options.ts'

/** What the command line says, by long flag: a text, the texts of a repeated flag, or yes and no. */
export type Flags = Readonly<Record<string, string | readonly string[] | boolean | undefined>>

export type Environment = Readonly<Record<string, string | undefined>>

type Found = Partial<Record<keyof ServeSettings, unknown>>

/** @throws {UsageError} naming the flag or the variable that cannot be used, and what it takes. */
export function readSettings(flags: Flags, environment: Environment): ServeSettings {
  const fromVariables: Found = {}
  const fromFlags: Found = {}
  for (const option of SERVE_OPTIONS) {
    const variable = variableOf(option)
    const value = environment[variable]
    if (value) fromVariables[option.sets] = read(option, variable, value)
    const flag = flagOf(option)
    const given = flags[flag]
    if (given === undefined) continue
    if (typeof given === 'boolean') fromFlags[option.sets] = given || (option.negated ?? false)
    else fromFlags[option.sets] = read(option, flag, typeof given === 'string' ? given : given.join(','))
  }
  const place = placeOf(fromFlags)
  for (const other of place === undefined ? [] : PLACES) if (other !== place) delete fromVariables[other]
  const settings = { ...fromVariables, ...fromFlags } as ServeSettings
  if ((settings.tlsCert === undefined) !== (settings.tlsKey === undefined)) {
    throw new UsageError('--tls-cert and --tls-key belong together: give both, or neither')
  }
  return settings
}

/** What there is to listen on; `port` stands for address and port. */
const PLACES = ['port', 'unixSocket', 'fd'] as const

/** Where the flags say to listen, if they do: a variable may not drag the server elsewhere. */
function placeOf(flags: Found): (typeof PLACES)[number] | undefined {
  const named = PLACES.filter((place) => place in flags || (place === 'port' && 'host' in flags))
  if (named.length > 1) {
    throw new UsageError(
      '--unix-socket, --fd and --bind with --port exclude each other: choose one to listen on',
    )
  }
  return named[0]
}

function read({ kind }: ServeOption, source: string, text: string): unknown {
  try {
    // The table pairs each kind with the setting that its values are for.
    return (kind as Kind<unknown>).parse(text)
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    throw new UsageError(`${source} is ${JSON.stringify(text)}; ${error.message}`)
  }
}
