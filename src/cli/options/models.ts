/** Which model answers in the demo, and how long it waits for one. An application in a file says so itself. */
import { readModelName } from '../../demo/models/model-name.ts'
import { SENDING_DEFAULTS } from '../../providers/openai/options.ts'
import { LIMIT_DEFAULTS } from '../../runs/options.ts'
import { UsageError } from '../command-error.ts'
import { text, wait } from './kinds.ts'
import { type OptionFor, flagOf, variableOf } from './option.ts'
import type { Flags } from './read-options.ts'

/** Durations are in seconds. */
export interface ModelSettings {
  /** `provider/model`. */
  readonly model?: string
  /** See `startTimeout` of `openai()`. */
  readonly modelStartTimeout?: number
  /** See `stallTimeout` of `openai()`. */
  readonly modelStallTimeout?: number
  /** See `limits.silence` of `streaming()`. */
  readonly runSilence?: number
  /** See `limits.thinking` of `streaming()`. */
  readonly runThinking?: number
}

export const MODEL_DEFAULTS = {
  modelStartTimeout: SENDING_DEFAULTS.startTimeout,
  modelStallTimeout: SENDING_DEFAULTS.stallTimeout,
  runSilence: LIMIT_DEFAULTS.silence,
  runThinking: LIMIT_DEFAULTS.thinking,
} as const satisfies ModelSettings

const MODEL_OPTION: OptionFor<Pick<ModelSettings, 'model'>> = {
  flags: '--model <name>',
  sets: 'model',
  kind: text,
  description: 'Which model answers, as provider/model: anthropic/claude-haiku-5-5, ollama/llama3.3',
  absent: 'what OPENAI_API_KEY and the like say, or a script',
}

const START_OPTION: OptionFor<Pick<ModelSettings, 'modelStartTimeout'>> = {
  flags: '--model-start-timeout <seconds>',
  sets: 'modelStartTimeout',
  kind: wait,
  description: 'Longest wait for the first byte of an answer of the model service, retries included',
}

const STALL_OPTION: OptionFor<Pick<ModelSettings, 'modelStallTimeout'>> = {
  flags: '--model-stall-timeout <seconds>',
  sets: 'modelStallTimeout',
  kind: wait,
  description: 'Longest time without a byte of the model service in the middle of an answer',
}

const SILENCE_OPTION: OptionFor<Pick<ModelSettings, 'runSilence'>> = {
  flags: '--run-silence <seconds>',
  sets: 'runSilence',
  kind: wait,
  description: 'Longest time in which a run has no event and the model service gives no sign of life',
  absent: `${MODEL_DEFAULTS.runSilence} s, or a minute more than the longer of those two`,
}

const THINKING_OPTION: OptionFor<Pick<ModelSettings, 'runThinking'>> = {
  flags: '--run-thinking <seconds>',
  sets: 'runThinking',
  kind: wait,
  description: 'Longest time in which a run has no event, though the model service gives signs of life',
}

export const MODEL_OPTIONS: readonly OptionFor<ModelSettings>[] = [
  MODEL_OPTION,
  START_OPTION,
  STALL_OPTION,
  SILENCE_OPTION,
  THINKING_OPTION,
]

/** Seconds by which a run is more patient than what it waits for, so that the failure is called by its name. */
const MARGIN = 60

type WholeModelSettings = Required<Omit<ModelSettings, 'model'>> & Pick<ModelSettings, 'model'>

/**
 * Checks the name of the model.
 *
 * @param flags the model of a command line alone is refused with the file of an application. A variable may be meant for
 * the application.
 * @throws {UsageError} for one of an unknown provider, and with a file.
 */
export function checkModel({ model }: ModelSettings, flags: Flags, file?: string): void {
  const flag = flagOf(MODEL_OPTION)
  const isGiven = flags[flag] !== undefined
  if (file !== undefined && isGiven)
    throw new UsageError(`${flag} is for the demo; an application chooses its model itself`)
  if (file !== undefined || model === undefined) return
  try {
    readModelName(model)
  } catch (error) {
    const source = isGiven ? flag : variableOf(MODEL_OPTION)
    throw new UsageError(`${source} is ${JSON.stringify(model)}; ${(error as Error).message}`)
  }
}

/**
 * The settings, whole: a run waits for longer than its provider does, unless it is told not to.
 *
 * @throws {UsageError} for those that do not go together, and for any with the file of an application.
 */
export function modelSettings(settings: ModelSettings, file?: string): WholeModelSettings {
  const given = MODEL_OPTIONS.find((option) => option !== MODEL_OPTION && settings[option.sets] !== undefined)
  if (file !== undefined && given) {
    throw new UsageError(
      `${flagOf(given)} is for the demo; an application sets limits, startTimeout and stallTimeout itself`,
    )
  }
  const { model } = settings
  const whole = { ...MODEL_DEFAULTS, ...settings }
  const { modelStartTimeout: start, modelStallTimeout: stall, runThinking } = whole
  const runSilence =
    settings.runSilence ?? Math.max(MODEL_DEFAULTS.runSilence, start + MARGIN, stall + MARGIN)
  for (const option of [START_OPTION, STALL_OPTION]) {
    const time = settings[option.sets]
    if (time !== undefined && runSilence < time) throw new UsageError(tooShort(SILENCE_OPTION, option))
  }
  if (settings.runThinking !== undefined && runThinking < runSilence) {
    throw new UsageError(tooShort(THINKING_OPTION, SILENCE_OPTION))
  }
  return {
    modelStartTimeout: start,
    modelStallTimeout: stall,
    runSilence,
    runThinking,
    ...(model !== undefined && { model }),
  }
}

function tooShort(option: OptionFor<ModelSettings>, other: OptionFor<ModelSettings>): string {
  return `${flagOf(option)} is shorter than ${flagOf(other)}, which would never be reached: make it longer`
}
