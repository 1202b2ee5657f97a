/** The runs of an application with known kinds. Types only: the object is a `Runs`. */
import type { RunProvider } from '../providers/provider.ts'
import type { RunDefinitions } from './definition.ts'
import type { Run, StartRequest } from './run.ts'
import type { Runs } from './runs.ts'

/**
 * `Runs` whose `start` knows the kinds and the input of each. To start a kind whose name is only known at run time,
 * write `const runs: Runs = app.runs`.
 */
export interface AppRuns<Definitions extends RunDefinitions> extends Runs {
  /**
   * For the compiler alone: there is no such property. A mapped type has it compare members, so that those of an
   * application pass for those of an `App` of any runs.
   */
  readonly '~runs'?: { readonly [Kind in keyof Definitions]: Definitions[Kind] }
  /** Starts a run of a provider that only this process has; see `Runs.start`. */
  start(request: Omit<StartRequest, 'kind' | 'input'>, provider: RunProvider): Promise<Run>
  /** Starts a run of one of the kinds; see `Runs.start`. */
  start(request: KindStart<Definitions>): Promise<Run>
}

/** Any start, if the application defines no kinds itself: its `streams` or its chats may have some. */
type KindStart<Definitions extends RunDefinitions> = [keyof Definitions] extends [never]
  ? StartRequest
  : {
      [Kind in keyof Definitions & string]: Omit<StartRequest, 'kind' | 'input'> & {
        readonly kind: Kind
      } & InputOf<Definitions[Kind]>
    }[keyof Definitions & string]

/** `input` is optional if the kind accepts null or undefined. */
type InputOf<Definition> = Definition extends {
  readonly '~types'?: { readonly input: infer Input }
}
  ? undefined extends Input
    ? { readonly input?: Input }
    : null extends Input
      ? { readonly input?: Input }
      : { readonly input: Input }
  : never
