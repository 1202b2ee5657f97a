/** What answers in the chats of a simulation: as many events as the question says, and a message that counts them. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { ChatKind, ChatTurn } from '../../src/chats/chat-kind.ts'
import type { ChatMessage } from '../../src/conversation/entries.ts'
import type { RunContext } from '../../src/providers/provider.ts'
import { RunFailedError } from '../../src/runs/end-reasons.ts'
import type { Watched } from './providers.ts'

/** What is asked in a chat. */
export interface Question extends ChatMessage {
  /** Says which it is: another one for each send, also where the id is the same. */
  readonly token: string
  readonly events: number
  readonly paceMs: number
  readonly fails: boolean
}

/** What is said to it. */
export interface Answer extends ChatMessage {
  /** The token of the question. */
  readonly to: string
  /** How many events it is made of. */
  readonly events: number
}

export interface ChatEvent {
  readonly to: string
  readonly n: number
  /** The ids of the messages before it, and of the question. */
  readonly history: readonly string[]
}

export function chatKind(watched: Watched): ChatKind {
  return {
    resumable: true,
    answer: (turn, context) => answer(turn, context, watched),
    message: async (records, { run }) => {
      let events = 0
      let to = ''
      for await (const record of records) {
        to = (record as unknown as ChatEvent).to
        events++
      }
      const message: Answer = { id: `a-${run}`, role: 'assistant', to, events }
      return events === 0 ? undefined : { message, usage: { events } }
    },
  }
}

async function* answer(
  turn: ChatTurn,
  { runId, signal, resumeFrom, checkpoint }: RunContext,
  watched: Watched,
): AsyncGenerator<object> {
  if (signal.aborted) return
  const { token: to, events, paceMs, fails } = turn.question as Question
  const history = turn.messages.map(({ id }) => id)
  const { ended } = watched(runId)
  try {
    for (let n = Number(resumeFrom ?? 0); n < events; n++) {
      checkpoint(n + 1)
      yield { to, n, history }
      await sleep(paceMs, undefined, { signal })
    }
    if (fails) throw new RunFailedError('out_of_luck', 'It was not to be.')
  } finally {
    ended()
  }
}
