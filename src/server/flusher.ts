/**
 * One write per socket and turn of the event loop. The system call is most of what a message costs,
 * so everything that is sent to a socket within a turn leaves in a single one.
 */
import type { Writable } from 'node:stream'

let corked: Writable[] = []

/** Holds what is written to a socket until the end of this turn. */
export function corkForThisTurn(socket: Writable): void {
  // Whoever corked it in this turn has it listed already.
  if (socket.writableCorked > 0) return
  socket.cork()
  if (corked.push(socket) === 1) setImmediate(flush)
}

function flush(): void {
  const sockets = corked
  corked = []
  for (const socket of sockets) socket.uncork()
}
