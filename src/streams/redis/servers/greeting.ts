/** What is asked of a server when a connection opens, and what it answers. */
import { type RedisClient, RedisRefusedError, type Reply } from '../../../redis/open-client.ts'
import { UnfitRedisError } from '../../../redis/unfit.ts'

/** Scripts need flags and live delivery needs sharded pub/sub, both of Redis 7. */
const OLDEST = 7

export interface Greeting {
  /** The run id of the server, new after each start. */
  readonly run: string
  /** `appendonly`: whether every write goes to a file; undefined if the server does not say. */
  readonly appendOnly: boolean | undefined
  /** `always`, `everysec` or `no`; undefined if asking is forbidden. */
  readonly fsync: string | undefined
  /** Whether it saves snapshots; undefined if asking is forbidden. */
  readonly snapshots: boolean | undefined
  readonly replicas: number
  /** What it does when its memory is full: `noeviction`, … */
  readonly eviction: string | undefined
}

/**
 * @param channel any of the store's: a script that may append but not publish would fail halfway.
 * @throws {UnfitRedisError} if the server is too old; {Error} if it forbids something the store needs.
 */
export async function greet(client: RedisClient, channel: string): Promise<Greeting> {
  const [info, config, published] = await Promise.all([
    // A server that is too old accepts at most one section.
    client.send(['INFO']),
    client.send(['CONFIG', 'GET', 'appendfsync', 'save']).catch(() => undefined),
    client.send(['SPUBLISH', channel, '']).catch((error: unknown) => error),
  ])
  const facts = factsOf(String(info))
  const version = facts.get('redis_version') ?? ''
  if (Number.parseInt(version, 10) < OLDEST) {
    throw new UnfitRedisError(
      `it is Redis ${version}, and the stream store needs Redis or Valkey ${OLDEST} at least`,
    )
  }
  // Other errors are temporary, or come with each call, such as MOVED in a Cluster.
  if (published instanceof RedisRefusedError && published.kind === 'NOPERM') throw published
  const settings = pairsOf(config)
  const appendOnly = facts.get('aof_enabled')
  const save = settings.get('save')
  return {
    run: facts.get('run_id') ?? '',
    appendOnly: appendOnly === undefined ? undefined : appendOnly === '1',
    fsync: settings.get('appendfsync'),
    snapshots: save === undefined ? undefined : save !== '',
    replicas: Number(facts.get('connected_slaves') ?? 0),
    eviction: facts.get('maxmemory_policy'),
  }
}

function factsOf(info: string): Map<string, string> {
  const facts = new Map<string, string>()
  for (const line of info.split('\r\n')) {
    const colon = line.indexOf(':')
    if (colon > 0) facts.set(line.slice(0, colon), line.slice(colon + 1))
  }
  return facts
}

function pairsOf(reply: Reply | undefined): Map<string, string> {
  const pairs = new Map<string, string>()
  if (!Array.isArray(reply)) return pairs
  for (let i = 0; i + 1 < reply.length; i += 2) pairs.set(String(reply[i]), String(reply[i + 1]))
  return pairs
}
