/** The runs of the seed: the ten numbers, and the model's answers to prompts. */
import type { StartHandler } from '../endpoints/start-handler.ts'
import { HttpError } from '../protocol/errors.ts'
import type { Json } from '../protocol/json.ts'
import type { RunProvider } from '../providers/provider.ts'
import { scripted } from '../providers/scripted.ts'
import { type RunDefinitions, run } from '../runs/definition.ts'
import type { Runs } from '../runs/runs.ts'
import { type ModelOptions, modelAnswer } from './model-answer.ts'

/** How many there are, and the seconds between them, as in the seed. */
const NUMBERS = 10
const INTERVAL = 0.5

/** What `start` takes; without a prompt it is the numbers that are asked for. */
export interface SeedInput {
  readonly prompt?: string
}

/**
 * The kinds of runs; `prompt` is among them with a model alone. A run of the numbers goes on in
 * another process, and one of a prompt does when its answer is made in the background.
 */
export function seedRuns(model: ModelOptions | undefined): RunDefinitions {
  const numbers = run({ resumable: true, run: (_input, context) => numberLines(context) })
  if (!model) return { numbers }
  const prompt = run({
    resumable: model.background === true,
    // The handler below made the input.
    run: (input, context) => modelAnswer(model, (input as Required<SeedInput> & Json).prompt)(context),
  })
  return { numbers, prompt }
}

/** `{"message":"Number 0"}` to `{"message":"Number 9"}`, from the one that is due. */
export const numberLines: RunProvider<{ readonly message: string }> = async function* (context) {
  const { resumeFrom, checkpoint } = context
  let due = typeof resumeFrom === 'number' ? resumeFrom : 0
  const first = due
  const lines = scripted(
    (index) => (first + index < NUMBERS ? { message: `Number ${first + index}` } : undefined),
    { interval: INTERVAL },
  )
  for await (const line of lines(context)) {
    checkpoint(++due)
    yield line
  }
}

/** Starts what a client asks for: the answer to its prompt, or the numbers where no model answers. */
export function seedStart(runs: Pick<Runs, 'start'>, hasModel: boolean): StartHandler {
  return ({ input, ...rest }) => {
    const { prompt } = seedInput(input)
    return prompt !== undefined && hasModel
      ? runs.start({ ...rest, kind: 'prompt', input: { prompt } })
      : runs.start({ ...rest, kind: 'numbers' })
  }
}

/** @throws {HttpError} for what is no input. */
function seedInput(input: Json): SeedInput {
  if (typeof input !== 'object' || input === null || Array.isArray(input)) {
    throw new HttpError('bad_request', 'The input is an object: { "prompt": "…" }, or {} for ten numbers.')
  }
  const { prompt } = input as { readonly [name: string]: Json }
  if (prompt === undefined) return {}
  if (typeof prompt !== 'string' || prompt.trim() === '') {
    throw new HttpError(
      'bad_request',
      'The prompt is a text with something in it. Leave it out for ten numbers.',
    )
  }
  return { prompt }
}
