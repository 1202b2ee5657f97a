/** The way into a Millrace server, from a browser or from Node. */
import { type ClientRuns, clientRuns } from './client-runs.ts'
import { type ClientOptions, StreamClient } from './stream-client.ts'

/** A client that knows an application by its type. */
export interface AppClient<App = unknown> extends StreamClient {
  /** The application's runs, by the names that `App` has them under: `client.runs.answer.start({ prompt })`. */
  readonly runs: ClientRuns<App>
}

/**
 * Makes a client. It connects when something first needs a connection.
 *
 * @param url an origin, or `/` for the page's own: `connect<App>('/')` is a client of what `millrace({ runs })`
 * mounts there. Any other is the address of a stream socket: a path of the page's own server, or a whole `ws:`,
 * `wss:`, `http:` or `https:` address.
 * @throws {TypeError} for an invalid address, and for the option `path` with an address that is no origin.
 */
export function connect<App = unknown>(url: string, options: ClientOptions = {}): AppClient<App> {
  const client = new StreamClient(url, options)
  return Object.assign(client, { runs: clientRuns<App>(client) })
}
