/** What a value is once it was sent as JSON. Types only. */
import type { Json } from './json.ts'

/**
 * The type of `JSON.parse(JSON.stringify(value))`: a `Date` is a string, members that JSON leaves out are
 * gone, `toJSON` is followed, and a bigint, which JSON cannot carry, is `never`.
 */
export type Wire<T> = [T] extends [Json]
  ? T
  : [unknown] extends [T]
    ? Json
    : T extends { toJSON(...args: never[]): infer Said }
      ? Wire<Said>
      : T extends string | number | boolean | null
        ? T
        : T extends bigint | Unwritten
          ? never
          : T extends readonly unknown[]
            ? WireList<T>
            : T extends ReadonlyMap<unknown, unknown> | ReadonlySet<unknown>
              ? Record<never, never>
              : T extends object
                ? WireObject<T>
                : never

/** What JSON leaves out of an object, and writes as null in a list. */
type Unwritten = undefined | symbol | ((...args: never[]) => unknown)

type WireList<T extends readonly unknown[]> = {
  [K in keyof T]: T[K] extends infer Item ? (Item extends Unwritten ? null : Wire<Item>) : never
}

/** Members that may be left out become optional; those that always are go. */
type WireObject<T extends object> = Joined<
  {
    [
      K in keyof T as K extends string | number
        ? [T[K]] extends [Unwritten]
          ? never
          : [Extract<T[K], Unwritten>] extends [never]
            ? K
            : never
        : never
    ]: Wire<T[K]>
  } & {
    [
      K in keyof T as K extends string | number
        ? [T[K]] extends [Unwritten]
          ? never
          : [Extract<T[K], Unwritten>] extends [never]
            ? never
            : K
        : never
    ]?: Wire<Exclude<T[K], Unwritten>>
  }
>

/** One object type instead of two, for whoever reads it in an editor. */
type Joined<T> = { [K in keyof T]: T[K] }
