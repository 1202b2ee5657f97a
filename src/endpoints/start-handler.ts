/** The application's handler for starts, at every endpoint. */
import type { Scope } from '../consumers/scope.ts'
import type { Json } from '../protocol/json.ts'

/** A client's request to start a run. Everything except `owner` comes from the client. */
export interface StartCommand {
  /** The name of one of the application's kinds. A handler may choose another. */
  readonly kind?: string
  readonly input: Json
  readonly chat?: string
  readonly id?: string
  /** What the client asked for, unchanged. Pass it to `runs.start`, which compares it when an id is started again. */
  readonly asked?: Json
  /** The owner of the run: what `ownerOf` returned for the user. Undefined without authentication. */
  readonly owner?: string
}

/**
 * Starts a run for a client and returns it; its id is the id of the stream. It must check its input. To refuse, throw
 * an `HttpError` such as `forbidden('…')`: its code and message reach the client. The run outlives the socket.
 */
export type StartHandler = (
  command: StartCommand,
  scope: Scope,
) => { readonly id: string } | Promise<{ readonly id: string }>

/** Returns what a client asked for, to compare starts with the same id. It includes the kind. */
export function askedOf({ kind, input }: Pick<StartCommand, 'kind' | 'input'>): Json {
  return kind === undefined ? input : [kind, input]
}
