/** Chats in several processes on one store, answered by puppets. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe } from 'vitest'
import type { ChatKind, ChatTurn } from '../../src/chats/chat-kind.ts'
import { Chats } from '../../src/chats/chats.ts'
import type { ChatMessage } from '../../src/conversation/entries.ts'
import type { ChatsOptions } from '../../src/chats/options.ts'
import { Delivery } from '../../src/delivery/delivery.ts'
import type { Json } from '../../src/protocol/json.ts'
import type { RunsOptions } from '../../src/runs/options.ts'
import { Runs } from '../../src/runs/runs.ts'
import { memory } from '../../src/streams/memory/store.ts'
import { redis } from '../../src/streams/redis/open.ts'
import { sqlite } from '../../src/streams/sqlite/sqlite.ts'
import type { StreamStore } from '../../src/streams/store.ts'
import type { StreamInfo } from '../../src/streams/stream.ts'
import { InterposedStore } from '../runs/interposed-store.ts'
import { Puppet } from '../runs/puppet.ts'
import { RecordingLogger } from '../runs/recording-logger.ts'
import { newPrefix } from '../streams/harnesses.ts'
import { RedisServer } from '../support/redis.ts'
import { describeWith } from '../support/services.ts'

/** Longer than anything here takes: then what is waited for does not come. */
const PATIENCE_MS = 30_000

/** A message of a test: what is said, in one text. */
export interface Said extends ChatMessage {
  readonly text: string
}

export function said(id: string, text: string = id): Said {
  return { id, role: 'user', text }
}

export class PuppetTurn extends Puppet {
  readonly turn: ChatTurn

  constructor(turn: ChatTurn, context: Puppet['context']) {
    super(context)
    this.turn = turn
  }

  /** Says a text and is done. */
  say(text: string): void {
    this.yield({ text })
    this.end()
  }
}

/** One process of an application with chats. */
export class ChatProcess {
  readonly chats: Chats
  readonly runs: Runs
  readonly delivery: Delivery
  readonly hand: InterposedStore
  readonly logger: RecordingLogger = new RecordingLogger()
  readonly turns: PuppetTurn[] = []

  constructor(store: StreamStore, options: Partial<ChatsOptions> = {}, ofRuns: Partial<RunsOptions> = {}) {
    const { logger } = this
    this.hand = new InterposedStore(store)
    const shared = { store: this.hand.store, logger }
    this.delivery = new Delivery(shared)
    this.chats = new Chats({ ...shared, kinds: { answer: this.kind() }, ...options })
    this.runs = new Runs({ ...shared, runs: this.chats.kinds, ...ofRuns })
    this.chats.use(this)
  }

  kind(): ChatKind {
    return {
      answer: (turn, context) => {
        const puppet = new PuppetTurn(turn, context)
        this.turns.push(puppet)
        return puppet.play()
      },
      message: async (records, { run, question }) => {
        let text = ''
        let count = 0
        for await (const record of records) {
          text += (record as unknown as Said).text
          count++
        }
        if (count === 0) return undefined
        // Whoever goes on with a message of the assistant keeps its id.
        const id = question.role === 'assistant' ? question.id : `a-${run}`
        return { message: { id, role: 'assistant', text } as Said, usage: { records: count } as Json }
      },
    }
  }

  /** The turn of a message, once its provider was called; the last one of several. */
  async turnOf(id: string): Promise<PuppetTurn> {
    const found = (): PuppetTurn | undefined => this.turns.findLast(({ turn }) => turn.question.id === id)
    await until(() => found() !== undefined)
    return found() as PuppetTurn
  }

  async close(): Promise<void> {
    this.delivery.close()
    await this.runs.close()
    await this.chats.close()
  }
}

/** The streams of an owner, without the feed of the owner's chats. */
export async function ownedBy(owner: string, store: StreamStore): Promise<readonly StreamInfo[]> {
  return (await store.list({ owner })).streams.filter(({ id }) => !id.startsWith('@chat-feed/'))
}

/** Waits for what comes by itself. */
export async function until(condition: () => unknown): Promise<void> {
  for (const since = performance.now(); performance.now() - since < PATIENCE_MS;) {
    if (await condition()) return
    await sleep(2)
  }
  throw new Error(`It did not come: ${String(condition)}`)
}

export class ChatWorld {
  readonly #open: () => StreamStore
  readonly #dispose: () => void
  readonly #stores: StreamStore[] = []
  readonly #processes: ChatProcess[] = []

  constructor(open: () => StreamStore, dispose: () => void) {
    this.#open = open
    this.#dispose = dispose
  }

  store(): StreamStore {
    const store = this.#open()
    if (!this.#stores.includes(store)) this.#stores.push(store)
    return store
  }

  process(options: Partial<ChatsOptions> = {}, ofRuns: Partial<RunsOptions> = {}): ChatProcess {
    const one = new ChatProcess(this.store(), options, ofRuns)
    this.#processes.push(one)
    return one
  }

  /** It dies: nothing it does reaches the store any more. */
  kill(one: ChatProcess): void {
    one.hand.kill()
    this.#processes.splice(this.#processes.indexOf(one), 1)
  }

  async dispose(): Promise<void> {
    await Promise.all(this.#processes.map((one) => one.close()))
    await Promise.all(this.#stores.map((store) => store.close()))
    this.#dispose()
  }
}

/** The same tests on every store. */
export function onEveryStore(name: string, body: (world: () => ChatWorld) => void): void {
  const on = (make: () => ChatWorld): void => {
    let world: ChatWorld
    beforeEach(() => {
      world = make()
    })
    afterEach(() => world.dispose())
    body(() => world)
  }
  describe(`${name}, on memory streams`, () => {
    on(() => {
      const store = memory()
      return new ChatWorld(
        () => store,
        () => {},
      )
    })
  })
  describe(`${name}, on sqlite streams`, () => {
    on(() => {
      const folder = mkdtempSync(join(tmpdir(), 'millrace-chats-'))
      return new ChatWorld(
        () => sqlite(join(folder, 'chats.db')),
        () => rmSync(folder, { recursive: true, force: true }),
      )
    })
  })
  describeWith(['redis'], `${name}, on redis streams`, (paths) => {
    let server: RedisServer
    beforeAll(async () => {
      server = await RedisServer.start(paths.redis)
    })
    afterAll(() => server.stop())
    on(() => {
      const prefix = newPrefix()
      return new ChatWorld(
        () => redis({ url: server.url, prefix }),
        () => {},
      )
    })
  })
}
