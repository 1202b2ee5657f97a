import { expect, it } from 'vitest'
import { type OptionNames, checkOptions } from '../../src/protocol/known-options.ts'

interface Limits {
  readonly records?: number
  readonly bytes?: number
}

interface Options {
  readonly routes?: readonly string[]
  readonly authenticate?: () => void
  readonly limits?: Limits
  readonly store: object
}

const NAMES: OptionNames<Options> = {
  routes: true,
  authenticate: true,
  limits: { records: true, bytes: true },
  store: true,
}

function check(options: object): void {
  checkOptions('serve()', options as Options, NAMES)
}

it('lets every option pass that there is, undefined ones too', () => {
  expect(() => check({})).not.toThrow()
  expect(() => check({ routes: [], authenticate: undefined, limits: undefined, store: {} })).not.toThrow()
  expect(() => check({ limits: { records: 1, bytes: undefined } })).not.toThrow()
})

it('names an option that does not exist, and the one that was probably meant', () => {
  expect(() => check({ authentication: () => {} })).toThrow(
    new TypeError('serve() has no option authentication. Did you mean authenticate?'),
  )
})

it('refuses one that is undefined, too', () => {
  expect(() => check({ routez: undefined })).toThrow('serve() has no option routez. Did you mean routes?')
})

it('lists the options when none is near', () => {
  expect(() => check({ colour: 1 })).toThrow(
    'serve() has no option colour. It has routes, authenticate, limits, store.',
  )
})

it('checks options inside of options', () => {
  expect(() => check({ limits: { record: 1 } })).toThrow(
    'serve() has no option limits.record. Did you mean limits.records?',
  )
  expect(() => check({ limits: { colour: 1 } })).toThrow(
    'serve() has no option limits.colour. It has limits.records, limits.bytes.',
  )
})

it.each([['constructor'], ['toString'], ['__proto__x']])('knows no option %s', (name) => {
  expect(() => check({ [name]: 1 })).toThrow(`serve() has no option ${name}.`)
})

it.each([[null], ['/ws'], [7], [[]]])('refuses %j in place of options', (value) => {
  expect(() => check(value as never)).toThrow(new TypeError('serve() takes an object of options'))
  expect(() => check({ limits: value })).toThrow(
    new TypeError('serve() takes limits as an object of options'),
  )
})

it('compiles with all names and no other', () => {
  // @ts-expect-error: store is missing
  const missing: OptionNames<Options> = { routes: true, authenticate: true, limits: true }
  // @ts-expect-error: no option is called stores
  const tooMany: OptionNames<Options> = { ...NAMES, stores: true }
  // @ts-expect-error: limits has no option record
  const inside: OptionNames<Options> = { ...NAMES, limits: { records: true, bytes: true, record: true } }
  expect([missing, tooMany, inside]).toHaveLength(3)
})
