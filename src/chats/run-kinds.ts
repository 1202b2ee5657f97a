/** The kinds of runs that answer in chats, one for each kind of answer. */
import type { Json } from '../protocol/json.ts'
import type { RunDefinition, RunDefinitions } from '../runs/definition.ts'
import type { Answers } from './answers.ts'
import type { ChatKind } from './chat-kind.ts'
import type { Turns } from './turns.ts'

export function runKinds(
  named: ReadonlyMap<string, ChatKind>,
  answers: Answers,
  turns: Turns,
): RunDefinitions {
  const kinds: Record<string, RunDefinition> = {}
  for (const [name, kind] of named) {
    const { resumable, closing, newAttempt } = kind
    kinds[name] = {
      run: (input, context) => answers.provide(kind, input as Json, context),
      ended: (run, end, signal) => turns.ended(run, end, signal),
      ...(resumable !== undefined && { resumable }),
      ...(closing && { closing }),
      ...(newAttempt && { newAttempt }),
    }
  }
  return kinds
}
