/** Between a table of options and commander. */
import { type Command, Option } from 'commander'
import { type CommandOption, flagOf } from './option.ts'
import type { Flags } from './read-options.ts'

/** Adds options under a title of the help; `defaultOf` is a default as people read it. */
export function addOptions<T extends CommandOption>(
  command: Command,
  options: readonly T[],
  title: string,
  defaultOf: (option: T) => string,
): void {
  for (const option of options) {
    command.addOption(commanderOption(option, defaultOf(option)).helpGroup(title))
    if (!option.kind.lone && option.negated === undefined) continue
    const negation = new Option(flagOf(option).replace('--', '--no-')).hideHelp()
    command.addOption(negation.helpGroup(title))
  }
}

/** What was given, by long flag; commander sets no default, since none is told to it. */
export function flagsOf(command: Command, options: readonly CommandOption[]): Flags {
  const given = command.opts<Flags>()
  return Object.fromEntries(
    options.map((option) => [flagOf(option), given[new Option(option.flags).attributeName()]]),
  )
}

function commanderOption(option: CommandOption, shownDefault: string): Option {
  const made = new Option(option.flags, `${option.description} (default: ${shownDefault})`)
  return option.kind.list
    ? made.argParser((value: string, previous: readonly string[] | undefined) => [...(previous ?? []), value])
    : made
}
