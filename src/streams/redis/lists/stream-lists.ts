/**
 * The lists of streams: all, by owner, open ones, and those with an expiry or a lease.
 *
 * They are on one server of a Cluster and the streams on others, so no step changes both. Instead, an id is in its
 * lists before the stream exists, and is removed after it is gone. So a list may name a stream that no longer exists
 * or belongs there; the reader that notices removes it. Times in a list are the earliest possible ones.
 * docs/decisions/0004 explains this.
 */
import { newIncarnation } from '../../incarnation.ts'
import type { Reply } from '../../../redis/open-client.ts'
import { nameOf } from '../keys.ts'
import type { Keys, ListKeys } from '../keys.ts'
import { plainScript } from '../scripts/script.ts'
import type { RedisScript } from '../scripts/script.ts'
import type { Scripts } from '../scripts/scripts.ts'
import type { CheckedList } from '../../bookkeeping/list-requests.ts'

export type ListName = 'ids' | 'owners' | 'leased' | 'open' | 'leases' | 'ends'

const NOW = `local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
local function int(n) return string.format('%.0f', n) end
local function remember(clock, list)
  if now > tonumber(redis.call('HGET', clock, list) or '0') then redis.call('HSET', clock, list, int(now)) end
end
`

/**
 * KEYS: ids, owners, open, leases, ends, clock, leased, whose. ARGV: time, id, owner, `1` for open, lease, TTL, end,
 * `1` for leased, in how many milliseconds records may be too old.
 */
const ADD = plainScript(
  'write',
  `${NOW}redis.call('ZADD', KEYS[1], 0, ARGV[2])
redis.call('ZADD', KEYS[2], 0, ARGV[3] .. ' ' .. ARGV[2])
if ARGV[8] == '1' then redis.call('ZADD', KEYS[7], 0, ARGV[3] .. ' ' .. ARGV[2]) end
if ARGV[4] == '1' then redis.call('ZADD', KEYS[3], 0, ARGV[2]) end
if ARGV[5] ~= '' then redis.call('ZADD', KEYS[4], 'LT', int(now + tonumber(ARGV[5])), ARGV[2]) end
local at = tonumber(ARGV[7])
if ARGV[6] ~= '' then at = now + tonumber(ARGV[6]) end
if ARGV[9] ~= '' then at = math.min(at or math.huge, now + tonumber(ARGV[9])) end
if at then
  redis.call('ZADD', KEYS[5], 'LT', int(at), ARGV[2])
  remember(KEYS[6], 'ends')
  -- The first to come: of a create that finds a stream of another owner nothing is kept.
  if ARGV[3] ~= '' then redis.call('HSETNX', KEYS[8], ARGV[2], ARGV[3]) end
end
return 1
`,
)

/** KEYS: as for ADD. ARGV: time, id, owner where it is known. */
const REMOVE = plainScript(
  'free',
  `redis.call('ZREM', KEYS[1], ARGV[2])
for _, owner in ipairs({ARGV[3], redis.call('HGET', KEYS[8], ARGV[2]) or ''}) do
  redis.call('ZREM', KEYS[2], owner .. ' ' .. ARGV[2])
  redis.call('ZREM', KEYS[7], owner .. ' ' .. ARGV[2])
end
for i = 3, 5 do redis.call('ZREM', KEYS[i], ARGV[2]) end
redis.call('HDEL', KEYS[8], ARGV[2])
return 1
`,
)

/**
 * KEYS: a list of times, the clock. ARGV: time, name of the list, from which time on, how many to pass
 * over, how many. Gives whether the clock went back, by a second or more, since the last look, and the ids
 * that are due, each with its time.
 */
const DUE = plainScript(
  'free',
  `${NOW}local last = tonumber(redis.call('HGET', KEYS[2], ARGV[2]) or '0')
redis.call('HSET', KEYS[2], ARGV[2], int(now))
local ids = redis.call('ZRANGE', KEYS[1], ARGV[3], int(now), 'BYSCORE', 'LIMIT', ARGV[4], ARGV[5], 'WITHSCORES')
return {last - now >= 1000 and 1 or 0, ids}
`,
)

/** KEYS: a list. ARGV: time, member, its score or nothing to take it out. */
const SET = plainScript(
  'free',
  `if ARGV[3] == '' then return redis.call('ZREM', KEYS[1], ARGV[2]) end
return redis.call('ZADD', KEYS[1], 'XX', ARGV[3], ARGV[2])
`,
)

/** KEYS: a list of times, the clock. ARGV: time, id, in how many milliseconds, name of the list. */
const ADD_TIME = plainScript(
  'free',
  `${NOW}remember(KEYS[2], ARGV[4])
return redis.call('ZADD', KEYS[1], 'LT', int(now + tonumber(ARGV[3])), ARGV[2])
`,
)

/** KEYS: any of the lists. ARGV: time. Gives the time. */
const TIME = plainScript('read', `${NOW}return int(now)\n`)

const SCAN = plainScript('read', `return redis.call('ZSCAN', KEYS[1], ARGV[2], 'COUNT', ARGV[3])\n`)
const SCAN_COUNT = 100

/** KEYS: the clock. ARGV: time, a name. Gives the name that these lists have had since they were empty. */
const MARKER = plainScript(
  'free',
  `redis.call('HSETNX', KEYS[1], 'name', ARGV[2])
return redis.call('HGET', KEYS[1], 'name')
`,
)

/** KEYS: a list. ARGV: time, the range as ZRANGE BYLEX has it, how many. */
const PAGE = plainScript(
  'read',
  `return redis.call('ZRANGE', KEYS[1], ARGV[2], ARGV[3], 'BYLEX', 'LIMIT', 0, ARGV[4])\n`,
)

/** KEYS: a list. ARGV: time, the range as ZLEXCOUNT has it. */
const COUNT = plainScript('read', `return redis.call('ZLEXCOUNT', KEYS[1], ARGV[2], ARGV[3])\n`)

export const LIST_SCRIPTS: readonly RedisScript[] = [
  ADD,
  REMOVE,
  DUE,
  SET,
  ADD_TIME,
  SCAN,
  PAGE,
  COUNT,
  MARKER,
  TIME,
]

/** A place in a list of times. */
export interface DuePlace {
  readonly at: number
  readonly id: string
}

const BEFORE_ALL: DuePlace = { at: Number.NEGATIVE_INFINITY, id: '' }

export interface Due {
  /** If so, there are no ids: the times must be corrected first. */
  readonly clockWentBack: boolean
  readonly ids: readonly string[]
}

/** The fields by which a stream is listed. */
export interface Listing {
  readonly owner?: string | undefined
  readonly open?: boolean
  readonly leased?: boolean
  readonly leaseMs?: number | undefined
  readonly ttlMs?: number | undefined
  readonly endsAt?: number | undefined
  /** In how many milliseconds its records may be too old. */
  readonly agedInMs?: number | undefined
}

export class StreamLists {
  readonly #scripts: Scripts
  readonly #keys: ListKeys

  constructor(scripts: Scripts, keys: Keys) {
    this.#scripts = scripts
    this.#keys = keys.lists
  }

  async add(
    id: string,
    { owner, open = false, leased = false, leaseMs, ttlMs, endsAt, agedInMs }: Listing,
  ): Promise<void> {
    await this.#scripts.run(ADD, this.#all(), [
      id,
      nameOf(owner),
      open ? '1' : '',
      textOf(leaseMs),
      textOf(ttlMs),
      textOf(endsAt),
      leased ? '1' : '',
      textOf(agedInMs),
    ])
  }

  async remove(id: string, owner: string | undefined): Promise<void> {
    await this.#scripts.run(REMOVE, this.#all(), [id, nameOf(owner)])
  }

  /**
   * Ids whose expiry, or whose lease's, has come, in the order of these times and then of ids; the first ones, or
   * those after a place.
   */
  async due(list: 'leases' | 'ends', limit: number, after: DuePlace = BEFORE_ALL): Promise<Due> {
    const keys = [this.#keys[list], this.#keys.clock]
    const ids: string[] = []
    // Entries of the same time that are not after the place are read as well.
    for (let read = 0; ;) {
      const values = [list, String(after.at), String(read), String(limit)]
      const [back, page] = (await this.#scripts.run(DUE, keys, values)) as [number, Buffer[]]
      if (back === 1) return { clockWentBack: true, ids: [] }
      for (let n = 0; n < page.length; n += 2) {
        const id = String(page[n])
        if (id > after.id || Number(String(page[n + 1])) > after.at) ids.push(id)
      }
      read += page.length / 2
      if (page.length < 2 * limit || ids.length >= limit)
        return { clockWentBack: false, ids: ids.slice(0, limit) }
    }
  }

  /** Corrects the time of an id in the list; undefined removes it. */
  async set(list: 'leases' | 'ends', id: string, at: number | undefined): Promise<void> {
    await this.#scripts.run(SET, [this.#keys[list]], [id, textOf(at)])
  }

  /** Removes an id, or the id of an owner, from one list. */
  async drop(list: ListName, id: string, owner?: string | null): Promise<void> {
    await this.#scripts.run(SET, [this.#keys[list]], [headOf(list, owner) + id, ''])
  }

  /** Notes when a lease may expire, before it is taken. */
  async addLease(id: string, ttlMs: number): Promise<void> {
    await this.#addTime('leases', id, ttlMs)
  }

  /** Makes the next sweep look at a stream. */
  async addToSweep(id: string): Promise<void> {
    await this.#addTime('ends', id, 0)
  }

  async #addTime(list: 'leases' | 'ends', id: string, inMs: number): Promise<void> {
    await this.#scripts.run(ADD_TIME, [this.#keys[list], this.#keys.clock], [id, String(inMs), list])
  }

  /** Every id in a list of times during this call; some may come twice. */
  async *all(list: 'leases' | 'ends'): AsyncGenerator<readonly string[]> {
    for (let cursor = ''; cursor !== '0';) {
      const values = [cursor || '0', String(SCAN_COUNT)]
      const [next, members] = (await this.#scripts.run(SCAN, [this.#keys[list]], values)) as [
        Buffer,
        Buffer[],
      ]
      cursor = String(next)
      yield members.filter((_, n) => n % 2 === 0).map(String)
    }
  }

  /** Milliseconds since 1970 by the clock of these lists. */
  async time(): Promise<number> {
    return Number(String(await this.#scripts.run(TIME, [this.#keys.clock])))
  }

  /** Names these lists; a different name means that everything in them was lost in between. */
  async marker(): Promise<string> {
    return String(await this.#scripts.run(MARKER, [this.#keys.clock], [newIncarnation()]))
  }

  /** Ids in order, from the list with the fewest others. */
  async page(
    { prefix, owner, closed, leased }: CheckedList,
    after: string,
    limit: number,
  ): Promise<{ list: ListName; ids: readonly string[] }> {
    const isOpen = leased || closed === false
    const list = owner !== undefined ? (leased ? 'leased' : 'owners') : isOpen ? 'open' : 'ids'
    const head = headOf(list, owner)
    const from = after >= prefix && after !== '' ? `(${head}${after}` : `[${head}${prefix}`
    // No id contains a character above `~`.
    const values = [from, `(${head}${prefix}\x7f`, String(limit)]
    const members = strings(await this.#scripts.run(PAGE, [this.#keys[list]], values))
    return { list, ids: members.map((member) => member.slice(head.length)) }
  }

  /** Number of ids of an owner (null for none) in the list of owners; as for `page`, some may be gone. */
  async count(owner: string | null, most: number): Promise<number> {
    // A list cannot name it.
    if (owner !== null && !owner.isWellFormed()) return 0
    const head = headOf('owners', owner)
    const values = [`[${head}`, `(${head}\x7f`]
    return Math.min(most, Number(await this.#scripts.run(COUNT, [this.#keys.owners], values)))
  }

  #all(): string[] {
    const { ids, owners, open, leases, ends, clock, leased, whose } = this.#keys
    return [ids, owners, open, leases, ends, clock, leased, whose]
  }
}

/** The prefix of the ids in a list. */
function headOf(list: ListName, owner: string | null | undefined): string {
  return list === 'owners' || list === 'leased' ? `${nameOf(owner)} ` : ''
}

function textOf(value: number | undefined): string {
  return value === undefined ? '' : String(value)
}

function strings(reply: Reply): string[] {
  return (reply as readonly Buffer[]).map(String)
}
