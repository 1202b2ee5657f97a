/** The runs of an application that says which there are. Types only: they are `Runs`. */
import type { RunProvider } from '../providers/provider.ts'
import type { RunDefinitions } from './definition.ts'
import type { Run, StartRequest } from './run.ts'
import type { Runs } from './runs.ts'

/**
 * `Runs` whose `start` knows the kinds and what each is started with. To start a kind whose name is known at run time
 * only, say so: `const runs: Runs = app.runs`.
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

/** Any, for an application that defines none itself: its `streams` or its chats may have some. */
type KindStart<Definitions extends RunDefinitions> = [keyof Definitions] extends [never]
  ? StartRequest
  : {
      [Kind in keyof Definitions & string]: Omit<StartRequest, 'kind' | 'input'> & {
        readonly kind: Kind
      } & InputOf<Definitions[Kind]>
    }[keyof Definitions & string]

/** It may be left out where null, or nothing, is an input. */
type InputOf<Definition> = Definition extends {
  readonly '~types'?: { readonly input: infer Input }
}
  ? undefined extends Input
    ? { readonly input?: Input }
    : null extends Input
      ? { readonly input?: Input }
      : { readonly input: Input }
  : never
