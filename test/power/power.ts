/**
 * A loss of power at any moment: traces a server on SQLite, and opens what every loss at every point of the
 * trace may have left (what was synced is there; the rest may be, in part, or not).
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { Chance } from '../chaos/chance.ts'
import { Disk } from './disk.ts'
import type { Loss } from './disk.ts'
import { Knowledge } from './knowledge.ts'
import { lossesOf } from './losses.ts'
import { Broken, holdPromises } from './promises.ts'
import { Replay } from './replay.ts'
import { readTrace, strace } from './strace.ts'

export interface PowerOptions {
  readonly seed: number
  /** The path of the program. */
  readonly strace: string
  /** How often the server opens and closes the file. */
  readonly rounds: number
  /** How many states of the disk are opened, at most: drawn evenly from all of them. */
  readonly images: number
  /** Random losses at each point, beside the plain ones. */
  readonly randomLosses: number
  /** Settings of SQLite other than the store's: see fixtures/pragmas.ts. */
  readonly pragmas?: Readonly<Record<string, string>>
  /** The database lies in a folder that the store makes. Default false: the folder is there for certain. */
  readonly newFolder?: boolean
  /** A planted bug: these syncs are left out. */
  readonly unsynced?: (path: string) => boolean
  /** After the first one that breaks a promise, no more are opened. Default false. */
  readonly untilBroken?: boolean
  readonly signal: AbortSignal
  readonly progress?: (done: number, of: number) => void
}

export interface Finding {
  /** Which promise; see promises.ts. */
  readonly promise: string
  /** What was found, at which call of the trace, and what the loss took. */
  readonly detail: string
}

export interface PowerReport {
  /** Calls of the trace that changed the disk, or were an acknowledgement. */
  readonly points: number
  readonly acknowledged: number
  readonly images: number
  readonly runsFollowed: number
  readonly broken: readonly Finding[]
}

/** Taking runs over waits for timers: it is done for one image in so many. */
const FOLLOW_EVERY = 40

const SERVER = fileURLToPath(new URL('fixtures/server.ts', import.meta.url))
const PRAGMAS = new URL('fixtures/pragmas.ts', import.meta.url).href

export async function losePower(options: PowerOptions): Promise<PowerReport> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-power-'))
  try {
    const trace = join(folder, 'trace')
    const data = join(folder, 'data')
    await record(options, data, trace)
    return await new Trial(options, folder, data, trace).run()
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function record(options: PowerOptions, data: string, trace: string): Promise<void> {
  const { seed, rounds, pragmas = {}, signal } = options
  await mkdir(data)
  const node = [process.execPath, '--conditions=millrace:source', `--import=${PRAGMAS}`, SERVER]
  const settings = `MILLRACE_POWER_PRAGMAS=${JSON.stringify(pragmas)}`
  const command = ['env', settings, ...node, databaseIn(options, data), String(seed), String(rounds)]
  await strace(options.strace, command, trace, signal)
}

function databaseIn({ newFolder }: PowerOptions, folder: string): string {
  return join(folder, newFolder ? 'new' : '.', 'streams.db')
}

class Trial {
  readonly #options: PowerOptions
  readonly #folder: string
  readonly #data: string
  readonly #trace: string
  readonly #broken: Finding[] = []
  #images = 0
  #runsFollowed = 0

  constructor(options: PowerOptions, folder: string, data: string, trace: string) {
    this.#options = options
    this.#folder = folder
    this.#data = data
    this.#trace = trace
  }

  async run(): Promise<PowerReport> {
    const { points, states } = await this.#walk(() => undefined)
    const { images, progress, signal, untilBroken = false } = this.#options
    // Evenly, and by chance within each step: what repeats in a trace is not met at the same place each time.
    const share = Math.min(1, images / states)
    const draw = new Chance(this.#options.seed, 'images')
    const { acknowledged } = await this.#walk(async (disk, knowledge, losses, at) => {
      for (const loss of losses) {
        signal.throwIfAborted()
        if (draw.next() >= share || (untilBroken && this.#broken.length > 0)) continue
        await this.#open(disk, knowledge, loss, at)
        progress?.(this.#images, Math.min(images, states))
      }
    })
    return {
      points,
      acknowledged,
      images: this.#images,
      runsFollowed: this.#runsFollowed,
      broken: this.#broken,
    }
  }

  /** Goes through the trace from its beginning, with the same losses each time. */
  async #walk(
    visit: (
      disk: Disk,
      knowledge: Knowledge,
      losses: readonly Loss[],
      at: number,
    ) => Promise<void> | undefined,
  ): Promise<{ points: number; states: number; acknowledged: number }> {
    const { seed, randomLosses, unsynced } = this.#options
    const disk = new Disk(this.#data)
    const knowledge = new Knowledge()
    const chance = new Chance(seed, 'losses')
    const replay = new Replay({
      folder: this.#data,
      disk,
      tell: (line) => knowledge.learn(line),
      ...(unsynced && { unsynced }),
    })
    let points = 0
    let states = 0
    let at = 0
    for await (const call of readTrace(this.#trace)) {
      at++
      if (replay.apply(call) === 'none') continue
      points++
      const losses = lossesOf(disk.uncertain, chance, randomLosses)
      states += losses.length
      await visit(disk, knowledge, losses, at)
    }
    return { points, states, acknowledged: knowledge.acknowledged }
  }

  async #open(disk: Disk, knowledge: Knowledge, loss: Loss, at: number): Promise<void> {
    const folder = join(this.#folder, `image-${this.#images++}`)
    const files = disk.after(loss)
    await mkdir(folder)
    for (const [path, contents] of files) {
      const copy = join(folder, relative(this.#data, path))
      await mkdir(dirname(copy), { recursive: true })
      await writeFile(copy, contents)
    }
    const goOn = this.#images % FOLLOW_EVERY === 0
    if (goOn) this.#runsFollowed++
    try {
      await holdPromises(databaseIn(this.#options, folder), knowledge, goOn)
    } catch (error) {
      if (!(error instanceof Broken)) throw error
      this.#broken.push({
        promise: error.promise,
        detail: `${error.message}; power lost after call ${at}, which ${loss.name}`,
      })
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  }
}
