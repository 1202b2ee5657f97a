/**
 * Requests between processes of this layer, and their answers: to add a channel to a group or take it out,
 * which only the channel's own process can do, and to flush. Python peers do not receive them.
 *
 * Every process listens to requests on every server. A request about a group is published on the group's own
 * server, where it keeps its order with the group's messages: the other process gets what was sent before the
 * request before it, and what is sent after the answer after it. On another server a discard could overtake
 * messages of the group.
 */
import { randomUUID } from 'node:crypto'
import { layerUnavailable } from '../../errors.ts'
import type { ChannelMessage } from '../../layer.ts'
import type { Topics } from './topics.ts'

export interface ControlOptions {
  readonly process: string
  readonly topics: Topics
  /**
   * Publishes on the server of the topic `beside`, or else of `topic`. Returns how many processes heard it.
   */
  readonly publish: (topic: string, message: ChannelMessage, beside?: string) => Promise<number>
  /** Publishes on every server. Returns how often it was heard. */
  readonly publishEverywhere: (topic: string, message: ChannelMessage) => Promise<number>
  readonly onAdd: (group: string, channel: string) => Promise<void>
  readonly onDiscard: (group: string, channel: string) => Promise<void>
  readonly onFlush: () => Promise<void>
}

interface Question {
  answers: number
  /** How many answers there will be; Infinity until Redis has said so. */
  asked: number
  readonly end: PromiseWithResolvers<void>
}

export class Control {
  readonly #options: ControlOptions
  readonly #questions = new Map<string, Question>()

  constructor(options: ControlOptions) {
    this.#options = options
  }

  /**
   * Asks the process of a channel to add it to a group or take it out, and waits for the answer. Does nothing
   * when the process is gone.
   *
   * @throws {ChannelError} `channel_layer_unavailable` when there is no answer within `patienceMs`.
   */
  async askProcess(
    process: string,
    what: 'add' | 'discard',
    group: string,
    channel: string,
    patienceMs: number,
  ): Promise<void> {
    const { topics, publish } = this.#options
    const answered = await this.#ask(
      (request) => publish(topics.control(process), request, topics.group(group)),
      { type: what, group, channel },
      patienceMs,
    )
    if (answered) return
    throw layerUnavailable('The process of the channel did not answer', true)
  }

  /**
   * Resolves when every process has flushed, or after `patienceMs`: processes that did not answer are gone.
   */
  async askToFlush(patienceMs: number): Promise<void> {
    const { topics, publishEverywhere } = this.#options
    await this.#ask((request) => publishEverywhere(topics.everybody, request), { type: 'flush' }, patienceMs)
  }

  handle(message: ChannelMessage): void {
    const { type, id, from, group, channel } = message
    if (typeof id !== 'string') return
    if (type === 'done') return this.#count(id)
    if (typeof from !== 'string') return
    const { onAdd, onDiscard, onFlush } = this.#options
    if (type === 'flush') this.#answer(id, from, onFlush())
    if (typeof group !== 'string' || typeof channel !== 'string') return
    if (type === 'add') this.#answer(id, from, onAdd(group, channel))
    else if (type === 'discard') this.#answer(id, from, onDiscard(group, channel))
  }

  /**
   * Handles a message that an application, in Python for example, sent to the part of a channel's name up to
   * the `!`. `group.discard` takes a channel of this process out of a group, which Python's own call cannot
   * do.
   */
  handleForeign({ type, group, channel }: ChannelMessage): void {
    if (type !== 'group.discard' || typeof group !== 'string' || typeof channel !== 'string') return
    this.#options.onDiscard(group, channel).catch(() => undefined)
  }

  close(error: Error): void {
    for (const { end } of this.#questions.values()) end.reject(error)
  }

  /** Whether all processes that heard the question answered it in time. */
  async #ask(
    publish: (request: ChannelMessage) => Promise<number>,
    request: ChannelMessage,
    patienceMs: number,
  ): Promise<boolean> {
    const id = randomUUID()
    const question: Question = { answers: 0, asked: Infinity, end: Promise.withResolvers<void>() }
    // When the layer closes before Redis has answered, the call below rejects, and nothing awaits this
    // promise.
    question.end.promise.catch(() => undefined)
    this.#questions.set(id, question)
    let timer: NodeJS.Timeout | undefined
    try {
      question.asked = await publish({ ...request, id, from: this.#options.process })
      if (question.answers >= question.asked) return true
      timer = setTimeout(() => question.end.resolve(), patienceMs)
      await question.end.promise
      return question.answers >= question.asked
    } finally {
      clearTimeout(timer)
      this.#questions.delete(id)
    }
  }

  #count(id: string): void {
    const question = this.#questions.get(id)
    if (question && ++question.answers >= question.asked) question.end.resolve()
  }

  /** When it fails, no answer is sent, and the asking process finds out by itself. */
  #answer(id: string, to: string, work: Promise<void>): void {
    const { topics, publish } = this.#options
    work.then(() => publish(topics.control(to), { type: 'done', id })).catch(() => undefined)
  }
}
