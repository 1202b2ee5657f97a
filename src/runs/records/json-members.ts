/** Reads members of JSON that may be of any shape. */
import type { Json } from '../../protocol/json.ts'

/** A member of an object; undefined if it is missing, or if the value is not an object. */
export function member(value: Json | undefined, name: string): Json | undefined {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined
  return (value as { readonly [key: string]: Json })[name]
}

export function numberIn(value: Json | undefined, name: string): number | undefined {
  const number = member(value, name)
  return typeof number === 'number' ? number : undefined
}
