/** The runs of an application, started by name and typed by what the server says of them. */
import type { Json } from '../protocol/json.ts'
import type { RemoteStream } from './remote-stream.ts'
import type { RemoteStreamOptions, StartOptions, StreamClient } from './stream-client.ts'

/** One kind of run of a server: what it is asked, and what its stream holds. */
export interface ClientRun<Input = Json, Record = Json> {
  readonly client: StreamClient
  /** Its name in the server's `runs`. */
  readonly kind: string
  /**
   * Starts a run and follows it, as `StreamClient.start` does.
   *
   * @throws {StreamError} when the server refuses: `invalid_input`, whose `issues` say what is wrong, or
   * `unknown_kind`.
   */
  readonly start: (...[input, options]: StartArguments<Input>) => Promise<RemoteStream<Record>>
  /** Follows a run that was started before, as `StreamClient.stream` does. */
  readonly stream: (id: string, options?: RemoteStreamOptions) => RemoteStream<Record>
}

/** The input may be left out where null, or nothing, is one. */
export type StartArguments<Input> = undefined extends Input
  ? [input?: Input, options?: StartOptions]
  : null extends Input
    ? [input?: Input, options?: StartOptions]
    : [input: Input, options?: StartOptions]

/** The runs of an application, by name. `App` is the type of what `millrace()` returned. */
export type ClientRuns<App> = {
  readonly [Name in keyof RunsOf<App> & string]: ClientRunOf<RunsOf<App>[Name]>
}

type RunsOf<App> = App extends { readonly '~runs'?: infer Runs } ? NonNullable<Runs> : unknown

type ClientRunOf<Definition> = Definition extends {
  readonly '~types'?: { readonly input: infer Input; readonly record: infer Record }
}
  ? ClientRun<Input, Record>
  : never

/**
 * The types know the names and the program does not, so each run is made at its first use, and kept. It is an
 * object, not a function: `await client.runs` looks for a `then` and finds nothing to call.
 */
export function clientRuns<App>(client: StreamClient): ClientRuns<App> {
  const made = Object.create(null) as { [kind: string]: ClientRun }
  return new Proxy({} as ClientRuns<App>, {
    get: (_none, name) => {
      const kind = name as string
      return (made[kind] ??= {
        client,
        kind,
        start: (input, options) => client.start(input, { ...options, kind }),
        stream: (id, options) => client.stream(id, options),
      })
    },
  })
}
