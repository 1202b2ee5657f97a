/** The keys and channels that the package `resumable-stream` uses: `PREFIX:rs:sentinel:ID`, `…:request:ID` and `…:chunk:LISTENER`. */

export interface ResumableKey {
  readonly kind: 'sentinel' | 'request' | 'chunk'
  /** Of a chunk channel: the listener. Of the others: the id of the stream, after the prefix of its context. */
  readonly name: string
}

const KEY = /^(.*?):rs:(sentinel|request|chunk):(.*)$/s

/** @throws {RangeError} for any other key. */
export function parseResumableKey(key: string): ResumableKey {
  const [, prefix, kind, id] = KEY.exec(key) ?? []
  if (prefix === undefined || kind === undefined || id === undefined) {
    throw new RangeError('Only the keys and channels of resumable-stream are known here')
  }
  return {
    kind: kind as ResumableKey['kind'],
    name: kind === 'chunk' ? id : `${prefix}/${id}`,
  }
}

/** The id of a stream, with spaces and non-ASCII characters percent-encoded. */
export function streamIdOf(name: string): string {
  return name.replaceAll(/[^\x21-\x24\x26-\x7e]/gu, encodeURIComponent)
}
