/**
 * URL patterns: `/chat/:room/`, `/items/:id{int}`, `/files/*path`.
 *
 * A segment is literal, `:name` (one segment, decoded), `:name{type}`, or, as the last one, `*name` (the rest
 * of the path, possibly empty; `*` alone is named `rest`). A slash at the end of a pattern or a path makes no
 * difference. The rest of a path cannot leave its folder: `..`, a leading slash, a drive and a NUL match
 * nothing there, escaped or not. Matching is one pass over the segments, without regular expressions that
 * could take exponential time.
 */

/** The values of typed parameters; the names are those of Django's path converters. */
const CONVERTERS = {
  str: (text: string) => text,
  /** A non-negative decimal integer that a number holds exactly. */
  int: (text: string) =>
    /^\d{1,16}$/.test(text) && Number.isSafeInteger(Number(text)) ? Number(text) : undefined,
  slug: (text: string) => (/^[-\w]+$/.test(text) ? text : undefined),
  uuid: (text: string) =>
    /^[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}$/i.test(text) ? text.toLowerCase() : undefined,
} as const

type ConverterName = keyof typeof CONVERTERS

type ParamOf<Segment extends string> = Segment extends `:${infer Name}{int}`
  ? { readonly [K in Name]: number }
  : Segment extends `:${infer Name}{${string}}`
    ? { readonly [K in Name]: string }
    : Segment extends '*'
      ? { readonly rest: string }
      : Segment extends `:${infer Name}` | `*${infer Name}`
        ? { readonly [K in Name]: string }
        : unknown

type Merge<T> = { [K in keyof T]: T[K] }

type ParamsIn<Path extends string> = Path extends `${infer Head}/${infer Tail}`
  ? ParamOf<Head> & ParamsIn<Tail>
  : ParamOf<Path>

/** The parameters of a pattern: `ParamsOf<'/items/:id{int}/:tab'>` is `{ id: number, tab: string }`. */
export type ParamsOf<Path extends string> = string extends Path
  ? Readonly<Record<string, string | number>>
  : Merge<ParamsIn<Path>>

type Segment =
  | { readonly kind: 'literal'; readonly text: string }
  | { readonly kind: 'param'; readonly name: string; readonly converter: ConverterName }
  | { readonly kind: 'rest'; readonly name: string }

export interface Pattern {
  readonly source: string
  readonly segments: readonly Segment[]
}

/** A pattern that matched. */
export interface PatternMatch {
  readonly params: Readonly<Record<string, string | number>>
  /** Segments of the path after the pattern; empty unless matched as a prefix. */
  readonly remaining: readonly string[]
}

const PARAM = /^:([A-Za-z_]\w*)(?:\{(\w+)\})?$/
const REST = /^\*([A-Za-z_]\w*)?$/
/**
 * Paths that would leave a folder when a handler joins them to it, on some system: dot segments, a root, a
 * drive. A NUL ends a path for programs in C.
 */
const LEAVES = /(?:^|[/\\])\.{1,2}(?:[/\\]|$)|^[/\\]|^[A-Za-z]:|\0/

/** @throws {TypeError} for a malformed pattern, with the reason. */
export function parsePattern(source: string): Pattern {
  const names = new Set<string>()
  const texts = splitPath(source)
  const segments = texts.map((text, index): Segment => {
    const segment = parseSegment(source, text)
    if (segment.kind === 'literal') return segment
    if (names.has(segment.name))
      throw new TypeError(`Route ${source}: two parameters are named "${segment.name}"`)
    names.add(segment.name)
    if (segment.kind === 'rest' && index < texts.length - 1) {
      throw new TypeError(`Route ${source}: "${text}" takes the rest of the path and must come last`)
    }
    return segment
  })
  return { source, segments }
}

function parseSegment(source: string, text: string): Segment {
  const rest = REST.exec(text)
  if (rest) return { kind: 'rest', name: rest[1] ?? 'rest' }
  if (!text.startsWith(':')) {
    if (/[{}*?#]/.test(text))
      throw new TypeError(`Route ${source}: "${text}" is neither literal nor a parameter`)
    const decoded = decode(text)
    if (decoded === undefined) throw new TypeError(`Route ${source}: "${text}" holds a malformed escape`)
    return { kind: 'literal', text: decoded }
  }
  const [, name, converter = 'str'] = PARAM.exec(text) ?? []
  if (name === undefined)
    throw new TypeError(`Route ${source}: "${text}" is not a parameter such as :name or :name{int}`)
  if (!Object.hasOwn(CONVERTERS, converter)) {
    const known = Object.keys(CONVERTERS).join(', ')
    throw new TypeError(`Route ${source}: "{${converter}}" is not a type of parameter (${known})`)
  }
  return { kind: 'param', name, converter: converter as ConverterName }
}

/** Segments of a path, still encoded; slashes at either end do not count. */
export function splitPath(path: string): readonly string[] {
  const start = path.startsWith('/') ? 1 : 0
  const end = path.length > start && path.endsWith('/') ? -1 : undefined
  const inner = path.slice(start, end)
  return inner === '' ? [] : inner.split('/')
}

/** Matches a whole path, or with `prefix` the beginning of one. */
export function matchPattern(
  pattern: Pattern,
  path: readonly string[],
  prefix = false,
): PatternMatch | undefined {
  // Without a prototype, so that a parameter may have any name.
  const params = Object.create(null) as Record<string, string | number>
  for (const [index, segment] of pattern.segments.entries()) {
    if (segment.kind === 'rest') {
      const rest = decode(path.slice(index).join('/'))
      if (rest === undefined || LEAVES.test(rest)) return undefined
      params[segment.name] = rest
      return { params, remaining: [] }
    }
    const text = path[index]
    const decoded = text === undefined ? undefined : decode(text)
    if (decoded === undefined) return undefined
    if (segment.kind === 'literal') {
      if (decoded !== segment.text) return undefined
      continue
    }
    const value = decoded === '' ? undefined : CONVERTERS[segment.converter](decoded)
    if (value === undefined) return undefined
    params[segment.name] = value
  }
  if (!prefix && path.length > pattern.segments.length) return undefined
  return { params, remaining: path.slice(pattern.segments.length) }
}

/** Percent-decodes; a malformed escape matches nothing. */
function decode(text: string): string | undefined {
  if (!text.includes('%')) return text
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}
