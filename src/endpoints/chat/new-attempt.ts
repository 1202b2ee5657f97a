/**
 * Begins an answer anew in the log of an attempt that was interrupted, so that every reader of the log ends with the same
 * message and no part of it twice: stock clients too, which may have read the earlier attempt already. The only chunk that
 * takes something back there is `reset-step`, which removes the parts of the current step. So whole steps stay, with what
 * their tools did, and the answer goes on behind them; a step that was cut off is said again.
 */
import { type UIMessage, type UIMessageChunk, lastAssistantMessageIsCompleteWithToolCalls } from 'ai'
import type { ChatTurn } from '../../chats/chat-kind.ts'
import type { ChatMessage } from '../../conversation/entries.ts'
import type { Json } from '../../protocol/json.ts'
import { failureFor } from '../../runs/end-reasons.ts'
import type { NewAttempt } from '../../runs/definition.ts'
import { messageOf } from './answer-message.ts'

/** The type of the chunk that stands between two attempts. A page is told of it by `onData`, and keeps no part. */
const MARK = 'data-new-attempt'

/** How an attempt begins that is not the first one. */
export interface Beginning {
  /** Chunks that take back what does not count any more. */
  readonly opening: readonly UIMessageChunk[]
  /** What the source is asked with. */
  readonly messages: readonly ChatMessage[]
  /** The id that readers have of the answer's message. */
  readonly messageId: string | undefined
  /** Whether readers have the beginning of the step that is said again. */
  readonly isInStep: boolean
  /** Parts before the first step, as JSON, that readers keep. */
  readonly kept: ReadonlySet<string>
  /** Whether nothing is missing: but for its last chunk, unless that is there too. */
  readonly isWhole: boolean
  readonly isFinished: boolean
}

/** The records that mark a new attempt. */
export function newAttempt({ attempt, reason }: NewAttempt): readonly object[] {
  return [{ type: MARK, data: { attempt, reason }, transient: true }]
}

/**
 * Returns how this attempt begins; undefined for the first one.
 *
 * @throws {RunFailedError} `interrupted` if what was said cannot be taken back.
 */
export async function beginningOf(turn: ChatTurn): Promise<Beginning | undefined> {
  const { records, question } = turn
  const said = records && (await readEarlier(records))
  if (!records || !said) return undefined
  const { messageId, step, steps, isFinished, loose } = said
  const continues = question.role === 'assistant'
  const isInStep = step !== undefined
  if (continues && steps === 0 && !isInStep && loose.size > 0) throw failureFor('interrupted')
  const goesOn = continues || steps > 0
  const whole = goesOn ? await messageOf(first(records(), step ?? said.count), turn) : undefined
  const others = continues ? turn.messages.slice(0, -1) : turn.messages
  const isWhole = isFinished || (steps > 0 && !isInStep && !isToGoOn(whole))
  const isReset = !isWhole && (isInStep || !goesOn)
  return {
    opening: isReset ? [{ type: 'reset-step' }] : [],
    messages: whole ? [...others, whole] : turn.messages,
    messageId,
    isInStep,
    // Without a step all of it is taken back.
    kept: isInStep || goesOn ? loose : new Set(),
    isWhole,
    isFinished,
  }
}

/** Whether readers have a chunk of a new attempt, of those up to its first step. */
export function isKnown(chunk: UIMessageChunk, { kept, isInStep }: Beginning): boolean {
  if (chunk.type === 'start-step') return isInStep
  return isLoose(chunk) && kept.has(JSON.stringify(chunk))
}

/** What readers have of the attempts so far. */
class Said {
  /** How many records there are. */
  count = 0
  messageId: string | undefined
  /** Where the step begins that has not ended; undefined for none. */
  step: number | undefined
  /** How many steps have ended. */
  steps = 0
  isFinished = false
  /** Parts before the first step, as JSON. */
  loose = new Set<string>()

  add(chunk: UIMessageChunk): void {
    const isBefore = this.steps === 0 && this.step === undefined
    // A source may put several streams together.
    this.isFinished = chunk.type === 'finish'
    if (chunk.type === 'start') this.messageId ??= chunk.messageId
    else if (chunk.type === 'start-step') this.step = this.count
    else if (chunk.type === 'finish-step') {
      this.step = undefined
      this.steps++
    } else if (chunk.type === 'reset-step' && isBefore) this.loose.clear()
    else if (isBefore && isPart(chunk)) this.loose.add(JSON.stringify(chunk))
    this.count++
  }
}

/** Reads up to the last mark; undefined if there is none, and so no earlier attempt. */
async function readEarlier(records: () => AsyncIterable<Json>): Promise<Said | undefined> {
  let marked = 0
  let index = 0
  for await (const record of records()) {
    if ((record as unknown as UIMessageChunk).type === MARK) marked = index
    index++
  }
  if (marked === 0) return undefined
  const said = new Said()
  for await (const record of first(records(), marked)) said.add(record as unknown as UIMessageChunk)
  return said
}

/** Whether a chunk adds a part, which is not the result of a tool that the page knows. */
function isPart(chunk: UIMessageChunk): boolean {
  return isLoose(chunk) || chunk.type === 'text-start' || chunk.type === 'reasoning-start'
}

/** Whether a chunk is a part by itself. One that is said again is there twice. */
function isLoose(chunk: UIMessageChunk): boolean {
  if (chunk.type.startsWith('data-')) return !('transient' in chunk && chunk.transient === true)
  return ['file', 'reasoning-file', 'source-url', 'source-document', 'custom'].includes(chunk.type)
}

/** Whether tools have given results that the model has not seen. */
function isToGoOn(message: UIMessage | undefined): boolean {
  return message !== undefined && lastAssistantMessageIsCompleteWithToolCalls({ messages: [message] })
}

async function* first(records: AsyncIterable<Json>, count: number): AsyncGenerator<Json> {
  let left = count
  if (left === 0) return
  for await (const record of records) {
    yield record
    if (--left === 0) return
  }
}
