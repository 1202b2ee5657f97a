/** The kinds of value that options take: how each is read from a flag or a variable, and how it is shown. */
import { availableParallelism } from 'node:os'
import { checkLayer } from '../../channels/open-layer.ts'
import { checkOrigins } from '../../routing/origins.ts'
import { HostPolicy } from '../../server/request/host-policy.ts'
import { type ConnectionOptions, resolveOptions } from '../../server/options.ts'
import { proxyTrust } from '../../server/request/proxy-trust.ts'
import { pathOfStore } from '../../streams/open-store.ts'
import { LONGEST_TIMER } from '../../time/duration.ts'

export interface Kind<T> {
  /** The flag may come several times, and one value be several with this between them. */
  readonly list?: ',' | '\n'
  /** Whether the flag comes alone and means yes. */
  readonly lone?: true
  /** Whether a value may be a secret, which no message quotes. */
  readonly secret?: true
  /** @throws {RangeError} that goes on from "<flag> is <text>; ": what it takes instead. */
  parse(text: string): T
  show(value: T): string
}

export const text: Kind<string> = { parse: (value) => value, show: (value) => value || 'none' }

export const rootPath: Kind<string> = {
  parse: (value) => inRange('rootPath', value),
  show: (value) => text.show(value),
}

export const store: Kind<string> = {
  parse(value) {
    pathOfStore(value)
    return value
  },
  show: (value) => value,
}

export const channelLayer: Kind<string> = {
  parse(value) {
    checkLayer(value)
    return value
  },
  show: (value) => value,
}

/** An http: or https: address without a slash at its end; an origin means where `millrace()` mounts its streams. */
export const streamsUrl: Kind<string> = {
  parse(value) {
    const url = URL.parse(value)
    if (!url || !/^https?:$/.test(url.protocol) || url.username || url.password || url.search || url.hash) {
      throw new RangeError('it takes an address such as http://127.0.0.1:8000/millrace/streams')
    }
    return url.origin + (url.pathname === '/' ? '/millrace/streams' : url.pathname.replace(/\/+$/, ''))
  },
  show: (value) => value,
}

/** Headers as names and values. */
export const headers: Kind<readonly (readonly [name: string, value: string])[]> = {
  list: '\n',
  secret: true,
  parse: (value) => value.split('\n').filter(Boolean).map(parseHeader),
  show: (value) => value.map(([name]) => name).join(', ') || 'none',
}

function parseHeader(line: string): readonly [name: string, value: string] {
  const [, name, value] = /^([^:]+?)\s*:\s*(.*?)\s*$/.exec(line) ?? []
  try {
    if (name !== undefined && value !== undefined)
      return [...new Headers([[name, value]])][0] ?? [name, value]
  } catch {
    // The error of `Headers` quotes the value.
  }
  throw new RangeError("it takes a name and a value, such as 'authorization: Bearer …'")
}

export const yes: Kind<boolean> = {
  lone: true,
  parse(value) {
    const lower = value.toLowerCase()
    if (['1', 'true', 'yes', 'on'].includes(lower)) return true
    if (['0', 'false', 'no', 'off'].includes(lower)) return false
    throw new RangeError('it takes 1 or 0')
  },
  show: (value) => (value ? 'on' : 'off'),
}

export const port: Kind<number> = wholeNumber(0, 65_535)
export const descriptor: Kind<number> = wholeNumber(0, 2 ** 31 - 1)

/** Permissions of a file: `660`, `0660`. */
export const fileMode: Kind<number> = {
  parse(value) {
    if (/^0?[0-7]{3}$/.test(value)) return Number.parseInt(value, 8)
    throw new RangeError('it takes three octal digits, such as 660')
  },
  show: (value) => value.toString(8),
}

export const concurrency: Kind<number> = wholeNumber(1, 10_000)

/** How many of something may be at one time. */
export const places: Kind<number> = wholeNumber(1, 1_000_000_000)

const processes = wholeNumber(1, 1024, 'auto for one a core, or ')

/** A number of processes; `auto` is as many as run at the same time on this machine. */
export const workers: Kind<number> = {
  parse: (value) => (value === 'auto' ? availableParallelism() : processes.parse(value)),
  show: String,
}

function wholeNumber(min: number, max: number, otherwise: string = ''): Kind<number> {
  return {
    parse(value) {
      const number = /^\d{1,10}$/.test(value) ? Number(value) : Number.NaN
      if (number >= min && number <= max) return number
      throw new RangeError(`it takes ${otherwise}a whole number from ${min} to ${max}`)
    },
    show: String,
  }
}

type NumericOption = {
  [K in keyof ConnectionOptions]-?: number extends ConnectionOptions[K] ? K : never
}[keyof ConnectionOptions]

/** Seconds; the server knows what the option's range is. */
export function seconds(option: NumericOption): Kind<number> {
  return {
    parse(value) {
      if (!/^\d+(\.\d+)?$/.test(value)) throw new RangeError('it takes seconds, such as 20 or 0.5')
      return inRange(option, Number(value))
    },
    show: (value) => (value === 0 ? 'none' : `${value} s`),
  }
}

/** Seconds that something is waited for, which a timer can hold. */
export const wait: Kind<number> = {
  parse(value) {
    const time = /^\d{1,10}(\.\d+)?$/.test(value) ? Number(value) : Number.NaN
    if (time >= 0.001 && time <= LONGEST_TIMER) return time
    throw new RangeError(`it takes seconds from 0.001 to ${LONGEST_TIMER}, such as 300`)
  },
  show: (value) => `${value} s`,
}

export function count(option: NumericOption): Kind<number> {
  return {
    parse(value) {
      if (!/^\d+$/.test(value)) throw new RangeError('it takes a whole number above 0')
      return inRange(option, Number(value))
    },
    show: String,
  }
}

const UNITS: Readonly<Record<string, number>> = { '': 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 }

/** Bytes: `1048576`, `64k`, `64KiB`, `1MiB`. */
export function bytes(option: NumericOption): Kind<number> {
  return {
    parse(value) {
      const [, number, unit = ''] = /^(\d{1,12})(?:([kmg])(?:ib)?)?$/i.exec(value) ?? []
      if (number === undefined) throw new RangeError('it takes bytes, such as 1048576, 64k or 1MiB')
      return inRange(option, Number(number) * (UNITS[unit.toLowerCase()] ?? 1))
    },
    show(value) {
      const [name, unit] = value % 1024 ** 2 === 0 ? (['MiB', 1024 ** 2] as const) : (['KiB', 1024] as const)
      return value % unit === 0 ? `${value / unit} ${name}` : String(value)
    },
  }
}

export function choice<const Name extends string>(
  names: readonly Name[],
  aliases: Readonly<Record<string, Name>> = {},
): Kind<Name> {
  return {
    parse(value) {
      const lower = value.toLowerCase()
      const name = Object.hasOwn(aliases, lower) ? aliases[lower] : names.find((one) => one === lower)
      if (name !== undefined) return name
      throw new RangeError(`it takes ${names.slice(0, -1).join(', ')} or ${names.at(-1)}`)
    },
    show: (value) => value,
  }
}

function listOf(check: (entry: string) => boolean, takes: string): Kind<readonly string[]> {
  return {
    list: ',',
    parse(value) {
      const entries = value
        .split(',')
        .map((entry) => entry.trim())
        .filter(Boolean)
      if (entries.length > 0 && entries.every(check)) return entries
      throw new RangeError(`it takes ${takes}`)
    },
    show: (value) => value.join(', ') || 'none',
  }
}

export const hosts: Kind<readonly string[]> = listOf(
  holds((entry) => new HostPolicy([entry])),
  'host names, such as example.com or *.example.com',
)

export const origins: Kind<readonly string[]> = listOf(
  holds((entry) => checkOrigins([entry], '')),
  'origins, such as https://app.example or https://*.example.com',
)

export const proxies: Kind<readonly string[]> = listOf(
  holds((entry) => void proxyTrust([entry])),
  'addresses and ranges, such as 10.0.0.1 or 10.0.0.0/8',
)

/** From a check that throws to one that answers. */
function holds(check: (entry: string) => void): (entry: string) => boolean {
  return (entry) => {
    try {
      check(entry)
      return true
    } catch {
      return false
    }
  }
}

/** The value, if the server takes it for the option. */
function inRange<T>(option: keyof ConnectionOptions, value: T): T {
  try {
    return resolveOptions({ [option]: value })[option] as T
  } catch (error) {
    // "pingInterval is -1; it takes …": the option's name is not the flag's, the rest holds.
    throw new RangeError((error as RangeError).message.replace(/^.*?; /, ''), { cause: error })
  }
}
