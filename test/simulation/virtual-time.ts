/**
 * The time of the simulation, and its chance: timers, clocks and random bytes of the whole process are
 * replaced while it is installed. Time moves from one timer to the next, and only when nothing is left to
 * do before it.
 */
import crypto from 'node:crypto'
import { syncBuiltinESMExports } from 'node:module'
import timersPromises from 'node:timers/promises'
import { install } from '@sinonjs/fake-timers'
import { Chance } from '../chaos/chance.ts'
import { currentHost } from './host.ts'
import type { Host } from './host.ts'

/** Some day, so that traces are the same on all days. */
const START = Date.UTC(2030, 0, 1)

const realTurn = setImmediate
const real = {
  setTimeout,
  clearTimeout,
  setInterval,
  clearInterval,
  setImmediate,
  clearImmediate,
  random: Math.random,
  randomBytes: crypto.randomBytes,
  randomUUID: crypto.randomUUID,
  getRandomValues: globalThis.crypto.getRandomValues,
  fetch: globalThis.fetch,
  abortTimeout: AbortSignal.timeout,
  sleep: timersPromises.setTimeout,
  turn: timersPromises.setImmediate,
}

type Callback = (...args: never[]) => void

export class VirtualTime {
  readonly #clock: ReturnType<typeof install>
  readonly #chance: Chance
  readonly #leaked: (what: string) => void
  readonly #owners = new WeakMap<object, Host>()
  #next: Buffer | undefined
  /** Timers that fired. */
  fired = 0

  /**
   * One at a time: it replaces what the whole process has. `leaked` is told of code that asks the real world for
   * something: what that answers, and when, is another thing each time.
   */
  constructor(seed: number, leaked: (what: string) => void) {
    this.#leaked = leaked
    this.#chance = new Chance(seed, 'world')
    this.#clock = install({
      now: START,
      toFake: [
        'Date',
        'performance',
        'setTimeout',
        'clearTimeout',
        'setInterval',
        'clearInterval',
        'setImmediate',
        'clearImmediate',
      ],
    })
    this.#replace()
    syncBuiltinESMExports()
  }

  /** Milliseconds since 1970 by the clock that nobody sets. */
  get now(): number {
    return this.#clock.now
  }

  /** Seconds since the simulation began. */
  get seconds(): number {
    return (this.#clock.now - START) / 1000
  }

  /** For the world itself: a timer of no host. */
  after(milliseconds: number, task: () => void): void {
    this.#clock.setTimeout(task, milliseconds)
  }

  /** The next random bytes are those of this incarnation: for a store that gives one out again. */
  drawNext(incarnation: string): void {
    let drawn = 0n
    for (const digit of incarnation) drawn = drawn * 36n + BigInt(Number.parseInt(digit, 36))
    this.#next = Buffer.alloc(8)
    this.#next.writeBigUInt64BE(drawn)
  }

  /** Lets time pass until `condition` holds; false when it has not by `atMost` seconds from now. */
  async passUntil(condition: () => boolean, atMost: number): Promise<boolean> {
    const end = this.#clock.now + atMost * 1000
    // Marks the end, so that there is a timer to come to.
    const mark = this.#clock.setTimeout(() => {}, atMost * 1000)
    try {
      for (;;) {
        await settled()
        if (condition()) return true
        if (this.#clock.now >= end) return false
        this.#clock.next()
        this.fired++
      }
    } finally {
      this.#clock.clearTimeout(mark)
    }
  }

  uninstall(): void {
    this.#clock.uninstall()
    Object.assign(globalThis, {
      setTimeout: real.setTimeout,
      clearTimeout: real.clearTimeout,
      setInterval: real.setInterval,
      clearInterval: real.clearInterval,
      setImmediate: real.setImmediate,
      clearImmediate: real.clearImmediate,
    })
    Math.random = real.random
    globalThis.crypto.getRandomValues = real.getRandomValues
    globalThis.fetch = real.fetch
    AbortSignal.timeout = real.abortTimeout
    Object.assign(crypto, { randomBytes: real.randomBytes, randomUUID: real.randomUUID })
    Object.assign(timersPromises, { setTimeout: real.sleep, setImmediate: real.turn })
    syncBuiltinESMExports()
  }

  #replace(): void {
    const { Date: date } = globalThis
    date.now = () => this.#clock.now + (currentHost()?.wallOffset ?? 0)
    const set = (name: 'setTimeout' | 'setInterval' | 'setImmediate') => {
      const fake = this.#clock[name] as (task: () => void, milliseconds?: number) => object
      return (task: Callback, milliseconds?: number, ...args: never[]) => {
        const given = name === 'setImmediate' && milliseconds !== undefined ? [milliseconds as never] : args
        return this.#own(name, fake, task, milliseconds, given)
      }
    }
    const clear = (name: 'clearTimeout' | 'clearInterval' | 'clearImmediate') => {
      const fake = this.#clock[name] as (timer: never) => void
      return (timer: object | undefined) => {
        if (timer === undefined || timer === null) return
        this.#owners.get(timer)?.timers.delete(timer)
        this.#owners.delete(timer)
        fake(timer as never)
      }
    }
    Object.assign(globalThis, {
      setTimeout: set('setTimeout'),
      setInterval: set('setInterval'),
      setImmediate: set('setImmediate'),
      clearTimeout: clear('clearTimeout'),
      clearInterval: clear('clearInterval'),
      clearImmediate: clear('clearImmediate'),
    })
    Object.assign(timersPromises, { setTimeout: sleep, setImmediate: turn })
    const draw = (): number => (currentHost()?.chance ?? this.#chance).next()
    Math.random = draw
    const fill = <T extends ArrayBufferView | null>(view: T): T => {
      const bytes = view as unknown as Uint8Array
      for (let at = 0; at < bytes.length; at++) bytes[at] = draw() * 256
      return view
    }
    const randomBytes = (size: number): Buffer => {
      const next = this.#next
      this.#next = undefined
      return next ?? fill(Buffer.alloc(size))
    }
    const randomUUID = (): string => randomBytes(16).toString('hex')
    Object.assign(crypto, { randomBytes, randomUUID })
    globalThis.fetch = async (input) => {
      this.#leaked(`a request to ${input instanceof Request ? input.url : String(input)}`)
      throw new TypeError('There is no network in a simulation')
    }
    globalThis.crypto.getRandomValues = fill
    AbortSignal.timeout = (milliseconds) => {
      const controller = new AbortController()
      const timer = setTimeout(
        () => controller.abort(new DOMException('The operation was aborted due to timeout', 'TimeoutError')),
        milliseconds,
      )
      // Node lets go of it by itself; nobody can clear it.
      currentHost()?.timers.delete(timer)
      return controller.signal
    }
  }

  #own(
    name: 'setTimeout' | 'setInterval' | 'setImmediate',
    fake: (task: () => void, milliseconds?: number) => object,
    task: Callback,
    milliseconds: number | undefined,
    args: never[],
  ): object {
    const host = currentHost()
    if (!host) return fake(() => task(...args), milliseconds)
    const repeats = name === 'setInterval'
    const timer: object = fake(() => {
      if (!host.alive) {
        if (repeats) this.#clock.clearInterval(timer as never)
        return
      }
      host.run(() => {
        // Cleared while the host stood still.
        if (!this.#owners.has(timer)) return
        if (!repeats) host.timers.delete(timer)
        task(...args)
      }, timer)
    }, milliseconds)
    this.#owners.set(timer, host)
    host.timers.set(timer, { name: `${name} ${milliseconds ?? 0}`, repeats })
    return timer
  }
}

/** Resolves when nothing is left to do without time passing. */
function settled(): Promise<void> {
  return new Promise((resolve) => realTurn(resolve))
}

interface Waiting {
  readonly signal?: AbortSignal
}

/** As of `node:timers/promises`, by the timers of the simulation. */
function sleep<T>(milliseconds?: number, value?: T, { signal }: Waiting = {}): Promise<T> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(aborted(signal))
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', abort)
      resolve(value as T)
    }, milliseconds)
    const abort = (): void => {
      clearTimeout(timer)
      reject(aborted(signal as AbortSignal))
    }
    signal?.addEventListener('abort', abort, { once: true })
  })
}

function turn<T>(value?: T, options?: Waiting): Promise<T> {
  return sleep(0, value, options)
}

function aborted(signal: AbortSignal): Error {
  const error = new Error('The operation was aborted', { cause: signal.reason })
  return Object.assign(error, { name: 'AbortError', code: 'ABORT_ERR' })
}
