/** The options by which a command finds a running server, and says who asks. */
import { headers, streamsUrl } from './kinds.ts'
import type { OptionFor } from './option.ts'
import { type Environment, type Flags, readOptions } from './read-options.ts'

export interface DoorSettings {
  /** Where the server's streams are, without a slash at its end. */
  readonly url?: string
  readonly headers?: readonly Header[]
}

export type Header = readonly [name: string, value: string]

const DOOR_DEFAULTS: Required<DoorSettings> = { url: 'http://127.0.0.1:8000/millrace/streams', headers: [] }

export const DOOR_OPTIONS: readonly OptionFor<DoorSettings>[] = [
  {
    flags: '--url <address>',
    sets: 'url',
    kind: streamsUrl,
    description: 'Where the server has its streams',
    absent: DOOR_DEFAULTS.url,
  },
  {
    flags: '--header <header>',
    sets: 'headers',
    kind: headers,
    description: "Sent with each request, such as 'authorization: Bearer …'; repeatable",
    absent: 'none',
  },
]

/** @throws {UsageError} naming the flag or the variable that cannot be used. */
export function readDoorSettings(flags: Flags, environment: Environment): Required<DoorSettings> {
  const { fromFlags, fromVariables } = readOptions<DoorSettings>(DOOR_OPTIONS, flags, environment)
  return { ...DOOR_DEFAULTS, ...fromVariables, ...fromFlags }
}
