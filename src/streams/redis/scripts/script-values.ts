/** Arguments of the scripts of streams: places, records and numbers in their format. */
import { Buffer } from 'node:buffer'
import type { Argument } from '../../../redis/open-client.ts'
import { START } from '../../../protocol/offset.ts'
import type { Offset, Place } from '../../../protocol/offset.ts'
import type { StreamRecord } from '../../stream.ts'

/** As the script of an append writes its tail; of what can be none, what is none. */
export function tailText({ position, stamp, ahead }: Offset): string {
  if (position === 0) return `0 ${START.stamp}`
  return ahead ? 'inside' : `${position} ${stamp}`
}

/** A place, as an argument of the read script. */
export function argumentsOf(
  place: Place,
): readonly [word: string, number: string, stamp: string, ahead: string] {
  if (typeof place === 'string') return [place, '', '', '0']
  if ('last' in place) return ['last', String(place.last), '', '0']
  const { position, stamp = '', ahead = 0 } = place as Partial<Offset> & { readonly position: number }
  return ['at', String(position), stamp, String(ahead)]
}

export function argumentOf(record: StreamRecord): Argument {
  return typeof record === 'string'
    ? record
    : Buffer.from(record.buffer, record.byteOffset, record.byteLength)
}

export function textOf(value: number | undefined): string {
  return value === undefined ? '' : String(value)
}
