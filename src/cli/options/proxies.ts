/** What is believed of proxies, and told to them. */
import type { ListenOptions } from '../../server/options.ts'
import { proxies, rootPath, text, yes } from './kinds.ts'
import type { OptionFor } from './option.ts'

export type ProxySettings = Pick<ListenOptions, 'trustProxy' | 'rootPath' | 'serverName'>

export const PROXY_OPTIONS: readonly OptionFor<ProxySettings>[] = [
  {
    flags: '--proxy-headers',
    sets: 'trustProxy',
    kind: yes,
    description:
      'Believe X-Forwarded-For, -Proto and -Host of whoever connects: only behind a proxy that nothing goes around',
  },
  {
    flags: '--trust-proxy <addresses>',
    sets: 'trustProxy',
    kind: proxies,
    description: 'Believe those headers of these addresses and ranges only; repeatable',
    absent: 'none',
  },
  {
    flags: '--root-path <path>',
    sets: 'rootPath',
    kind: rootPath,
    description: 'Prefix under which a proxy serves the application, such as /app',
  },
  {
    flags: '-s, --server-name <name>',
    sets: 'serverName',
    kind: text,
    negated: '',
    description: 'What the Server header says; --no-server-name sends none',
  },
]
