/** What a value's type is once it was sent as JSON. Compiled, never run. */
import type { Json, Wire } from 'millrace'

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
const is = <_ extends true>(): void => {}

interface Deep {
  readonly at: Date
  readonly tags: readonly string[]
  readonly size?: number
  readonly note: string | undefined
  readonly nested: { readonly when: Date; print(): void }
}

is<Same<Wire<string>, string>>()
is<Same<Wire<'a' | 'b'>, 'a' | 'b'>>()
is<Same<Wire<Json>, Json>>()
is<Same<Wire<unknown>, Json>>()
is<Same<Wire<Date>, string>>()
is<Same<Wire<Date | null>, string | null>>()
is<Same<Wire<bigint>, never>>()
is<Same<Wire<{ toJSON(): { n: Date } }>, { n: string }>>()
is<Same<Wire<[Date, undefined]>, [string, null]>>()
is<Same<Wire<(Date | undefined)[]>, (string | null)[]>>()
is<Same<Wire<Map<string, Date>>, Record<never, never>>>()
is<
  Same<
    Wire<Deep>,
    {
      readonly at: string
      readonly tags: readonly string[]
      readonly size?: number
      readonly note?: string
      readonly nested: { readonly when: string }
    }
  >
>()

// @ts-expect-error a Date does not arrive as one
is<Same<Wire<{ at: Date }>, { at: Date }>>()
