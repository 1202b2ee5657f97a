/** The options by which a command finds a running server, and says who asks. */
import { headers, streamsUrl } from './kinds.ts'
import type { OptionFor } from './option.ts'
import { type Environment, type Flags, readOptions } from './read-options.ts'

export interface EndpointSettings {
  /** Where the server's streams are, without a slash at its end. */
  readonly url?: string
  readonly headers?: readonly Header[]
}

export type Header = readonly [name: string, value: string]

const ENDPOINT_DEFAULTS: Required<EndpointSettings> = {
  url: 'http://127.0.0.1:8000/millrace/streams',
  headers: [],
}

export const ENDPOINT_OPTIONS: readonly OptionFor<EndpointSettings>[] = [
  {
    flags: '--url <address>',
    sets: 'url',
    kind: streamsUrl,
    description: 'Where the server has its streams',
    absent: ENDPOINT_DEFAULTS.url,
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
export function readEndpointSettings(flags: Flags, environment: Environment): Required<EndpointSettings> {
  const { fromFlags, fromVariables } = readOptions<EndpointSettings>(ENDPOINT_OPTIONS, flags, environment)
  return { ...ENDPOINT_DEFAULTS, ...fromVariables, ...fromFlags }
}
