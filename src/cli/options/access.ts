/** Who may come in: hosts, origins, strangers. */
import type { ListenOptions } from '../../server/options.ts'
import { hosts, origins, yes } from './kinds.ts'
import type { OptionFor } from './option.ts'

export interface AccessSettings extends Pick<ListenOptions, 'allowAnonymous' | 'allowedHosts'> {
  /** Beside the application's own. */
  readonly origins?: readonly string[]
}

export const ACCESS_OPTIONS: readonly OptionFor<AccessSettings>[] = [
  {
    flags: '--allow-anonymous',
    sets: 'allowAnonymous',
    kind: yes,
    description: 'Serve an application without authentication beyond this machine',
  },
  {
    flags: '--allowed-host <host>',
    sets: 'allowedHosts',
    kind: hosts,
    description: 'Answer to this host name and to no unlisted one; repeatable',
    absent: "this machine's names on a loopback address, otherwise all",
  },
  {
    flags: '--origin <origin>',
    sets: 'origins',
    kind: origins,
    description: "Let pages of this origin open WebSockets, beside the application's own; repeatable",
  },
]
