/** How an application starts what a client asks for, at every endpoint. */
import type { Scope } from '../consumers/scope.ts'
import type { Json } from '../protocol/json.ts'

/** A client's wish for a run. Everything but `owner` is the client's word. */
export interface StartCommand {
  /** Which of the application's runs. A handler that chooses one itself puts its own after this. */
  readonly kind?: string
  readonly input: Json
  readonly chat?: string
  readonly id?: string
  /** What was asked, as it came: hand it on to `runs.start`, which knows by it what an id was started for. */
  readonly asked?: Json
  /** Whose run it will be: what `ownerOf` says of the user. Undefined without authentication. */
  readonly owner?: string
}

/**
 * Starts a run for a client; the id of what it returns is the stream. Checks what it is given. To
 * refuse, throw an `HttpError`, `forbidden('…')` for one: its code and message reach the client. The
 * run outlives the socket.
 */
export type StartHandler = (
  command: StartCommand,
  scope: Scope,
) => { readonly id: string } | Promise<{ readonly id: string }>

/** What an id is started for: another kind with the same input is something else. */
export function askedOf({ kind, input }: Pick<StartCommand, 'kind' | 'input'>): Json {
  return kind === undefined ? input : [kind, input]
}
