/**
 * The options of `millrace serve`, each in one place, by what they are about: the flag, what it sets, how its
 * value is read and what help says of it. commander's options, `--help`, the environment variables and
 * docs/cli.md are made from these tables; defaults come from the server.
 */
import { DEFAULT_LAYER } from '../../channels/open-layer.ts'
import { CONNECTION_DEFAULTS, LISTEN_DEFAULTS } from '../../server/options.ts'
import { DEFAULT_STORE } from '../../streams/open-store.ts'
import { ACCESS_OPTIONS, type AccessSettings } from './access.ts'
import { APPLICATION_OPTIONS, type ApplicationSettings } from './application.ts'
import { BINDING_OPTIONS, type BindingSettings } from './binding.ts'
import {
  DURABLE_STREAMS_DEFAULTS,
  DURABLE_STREAMS_OPTIONS,
  type DurableStreamsSettings,
} from './durable-streams.ts'
import type { Kind } from './kinds.ts'
import { LIMIT_OPTIONS, type LimitSettings } from './limits.ts'
import { LOGGING_OPTIONS, type LoggingSettings } from './logging.ts'
import { MODEL_DEFAULTS, MODEL_OPTIONS, type ModelSettings } from './models.ts'
import type { OptionFor } from './option.ts'
import { PROCESS_OPTIONS, type ProcessSettings } from './processes.ts'
import { PROXY_OPTIONS, type ProxySettings } from './proxies.ts'
import { STORE_OPTIONS, type StoreSettings } from './stores.ts'
import { WEBSOCKET_OPTIONS, type WebSocketSettings } from './websockets.ts'

/** What flags and variables say; what they leave out has the defaults below. */
export interface ServeSettings
  extends
    ApplicationSettings,
    ProcessSettings,
    StoreSettings,
    DurableStreamsSettings,
    ModelSettings,
    BindingSettings,
    AccessSettings,
    WebSocketSettings,
    ProxySettings,
    LimitSettings,
    LoggingSettings {}

export const SERVE_DEFAULTS = {
  ...CONNECTION_DEFAULTS,
  ...LISTEN_DEFAULTS,
  ...MODEL_DEFAULTS,
  ...DURABLE_STREAMS_DEFAULTS,
  allowAnonymous: false,
  verbosity: 'info',
  exportName: 'default',
  watch: false,
  store: DEFAULT_STORE,
  channelLayer: DEFAULT_LAYER,
} as const satisfies ServeSettings

export type ServeOption = OptionFor<ServeSettings>

export interface OptionGroup {
  readonly title: string
  readonly options: readonly ServeOption[]
}

export const OPTION_GROUPS: readonly OptionGroup[] = [
  { title: 'Application', options: APPLICATION_OPTIONS },
  { title: 'Processes', options: PROCESS_OPTIONS },
  { title: 'Streams and channels', options: STORE_OPTIONS },
  { title: 'Streams over HTTP', options: DURABLE_STREAMS_OPTIONS },
  { title: 'Models', options: MODEL_OPTIONS },
  { title: 'Binding', options: BINDING_OPTIONS },
  { title: 'Access', options: ACCESS_OPTIONS },
  { title: 'WebSockets', options: WEBSOCKET_OPTIONS },
  { title: 'Proxies', options: PROXY_OPTIONS },
  { title: 'Limits', options: LIMIT_OPTIONS },
  { title: 'Logging', options: LOGGING_OPTIONS },
]

export const SERVE_OPTIONS: readonly ServeOption[] = OPTION_GROUPS.flatMap((group) => group.options)

/** The default as people read it: '20 s', '1 MiB', 'none'. */
export function defaultOf(option: ServeOption): string {
  if (option.absent !== undefined) return option.absent
  const value = (SERVE_DEFAULTS as ServeSettings)[option.sets]
  if (value === undefined) return 'none'
  // The table pairs each kind with the values of the setting it sets.
  return (option.kind as Kind<unknown>).show(value)
}
