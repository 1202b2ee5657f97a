import type { Json, RunContext, RunProvider } from 'millrace'

/** What a definition of runs does, from what makes the provider of an input. */
export function asRun(
  provider: (input: Json) => RunProvider,
): (input: unknown, context: RunContext) => AsyncIterable<unknown> {
  return (input, context) => provider(input as Json)(context)
}
