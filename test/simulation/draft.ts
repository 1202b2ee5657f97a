/**
 * Draws a plan from its seed: a list of acts with their times, so that one that is left out changes none of the others.
 */
import { Chance } from '../chaos/chance.ts'
import { ChatActs } from './chat-acts.ts'
import type { Act, Deed, Via } from './deed.ts'
import type { FaultRates } from './faults.ts'
import type { Hazard } from './hazards.ts'
import type { Plan } from './plan.ts'
import type { ReaderPlan } from './reader.ts'
import type { Script, Temper } from './providers.ts'
import { TEMPERS } from './providers.ts'
import { StoreActs } from './store-acts.ts'

const DAY = 24 * 3600 * 1000

/** So that somebody can end what they leave. */
const ALWAYS_KNOWN: ReadonlySet<Temper> = new Set(['deadly', 'remote'])

export class Draft {
  readonly #seed: number
  readonly #chance: Chance
  /** For what was added later, so that seeds stay what they were. */
  readonly #more: Chance
  readonly #ends: Chance
  readonly #upstream: Chance
  readonly #isKept: boolean
  readonly #hazards: readonly Hazard[]
  readonly #acts: Act[] = []
  readonly #store: StoreActs
  readonly #processes: number
  readonly #lengthMs: number
  /** When the first run is started. */
  #firstMs = 0

  constructor(seed: number, hazards: readonly Hazard[]) {
    this.#seed = seed
    this.#chance = new Chance(seed, 'acts')
    this.#more = new Chance(seed, 'more acts')
    this.#ends = new Chance(seed, 'ends and races')
    this.#upstream = new Chance(seed, 'remote runs')
    this.#isKept = new Chance(seed, 'kept messages').next() < 0.3
    this.#hazards = hazards
    this.#processes = this.#has('many laggards') ? 2 : this.#chance.between(2, 4)
    this.#lengthMs = this.#has('foreign leases') ? 5_000 : this.#chance.pick([5_000, 15_000, 30_000])
    this.#store = new StoreActs({
      seed,
      chance: this.#chance,
      ends: this.#ends,
      processes: this.#processes,
      lengthMs: this.#lengthMs,
      has: (hazard) => this.#has(hazard),
      add: (deed, atMs) => this.#add(deed, atMs),
    })
  }

  plan(): Plan {
    const chance = this.#chance
    const leaseTtl = chance.pick([2, 10])
    const runs = this.#runs()
    this.#disturb(runs, leaseTtl)
    this.#readers(runs)
    this.#store.writes()
    this.#store.races()
    this.#store.keeps()
    this.#remote()
    new ChatActs({
      seed: this.#seed,
      processes: this.#processes,
      lengthMs: this.#lengthMs,
      isBusy: this.#has('busy chat'),
      isKept: this.#isKept,
      add: (deed, atMs) => this.#add(deed, atMs),
    }).draw()
    this.#hazardous(runs)
    const all = TEMPERS
    return {
      seed: this.#seed,
      processes: this.#processes,
      leaseTtl,
      shutdownGrace: chance.pick([0, 1, 5]),
      retention: this.#retention(leaseTtl),
      rates: this.#rates(),
      // The first knows all of them, so that somebody does.
      tempers: Array.from({ length: this.#processes }, (_, slot) =>
        slot === 0 || chance.next() < 0.7
          ? all
          : all.filter((temper) => ALWAYS_KNOWN.has(temper) || chance.next() < 0.6),
      ),
      keepsMessages: this.#isKept,
      isSmall: this.#has('many laggards') || chance.next() < 0.5,
      merges: this.#has('merged records'),
      tells: this.#has('deadly run') || this.#ends.next() < 0.6,
      forgotten: this.#has('damaged stream') ? 'replayed' : undefined,
      acts: this.#acts.toSorted((a, b) => a.atMs - b.atMs),
      hazards: this.#hazards,
    }
  }

  #has(hazard: Hazard): boolean {
    return this.#hazards.includes(hazard)
  }

  #add(deed: Deed, atMs: number = this.#chance.between(0, this.#lengthMs)): void {
    this.#acts.push({ atMs, deed })
  }

  #retention(leaseTtl: number): number | undefined {
    // What a clock hides that is wrong is there again later.
    if (this.#has('clock jumps') || this.#has('clock far ahead')) return undefined
    return this.#more.next() < 0.15 ? leaseTtl * this.#more.pick([2, 4]) : undefined
  }

  #slot(): number {
    return this.#chance.between(0, this.#processes)
  }

  #via(): Via {
    return this.#chance.next() < 0.4 ? 'client' : this.#slot()
  }

  #rates(): FaultRates {
    const chance = this.#chance
    const isRough = chance.next() < 0.6
    const rate = (most: number): number => (isRough && chance.next() < 0.6 ? chance.next() * most : 0)
    return {
      slow: chance.pick([0.1, 0.5, 1]),
      latencyMs: chance.pick([1, 5, 50]),
      stuck: rate(0.1),
      stuckMs: chance.pick([1_000, 5_000, 15_000]),
      refused: rate(0.2),
      unanswered: rate(0.2),
      late: rate(0.1),
      doubled: rate(0.2),
    }
  }

  #script(tag: string, temper?: Temper): Script {
    const chance = this.#chance
    const usual = [
      'checkpointed',
      'chaptered',
      'replayed',
      'fragile',
      'failing',
      'stubborn',
      'hanging',
    ] as const
    const isEndless = chance.next() < 0.15 || temper === 'hanging'
    const events = isEndless ? null : chance.between(1, 40)
    const paceMs = events === null ? 400 : chance.pick([50, 200, 800])
    const its = temper ?? chance.pick(usual)
    // As fast as models are at their fastest: several records come between two flushes.
    const isBurst = events !== null && this.#more.next() < 0.25
    return { tag, temper: its, events: its === 'hanging' ? null : events, paceMs: isBurst ? 1 : paceMs }
  }

  #runs(): readonly string[] {
    const chance = this.#chance
    const temper = this.#has('abort with an event')
      ? 'aborting'
      : this.#has('provider that differs')
        ? 'wandering'
        : this.#has('removed while it runs')
          ? 'hanging'
          : this.#has('damaged stream')
            ? 'replayed'
            : undefined
    return Array.from({ length: chance.between(1, 4) }, (_, index) => {
      const run = `run-${index}`
      const atMs = chance.between(0, this.#lengthMs / 2)
      if (index === 0) this.#firstMs = atMs
      const isFirst = index === 0 && temper !== undefined
      const script = this.#script(run, isFirst ? temper : undefined)
      this.#add({ type: 'start', run, script, kind: chance.next() < 0.85, via: this.#via() }, atMs)
      if (script.paceMs === 1) this.#early(run, atMs)
      // Asked for again, by somebody who does not know that it was.
      if (chance.next() < 0.2)
        this.#add({ type: 'start', run, script, kind: true, via: this.#via() }, atMs + chance.between(0, 50))
      if (script.events === null || chance.next() < 0.3) {
        const stopMs = atMs + chance.between(0, this.#lengthMs / 2)
        this.#add({ type: 'stop', run, via: this.#via() }, stopMs)
        // Whoever is asked to stop it dies of something else.
        if (chance.next() < 0.5)
          this.#add({ type: 'kill', slot: 0, run, downMs: 5_000 }, stopMs + chance.between(0, 500))
      }
      for (const type of ['retry', 'delete', 'look'] as const)
        if (chance.next() < 0.15) this.#add({ type, run, slot: this.#slot() })
      return run
    })
  }

  #disturb(runs: readonly string[], leaseTtl: number): void {
    const chance = this.#chance
    const leaseMs = leaseTtl * 1000
    for (let left = chance.between(0, 8); left > 0; left--) {
      const run = chance.next() < 0.7 ? chance.pick(runs) : undefined
      const struck = { slot: this.#slot(), run }
      const downMs = chance.pick([100, 2_000, 2 * leaseMs])
      const what = chance.next()
      if (what < 0.3) this.#add({ type: 'kill', ...struck, downMs })
      else if (what < 0.5) this.#add({ type: 'drain', ...struck, downMs })
      else if (what < 0.7) this.#add({ type: 'freeze', ...struck, forMs: chance.between(100, 3 * leaseMs) })
      else if (what < 0.85) {
        const how = chance.pick(['refuses', 'hangs'] as const)
        this.#add({ type: 'outage', ...struck, forMs: chance.between(100, 2 * leaseMs), how })
      } else this.#add({ type: 'cut', slot: this.#slot(), serverAfterMs: chance.pick([1, 5_000]) })
    }
    if (this.#has('clock jumps')) {
      for (let left = chance.between(1, 4); left > 0; left--) {
        const ms = chance.pick([-1, 1]) * chance.pick([3_000, 20_000, 300_000])
        this.#add({
          type: 'jump',
          slot: chance.between(-2, this.#processes),
          ms,
          forMs: chance.between(100, 60_000),
        })
      }
    }
  }

  #readers(runs: readonly string[]): void {
    const chance = this.#chance
    for (let left = chance.between(1, 5), index = 0; left > 0; left--, index++) {
      const stream = chance.next() < 0.8 ? chance.pick(runs) : 'plain-0'
      const leavesAfter = chance.next() < 0.3 ? chance.between(1, 10) : undefined
      const reader: ReaderPlan = {
        name: `reader-${index}`,
        stream,
        from: chance.next() < 0.8 ? 'start' : 'now',
        paceMs: chance.pick([0, 0, 10, 300]),
        leavesAfter,
        backAfterMs: chance.between(1, 10_000),
      }
      this.#add({ type: 'read', reader })
      if (chance.next() < 0.4) this.#add({ type: 'stall', reader: index, forMs: chance.between(100, 20_000) })
    }
  }

  /** Readers that come while a burst of records does. */
  #early(stream: string, atMs: number): void {
    for (let index = 0; index < 3; index++) {
      const from = this.#more.pick(['start', 'now'] as const)
      const reader: ReaderPlan = { name: `early-${index}-${stream}`, stream, from, paceMs: 0 }
      this.#add({ type: 'read', reader }, atMs + this.#more.between(0, 60))
    }
  }

  /** A run that works elsewhere is stopped, and whoever stops it may die over that. */
  #remote(): void {
    const chance = this.#upstream
    if (chance.next() < 0.75) return
    const slot = chance.between(0, this.#processes)
    const atMs = chance.between(0, this.#lengthMs / 2)
    const events = chance.next() < 0.7 ? null : chance.between(1, 20)
    const script = { tag: 'remote', temper: 'remote', events, paceMs: chance.pick([50, 400]) } as const
    this.#add({ type: 'start', run: 'remote', script, kind: true, via: slot }, atMs)
    const stopMs = atMs + chance.between(0, 5_000)
    this.#add({ type: 'stop', run: 'remote', via: slot }, stopMs)
    if (chance.next() < 0.6)
      this.#add({ type: 'kill', slot, run: 'remote', downMs: 1_000 }, stopMs + chance.between(0, 15_000))
  }

  #hazardous(runs: readonly string[]): void {
    const chance = this.#chance
    const run = runs[0] ?? 'run-0'
    // While the first run is at work, most likely.
    const soonMs = this.#firstMs + chance.between(0, 3_000)
    if (this.#has('stranger appends')) this.#add({ type: 'stranger', run, how: 'appends' }, soonMs)
    if (this.#has('stranger closes')) this.#add({ type: 'stranger', run, how: 'closes' }, soonMs)
    if (this.#has('stranger metadata')) this.#add({ type: 'stranger', run, how: 'replaces metadata' }, soonMs)
    if (this.#has('removed while it runs'))
      this.#add({ type: 'remove', run, script: this.#script('anew'), slot: this.#slot() }, soonMs)
    if (this.#has('same id, another question'))
      this.#add({ type: 'same-id', run, script: this.#script('another'), slot: this.#slot() }, soonMs)
    if (this.#has('clock far ahead')) {
      const atMs = chance.between(0, this.#lengthMs)
      this.#add({ type: 'jump', slot: chance.pick([-1, -2]), ms: 2 * DAY, forMs: 5_000 }, atMs)
      this.#add({ type: 'sweep', slot: this.#slot() }, atMs + chance.between(0, 5_000))
    }
    if (this.#has('foreign leases')) this.#add({ type: 'foreign-leases', count: 1_000 }, 0)
    if (this.#has('damaged stream')) {
      const slot = this.#slot()
      const script = { ...this.#script('damaged', 'checkpointed'), events: null }
      this.#add({ type: 'start', run: 'damaged', script, kind: true, via: slot }, 0)
      this.#add({ type: 'damage', stream: 'damaged', slot }, chance.between(100, 1_000))
    }
    if (this.#has('deadly run')) {
      const script = { tag: 'deadly', temper: 'deadly', events: 3, paceMs: 50 } as const
      this.#add({ type: 'start', run: 'deadly', script, kind: true, via: this.#slot() }, soonMs)
    }
    if (this.#has('many laggards')) this.#add({ type: 'laggards', count: 60 }, 0)
    if (this.#has('lost tail'))
      this.#add({ type: 'lose-tail', stream: 'plain-0', count: chance.between(1, 4) })
    if (this.#has('abort with an event'))
      this.#add({ type: 'drain', slot: this.#slot(), run, downMs: 1_000 }, soonMs)
    if (this.#has('provider that differs') || this.#has('foreign leases'))
      this.#add({ type: 'kill', slot: this.#slot(), run, downMs: 1_000 }, soonMs)
    if (this.#has('damaged stream')) {
      // A new version is rolled out that does not know the kind any more, and the old one dies.
      for (let slot = 0; slot < this.#processes; slot++)
        this.#add({ type: 'kill', slot, downMs: 1_000 }, this.#lengthMs - chance.between(0, 1_000))
    }
  }
}
