/** The runs of the demo: ten numbers, and the answer to a prompt. Their records are pieces of text. */
import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { Json } from '../protocol/json.ts'
import type { RunProvider } from '../providers/provider.ts'
import { scripted } from '../providers/scripted.ts'
import { type RunDefinition, run } from '../runs/definition.ts'
import type { DemoModel } from './models/demo-model.ts'

/** How many numbers there are, and the seconds between them, as in the tutorial. */
const NUMBERS = 10
const INTERVAL = 0.5

/** The input of an answer. */
export interface DemoInput {
  readonly prompt: string
}

export type DemoRuns = {
  readonly numbers: RunDefinition<Json | undefined, string>
  readonly answer: RunDefinition<DemoInput, string>
}

/**
 * Makes the kinds of runs. Without a model, prompts are answered with the numbers, too. Runs of the numbers are
 * resumable, and so are answers of a model that can continue them.
 */
export function demoRuns(model: DemoModel | undefined): DemoRuns {
  const numbers = run({ resumable: true, run: (_input, context) => numberLines(context) })
  const answer = run({
    input: demoInput,
    resumable: model?.canResume ?? true,
    run: ({ prompt }, context) => (model ? model.answer(prompt)(context) : numberLines(context)),
  })
  return { numbers, answer }
}

/** Yields the lines `Number 0` to `Number 9`, beginning with the next one after a takeover. */
export const numberLines: RunProvider<string> = async function* (context) {
  const { resumeFrom, checkpoint } = context
  let due = typeof resumeFrom === 'number' ? resumeFrom : 0
  const first = due
  const lines = scripted((index) => (first + index < NUMBERS ? `Number ${first + index}\n` : undefined), {
    interval: INTERVAL,
  })
  for await (const line of lines(context)) {
    checkpoint(++due)
    yield line
  }
}

/** Checks a prompt, without a schema library. */
const demoInput: StandardSchemaV1<DemoInput> = {
  '~standard': { version: 1, vendor: 'millrace', validate: (input) => check(input) },
}

function check(input: unknown): StandardSchemaV1.Result<DemoInput> {
  const { prompt } = (input ?? {}) as { readonly prompt?: unknown }
  if (typeof prompt === 'string' && prompt.trim() !== '') return { value: { prompt } }
  return { issues: [{ message: 'The prompt must be a text that is not empty.', path: ['prompt'] }] }
}
