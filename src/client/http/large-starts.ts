/**
 * Starts whose input is too large for a WebSocket message. They go over HTTP, where a server takes more, and their
 * runs are followed over the WebSocket as any other.
 */
import type { StartBody } from '../carrier.ts'
import { StreamError } from '../errors.ts'

/** Bytes of a message that every server takes, minus what a frame has beside its input. */
const MESSAGE = 1024 * 1024 - 4096

export function isLarge({ input }: StartBody): boolean {
  const text = JSON.stringify(input)
  // A character is three bytes at the most.
  return text.length * 3 > MESSAGE && new TextEncoder().encode(text).length > MESSAGE
}

/** Whether the server starts no runs over HTTP, or does so elsewhere. Its socket may take larger messages. */
export function isNotServed(error: unknown): boolean {
  const codes = /^(route_not_found|method_not_allowed|start_not_served|http_40[45])$/
  return error instanceof StreamError && codes.test(error.code)
}
