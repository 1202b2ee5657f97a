/** Which application is served, and from what. */
import { text, yes } from './kinds.ts'
import type { OptionFor } from './option.ts'

export interface ApplicationSettings {
  readonly exportName?: string
  readonly watch?: boolean
}

export const EXPORT_OPTION: OptionFor<Pick<ApplicationSettings, 'exportName'>> = {
  flags: '--export <name>',
  sets: 'exportName',
  kind: text,
  description: 'Which export of the file is the application',
}

export const APPLICATION_OPTIONS: readonly OptionFor<ApplicationSettings>[] = [
  EXPORT_OPTION,
  {
    flags: '--watch',
    sets: 'watch',
    kind: yes,
    description: 'Restart when the file, or one that it imports, changes',
  },
]
