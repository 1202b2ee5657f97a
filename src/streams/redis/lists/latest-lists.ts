/**
 * The lists of owners, in the order of the last appends. In a Cluster they are on other servers than their streams,
 * so no step can append and move. Instead, an append to such a stream is marked before, and resolves after the stream
 * was moved. The first page of a list checks the marks, and moves streams whose appends were stored, even if the
 * appending process has died. docs/decisions/0015 explains this.
 */
import type { Reply } from '../../../redis/open-client.ts'
import { Stamps } from '../../incarnation.ts'
import type { CheckedAppend } from '../../bookkeeping/requests.ts'
import { listOf } from '../keys.ts'
import type { Keys } from '../keys.ts'
import { plainScript } from '../scripts/script.ts'
import type { RedisScript } from '../scripts/script.ts'
import type { Scripts } from '../scripts/scripts.ts'
import type { AppendAnswer, RedisStreamTable, Unmarked } from '../stream-table.ts'

/** Milliseconds after which a marked append is no longer in progress: requests settle in far less. */
const MARK_MS = 600_000
/** Marks checked before a page. There is one for each append in progress or abandoned. */
const MARKS = 1000
/** Number of streams whose list this process remembers. */
const MAX_KNOWN = 10_000

/** KEYS: the marks of a list. ARGV: the time, or empty; a mark. */
const MARK = plainScript(
  'write',
  `local now = tonumber(ARGV[1]) or redis.call('TIME')[1] * 1000
redis.call('ZADD', KEYS[1], now, ARGV[2])
return 1
`,
)

/**
 * KEYS: a list, the tails of the streams on it, its marks. ARGV: time, id, incarnation and tail of a stream, or empty
 * where there is nothing to move, and the mark that is done.
 */
const MOVE = plainScript(
  'free',
  `local incarnation, tail = string.match(redis.call('HGET', KEYS[2], ARGV[2]) or '', '^(%w+) (%d+)$')
if ARGV[3] ~= '' and (incarnation ~= ARGV[3] or tonumber(tail) < tonumber(ARGV[4])) then
  redis.call('HSET', KEYS[2], ARGV[2], ARGV[3] .. ' ' .. ARGV[4])
  local first = redis.call('ZRANGE', KEYS[1], 0, 0, 'REV', 'WITHSCORES')
  if first[1] ~= ARGV[2] then
    redis.call('ZADD', KEYS[1], string.format('%.0f', (tonumber(first[2]) or 0) + 1), ARGV[2])
  end
end
if ARGV[5] ~= '' then redis.call('ZREM', KEYS[3], ARGV[5]) end
return 1
`,
)

/** KEYS: a list, the tails. ARGV: time, an id that is not on the list. */
const DROP = plainScript(
  'free',
  `redis.call('HDEL', KEYS[2], ARGV[2])
return redis.call('ZREM', KEYS[1], ARGV[2])
`,
)

/** KEYS: a list. ARGV: time, the place that it comes behind, how many. Gives ids, each with its place. */
const PAGE = plainScript(
  'read',
  `return redis.call('ZRANGE', KEYS[1], '(' .. ARGV[2], 0, 'BYSCORE', 'REV', 'LIMIT', 0, ARGV[3], 'WITHSCORES')\n`,
)

/** KEYS: the marks of a list. ARGV: time, how many. Gives marks, each with its age in milliseconds. */
const MARKED = plainScript(
  'read',
  `local now = tonumber(ARGV[1]) or redis.call('TIME')[1] * 1000
local marks = redis.call('ZRANGE', KEYS[1], 0, ARGV[2] - 1, 'WITHSCORES')
for i = 2, #marks, 2 do marks[i] = string.format('%.0f', now - tonumber(marks[i])) end
return marks
`,
)

export const LATEST_SCRIPTS: readonly RedisScript[] = [MARK, MOVE, DROP, PAGE, MARKED]

/** Where a stream is in one of its incarnations: a list knows of each how far it was when it moved. */
export interface KnownTail {
  readonly incarnation: string
  readonly tail: number
}

/** An append of one stream among those that are under way: those before it and itself, once they have settled. */
interface Turn {
  readonly before: Promise<unknown> | undefined
  settled: Promise<unknown> | undefined
}

export interface PlaceOnList {
  readonly id: string
  readonly place: number
}

export class LatestLists {
  readonly #scripts: Scripts
  readonly #keys: Keys
  readonly #table: RedisStreamTable
  readonly #ordered: boolean
  readonly #stamps = new Stamps()
  /** By id, the list that a stream was on when it was last appended to here. */
  readonly #known = new Map<string, string>()
  /** By id, the last append that is under way here. */
  readonly #last = new Map<string, Turn>()

  /** @param ordered see `Servers`. */
  constructor(scripts: Scripts, keys: Keys, table: RedisStreamTable, ordered: boolean) {
    this.#scripts = scripts
    this.#keys = keys
    this.#table = table
    this.#ordered = ordered
  }

  /**
   * Appends, and moves the stream if it is on a list. One that is not costs the same as ever: only what is refused as
   * `unmarked` is asked again. Then it must not be overtaken by what was asked for later.
   */
  append(id: string, request: CheckedAppend): Promise<AppendAnswer> {
    const turn: Turn = { before: this.#last.get(id)?.settled, settled: undefined }
    this.#last.set(id, turn)
    const appending = this.#append(id, request, turn)
    turn.settled = appending
    return appending
  }

  async #append(id: string, request: CheckedAppend, turn: Turn): Promise<AppendAnswer> {
    try {
      for (;;) {
        const known = this.#known.get(id)
        const answer = await (known === undefined
          ? this.#table.append(id, request)
          : this.#appendListed(known, id, request, turn))
        if ('unmarked' in answer) {
          this.#learn(id, answer.unmarked)
          continue
        }
        const { outcome } = answer.result
        if (known !== undefined && outcome === 'appended') this.#learn(id, answer.listed)
        if (known !== undefined && outcome === 'missing') this.#learn(id, undefined)
        return answer
      }
    } finally {
      if (this.#last.get(id) === turn) this.#last.delete(id)
    }
  }

  async #appendListed(
    list: string,
    id: string,
    request: CheckedAppend,
    { before }: Turn,
  ): Promise<AppendAnswer | Unmarked> {
    await before?.catch(nothing)
    const append = (): Promise<AppendAnswer | Unmarked> => this.#table.append(id, request, list)
    return request.records.length > 0
      ? this.#moving(list, id, append, (done) => tailAfter(done, list))
      : append()
  }

  /** Does what puts a stream on a list. */
  create<T>(
    list: string,
    id: string,
    create: () => Promise<T>,
    tailOf: (made: T) => KnownTail | undefined,
  ): Promise<T> {
    return this.#moving(list, id, create, tailOf)
  }

  async #moving<T>(
    list: string,
    id: string,
    act: () => Promise<T>,
    tailOf: (done: T) => KnownTail | undefined,
  ): Promise<T> {
    const mark = `${id} ${this.#stamps.next()}`
    const marking = this.#scripts.run(MARK, [this.#keys.latest(list).marks], [mark])
    const acting = this.#ordered ? act() : marking.then(act)
    await Promise.allSettled([marking, acting])
    const done = await acting
    try {
      await this.#move(list, id, tailOf(done), mark)
    } catch {
      // The append is stored. The mark tells the next reader of the list to move the stream.
    }
    return done
  }

  /** A stream that is there was found to be as far as this. */
  async found(list: string, id: string, tail: KnownTail): Promise<void> {
    await this.#move(list, id, tail, '')
  }

  /** Takes a stream off a list, that is not on it or not there. */
  async drop(list: string, id: string): Promise<void> {
    const { order, tails } = this.#keys.latest(list)
    await this.#scripts.run(DROP, [order, tails], [id])
  }

  /** The streams behind a place, the latest first. */
  async page(list: string, before: number, limit: number): Promise<readonly PlaceOnList[]> {
    const { order } = this.#keys.latest(list)
    const reply = (await this.#scripts.run(PAGE, [order], [String(before), String(limit)])) as Reply[]
    return pairs(reply).map(([id, place]) => ({ id, place }))
  }

  /** Moves what was appended to and has not been moved. */
  async moveMarked(list: string): Promise<void> {
    const { marks } = this.#keys.latest(list)
    const found = pairs((await this.#scripts.run(MARKED, [marks], [String(MARKS)])) as Reply[])
    await Promise.all(
      found.map(async ([mark, age]) => {
        const id = mark.slice(0, mark.indexOf(' '))
        const state = await this.#table.look(id)
        const there = state && listOf(state) === list ? state : undefined
        // Of one that is under way the mark stays.
        await this.#move(list, id, there, age >= MARK_MS ? mark : '')
      }),
    )
  }

  async #move(list: string, id: string, known: KnownTail | undefined, mark: string): Promise<void> {
    const { order, tails, marks } = this.#keys.latest(list)
    const tail = known ? [known.incarnation, String(known.tail)] : ['', '']
    await this.#scripts.run(MOVE, [order, tails, marks], [id, ...tail, mark])
  }

  #learn(id: string, list: string | undefined): void {
    this.#known.delete(id)
    if (list === undefined) return
    if (this.#known.size >= MAX_KNOWN) this.#known.clear()
    this.#known.set(id, list)
  }
}

function tailAfter(answer: AppendAnswer | Unmarked, list: string): KnownTail | undefined {
  if ('unmarked' in answer || answer.result.outcome !== 'appended' || answer.listed !== list) return undefined
  return { incarnation: answer.incarnation, tail: answer.result.offset.position }
}

function nothing(): void {}

/** What is told with a number each. */
function pairs(reply: readonly Reply[]): (readonly [string, number])[] {
  return reply.flatMap((one, n) =>
    n % 2 === 0 ? [[String(one), Number(String(reply[n + 1]))] as const] : [],
  )
}
