/**
 * The errors of the stream socket and of streams over HTTP. A code is stable; a message may be reworded. There are
 * also the codes of `RunError`, and those of an `HttpError` thrown by the application's start handler.
 */
export const STREAM_ERRORS = {
  invalid_frame: 'The frame is not one of this protocol.',
  unknown_type: 'There is no frame of this type.',
  invalid_offset:
    'The offset is malformed. Send an offset from the server, -1 for the start, or now for the end.',
  offset_lost:
    'The offset belongs to another stream, to one that was deleted and created anew, or to lost records. Read from the start.',
  offset_trimmed:
    'The records after this offset are no longer kept. Read from the start, which is later now.',
  offset_past_end:
    'The offset lies past the end of the stream, which may have lost records. Read from the start.',
  stream_not_found: 'There is no such stream, or it is not yours.',
  stream_differs: 'A stream of this name exists and differs from the request.',
  stream_name_refused: 'A stream of this name cannot be created.',
  creation_refused: 'You may not create this stream.',
  stream_name_not_yours: 'You cannot create a stream of this name.',
  too_many_streams: 'You have too many streams. Delete some.',
  too_many_creations: 'Too many streams were created within a minute. Try again in a moment.',
  too_many_bytes: 'Too much was written within a minute. Try again in a moment.',
  anonymous_refused:
    'This server has no authentication, so it serves streams to programs on its own machine only.',
  stream_retired: 'The stream is gone. Its name stays taken while forks of it exist.',
  source_not_found: 'The stream to fork does not exist, or it is not yours.',
  source_retired: 'The stream to fork is gone.',
  fork_out_of_range: 'The stream to fork has no such place.',
  fork_too_deep: 'The stream to fork is too deep in a chain of forks.',
  stream_closed: 'The stream is closed. Nothing can be added to it.',
  stream_leased: 'A run fills this stream. Nothing else can write to it.',
  stream_seq_behind: 'Stream-Seq is not above the last one of the stream.',
  content_type_differs: 'The stream has another content type.',
  producer_fenced: 'A higher epoch of this producer has written, so this epoch is over.',
  producer_epoch_start: 'A new epoch of a producer begins with seq 0.',
  producer_gap: 'An earlier append of this producer is missing.',
  too_many_subscriptions: 'This socket follows too many streams.',
  sub_in_use:
    'This subscription number is in use, and its subscription ends here. Use a new number for each subscription.',
  too_many_requests: 'Too many requests are in progress on this socket. Wait for one to be answered.',
  content_coding_refused: 'The body is compressed. Send it uncompressed.',
  request_too_large: 'The request is too large for this server.',
  too_much_at_once: 'The server holds too many large requests or answers. Try again in a moment.',
  start_not_served: 'This endpoint does not start runs.',
  stop_not_served: 'This endpoint does not stop runs.',
  latest_not_served: 'This endpoint does not look up the runs of a chat.',
  store_failed:
    'Streams cannot be read or written at the moment. Try again. A reader continues from its last offset.',
  internal_error: 'The server failed to answer. The error was logged.',
} as const satisfies Record<string, string>

/** A stable name of an error. */
export type EndpointErrorCode = keyof typeof STREAM_ERRORS

/** The error code for each way in which a store refuses an offset. */
export const REFUSED_OFFSETS = {
  lost: 'offset_lost',
  trimmed: 'offset_trimmed',
  'past-end': 'offset_past_end',
} as const satisfies Record<string, EndpointErrorCode>
