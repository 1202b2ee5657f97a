/**
 * Refuses options that do not exist. One that is misspelt would do nothing, and some of them keep people out.
 */
import { nearest } from './nearest.ts'

/**
 * The names of all options of a type, which a misspelt, forgotten or stale one keeps from compiling. An
 * option that holds options may have their names in place of `true`; then they are checked as well.
 */
export type OptionNames<Options> = {
  readonly [Name in keyof Required<Options>]: true | OptionNames<NonNullable<Options[Name]>>
}

/** The names of options that have a whole table of defaults. */
export function namesOf<Options extends object>(defaults: Required<Options>): OptionNames<Options> {
  return Object.fromEntries(Object.keys(defaults).map((name) => [name, true])) as OptionNames<Options>
}

interface Names {
  readonly [name: string]: true | Names
}

/**
 * @param taker what takes the options, as the caller wrote it: `millrace()`.
 * @throws {TypeError} naming the first option that does not exist, and the one that was probably meant.
 */
export function checkOptions<Options extends object>(
  taker: string,
  options: Options,
  names: OptionNames<Options>,
): void {
  checkNames(taker, options, names, '')
}

function checkNames(taker: string, options: unknown, names: Names, prefix: string): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    const what = prefix === '' ? '' : `${prefix.slice(0, -1)} as `
    throw new TypeError(`${taker} takes ${what}an object of options`)
  }
  for (const [name, value] of Object.entries(options)) {
    if (!Object.hasOwn(names, name)) throw new TypeError(unknownOption(taker, name, names, prefix))
    const inner = names[name]
    if (typeof inner === 'object' && value !== undefined) checkNames(taker, value, inner, `${prefix}${name}.`)
  }
}

function unknownOption(taker: string, name: string, names: Names, prefix: string): string {
  const meant = nearest(name, Object.keys(names))
  const hint =
    meant === undefined
      ? `It has ${Object.keys(names)
          .map((known) => prefix + known)
          .join(', ')}.`
      : `Did you mean ${prefix}${meant}?`
  return `${taker} has no option ${prefix}${name}. ${hint}`
}
