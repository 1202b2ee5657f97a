/**
 * What the `error` frames of the stream socket and the errors of its HTTP sister say. A code is
 * stable; a message may be reworded. Beside these come the codes of `RunError`, and what the
 * application's own start handler throws as an `HttpError`.
 */
export const STREAM_ERRORS = {
  invalid_frame: 'The frame is not one of this protocol.',
  unknown_type: 'There is no frame of this type.',
  invalid_offset:
    'The offset is malformed: send back one that the server gave, or -1 for the start, or now for the end.',
  offset_lost:
    'The offset is of another stream, of one that was deleted and created anew, or of records that were lost: read from the start.',
  offset_trimmed:
    'The records after this offset are no longer kept: read from the start, which is later now.',
  offset_past_end:
    'The offset lies past the end of the stream, which may have lost records: read from the start.',
  stream_not_found: 'There is no such stream, or it is not yours.',
  stream_differs: 'There is a stream of this name already, and it was created otherwise.',
  stream_name_refused: 'A stream of this name cannot be created.',
  creation_refused: 'You may not create this stream.',
  stream_name_not_yours: 'Your streams have other names.',
  too_many_streams: 'You have as many streams as you may have. Delete some.',
  too_many_creations: 'Too many streams were created within a minute. Try again in a moment.',
  too_many_bytes: 'Too much was written within a minute. Try again in a moment.',
  anonymous_refused: 'Streams are for programs of this machine here, as nobody is asked who they are.',
  stream_retired: 'The stream is gone, and its name stays taken while there are forks of it.',
  source_not_found: 'There is no such stream to be forked, or it is not yours.',
  source_retired: 'The stream to be forked is gone.',
  fork_out_of_range: 'The stream to be forked has no such place.',
  fork_too_deep: 'The stream to be forked is a fork of too many forks.',
  stream_closed: 'The stream is closed: nothing is added to it any more.',
  stream_leased: 'A run fills this stream, and nobody else can write to it.',
  stream_seq_behind: 'Stream-Seq is not above the last one of the stream.',
  content_type_differs: 'The stream is of another content type.',
  producer_fenced: 'A higher epoch of this producer has written: this one is over.',
  producer_epoch_start: 'A new epoch of a producer begins with seq 0.',
  producer_gap: 'An earlier append of this producer is missing.',
  too_many_subscriptions: 'This socket follows as many streams as it may.',
  sub_in_use:
    'Something is followed under this number, which ends here: take a number for each subscription, and a new one for the next.',
  too_many_requests: 'As many requests of this socket are under way as may be. Wait for one to be answered.',
  content_coding_refused: 'The body is compressed. Send it as it is.',
  request_too_large: 'The request is larger than this server takes.',
  too_much_at_once: 'The server holds as many large requests or answers as it may. Try again in a moment.',
  start_not_served: 'Runs are not started here.',
  stop_not_served: 'Runs are not stopped here.',
  latest_not_served: 'The runs of a chat are not found here.',
  store_failed:
    'Streams cannot be read or written at the moment. Try again; a reader goes on from its last offset.',
  internal_error: 'The server failed to answer. The failure was logged.',
} as const satisfies Record<string, string>

/** A stable name of what went wrong. */
export type StreamErrorCode = keyof typeof STREAM_ERRORS

/** Of the offsets that a store refuses: what it says, and what a client is told. */
export const REFUSED_OFFSETS = {
  lost: 'offset_lost',
  trimmed: 'offset_trimmed',
  'past-end': 'offset_past_end',
} as const satisfies Record<string, StreamErrorCode>
