/** The watchers of cases: with a listener, or with an inbox. */
import assert from 'node:assert/strict'
import type { Json } from '../../protocol/json.ts'
import type { Offset } from '../../protocol/offset.ts'
import { StreamInbox } from '../../streams/watching.ts'
import type { StreamPage } from '../../streams/store.ts'
import type { StreamRecord } from '../../streams/stream.ts'
import type { StreamEvent, WatchListener } from '../../streams/watching.ts'
import type { TimedTrial } from '../timed-trial.ts'

/** Collects what one watcher was told, and checks it for gaps. */
export class Watch {
  readonly records: StreamRecord[] = []
  closed = false
  /** The end that was told with the close. */
  end: Json | undefined
  gone: string | undefined
  readonly #trial: TimedTrial
  #place: Offset | undefined
  #first: Offset | undefined
  #stop: (() => void) | undefined
  #fault: Error | undefined
  #arrival = Promise.withResolvers<void>()

  constructor(trial: TimedTrial) {
    this.#trial = trial
  }

  get tail(): Offset {
    return this.#place ?? assert.fail('the watch has not begun')
  }

  begin(tail: Offset, stop: () => void): void {
    assert.deepStrictEqual(this.#first ?? tail, tail, 'the first event begins at the tail')
    this.#place ??= tail
    this.#stop = stop
  }

  stop(): void {
    this.#stop?.()
  }

  /** The listener or the inbox for the store. */
  get listener(): WatchListener {
    return this.tell
  }

  readonly tell = (event: StreamEvent): void => {
    this.expect(() => this.#take(event))
    this.arrive()
  }

  /** Keeps a failed assertion that would otherwise be lost in a callback. */
  expect(assertion: () => void): void {
    try {
      assertion()
    } catch (error) {
      this.#fault ??= error as Error
    }
  }

  /** Wakes whoever waits, because an event came. */
  arrive(): void {
    this.#arrival.resolve()
    this.#arrival = Promise.withResolvers()
  }

  check(): void {
    if (this.#fault) throw this.#fault
  }

  /** Waits until the watcher was told this. */
  async until(what: string, isThere: (watch: this) => boolean): Promise<void> {
    for (;;) {
      this.check()
      if (isThere(this)) return
      await this.#trial.soon(this.#arrival.promise, what)
    }
  }

  #take(event: StreamEvent): void {
    assert.equal(this.gone, undefined, 'nothing is told after `gone`')
    if (event.type === 'gone') {
      this.gone = event.reason
      return
    }
    assert.equal(this.closed, false, 'nothing is appended after the end')
    // The first event may come before the call of `watch` resolves.
    this.#first ??= event.from
    assert.deepStrictEqual(
      event.from,
      this.#place ?? this.#first,
      'an event begins where the one before ended',
    )
    assert.equal(event.next.position, event.from.position + event.records.length)
    this.#place = event.next
    this.records.push(...event.records)
    this.closed = event.closed
    assert.ok(event.closed || event.end === undefined, 'an end is told with the close alone')
    this.end = event.end
    expectSameJson(event)
  }
}

/** Asserts that the `json` of a store contains the records. */
export function expectSameJson({ json, records }: Pick<StreamPage, 'json' | 'records'>): void {
  if (json === undefined) return
  const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(json)
  // Makes no diff, because the text may be long.
  assert.ok(text === records.join(','), '`json` is the records with commas between them')
}

/** Collects what one inbox gave when it was taken from. */
export class InboxWatch extends Watch {
  /** How often the inbox called its owner. */
  calls = 0
  readonly #inbox: StreamInbox
  #isCalled = false

  constructor(trial: TimedTrial, onNews?: () => void) {
    super(trial)
    this.#inbox = new StreamInbox(() => {
      this.calls++
      this.expect(() => assert.equal(this.#isCalled, false, 'called again before all was taken'))
      this.#isCalled = true
      onNews?.()
      this.arrive()
    })
  }

  override get listener(): WatchListener {
    return this.#inbox
  }

  /** Takes one event; returns undefined if there is none. */
  take(): StreamEvent | undefined {
    const event = this.#inbox.take()
    if (!event) this.#isCalled = false
    else {
      this.expect(() => assert.ok(this.#isCalled, 'what came without a call'))
      this.tell(event)
    }
    return event
  }

  /** Takes all events, and returns how many there were. */
  takeAll(): number {
    let events = 0
    while (this.take()) events++
    return events
  }

  override async until(what: string, isThere: (watch: this) => boolean): Promise<void> {
    await super.until(what, () => {
      this.takeAll()
      return isThere(this)
    })
  }
}
