/** What a server listens on. */
import type { ListenOptions } from '../../server/options.ts'
import { descriptor, fileMode, port, text } from './kinds.ts'
import type { OptionFor } from './option.ts'

export interface BindingSettings extends Pick<
  ListenOptions,
  'host' | 'port' | 'unixSocket' | 'unixSocketMode' | 'unixSocketGroup' | 'fd'
> {
  /** Paths of PEM files. */
  readonly tlsCert?: string
  readonly tlsKey?: string
}

export const BINDING_OPTIONS: readonly OptionFor<BindingSettings>[] = [
  {
    flags: '-b, --bind <address>',
    sets: 'host',
    kind: text,
    description: 'Address or name to listen on',
  },
  {
    flags: '-p, --port <number>',
    sets: 'port',
    kind: port,
    description: 'Port to listen on; 0 takes a free one. The variable PORT says it as well',
  },
  {
    flags: '-u, --unix-socket <path>',
    sets: 'unixSocket',
    kind: text,
    description: 'Listen on a unix socket instead of an address and a port',
  },
  {
    flags: '--unix-socket-mode <mode>',
    sets: 'unixSocketMode',
    kind: fileMode,
    description: 'Permissions of the unix socket, in octal: 660 lets its group connect',
    absent: 'what the umask leaves',
  },
  {
    flags: '--unix-socket-group <group>',
    sets: 'unixSocketGroup',
    kind: text,
    description: "Name or number of the unix socket's group, such as www-data",
    absent: "the process's own",
  },
  {
    flags: '--fd <number>',
    sets: 'fd',
    kind: descriptor,
    description: 'Listen on an inherited file descriptor, as systemd and circus pass one',
  },
  {
    flags: '--tls-cert <file>',
    sets: 'tlsCert',
    kind: text,
    description: 'Certificate (chain) in PEM; with --tls-key the server speaks https and wss only',
  },
  {
    flags: '--tls-key <file>',
    sets: 'tlsKey',
    kind: text,
    description: 'Private key of the certificate, in PEM',
  },
]
