'use client'
/** The public entry of `millrace/react`. */
export type { ViewStatus } from './stream-observer.ts'
export { type StreamView, type UseStreamOptions, useStream } from './use-stream.ts'
