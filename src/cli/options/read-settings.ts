/** What `serve` is set to: a flag wins over a variable, and both over the default. */
import { checkLayer } from '../../channels/open-layer.ts'
import { pathOfStore } from '../../streams/open-store.ts'
import { UsageError } from '../command-error.ts'
import { type Environment, type Flags, readOptions } from './read-options.ts'
import { port } from './kinds.ts'
import { SERVE_OPTIONS, type ServeSettings } from './serve.ts'

/**
 * @param file of the application, if there is one.
 * @throws {UsageError} naming the flag or the variable that cannot be used, and what it takes.
 */
export function readSettings(flags: Flags, environment: Environment, file?: string): ServeSettings {
  const { fromFlags, fromVariables } = readOptions<ServeSettings>(SERVE_OPTIONS, flags, environment)
  const place = placeOf(fromFlags)
  for (const other of place === undefined ? [] : PLACES) if (other !== place) delete fromVariables[other]
  const usual = portOf(environment, { ...fromVariables, ...fromFlags })
  const settings: ServeSettings = withRedis({ ...usual, ...fromVariables, ...fromFlags }, environment, file)
  if ((settings.tlsCert === undefined) !== (settings.tlsKey === undefined)) {
    throw new UsageError('--tls-cert and --tls-key belong together: give both, or neither')
  }
  // A variable may be meant for another server of the same environment.
  if (
    settings.unixSocket === undefined &&
    ('unixSocketMode' in fromFlags || 'unixSocketGroup' in fromFlags)
  ) {
    throw new UsageError('--unix-socket-mode and --unix-socket-group go with --unix-socket')
  }
  return settings
}

/**
 * Where nothing else says, `REDIS_URL` is the place of store and channel layer. The variable is not ours
 * alone: the application in a file may use one that we cannot, as it likes.
 *
 * @throws {UsageError} for one that cannot be used, when there is no file.
 */
export function withRedis<Settings extends Pick<ServeSettings, 'store' | 'channelLayer'>>(
  settings: Settings,
  { REDIS_URL: url }: Environment,
  file?: string,
): Settings {
  if (!url || (settings.store !== undefined && settings.channelLayer !== undefined)) return settings
  try {
    checkLayer(url)
    pathOfStore(url)
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    if (file !== undefined) return settings
    // Not quoted: it may hold a password.
    throw new UsageError(`REDIS_URL cannot be used; ${error.message}`)
  }
  return { store: url, channelLayer: url, ...settings }
}

/**
 * The port that a host of applications says in `PORT`, where nothing else says what to listen on.
 *
 * @throws {UsageError} for what is no port.
 */
function portOf({ PORT: given }: Environment, settings: ServeSettings): Pick<ServeSettings, 'port'> {
  if (!given || PLACES.some((place) => settings[place] !== undefined)) return {}
  try {
    return { port: port.parse(given) }
  } catch (error) {
    throw new UsageError(`PORT is ${JSON.stringify(given)}; ${(error as Error).message}`)
  }
}

/** What there is to listen on; `port` stands for address and port. */
const PLACES = ['port', 'unixSocket', 'fd'] as const

/** Where the flags say to listen, if they do: a variable may not drag the server elsewhere. */
function placeOf(flags: Partial<ServeSettings>): (typeof PLACES)[number] | undefined {
  const named = PLACES.filter((place) => place in flags || (place === 'port' && 'host' in flags))
  if (named.length > 1) {
    throw new UsageError(
      '--unix-socket, --fd and --bind with --port exclude each other: choose one to listen on',
    )
  }
  return named[0]
}
