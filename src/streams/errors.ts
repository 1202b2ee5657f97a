/**
 * The errors of a stream store. What depends on the state of a stream (a gap, a fence, a closed stream) is not an
 * error but a result, so that no caller can forget it. Errors are the two other kinds: a call that no stream could
 * accept, and a store that could not do its work.
 */

/** Why a call was refused, whatever the state of the stream. */
export type StreamRequestCode =
  | 'invalid_id'
  | 'invalid_content_type'
  | 'invalid_record'
  | 'record_too_large'
  | 'too_many_records'
  | 'append_too_large'
  | 'empty_append'
  | 'invalid_producer'
  | 'invalid_stream_seq'
  | 'invalid_owner'
  | 'invalid_metadata'
  | 'invalid_checkpoint'
  | 'invalid_end'
  | 'invalid_owes'
  | 'invalid_expiry'
  | 'invalid_lease'
  | 'invalid_limit'
  | 'invalid_list'
  | 'invalid_retention'
  | 'invalid_offset'

/** A call that no stream could accept. It had no effect. The message is fit for the sender. */
export class StreamRequestError extends Error {
  override readonly name = 'StreamRequestError'
  readonly code: StreamRequestCode

  constructor(code: StreamRequestCode, message: string) {
    super(message)
    this.code = code
  }
}

/**
 * Why a store could not do its work.
 *
 * | code | what it means | what helps |
 * |---|---|---|
 * | `full` | no room to write | free space; delete streams, under a size limit. The store goes on by itself |
 * | `locked` | another process held the store for too long | it goes on by itself when that one lets go |
 * | `read_only` | the place may be read, not written | permissions, how its disk is mounted |
 * | `cannot_open` | the place does not exist or may not be opened | the path, permissions |
 * | `not_a_store` | what is there is something else | the path |
 * | `newer_version` | a newer Millrace wrote it | upgrade this one |
 * | `corrupt` | what is stored is damaged | restore a backup |
 * | `io` | the medium failed | the machine's log |
 * | `overloaded` | more than 64 MiB wait to be written already; nothing was kept | try again later: what waits is written first |
 * | `unavailable` | the server that holds the store does not answer | it goes on by itself when it does |
 * | `closed` | `close()` was called | |
 * | `failed` | anything else; see `cause` | |
 */
export type StoreErrorCode =
  | 'full'
  | 'locked'
  | 'read_only'
  | 'cannot_open'
  | 'not_a_store'
  | 'newer_version'
  | 'corrupt'
  | 'io'
  | 'overloaded'
  | 'unavailable'
  | 'closed'
  | 'failed'

/**
 * The store failed. An append that failed so may be sent again with the same producer, epoch and
 * seq: should it have been kept after all, the answer is `duplicate`.
 */
export class StoreError extends Error {
  override readonly name = 'StoreError'
  readonly code: StoreErrorCode

  constructor(code: StoreErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
